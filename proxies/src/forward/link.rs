//! One upstream connection: kept from an earlier request, or opened for this one.

use std::io;

use tokio::time::Instant;

use super::{counts::HttpCounts, failure::Failure, pool::Place, site::Site, wire::Wire};
use crate::{
    balance::{Asked, Lease},
    caller::Caller,
    serve::Tally,
    transport::Dial,
};

pub(super) struct Link {
    pub(super) wire: Wire,
    place: Place,
    /// Only a connection that is in use counts as open.
    _lease: Option<Lease>,
    /// Nobody used it before.
    pub(super) fresh: bool,
    /// Any caller's requests may go here: it did not begin with a header that names one, and connections are kept
    /// for all.
    shared: bool,
}

impl<D: Dial> Site<D> {
    /// A connection for one request: kept, unless `fresh` is asked for.
    pub(super) async fn link(&self, caller: &Caller, group: usize, fresh: bool) -> Result<Link, Failure> {
        let (at, group) = (group, self.groups.get(group).ok_or(Failure::NoPlace)?);
        let mut last = Failure::NoPlace;
        for place in group.places(&Asked { caller, session_id: None }) {
            let kept = if fresh { None } else { self.pool.take((at, place)) };
            if let Some(wire) = kept {
                HttpCounts::count(&self.tally.http.reused);
                let lease = group.lease(place);
                return Ok(Link { wire, place: (at, place), _lease: lease, fresh: false, shared: true });
            }
            match group.open_at(place, caller, &self.limits).await {
                Ok(opened) => {
                    let told = group.backends().get(place).is_some_and(|backend| backend.header.is_some());
                    let shared = !told && self.limits.http.pooled > 0;
                    let wire = Wire::new(opened.stream);
                    let lease = Some(opened.lease);
                    return Ok(Link { wire, place: (at, place), _lease: lease, fresh: true, shared });
                }
                Err(error) => {
                    Tally::count(&self.tally.upstream_failed);
                    last = match error.kind() {
                        io::ErrorKind::TimedOut => Failure::SlowUpstream,
                        _ => Failure::upstream(&error),
                    };
                }
            }
        }
        Err(last)
    }
}

impl Link {
    /// Back to where the next request finds it. A connection that began with a caller's name stays with that
    /// caller.
    pub(super) fn keep(mut self, pool: &super::pool::Pool, now: Instant) -> Option<Self> {
        self.fresh = false;
        if self.shared {
            pool.put(self.place, self.wire, now);
            return None;
        }
        Some(self)
    }

    /// Was it opened to a place of this group?
    pub(super) fn is_for(&self, group: usize) -> bool {
        self.place.0 == group
    }
}
