//! The health of a group's places, shared by the threads of a node.
//!
//! As long as nothing speaks against any place, nobody takes the lock.

use std::{
    io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::health::{Change, Health, Settings, Standing};

/// What health did to a group so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Times a place went down.
    pub taken_out: u64,
    /// Times one came back.
    pub brought_back: u64,
    /// Clients sent to try a place that was down.
    pub trials: u64,
    /// Probes that passed.
    pub probes_passed: u64,
    /// Probes that failed.
    pub probes_failed: u64,
}

#[derive(Debug)]
pub(super) struct Roster {
    pub(super) settings: Settings,
    /// Every place is spotless.
    calm: AtomicBool,
    watched: AtomicBool,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    places: Vec<Health>,
    counts: Counts,
}

/// The right to probe a group's places; given back on drop.
pub(super) struct Watch<'a>(&'a AtomicBool);

impl Roster {
    pub(super) fn new(places: usize, settings: Settings) -> Self {
        let book = Book { places: vec![Health::default(); places], ..Book::default() };
        Self {
            settings,
            calm: AtomicBool::new(true),
            watched: AtomicBool::new(false),
            book: Mutex::new(book),
        }
    }

    /// Leaves out of `places` whatever is down; nothing if all are. True if one of those left is to be tried.
    pub(super) fn leave_out(&self, places: &mut Vec<usize>, now: Instant) -> bool {
        if self.calm.load(Ordering::Relaxed) {
            return false;
        }
        let book = self.book();
        let standing =
            |place: usize| book.places.get(place).map_or(Standing::Up, |health| health.standing(now));
        if places.iter().any(|&place| standing(place) != Standing::Down) {
            places.retain(|&place| standing(place) != Standing::Down);
        }
        places.iter().any(|&place| standing(place) == Standing::Due)
    }

    /// Somebody goes to `place` first: if it is due, that is its trial.
    pub(super) fn sent(&self, place: usize, now: Instant) {
        let mut book = self.book();
        let Some(health) = book.places.get_mut(place) else { return };
        if health.standing(now) == Standing::Due {
            health.tried(now, &self.settings);
            book.counts.trials += 1;
        }
    }

    /// A client's connection was opened, or failed.
    pub(super) fn connection<T>(&self, place: usize, outcome: &io::Result<T>, now: Instant) {
        match outcome {
            Ok(_) if self.calm.load(Ordering::Relaxed) => {}
            Err(error) if is_our_own(error) => {}
            outcome => {
                let worked = outcome.is_ok();
                drop(self.note(place, |health, settings| health.connection(worked, now, settings)));
            }
        }
    }

    /// A probe passed, or failed.
    pub(super) fn probe<T>(&self, place: usize, outcome: &io::Result<T>) {
        let passed = match outcome {
            Err(error) if is_our_own(error) => return,
            outcome => outcome.is_ok(),
        };
        let mut book = self.note(place, |health, settings| health.probe(passed, settings));
        let count = if passed { &mut book.counts.probes_passed } else { &mut book.counts.probes_failed };
        *count += 1;
    }

    /// Is it down, or only due to be tried?
    pub(super) fn is_down(&self, place: usize, now: Instant) -> bool {
        self.book().places.get(place).is_some_and(|health| health.standing(now) != Standing::Up)
    }

    pub(super) fn counts(&self) -> Counts {
        self.book().counts
    }

    /// The right to probe, for one at a time.
    pub(super) fn watch(&self) -> Option<Watch<'_>> {
        (!self.watched.swap(true, Ordering::AcqRel)).then_some(Watch(&self.watched))
    }

    fn note(
        &self,
        place: usize,
        happened: impl FnOnce(&mut Health, &Settings) -> Option<Change>,
    ) -> MutexGuard<'_, Book> {
        let mut book = self.book();
        match book.places.get_mut(place).and_then(|health| happened(health, &self.settings)) {
            Some(Change::TakenOut) => book.counts.taken_out += 1,
            Some(Change::BroughtBack) => book.counts.brought_back += 1,
            None => {}
        }
        self.calm.store(book.places.iter().all(Health::is_spotless), Ordering::Relaxed);
        book
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// This process has run out of something; no place is to blame.
fn is_our_own(error: &io::Error) -> bool {
    let ours =
        [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::ADDRNOTAVAIL, Errno::ADDRINUSE];
    error.raw_os_error().is_some_and(|number| ours.contains(&Errno::from_raw_os_error(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> io::Result<()> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    #[test]
    fn what_this_process_lacks_is_held_against_no_place() {
        let roster = Roster::new(2, Settings::default());
        let now = Instant::now();
        let starved = || Err::<(), _>(Errno::MFILE.into());
        (0..100).for_each(|_| roster.connection(0, &starved(), now));
        assert!(!roster.is_down(0, now) && roster.calm.load(Ordering::Relaxed));
        (0..3).for_each(|_| roster.connection(0, &refused(), now));
        assert!(roster.is_down(0, now));
    }

    #[test]
    fn all_are_offered_when_all_are_down() {
        let roster = Roster::new(2, Settings::default());
        let now = Instant::now();
        let offered = || {
            let mut places = vec![0, 1];
            let trial = roster.leave_out(&mut places, now);
            (places, trial)
        };
        (0..3).for_each(|_| roster.connection(0, &refused(), now));
        assert_eq!(offered(), (vec![1], false));
        (0..3).for_each(|_| roster.connection(1, &refused(), now));
        assert_eq!(offered(), (vec![0, 1], false));
        roster.connection(1, &Ok(()), now);
        assert_eq!(offered(), (vec![1], false));
        assert_eq!(roster.counts(), Counts { taken_out: 2, brought_back: 1, ..Counts::default() });
    }

    #[test]
    fn one_at_a_time_may_probe() {
        let roster = Roster::new(1, Settings::default());
        let first = roster.watch();
        assert!(first.is_some() && roster.watch().is_none());
        drop(first);
        assert!(roster.watch().is_some());
    }
}
