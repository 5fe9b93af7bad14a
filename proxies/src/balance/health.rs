//! Whether a place is up, from how connections and probes to it ended. Pure: the clock is passed in.
//!
//! ```text
//!   up ── failures in a row (connections: passive, probes: active) ──▶ down
//!      ◀── a connection that works, or probes in a row that do ──────┘
//! ```
//!
//! A place that is down is offered to nobody. With probes off one connection per period is sent there to try
//! it; with probes on no client has to.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// What takes a place out, and what brings it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// By the connections of clients; on unless somebody turns it off.
    pub passive: Option<Passive>,
    /// By probes; off unless somebody asks for it.
    pub active: Option<Active>,
}

/// Clients' connections as the sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passive {
    /// Connections in a row that could not be opened, or whose handshake failed.
    pub failures: u32,
    /// How long a place is out before it is tried again.
    pub out: Duration,
}

/// Probes as the sign: a connection and its handshake, then nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Active {
    /// Between two probes of a place.
    pub interval: Duration,
    /// Probes in a row that fail before it is taken out.
    pub fall: u32,
    /// Probes in a row that succeed before it is back.
    pub rise: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { passive: Some(Passive::default()), active: None }
    }
}

impl Settings {
    /// Places are never taken out.
    pub const OFF: Self = Self { passive: None, active: None };
}

impl Default for Passive {
    /// As long as nginx's `fail_timeout`; more failures than its single one, as few as `HAProxy`'s `fall`.
    fn default() -> Self {
        Self { failures: 3, out: Duration::from_secs(10) }
    }
}

impl Default for Active {
    /// `HAProxy`'s `check`: `inter 2s fall 3 rise 2`.
    fn default() -> Self {
        Self { interval: Duration::from_secs(2), fall: 3, rise: 2 }
    }
}

/// Whether a place may be offered now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// To everybody.
    Up,
    /// To one, who tries it.
    Due,
    /// To nobody.
    Down,
}

/// A place's standing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It went down.
    TakenOut,
    /// It is up again.
    BroughtBack,
}

/// What is known of one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    down: Option<Down>,
    connections_failed: u32,
    probes_failed: u32,
    probes_passed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Down {
    /// When a client may try it; `None` if only probes do.
    again: Option<Instant>,
}

impl Health {
    /// May it be offered?
    pub fn standing(&self, now: Instant) -> Standing {
        match self.down {
            None => Standing::Up,
            Some(Down { again: Some(again) }) if now >= again => Standing::Due,
            Some(_) => Standing::Down,
        }
    }

    /// Nothing speaks against it.
    pub fn is_spotless(&self) -> bool {
        self.down.is_none() && self.connections_failed == 0 && self.probes_failed == 0
    }

    /// Somebody is sent to try it; nobody else is until `out` has passed.
    pub fn tried(&mut self, now: Instant, settings: &Settings) {
        if let (Some(down), Some(passive)) = (&mut self.down, settings.passive) {
            down.again = down.again.map(|_| later(now, passive.out));
        }
    }

    /// A client's connection was opened, or failed.
    pub fn connection(&mut self, worked: bool, now: Instant, settings: &Settings) -> Option<Change> {
        if worked {
            return self.well();
        }
        let passive = settings.passive?;
        self.connections_failed = self.connections_failed.saturating_add(1);
        if self.down.is_some() {
            self.tried(now, settings);
            return None;
        }
        let again = settings.active.is_none().then(|| later(now, passive.out));
        (self.connections_failed >= passive.failures).then(|| self.out(again))
    }

    /// A probe passed, or failed.
    pub fn probe(&mut self, passed: bool, settings: &Settings) -> Option<Change> {
        let active = settings.active?;
        if !passed {
            self.probes_passed = 0;
            self.probes_failed = self.probes_failed.saturating_add(1);
            let falls = self.down.is_none() && self.probes_failed >= active.fall;
            return falls.then(|| self.out(None));
        }
        self.probes_failed = 0;
        if self.down.is_none() {
            self.connections_failed = 0;
            return None;
        }
        self.probes_passed = self.probes_passed.saturating_add(1);
        if self.probes_passed >= active.rise { self.well() } else { None }
    }

    fn well(&mut self) -> Option<Change> {
        std::mem::take(self).down.map(|_| Change::BroughtBack)
    }

    fn out(&mut self, again: Option<Instant>) -> Change {
        *self = Self { down: Some(Down { again }), ..Self::default() };
        Change::TakenOut
    }
}

/// A time too far away to be told is a day away.
fn later(now: Instant, by: Duration) -> Instant {
    now.checked_add(by).unwrap_or(now + Duration::from_hours(24))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSIVE: Settings =
        Settings { passive: Some(Passive { failures: 3, out: Duration::from_secs(10) }), active: None };
    const BOTH: Settings =
        Settings { active: Some(Active { interval: Duration::from_secs(2), fall: 3, rise: 2 }), ..PASSIVE };

    struct Story {
        health: Health,
        settings: Settings,
        began: Instant,
    }

    impl Story {
        fn of(settings: Settings) -> Self {
            Self { health: Health::default(), settings, began: Instant::now() }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.began + Duration::from_secs(seconds)
        }

        fn connection(&mut self, at: u64, worked: bool) -> Option<Change> {
            self.health.connection(worked, self.at(at), &self.settings)
        }

        fn falls(&mut self) {
            let told = [false; 3].map(|worked| self.connection(0, worked));
            assert_eq!(told, [None, None, Some(Change::TakenOut)]);
        }

        fn probe(&mut self, passed: bool) -> Option<Change> {
            self.health.probe(passed, &self.settings)
        }

        fn standing(&self, at: u64) -> Standing {
            self.health.standing(self.at(at))
        }
    }

    #[test]
    fn failures_in_a_row_take_it_out_for_a_time_and_a_success_between_them_does_not() {
        let mut story = Story::of(PASSIVE);
        for (at, worked) in [(0, false), (0, false), (0, true), (1, false), (1, false)] {
            assert_eq!(story.connection(at, worked), None);
        }
        assert_eq!(story.connection(2, false), Some(Change::TakenOut));
        assert_eq!((story.standing(2), story.standing(11)), (Standing::Down, Standing::Down));
        assert_eq!(story.standing(12), Standing::Due);
    }

    #[test]
    fn one_at_a_time_tries_it_and_the_first_success_brings_it_back() {
        let mut story = Story::of(PASSIVE);
        story.falls();
        assert_eq!(story.standing(10), Standing::Due);
        story.health.tried(story.at(10), &PASSIVE);
        assert_eq!((story.standing(10), story.standing(20)), (Standing::Down, Standing::Due));
        // The trial takes two seconds to fail: the next is due ten after that.
        assert_eq!(story.connection(12, false), None);
        assert_eq!((story.standing(21), story.standing(22)), (Standing::Down, Standing::Due));
        assert_eq!(story.connection(22, true), Some(Change::BroughtBack));
        assert_eq!(story.standing(22), Standing::Up);
        assert!(story.health.is_spotless());
        assert_eq!(story.connection(23, false), None, "it has all its chances again");
    }

    #[test]
    fn a_straggler_that_works_brings_it_back_too() {
        let mut story = Story::of(PASSIVE);
        story.falls();
        assert_eq!(story.connection(1, true), Some(Change::BroughtBack));
    }

    #[test]
    fn with_probes_no_client_has_to_try_it() {
        let mut story = Story::of(BOTH);
        story.falls();
        assert_eq!(story.standing(1_000_000), Standing::Down);
        assert_eq!([story.probe(true), story.probe(false), story.probe(true)], [None; 3]);
        assert_eq!(story.probe(true), Some(Change::BroughtBack), "two in a row");
        assert_eq!(story.standing(0), Standing::Up);
    }

    #[test]
    fn probes_take_it_out_by_themselves() {
        let mut story = Story::of(Settings { passive: None, ..BOTH });
        assert_eq!([false; 5].map(|worked| story.connection(0, worked)), [None; 5]);
        let told = [false, false, true, false, false].map(|passed| story.probe(passed));
        assert_eq!(told, [None; 5]);
        assert_eq!(story.probe(false), Some(Change::TakenOut));
        assert_eq!(story.probe(false), None, "once");
    }

    #[test]
    fn off_is_off_and_no_settings_panic() {
        let mut story = Story::of(Settings::OFF);
        (0..100).for_each(|_| assert_eq!((story.connection(0, false), story.probe(false)), (None, None)));
        assert_eq!(story.standing(0), Standing::Up);
        let extreme = Passive { failures: 0, out: Duration::MAX };
        let mut story = Story::of(Settings { passive: Some(extreme), active: None });
        assert_eq!(story.connection(0, false), Some(Change::TakenOut));
        assert_eq!(story.standing(1_000), Standing::Down);
    }

    #[test]
    fn settings_are_what_is_said_and_the_defaults_for_the_rest() {
        let said: Settings = serde_json::from_str(r#"{"active": {"fall": 1}}"#).unwrap_or(Settings::OFF);
        assert_eq!(said.passive, Some(Passive::default()));
        assert_eq!(said.active, Some(Active { fall: 1, ..Active::default() }));
        assert!(serde_json::from_str::<Settings>(r#"{"actve": null}"#).is_err());
    }
}
