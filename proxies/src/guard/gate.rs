//! How often new connections may come: to a listener, and from each source address.
//!
//! Asked before anything is spent on a connection. Pure but for its locks, each held for a few instructions.

use std::{
    net::IpAddr,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    rate::{Bucket, Nanos},
    table::Table,
};
use crate::limits::Rates;

/// What the threads of a listener share. Takes memory when a rate per source is first asked for.
pub struct Gate {
    origin: Instant,
    listener: Mutex<Bucket>,
    sources: OnceLock<Table>,
}

/// Why a connection may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooMany {
    /// At this listener.
    Connections,
    /// From its source address.
    FromSource,
}

impl Default for Gate {
    fn default() -> Self {
        Self { origin: Instant::now(), listener: Mutex::default(), sources: OnceLock::new() }
    }
}

impl Gate {
    /// May the listener take one more? Counts it if so.
    pub fn admit_connection(&self, rates: &Rates, now: Instant) -> Result<(), TooMany> {
        let Some(rate) = rates.connections else { return Ok(()) };
        let mut bucket = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        bucket.take(rate, since(self.origin, now)).map_err(|_| TooMany::Connections)
    }

    /// May one more come from `source`? Counts it if so. Whoever has no address is not limited by it.
    pub fn admit_source(&self, rates: &Rates, source: Option<IpAddr>, now: Instant) -> Result<(), TooMany> {
        let (Some(rate), Some(source)) = (rates.per_source, source) else { return Ok(()) };
        let sources = self.sources.get_or_init(Table::default);
        sources.take(Source::of(source), rate, since(self.origin, now)).map_err(|_| TooMany::FromSource)
    }
}

/// Who counts as one source: an IPv4 address, or the /64 an IPv6 client has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(u64);

impl Source {
    /// The one an address belongs to.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            // Told from every IPv6 network in use by its first bits.
            IpAddr::V4(address) => Self(u64::from(address.to_bits())),
            IpAddr::V6(address) => Self((address.to_bits() >> 64) as u64),
        }
    }
}

/// Time as the buckets count it.
pub(super) fn since(origin: Instant, now: Instant) -> Nanos {
    let elapsed: Duration = now.saturating_duration_since(origin);
    elapsed.as_nanos().try_into().unwrap_or(Nanos::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::limits::Rate;

    const TWO: Rate = Rate { per_second: 1, burst: 2 };

    #[tokio::test(start_paused = true)]
    async fn a_listener_and_each_source_have_rates_of_their_own() {
        let (gate, now) = (Gate::default(), Instant::now());
        let rates = Rates { connections: None, per_source: Some(TWO), per_token: None };
        let from = |last| Some(IpAddr::from([127, 0, 0, last]));
        for source in [from(1), from(2)] {
            assert!((0..2).all(|_| gate.admit_source(&rates, source, now).is_ok()));
            assert_eq!(gate.admit_source(&rates, source, now), Err(TooMany::FromSource));
        }
        assert!((0..9).all(|_| gate.admit_source(&rates, None, now).is_ok()));
        assert!((0..9).all(|_| gate.admit_connection(&rates, now).is_ok()), "no rate, no limit");
        let rates = Rates { connections: Some(TWO), ..rates };
        assert!((0..2).all(|_| gate.admit_connection(&rates, now).is_ok()));
        assert_eq!(gate.admit_connection(&rates, now), Err(TooMany::Connections));
        let later = now + Duration::from_secs(1);
        assert!(
            gate.admit_connection(&rates, later).is_ok() && gate.admit_source(&rates, from(1), later).is_ok()
        );
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_a_mapped_address_is_ipv4() {
        let of = |text: &str| Source::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::3"), of("2001:db8:1:3::3"));
        assert_eq!(of("::ffff:127.0.0.9"), of("127.0.0.9"));
        assert_ne!(of("127.0.0.8"), of("127.0.0.9"));
    }
}
