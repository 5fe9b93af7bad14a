//! When each honest request is meant to start, and what it is. Pure: the same seed gives the same schedule.
//!
//! Gaps and operations come from two `ChaCha8` streams of their own, so that another rate keeps the order of
//! operations. Operations are dealt from a shuffled deck in the proportions of the weights, dealt anew when it
//! is empty, and every kind is among the first eight of a deck: each occurs early even in a short run, at the
//! price that a deck's last cards are not independent of its first.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};
use serde::{Deserialize, Serialize};

/// Arrivals of one schedule at most, whatever rate and duration ask for.
pub const MAX_ARRIVALS: usize = 1_000_000;

/// Draws of a fresh deck within which every kind occurs: the shortest phase a scenario asks for.
const EARLY: usize = 8;

/// What an honest user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// `POST /v3/auth/tokens` with a password nobody used before.
    Login,
    /// `GET /v2.1/servers/detail`.
    List,
    /// `POST /v2.1/servers`.
    Create,
    /// `DELETE /v2.1/servers/{id}` of a server made earlier.
    Delete,
    /// The login page's form with a password nobody used before, then the page behind it. Only where users have
    /// a dial to one.
    Page,
}

impl Operation {
    /// Every operation, in the order of a day's work.
    pub const ALL: [Self; 5] = [Self::Login, Self::List, Self::Create, Self::Delete, Self::Page];

    /// The word used in TOML, JSON and on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::List => "list",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Page => "page",
        }
    }

    /// Does it use up an account?
    pub const fn logs_in(self) -> bool {
        matches!(self, Self::Login | Self::Page)
    }
}

/// How arrivals follow each other. Rates are per second; anything but a positive finite rate means none come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pace {
    /// Independent users: exponential gaps.
    Poisson(f64),
    /// A metronome.
    Constant(f64),
}

/// Where a schedule ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// Before this much time has passed.
    For(Duration),
    /// After this many arrivals.
    Count(usize),
}

/// The proportions of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Logins.
    pub login: u8,
    /// Lists.
    pub list: u8,
    /// Creates.
    pub create: u8,
    /// Deletes.
    pub delete: u8,
    /// Visits to the login page.
    #[serde(default)]
    pub page: u8,
}

impl Weights {
    /// The operations that occur, in the order of a day's work.
    pub fn operations(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().zip(self.of_all()).filter(|(_, weight)| *weight > 0).map(|(op, _)| op)
    }

    fn of_all(self) -> [u8; 5] {
        let Self { login, list, create, delete, page } = self;
        [login, list, create, delete, page]
    }
}

/// A workload, as a scenario describes it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// How fast.
    pub pace: Pace,
    /// How long.
    pub extent: Extent,
    /// What.
    pub weights: Weights,
}

/// One honest request to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When it is meant to start, from the start of the schedule.
    pub at: Duration,
    /// What it is.
    pub operation: Operation,
}

/// The arrivals of a plan, in order of time. `stream` tells schedules of one seed apart, phases for example.
pub fn schedule(plan: &Plan, seed: u64, stream: u64) -> Vec<Arrival> {
    let rng = |half| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream.wrapping_mul(2).wrapping_add(half));
        rng
    };
    let (mut gaps, mut deck) = (rng(0), Deck::new(plan.weights, rng(1)));
    let (limit, end) = match plan.extent {
        Extent::Count(count) => (count.min(MAX_ARRIVALS), Duration::MAX),
        Extent::For(duration) => (MAX_ARRIVALS, duration),
    };
    let mut arrivals = Vec::new();
    let mut seconds = 0.0;
    while arrivals.len() < limit {
        let Some(gap) = gap(plan.pace, &mut gaps) else { break };
        // A metronome starts at once and does not add up rounding errors.
        seconds = match plan.pace {
            Pace::Constant(_) => arrivals.len() as f64 * gap,
            Pace::Poisson(_) => seconds + gap,
        };
        let at = Duration::try_from_secs_f64(seconds).ok().filter(|at| *at < end);
        let (Some(at), Some(operation)) = (at, deck.draw()) else { break };
        arrivals.push(Arrival { at, operation });
    }
    arrivals
}

/// Accounts a schedule uses up: every login has a user of its own, on the page too.
pub fn accounts_needed(arrivals: &[Arrival]) -> usize {
    arrivals.iter().filter(|arrival| arrival.operation.logs_in()).count()
}

/// Servers that must exist beforehand so that every delete finds one, if each create is done before the next
/// arrival.
pub fn servers_needed(arrivals: &[Arrival]) -> usize {
    let (mut owned, mut needed) = (0_usize, 0);
    for arrival in arrivals {
        match (arrival.operation, owned) {
            (Operation::Create, _) => owned += 1,
            (Operation::Delete, 0) => needed += 1,
            (Operation::Delete, _) => owned -= 1,
            (Operation::Login | Operation::List | Operation::Page, _) => {}
        }
    }
    needed
}

/// Seconds to the next arrival.
fn gap(pace: Pace, rng: &mut ChaCha8Rng) -> Option<f64> {
    let (Pace::Poisson(rate) | Pace::Constant(rate)) = pace;
    (rate.is_finite() && rate > 0.0).then_some(())?;
    Some(match pace {
        Pace::Poisson(_) => -(1.0 - unit(rng)).ln() / rate,
        Pace::Constant(_) => 1.0 / rate,
    })
}

/// Uniform in [0, 1) from 53 bits: written out because distributions of `rand` may change between releases.
fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Cards in the proportions of the weights.
struct Deck {
    full: Vec<Operation>,
    left: Vec<Operation>,
    rng: ChaCha8Rng,
}

impl Deck {
    fn new(weights: Weights, rng: ChaCha8Rng) -> Self {
        let weights = weights.of_all();
        let divisor = weights.into_iter().fold(0, gcd).max(1);
        let cards = |(operation, weight)| std::iter::repeat_n(operation, usize::from(weight / divisor));
        let full = Operation::ALL.into_iter().zip(weights).flat_map(cards).collect();
        Self { full, left: Vec::new(), rng }
    }

    fn draw(&mut self) -> Option<Operation> {
        if self.left.is_empty() {
            self.left.clone_from(&self.full);
            for last in (1..self.left.len()).rev() {
                let other = self.below(last + 1);
                self.left.swap(last, other);
            }
            self.bring_forward();
        }
        self.left.pop()
    }

    /// Gives each kind that came late a place among the first draws, where another kind has more than one.
    fn bring_forward(&mut self) {
        let early = self.left.len().saturating_sub(EARLY);
        for kind in Operation::ALL {
            let late = self.left.iter().position(|card| *card == kind).filter(|at| *at < early);
            let (Some(late), false) = (late, self.left[early..].contains(&kind)) else { continue };
            let drawn = &self.left[early..];
            let doubled = |at: &usize| drawn.iter().filter(|card| **card == drawn[*at]).count() > 1;
            let places: Vec<usize> = (0..drawn.len()).filter(doubled).collect();
            if !places.is_empty() {
                let place = places[self.below(places.len())];
                self.left.swap(late, early + place);
            }
        }
    }

    /// Uniform below a bound, written out for the reason `unit` gives.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.rng.next_u64()) * bound as u128) >> 64) as usize
    }
}

fn gcd(one: u8, other: u8) -> u8 {
    if other == 0 { one } else { gcd(other, one % other) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const MIX: Weights = Weights { login: 40, list: 40, create: 10, delete: 10, page: 0 };
    const WITH_PAGE: Weights = Weights { login: 6, list: 6, create: 4, delete: 4, page: 1 };

    fn plan(pace: Pace, extent: Extent) -> Plan {
        Plan { pace, extent, weights: MIX }
    }

    fn letters(arrivals: &[Arrival]) -> String {
        let letter = |arrival: &Arrival| match arrival.operation {
            Operation::Login => 'i',
            Operation::List => 'l',
            Operation::Create => 'c',
            Operation::Delete => 'd',
            Operation::Page => 'p',
        };
        arrivals.iter().map(letter).collect()
    }

    #[test]
    fn one_seed_gives_this_schedule_on_every_machine() {
        let arrivals = schedule(&plan(Pace::Poisson(100.0), Extent::Count(10)), 42, 0);
        let micros: Vec<_> = arrivals.iter().map(|arrival| arrival.at.as_micros()).collect();
        assert_eq!(letters(&arrivals), "liicidllil");
        assert_eq!(micros, [11453, 41466, 47044, 56915, 60320, 61945, 65627, 81917, 96668, 99394]);
    }

    #[test]
    fn another_seed_or_stream_is_another_schedule_and_another_rate_keeps_the_operations() {
        let at = |rate, seed, stream| schedule(&plan(Pace::Poisson(rate), Extent::Count(100)), seed, stream);
        assert_eq!(at(50.0, 1, 1), at(50.0, 1, 1));
        assert_ne!(letters(&at(50.0, 1, 1)), letters(&at(50.0, 2, 1)));
        assert_ne!(letters(&at(50.0, 1, 1)), letters(&at(50.0, 1, 2)));
        assert_eq!(letters(&at(50.0, 1, 1)), letters(&at(90.0, 1, 1)));
    }

    #[test]
    fn independent_users_come_at_the_rate_with_exponential_gaps() {
        let arrivals = schedule(&plan(Pace::Poisson(1000.0), Extent::For(Duration::from_secs(20))), 7, 0);
        // 20,000 expected, standard deviation 141: ± 5 of them.
        assert!((19_293..=20_707).contains(&arrivals.len()), "{}", arrivals.len());
        let gaps = arrivals.windows(2).map(|pair| pair[1].at.abs_diff(pair[0].at));
        let longer = gaps.filter(|gap| *gap > Duration::from_millis(1)).count() as f64;
        let share = longer / arrivals.len() as f64;
        assert!((share - (-1.0_f64).exp()).abs() < 0.02, "{share} of the gaps exceed the mean");
    }

    #[test]
    fn a_metronome_keeps_its_beat_and_stops_before_the_end() {
        let arrivals = schedule(&plan(Pace::Constant(4.0), Extent::For(Duration::from_secs(1))), 7, 0);
        let millis: Vec<_> = arrivals.iter().map(|arrival| arrival.at.as_millis()).collect();
        assert_eq!(millis, [0, 250, 500, 750]);
    }

    #[test]
    fn every_deck_holds_the_proportions_exactly() {
        let arrivals = schedule(&plan(Pace::Constant(1.0), Extent::Count(30)), 3, 0);
        for deck in arrivals.chunks(10) {
            let count = |operation| deck.iter().filter(|arrival| arrival.operation == operation).count();
            assert_eq!(Operation::ALL.map(count), [4, 4, 1, 1, 0]);
        }
        assert_eq!(accounts_needed(&arrivals), 12);
    }

    #[test]
    fn the_rarest_kind_is_among_the_first_of_every_deck_and_stays_rare() {
        for seed in 0..200 {
            let plan = Plan { weights: WITH_PAGE, ..plan(Pace::Constant(1.0), Extent::Count(21 * 4)) };
            let arrivals = schedule(&plan, seed, 0);
            for deck in letters(&arrivals).as_bytes().chunks(21) {
                for kind in *b"ilcdp" {
                    assert!(deck[..EARLY].contains(&kind), "seed {seed}: {}", String::from_utf8_lossy(deck));
                }
                let visits = String::from_utf8_lossy(deck).matches('p').count();
                assert_eq!(visits, 1, "seed {seed}");
            }
        }
    }

    #[test]
    fn where_there_is_no_page_its_share_goes_to_the_others() {
        let without = Weights { page: 0, ..WITH_PAGE };
        let shares = |weights| {
            let arrivals =
                schedule(&Plan { weights, ..plan(Pace::Constant(1.0), Extent::Count(2100)) }, 5, 0);
            let letters = letters(&arrivals);
            ["i", "l", "c", "d", "p"].map(|kind| letters.matches(kind).count())
        };
        assert_eq!(shares(without), [630, 630, 420, 420, 0]);
        assert_eq!(shares(WITH_PAGE), [600, 600, 400, 400, 100], "no more than one in twenty");
        let words = |weights: Weights| weights.operations().map(Operation::word).collect::<Vec<_>>();
        assert_eq!(words(without), ["login", "list", "create", "delete"]);
        assert_eq!(words(WITH_PAGE).last(), Some(&"page"));
    }

    #[test]
    fn a_plan_that_asks_for_nothing_gets_nothing() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let endless = Extent::For(Duration::from_secs(1));
            assert_eq!(schedule(&plan(Pace::Constant(rate), endless), 1, 0), []);
        }
        let nothing = Weights { login: 0, list: 0, create: 0, delete: 0, page: 0 };
        let idle = Plan { pace: Pace::Constant(1.0), extent: Extent::Count(5), weights: nothing };
        assert_eq!(schedule(&idle, 1, 0), []);
    }

    #[test]
    fn deletes_need_servers_only_where_no_create_came_first() {
        let arrivals = |letters: &str| -> Vec<_> {
            let operation = |letter| if letter == 'c' { Operation::Create } else { Operation::Delete };
            letters
                .chars()
                .map(|letter| Arrival { at: Duration::ZERO, operation: operation(letter) })
                .collect()
        };
        for (letters, needed) in [("", 0), ("cd", 0), ("dc", 1), ("cddd", 2), ("dcdcd", 1)] {
            assert_eq!(servers_needed(&arrivals(letters)), needed, "{letters}");
        }
    }
}
