//! What the user chose to look at: the only state of the dashboard besides the snapshot. No I/O.

use scenarios::snapshot::Snapshot;

use super::{glyphs::Charset, theme::ThemeName};
use crate::player::Position;

/// The screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Screen {
    /// Segments, links and what was read from them.
    #[default]
    Topology,
    /// Scenarios × architectures, with the evidence under the cursor.
    Matrix,
    /// Latency by percentile, one curve an architecture.
    Latency,
    /// Honest work by second, and the performance rows.
    Throughput,
}

impl Screen {
    /// Every screen, in the order of their keys.
    pub const ALL: &'static [Self] = &[Self::Topology, Self::Matrix, Self::Latency, Self::Throughput];

    /// Its name on the tab.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Topology => "Topology",
            Self::Matrix => "Matrix",
            Self::Latency => "Latency",
            Self::Throughput => "Throughput",
        }
    }

    /// The screen `steps` after this one, around the end.
    #[must_use]
    pub const fn after(self, steps: usize) -> Self {
        Self::ALL[(self as usize + steps) % Self::ALL.len()]
    }
}

/// What lies over the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlay {
    /// Nothing.
    #[default]
    Nothing,
    /// The help.
    Help,
    /// The question whether to leave a running comparison.
    Asking {
        /// Does the last screen stay on the terminal?
        keep: bool,
    },
}

/// What was asked of the run, or became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// It goes on.
    #[default]
    Going,
    /// It was asked to hold before its next step.
    Holding,
    /// It was asked to stop.
    Stopping,
    /// It hung up without an end.
    Broke,
}

/// What the user chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The screen.
    pub screen: Screen,
    /// What lies over it.
    pub overlay: Overlay,
    /// What was asked of the run.
    pub life: Life,
    /// The architecture to stay with; `None` = follow the run.
    pub pinned: Option<String>,
    /// The matrix.
    pub cursor: Cursor,
    /// Which work the latency screen shows.
    pub curves: Curves,
    /// Where a replay is; `None` while a run goes on.
    pub replay: Option<Position>,
    /// Lines scrolled in the list of the present screen.
    pub scroll: usize,
    /// How far that list can be scrolled, as the last drawing found.
    pub scroll_end: usize,
    /// Is the display frozen?
    pub frozen: bool,
    /// Are secrets shown?
    pub reveal: bool,
    /// Does the last screen stay on the terminal?
    pub keep: bool,
    /// Colours.
    pub theme: ThemeName,
    /// Characters.
    pub charset: Charset,
    /// One line for the user, until the next key.
    pub notice: Option<String>,
    /// When the user asked attack traffic to stop, in run milliseconds, until the next key.
    pub stop_asked: Option<u64>,
}

/// Which work the latency screen shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Curves {
    /// Under attack, rather than before it?
    pub attack: bool,
    /// Of one scenario, rather than of all?
    pub scenario: Option<String>,
}

/// The place in the matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Scenario.
    pub row: usize,
    /// Architecture.
    pub column: usize,
    /// Is the cell shown in full?
    pub open: bool,
}

impl View {
    /// The architecture to draw: the pinned one, else the running one, else the last one that ran.
    pub fn architecture<'a>(&'a self, snapshot: &'a Snapshot) -> Option<&'a str> {
        self.pinned
            .as_deref()
            .or_else(|| snapshot.current.as_ref().map(|step| step.architecture.as_str()))
            .or_else(|| snapshot.throughput.back().map(|second| second.architecture.as_str()))
            .or_else(|| snapshot.topologies.last().map(|topology| topology.architecture.as_str()))
    }
}

/// True when nothing more can come.
pub fn over(view: &View, snapshot: &Snapshot) -> bool {
    snapshot.ended.is_some() || view.life == Life::Broke || view.replay.is_some()
}
