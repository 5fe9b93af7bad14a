//! What a user can ask for. Keys become commands in [`super::keys`]; [`super::update`] carries them out.

use super::view::Screen;

/// Something a user asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Show a screen.
    Show(Screen),
    /// The screen after this one.
    NextScreen,
    /// The screen before this one.
    PreviousScreen,
    /// Cursor up, or scroll.
    Up,
    /// Cursor down, or scroll.
    Down,
    /// Cursor left.
    Left,
    /// Cursor right.
    Right,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Details of what is under the cursor.
    Open,
    /// One step back.
    Back,
    /// Hold the run before its next step, or let it go on.
    Pause,
    /// Freeze the display; the run goes on.
    Freeze,
    /// Show the next architecture.
    NextArchitecture,
    /// Latency of the next scenario.
    NextScenario,
    /// Latency under attack, or at baseline again.
    Attack,
    /// Replay: one event back.
    PreviousEvent,
    /// Replay: one event on.
    NextEvent,
    /// Replay: twice as fast.
    Faster,
    /// Replay: half as fast.
    Slower,
    /// Replay: to the start.
    Start,
    /// Replay: to the end.
    End,
    /// Show secrets, or mask them again.
    Reveal,
    /// The next theme.
    NextTheme,
    /// End attack traffic.
    StopAttack,
    /// End the running step.
    Skip,
    /// Show or hide the help.
    Help,
    /// Draw everything anew.
    Redraw,
    /// Stop the process, as a shell's Ctrl-Z.
    Suspend,
    /// Leave; asks while the run goes on.
    Quit,
    /// As above, leaving the last screen on the terminal.
    QuitKeeping,
    /// Stop the run and leave; the second one leaves at once.
    Interrupt,
    /// Yes, leave.
    Confirm,
}

impl Command {
    /// One line for the help; `None` for answers to a question.
    pub const fn help(self) -> Option<&'static str> {
        Some(match self {
            Self::Show(_) => "show topology, matrix, latency, throughput",
            Self::NextScreen => "next screen",
            Self::PreviousScreen => "previous screen",
            Self::Up => "up",
            Self::Down => "down",
            Self::Left => "left",
            Self::Right => "right",
            Self::First => "first row",
            Self::Last => "last row",
            Self::PageUp => "page up",
            Self::PageDown => "page down",
            Self::Open => "evidence of the cell, in full",
            Self::Back => "back",
            Self::Pause => "hold the run before its next step, go on; replay: pause, play",
            Self::Freeze => "freeze the display, the run goes on",
            Self::NextArchitecture => "next architecture (after the last: follow the run)",
            Self::NextScenario => "latency of the next scenario (after the last: of all)",
            Self::Attack => "latency under attack, or at baseline",
            Self::PreviousEvent => "replay: previous event",
            Self::NextEvent => "replay: next event",
            Self::Faster => "replay: faster",
            Self::Slower => "replay: slower",
            Self::Start => "replay: to the start",
            Self::End => "replay: to the end",
            Self::Reveal => "reveal or mask secrets",
            Self::NextTheme => "next theme",
            Self::StopAttack => "stop attack traffic",
            Self::Skip => "skip the running step",
            Self::Help => "this help",
            Self::Redraw => "draw the screen anew",
            Self::Suspend => "suspend",
            Self::Quit => "quit (asks while running)",
            Self::QuitKeeping => "quit, keep the screen (asks while running)",
            Self::Interrupt => "stop the run and quit; again: at once",
            Self::Confirm => return None,
        })
    }
}
