//! How often requests may come: per token, or per source address where a request carries none.
//!
//! A key is read off the fields of a request and never kept: the table holds hashes. What this limiter can not do: tell
//! a real token from an invented one. Whoever invents one for each request has a bucket for each, as with every
//! limiter in front of the service that knows its tokens; the rates per connection and source still hold him.

use std::{net::IpAddr, sync::OnceLock, time::Duration};

use tokio::time::Instant;

use super::{
    gate::{Source, since},
    table::Table,
};
use crate::limits::Rate;

/// The cookie a login page keeps its session in.
pub const SESSION_COOKIE: &[u8] = b"sessionid";

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RequestKey<'a> {
    /// Whoever holds this token, these credentials or this session.
    Holder(&'a [u8]),
    /// Whoever is at this address.
    Source(Source),
    /// No token and no address: all of them together.
    Nobody,
}

impl<'a> RequestKey<'a> {
    /// Of `X-Auth-Token`, else `Authorization`, else the session cookie, else `source`. Names of fields in any case; of
    /// a field that comes twice the first counts; an empty one is none.
    pub fn of(fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>, source: Option<IpAddr>) -> Self {
        let (mut authorization, mut cookie) = (None, None);
        for (name, value) in fields {
            let value = value.trim_ascii();
            if value.is_empty() {
                continue;
            }
            if name.eq_ignore_ascii_case(b"x-auth-token") {
                return Self::Holder(value);
            } else if name.eq_ignore_ascii_case(b"authorization") {
                authorization = authorization.or(Some(value));
            } else if name.eq_ignore_ascii_case(b"cookie") {
                cookie = cookie.or_else(|| session(value));
            }
        }
        match (authorization.or(cookie), source) {
            (Some(held), _) => Self::Holder(held),
            (None, Some(source)) => Self::Source(Source::of(source)),
            (None, None) => Self::Nobody,
        }
    }
}

fn session(cookies: &[u8]) -> Option<&[u8]> {
    cookies.split(|&byte| byte == b';').find_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(SESSION_COOKIE)?.strip_prefix(b"=")?;
        (!value.is_empty()).then_some(value)
    })
}

/// When one may come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// For the field `Retry-After`: whole seconds, rounded up, at least one.
    pub fn seconds(self) -> u64 {
        let begun = u64::from(self.0.subsec_nanos() > 0);
        (self.0.as_secs() + begun).max(1)
    }
}

/// Shared by the threads of a listener. Takes memory with the first request it limits.
pub struct Requests {
    rate: Option<Rate>,
    origin: Instant,
    keys: OnceLock<Table>,
}

impl Requests {
    /// Limits every key to `rate`; `None` limits nobody.
    pub fn new(rate: Option<Rate>) -> Self {
        Self { rate, origin: Instant::now(), keys: OnceLock::new() }
    }

    /// False where nobody is limited, so that no key need be looked for.
    pub fn limits(&self) -> bool {
        self.rate.is_some()
    }

    /// May this one be served? Counts it if so.
    pub fn admit(&self, key: RequestKey<'_>, now: Instant) -> Result<(), RetryAfter> {
        let Some(rate) = self.rate else { return Ok(()) };
        self.keys.get_or_init(Table::default).take(key, rate, since(self.origin, now)).map_err(RetryAfter)
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self::new(None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key<'a>(fields: &[(&'a str, &'a str)]) -> RequestKey<'a> {
        let fields = fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        RequestKey::of(fields, Some(IpAddr::from([127, 0, 0, 7])))
    }

    #[test]
    fn whose_a_request_is() {
        let source = RequestKey::Source(Source::of(IpAddr::from([127, 0, 0, 7])));
        let holder = |held: &'static str| RequestKey::Holder(held.as_bytes());
        let cases = [
            (key(&[("x-AUTH-token", " t "), ("authorization", "a"), ("cookie", "sessionid=c")]), holder("t")),
            (key(&[("cookie", "sessionid=c"), ("Authorization", "Basic a")]), holder("Basic a")),
            (key(&[("cookie", "a=b; sessionid=c; d=e")]), holder("c")),
            (key(&[("cookie", "a=b"), ("cookie", "sessionid=c")]), holder("c")),
            (key(&[("x-auth-token", "first"), ("x-auth-token", "second")]), holder("first")),
            (key(&[("cookie", "xsessionid=c; sessionid=")]), source),
            (key(&[("x-auth-token", "  ")]), source),
            (key(&[]), source),
        ];
        for (number, (found, expected)) in cases.into_iter().enumerate() {
            assert_eq!(found, expected, "case {number}");
        }
        assert_eq!(RequestKey::of([], None), RequestKey::Nobody);
    }

    #[tokio::test(start_paused = true)]
    async fn one_holder_waits_and_hears_how_long_while_others_pass() {
        let requests = Requests::new(Some(Rate { per_second: 2, burst: 3 }));
        let (greedy, other) = (RequestKey::Holder(b"greedy"), RequestKey::Holder(b"other"));
        let now = Instant::now();
        assert!((0..3).all(|_| requests.admit(greedy, now).is_ok()));
        let told = requests.admit(greedy, now).unwrap_err();
        assert_eq!((told.0, told.seconds()), (Duration::from_millis(500), 1));
        assert!(requests.admit(other, now).is_ok());
        assert!(requests.admit(greedy, now + told.0).is_ok(), "who waits as told is served");
        assert_eq!(RetryAfter(Duration::from_millis(2_001)).seconds(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nobody_waits() {
        let (requests, now) = (Requests::default(), Instant::now());
        assert!(!requests.limits() && (0..10_000).all(|_| requests.admit(RequestKey::Nobody, now).is_ok()));
    }
}
