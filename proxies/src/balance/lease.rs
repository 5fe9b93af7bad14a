//! Open connections per place, each given back when its guard is dropped.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// How many connections are open at each place.
#[derive(Debug)]
pub(super) struct Leases(Arc<[AtomicUsize]>);

/// One open connection; keep it as long as the connection.
#[derive(Debug)]
#[must_use = "a connection whose lease is gone no longer counts as open"]
pub struct Lease {
    all: Arc<[AtomicUsize]>,
    place: usize,
}

impl Leases {
    pub(super) fn new(places: usize) -> Self {
        Self((0..places).map(|_| AtomicUsize::new(0)).collect())
    }

    /// One more; `None` if there is no such place.
    pub(super) fn take(&self, place: usize) -> Option<Lease> {
        self.0.get(place)?.fetch_add(1, Ordering::Relaxed);
        Some(Lease { all: self.0.clone(), place })
    }

    /// How many are open.
    pub(super) fn open(&self, place: usize) -> usize {
        self.0.get(place).map_or(0, |open| open.load(Ordering::Relaxed))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(open) = self.all.get(self.place) {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
