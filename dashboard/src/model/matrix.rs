//! What one (architecture, scenario) pair says: the most telling verdict of its cells, or how far it is.

use scenarios::{
    event::{Cell, Verdict},
    snapshot::Snapshot,
};
use testbed::vocabulary::{Method, Phase};

use super::goodput::{self, Goodput};

/// What is known of a pair.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Not begun.
    Pending,
    /// Running, in this phase.
    Running(Option<Phase>),
    /// Judged.
    Judged(Judged),
    /// A flood: no verdict, a price.
    Flooded(Goodput),
    /// Over, without a cell and without a flood's rows.
    Measured,
}

/// The sum of a pair's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The most telling verdict.
    pub verdict: Verdict,
    /// Canaries exposed or attempts served, over all its cells.
    pub exposed: u64,
    /// True when the telling verdict rests on our own tables only.
    pub modelled: bool,
    /// True when a cell is not what its scenario expected.
    pub deviates: bool,
}

/// Cells of a pair, in order.
pub fn cells<'a>(
    snapshot: &'a Snapshot,
    architecture: &'a str,
    scenario: &'a str,
) -> impl Iterator<Item = &'a Cell> {
    snapshot.cells.iter().filter(move |cell| cell.architecture == architecture && cell.scenario == scenario)
}

/// Reads a pair.
pub fn state(snapshot: &Snapshot, architecture: &str, scenario: &str) -> State {
    if let Some(judged) = judge(cells(snapshot, architecture, scenario)) {
        return State::Judged(judged);
    }
    if let Some(step) = &snapshot.current
        && step.architecture == architecture
        && step.scenario == scenario
    {
        return State::Running(step.phase);
    }
    if let Some(goodput) = goodput::of(snapshot, architecture, scenario) {
        return State::Flooded(goodput);
    }
    let measured =
        snapshot.performance.iter().any(|row| row.architecture == architecture && row.scenario == scenario);
    if measured { State::Measured } else { State::Pending }
}

impl State {
    /// At most 14 characters: `BROKEN 48`, `held`, `n/e`, `inconcl`, `71/96%`.
    pub fn short(&self) -> String {
        match self {
            Self::Pending => ".".into(),
            Self::Running(None) => "launching".into(),
            Self::Running(Some(phase)) => format!("> {phase}"),
            Self::Flooded(goodput) => goodput.short(),
            Self::Measured => "measured".into(),
            Self::Judged(judged) => judged.short(),
        }
    }
}

impl State {
    /// As [`State::short`] where that fits into `width` letters, else in at most six: a word without its count,
    /// and of a flood what is the architecture's, victim less decoy in points.
    pub fn within(&self, width: usize) -> String {
        let short = self.short();
        if short.chars().count() <= width {
            return short;
        }
        match self {
            Self::Running(None) => ">up".into(),
            Self::Running(Some(Phase::Baseline)) => ">base".into(),
            Self::Running(Some(Phase::Attack)) => ">atk".into(),
            Self::Running(Some(Phase::Recovery)) => ">rec".into(),
            Self::Measured => "done".into(),
            Self::Flooded(goodput) => goodput.difference(),
            Self::Judged(judged) => judged.brief(),
            Self::Pending => short,
        }
    }

    /// As [`State::short`], with the words of lines that have room.
    pub fn said(&self) -> String {
        match self {
            Self::Pending => "not run".into(),
            Self::Flooded(goodput) => format!("goodput {}", goodput.short()),
            other => other.short(),
        }
    }
}

impl Judged {
    fn short(self) -> String {
        let mut text = match self.verdict {
            Verdict::Broken => format!("BROKEN {}", self.exposed),
            Verdict::Held => "held".into(),
            Verdict::NotExercised => "n/e".into(),
            Verdict::Inconclusive => "inconcl".into(),
        };
        text.push_str(self.marks());
        text
    }

    fn brief(self) -> String {
        let word = if self.verdict == Verdict::Broken { "BROKEN" } else { self.verdict.brief() };
        let marks = self.marks();
        format!("{word:.0$}{marks}", 6 - marks.len())
    }

    const fn marks(self) -> &'static str {
        match (self.modelled, self.deviates) {
            (true, true) => "~!",
            (true, false) => "~",
            (false, true) => "!",
            (false, false) => "",
        }
    }
}

/// Verdicts counted, measured and modelled apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// In the order held, broken, not exercised, inconclusive.
    pub measured: [usize; 4],
    /// As above.
    pub modelled: [usize; 4],
}

impl Tally {
    /// Counts a snapshot's cells.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut tally = Self::default();
        for cell in &snapshot.cells {
            let counts = match cell.method {
                Method::Measured => &mut tally.measured,
                Method::Modelled => &mut tally.modelled,
            };
            counts[cell.verdict as usize] += 1;
        }
        tally
    }
}

/// `12 held, 3 broken`; zero counts left out, `none` where all are.
pub fn tally_words(counts: [usize; 4]) -> String {
    let words: Vec<_> = counts
        .iter()
        .zip(["held", "broken", "not exercised", "inconclusive"])
        .filter(|(count, _)| **count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    if words.is_empty() { "none".into() } else { words.join(", ") }
}

fn judge<'a>(cells: impl Iterator<Item = &'a Cell>) -> Option<Judged> {
    let cells: Vec<_> = cells.collect();
    let verdict = cells.iter().map(|cell| cell.verdict).max_by_key(|verdict| weight(*verdict))?;
    let telling = || cells.iter().filter(|cell| cell.verdict == verdict);
    Some(Judged {
        verdict,
        exposed: cells.iter().filter(|cell| cell.verdict == Verdict::Broken).map(|cell| cell.exposed).sum(),
        modelled: telling().all(|cell| cell.method == Method::Modelled),
        deviates: cells.iter().any(|cell| cell.expected.is_some_and(|expected| expected != cell.verdict)),
    })
}

/// A break is the worst news, missing proof the next; a question not put tells least.
pub const fn weight(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Broken => 3,
        Verdict::Inconclusive => 2,
        Verdict::Held => 1,
        Verdict::NotExercised => 0,
    }
}

#[cfg(test)]
mod tests {
    use scenarios::event::{Control, Event, Positive, Stamped};
    use testbed::vocabulary::{Asset, Vantage};

    use super::*;

    fn cell(asset: Asset, verdict: Verdict, exposed: u64) -> Stamped {
        Stamped {
            at_ms: 0,
            event: Event::Cell(Cell {
                architecture: "a".into(),
                scenario: "s".into(),
                vantage: Vantage::ManagementSniffer,
                asset,
                verdict,
                method: Method::Measured,
                sent: 48,
                exposed,
                weakness: None,
                reason: String::new(),
                evidence: Vec::new(),
                control: Control { positive: Positive::Passed, crossed: Some(true) },
                hunt: None,
                expected: None,
            }),
        }
    }

    #[test]
    fn one_broken_asset_speaks_for_the_pair() {
        let snapshot = Snapshot::of(&[
            cell(Asset::Token, Verdict::Broken, 48),
            cell(Asset::Password, Verdict::Held, 0),
            cell(Asset::InternalMessage, Verdict::NotExercised, 0),
        ]);
        assert_eq!(state(&snapshot, "a", "s").short(), "BROKEN 48");
        assert_eq!(state(&snapshot, "a", "other"), State::Pending);
    }

    #[test]
    fn missing_proof_is_never_shown_as_held() {
        let snapshot = Snapshot::of(&[
            cell(Asset::Token, Verdict::Held, 0),
            cell(Asset::Password, Verdict::Inconclusive, 0),
        ]);
        assert_eq!(state(&snapshot, "a", "s").short(), "inconcl");
    }

    #[test]
    fn a_modelled_answer_and_a_deviation_carry_their_marks() {
        let mut event = cell(Asset::Reach, Verdict::Held, 0);
        if let Event::Cell(cell) = &mut event.event {
            cell.method = Method::Modelled;
            cell.expected = Some(Verdict::Broken);
        }
        let snapshot = Snapshot::of(&[event]);
        assert_eq!(state(&snapshot, "a", "s").short(), "held~!");
        let broken = |modelled, deviates| {
            State::Judged(Judged { verdict: Verdict::Broken, exposed: 48, modelled, deviates })
        };
        assert_eq!(broken(true, false).within(10), "BROKEN 48~");
        assert_eq!(broken(false, false).within(6), "BROKEN");
        assert_eq!(broken(true, false).within(6), "BROKE~");
        assert_eq!(broken(true, true).within(6), "BROK~!");
        assert_eq!(tally_words(Tally::of(&snapshot).modelled), "1 held");
        assert_eq!(tally_words(Tally::of(&snapshot).measured), "none");
    }
}
