//! What the user chose to look at: the only state of the dashboard besides the snapshot. No I/O.

use scenarios::snapshot::Snapshot;

use super::theme::ThemeName;

/// The screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Screen {
    /// Segments, links and what was read from them.
    #[default]
    Topology,
    /// Scenarios × architectures, with the evidence under the cursor.
    Matrix,
    /// Honest work by second, and the performance rows.
    Throughput,
}

impl Screen {
    /// Every screen, in the order of their keys.
    pub const ALL: &'static [Self] = &[Self::Topology, Self::Matrix, Self::Throughput];

    /// Its name on the tab.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Topology => "Topology",
            Self::Matrix => "Matrix",
            Self::Throughput => "Throughput",
        }
    }

    /// The screen `steps` after this one, around the end.
    #[must_use]
    pub const fn after(self, steps: usize) -> Self {
        Self::ALL[(self as usize + steps) % Self::ALL.len()]
    }
}

/// What the user chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The screen.
    pub screen: Screen,
    /// The architecture to stay with; `None` = follow the run.
    pub pinned: Option<String>,
    /// Matrix cursor: scenario.
    pub row: usize,
    /// Matrix cursor: architecture.
    pub column: usize,
    /// Is the cell under the cursor shown in full?
    pub open: bool,
    /// Lines scrolled in the list of the present screen.
    pub scroll: usize,
    /// How far that list can be scrolled, as the last drawing found.
    pub scroll_end: usize,
    /// Is the display frozen?
    pub frozen: bool,
    /// Was the run asked to hold before its next step?
    pub paused: bool,
    /// Are secrets shown?
    pub reveal: bool,
    /// Is the help open?
    pub help: bool,
    /// A question is open: leave the running comparison? `true` = and keep the screen.
    pub asking: Option<bool>,
    /// Was the run asked to stop?
    pub stopping: bool,
    /// Does the last screen stay on the terminal?
    pub keep: bool,
    /// Did the run hang up without an end?
    pub broke: bool,
    /// Colours.
    pub theme: ThemeName,
    /// Draw without Unicode.
    pub ascii: bool,
    /// One line for the user, until the next key.
    pub notice: Option<String>,
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
    snapshot.ended.is_some() || view.broke
}
