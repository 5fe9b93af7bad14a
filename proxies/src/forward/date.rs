//! The date for answers that come without one, written once a second per thread.

use std::{
    cell::Cell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// As long as every date of RFC 9110.
pub(super) type Date = [u8; 29];

thread_local! {
    static WRITTEN: Cell<(u64, Date)> = const { Cell::new((0, *b"Thu, 01 Jan 1970 00:00:00 GMT")) };
}

/// Now.
pub(super) fn date() -> Date {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (second, date) = WRITTEN.get();
    if second == now {
        return date;
    }
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(now));
    let date = text.as_bytes().try_into().unwrap_or(date);
    WRITTEN.set((now, date));
    date
}
