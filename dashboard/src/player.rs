//! A recorded run as something to play: the fold of its events up to a moment. No clock and no I/O: time is
//! handed in.
//!
//! Going back is folding again, from the nearest of the snapshots kept on the way.

use std::{sync::Arc, time::Duration};

use scenarios::{event::Stamped, snapshot::Snapshot};

/// Events between two kept snapshots.
const STRIDE: usize = 512;
/// Speeds in quarters of recorded time.
const SPEEDS: [u32; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/// Where a replay begins: recorded time.
const NORMAL: usize = 2;

/// What a user can ask of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Play, or pause; at the end: again from the start.
    PlayPause,
    /// Pause one event earlier.
    Previous,
    /// Pause one event later.
    Next,
    /// Twice as fast.
    Faster,
    /// Half as fast.
    Slower,
    /// Pause at the start.
    Start,
    /// Pause at the end.
    End,
}

/// Where a replay is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Events shown.
    pub events: usize,
    /// Events there are.
    pub of: usize,
    /// Recorded time, in whole tenths of a second: a screen shows no more.
    pub now_ms: u64,
    /// Recorded time of the last event.
    pub end_ms: u64,
    /// Speed in quarters of recorded time.
    pub quarters: u32,
    /// Does it play?
    pub playing: bool,
}

impl Position {
    /// `x0.25`, `x1`, `x64`.
    pub fn speed(&self) -> String {
        format!("x{}", f64::from(self.quarters) / 4.0)
    }

    /// Is everything shown?
    pub const fn at_end(&self) -> bool {
        self.events == self.of
    }
}

/// Plays a recorded run.
pub struct Player {
    events: Vec<Stamped>,
    /// When each event is due: recorded times, made to never fall.
    due_ms: Vec<u64>,
    applied: usize,
    snapshot: Arc<Snapshot>,
    /// The folds of the first 0, `STRIDE`, 2 `STRIDE`, … events, as far as they were reached.
    kept: Vec<Snapshot>,
    clock_ms: f64,
    speed: usize,
    playing: bool,
}

impl Player {
    /// At the start, playing.
    pub fn of(events: Vec<Stamped>) -> Self {
        let mut latest = 0;
        let due_ms = events
            .iter()
            .map(|stamped| {
                latest = latest.max(stamped.at_ms);
                latest
            })
            .collect();
        Self {
            events,
            due_ms,
            applied: 0,
            snapshot: Arc::default(),
            kept: vec![Snapshot::default()],
            clock_ms: 0.0,
            speed: NORMAL,
            playing: true,
        }
    }

    /// The run as far as it is shown.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// Where it is.
    pub fn position(&self) -> Position {
        Position {
            events: self.applied,
            of: self.events.len(),
            now_ms: self.clock_ms as u64 / 100 * 100,
            end_ms: self.due_ms.last().copied().unwrap_or(0),
            quarters: SPEEDS[self.speed],
            playing: self.playing,
        }
    }

    /// The newest event shown.
    pub fn newest(&self) -> Option<&Stamped> {
        self.events.get(self.applied.checked_sub(1)?)
    }

    /// Lets time pass.
    pub fn advance(&mut self, passed: Duration) {
        if !self.playing {
            return;
        }
        self.clock_ms += passed.as_secs_f64() * 1e3 * f64::from(SPEEDS[self.speed]) / 4.0;
        let due = self.due_ms.partition_point(|due| *due as f64 <= self.clock_ms);
        if due > self.applied {
            self.go_to(due);
        }
        if self.applied == self.events.len() {
            self.pause();
        }
    }

    /// Carries out what a user asks.
    pub fn carry_out(&mut self, asked: Move) {
        match asked {
            Move::PlayPause if self.playing => self.pause(),
            Move::PlayPause => {
                if self.applied == self.events.len() {
                    self.jump(0);
                }
                self.playing = true;
            }
            Move::Previous => self.jump(self.applied.saturating_sub(1)),
            Move::Next => self.jump(self.applied + 1),
            Move::Faster => self.speed = (self.speed + 1).min(SPEEDS.len() - 1),
            Move::Slower => self.speed = self.speed.saturating_sub(1),
            Move::Start => self.jump(0),
            Move::End => self.jump(self.events.len()),
        }
    }

    /// Pauses where `events` are shown.
    fn jump(&mut self, events: usize) {
        self.go_to(events.min(self.events.len()));
        self.pause();
    }

    /// What is not shown yet is not past: the clock stands at the newest event.
    fn pause(&mut self) {
        self.playing = false;
        let newest = self.applied.checked_sub(1).map_or(0, |at| self.due_ms[at]);
        self.clock_ms = newest as f64;
    }

    fn go_to(&mut self, events: usize) {
        let mut snapshot = if events < self.applied {
            let nearest = (events / STRIDE).min(self.kept.len() - 1);
            self.applied = nearest * STRIDE;
            self.kept[nearest].clone()
        } else {
            Snapshot::clone(&self.snapshot)
        };
        for stamped in &self.events[self.applied..events] {
            snapshot.apply(stamped);
            self.applied += 1;
            if self.applied == self.kept.len() * STRIDE {
                self.kept.push(snapshot.clone());
            }
        }
        self.snapshot = Arc::new(snapshot);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use scenarios::event::Event;

    use super::*;

    /// A note every 10 ms, the first at 0.
    fn notes(count: u64) -> Vec<Stamped> {
        (0..count).map(|n| Stamped { at_ms: n * 10, event: Event::Note { text: n.to_string() } }).collect()
    }

    fn shown(player: &Player) -> usize {
        player.position().events
    }

    #[test]
    fn it_plays_in_recorded_time_and_faster() {
        let mut player = Player::of(notes(1_000));
        player.advance(Duration::from_millis(95));
        assert_eq!(shown(&player), 10, "0 to 90 ms");
        player.carry_out(Move::Faster);
        assert_eq!(player.position().speed(), "x2");
        player.advance(Duration::from_millis(100));
        assert_eq!(shown(&player), 30, "95 + 200 ms");
        for _ in 0..9 {
            player.carry_out(Move::Slower);
        }
        assert_eq!(player.position().speed(), "x0.25");
        player.advance(Duration::from_millis(40));
        assert_eq!(shown(&player), 31, "305 ms");
    }

    #[test]
    fn paused_it_stands_still_and_steps_both_ways() {
        let mut player = Player::of(notes(1_000));
        player.advance(Duration::from_millis(95));
        player.carry_out(Move::PlayPause);
        player.advance(Duration::from_hours(1));
        assert_eq!(shown(&player), 10);
        player.carry_out(Move::Next);
        assert_eq!(player.newest().unwrap().at_ms, 100);
        player.carry_out(Move::Previous);
        player.carry_out(Move::Previous);
        assert_eq!((shown(&player), player.position().playing), (9, false));
    }

    #[test]
    fn every_place_is_the_fold_of_its_events_from_wherever_one_comes() {
        let events = notes(2 * STRIDE as u64 + 7);
        let mut player = Player::of(events.clone());
        player.carry_out(Move::End);
        for place in [2 * STRIDE + 6, 2 * STRIDE, 2 * STRIDE - 1, STRIDE + 1, STRIDE, STRIDE - 1, 1, 0] {
            player.jump(place);
            assert_eq!(*player.snapshot(), Snapshot::of(&events[..place]), "{place}");
        }
        for place in [3, STRIDE + 3, 2 * STRIDE + 7] {
            player.jump(place);
            assert_eq!(*player.snapshot(), Snapshot::of(&events[..place]), "{place}");
        }
    }

    #[test]
    fn it_ends_by_itself_and_begins_again_when_asked() {
        let mut player = Player::of(notes(10));
        player.advance(Duration::from_hours(1));
        let position = player.position();
        assert!(position.at_end() && !position.playing);
        assert_eq!((position.now_ms, position.end_ms), (0, 90), "tenths of a second; not the hour");
        player.carry_out(Move::Next);
        assert!(player.position().at_end(), "there is no later event");
        player.carry_out(Move::PlayPause);
        assert_eq!((shown(&player), player.position().playing), (0, true));
        player.carry_out(Move::Previous);
        assert_eq!(shown(&player), 0, "there is no earlier event");
    }

    #[test]
    fn a_clock_that_fell_back_loses_no_event() {
        let mut events = notes(3);
        events[0].at_ms = 500;
        let mut player = Player::of(events);
        player.advance(Duration::from_millis(499));
        assert_eq!(shown(&player), 0);
        player.advance(Duration::from_millis(1));
        assert_eq!(shown(&player), 3);
    }

    #[test]
    fn nothing_recorded_is_nothing_to_play() {
        let mut player = Player::of(Vec::new());
        for asked in [Move::Next, Move::Previous, Move::PlayPause, Move::End, Move::Start] {
            player.carry_out(asked);
            player.advance(Duration::from_secs(1));
        }
        assert_eq!(player.position().of, 0);
    }
}
