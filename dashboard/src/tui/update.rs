//! The one function that changes the view. It does no I/O: what must happen outside comes back as an effect.

use scenarios::snapshot::Snapshot;

use super::{
    command::Command,
    view::{Life, Overlay, Screen, View, over},
};
use crate::player::Move;

/// Lines of a page.
const PAGE: usize = 10;

/// What must happen outside the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// Hold the run, or let it go on.
    Pause(bool),
    /// End the running step.
    Skip,
    /// End attack traffic.
    StopAttack,
    /// Move through a recorded run.
    Replay(Move),
    /// End the run; the dashboard closes when it has ended.
    Stop,
    /// Close the dashboard now.
    Leave,
    /// Stop the process.
    Suspend,
    /// Draw everything anew.
    Redraw,
}

/// Carries out a command.
pub fn update(view: &mut View, command: Command, snapshot: &Snapshot) -> Effect {
    (view.notice, view.stop_asked) = (None, None);
    match command {
        Command::Show(screen) => show(view, screen),
        Command::NextScreen => show(view, view.screen.after(1)),
        Command::PreviousScreen => show(view, view.screen.after(Screen::ALL.len() - 1)),
        Command::Up
        | Command::Down
        | Command::First
        | Command::Last
        | Command::PageUp
        | Command::PageDown => {
            vertical(view, command, snapshot);
        }
        Command::Left | Command::Right => horizontal(view, command, snapshot),
        Command::Open => open(view),
        Command::Back => back(view),
        Command::Freeze => view.frozen = !view.frozen,
        Command::NextArchitecture => next_architecture(view, snapshot),
        Command::NextScenario => next_scenario(view, snapshot),
        Command::Attack => view.curves.attack = !view.curves.attack,
        Command::Reveal => view.reveal = !view.reveal,
        Command::NextTheme => view.theme = view.theme.next(),
        Command::Help => {
            view.overlay = if view.overlay == Overlay::Help { Overlay::Nothing } else { Overlay::Help };
            view.scroll = 0;
        }
        Command::Redraw => return Effect::Redraw,
        Command::Suspend => return Effect::Suspend,
        Command::Pause | Command::Skip | Command::StopAttack => return control(view, command, snapshot),
        Command::PreviousEvent
        | Command::NextEvent
        | Command::Faster
        | Command::Slower
        | Command::Start
        | Command::End => return replay(view, command),
        Command::Quit | Command::QuitKeeping | Command::Interrupt | Command::Confirm => {
            return leave(view, command, snapshot);
        }
    }
    Effect::None
}

fn show(view: &mut View, screen: Screen) {
    view.screen = screen;
    view.overlay = Overlay::Nothing;
    view.cursor.open = false;
    view.scroll = 0;
}

fn open(view: &mut View) {
    if view.screen == Screen::Matrix && view.overlay == Overlay::Nothing {
        view.cursor.open = true;
        view.scroll = 0;
    }
}

/// Closes the innermost thing that is open.
fn back(view: &mut View) {
    match view.overlay {
        Overlay::Asking { .. } => {}
        Overlay::Help => view.scroll = 0,
        Overlay::Nothing => {
            view.scroll = 0;
            view.cursor.open = false;
        }
    }
    view.overlay = Overlay::Nothing;
}

fn vertical(view: &mut View, command: Command, snapshot: &Snapshot) {
    let grid = view.screen == Screen::Matrix && !view.cursor.open && view.overlay == Overlay::Nothing;
    let (place, end) = if grid {
        let rows = snapshot.run.as_ref().map_or(0, |run| run.scenarios.len());
        (&mut view.cursor.row, rows.saturating_sub(1))
    } else {
        (&mut view.scroll, view.scroll_end)
    };
    *place = match command {
        Command::Up => place.saturating_sub(1),
        Command::Down => *place + 1,
        Command::PageUp => place.saturating_sub(PAGE),
        Command::PageDown => *place + PAGE,
        Command::First => 0,
        _ => end,
    }
    .min(end);
}

fn horizontal(view: &mut View, command: Command, snapshot: &Snapshot) {
    let columns = snapshot.run.as_ref().map_or(0, |run| run.architectures.len());
    if view.screen == Screen::Matrix && view.overlay == Overlay::Nothing {
        let column = &mut view.cursor.column;
        let moved = if command == Command::Left { column.saturating_sub(1) } else { *column + 1 };
        *column = moved.min(columns.saturating_sub(1));
    }
}

fn next_architecture(view: &mut View, snapshot: &Snapshot) {
    let Some(run) = &snapshot.run else { return };
    let next = match &view.pinned {
        None => 0,
        Some(pinned) => run.architectures.iter().position(|name| name == pinned).map_or(0, |at| at + 1),
    };
    view.pinned = run.architectures.get(next).cloned();
    view.scroll = 0;
    view.notice = Some(match &view.pinned {
        Some(name) => format!("showing {name}"),
        None => "following the run".into(),
    });
}

fn next_scenario(view: &mut View, snapshot: &Snapshot) {
    let Some(run) = &snapshot.run else { return };
    let next = match &view.curves.scenario {
        None => 0,
        Some(shown) => run.scenarios.iter().position(|one| one.id == *shown).map_or(0, |at| at + 1),
    };
    view.curves.scenario = run.scenarios.get(next).map(|one| one.id.clone());
    let of = view.curves.scenario.as_deref().unwrap_or("all scenarios");
    view.notice = Some(format!("latency of {of}"));
}

/// Only a recorded run has a place to move to.
fn replay(view: &View, command: Command) -> Effect {
    if view.replay.is_none() {
        return Effect::None;
    }
    match command {
        Command::Pause => Effect::Replay(Move::PlayPause),
        Command::PreviousEvent => Effect::Replay(Move::Previous),
        Command::NextEvent => Effect::Replay(Move::Next),
        Command::Faster => Effect::Replay(Move::Faster),
        Command::Slower => Effect::Replay(Move::Slower),
        Command::Start => Effect::Replay(Move::Start),
        Command::End => Effect::Replay(Move::End),
        _ => Effect::None,
    }
}

fn control(view: &mut View, command: Command, snapshot: &Snapshot) -> Effect {
    if view.replay.is_some() {
        if command != Command::Pause {
            view.notice = Some("this run is recorded: nothing can be stopped or skipped".into());
        }
        return replay(view, command);
    }
    if over(view, snapshot) || view.life == Life::Stopping {
        view.notice = Some("the run is over".into());
        return Effect::None;
    }
    let (effect, notice) = match command {
        Command::Skip => (Effect::Skip, "skipping the running step"),
        Command::StopAttack => {
            view.stop_asked = Some(snapshot.now_ms);
            (Effect::StopAttack, "asked attack traffic to stop")
        }
        _ => {
            let hold = view.life == Life::Going;
            view.life = if hold { Life::Holding } else { Life::Going };
            (Effect::Pause(hold), if hold { "holding before the next step" } else { "going on" })
        }
    };
    view.notice = Some(notice.into());
    effect
}

fn leave(view: &mut View, command: Command, snapshot: &Snapshot) -> Effect {
    let keeping = command == Command::QuitKeeping;
    if over(view, snapshot) {
        view.keep |= keeping;
        return Effect::Leave;
    }
    match command {
        Command::Interrupt if view.life == Life::Stopping => Effect::Leave,
        Command::Interrupt => stop(view),
        Command::Confirm => {
            view.keep |= view.overlay == Overlay::Asking { keep: true };
            stop(view)
        }
        _ if view.life == Life::Stopping => {
            view.notice = Some("stopping; ctrl-c leaves at once".into());
            Effect::None
        }
        _ => {
            view.overlay = Overlay::Asking { keep: keeping };
            Effect::None
        }
    }
}

fn stop(view: &mut View) -> Effect {
    view.life = Life::Stopping;
    view.overlay = Overlay::Nothing;
    view.frozen = false;
    view.notice = Some("stopping: traffic ends, what is finished is written".into());
    Effect::Stop
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use scenarios::event::{Event, RunStarted, ScenarioInfo, Stamped};
    use testbed::vocabulary::Vantage;

    use super::*;
    use crate::player::Position;

    fn running() -> Snapshot {
        let scenario = |id: &str| ScenarioInfo {
            id: id.into(),
            title: String::new(),
            vantage: Vantage::PublicSniffer,
            attack_ids: Vec::new(),
            rows: Vec::new(),
        };
        Snapshot::of(&[Stamped {
            at_ms: 0,
            event: Event::RunStarted(RunStarted {
                schema_version: 1,
                version: "0".into(),
                started: String::new(),
                seed: 1,
                profile: "tiny".into(),
                architectures: vec!["a".into(), "b".into()],
                scenarios: vec![scenario("one"), scenario("two")],
                engine: None,
                steps: 4,
            }),
        }])
    }

    fn ended() -> Snapshot {
        let mut snapshot = running();
        snapshot.ended = Some(0);
        snapshot
    }

    /// Carries out commands in order and returns the last effect.
    fn story(view: &mut View, commands: &[Command], snapshot: &Snapshot) -> Effect {
        commands.iter().map(|command| update(view, *command, snapshot)).last().unwrap()
    }

    #[test]
    fn quitting_asks_while_running_and_not_after() {
        let mut view = View::default();
        assert_eq!(update(&mut view, Command::Quit, &running()), Effect::None);
        assert_eq!(view.overlay, Overlay::Asking { keep: false });
        assert_eq!(update(&mut view, Command::Back, &running()), Effect::None);
        assert_eq!(view.overlay, Overlay::Nothing, "no: the run goes on");
        assert_eq!(story(&mut view, &[Command::Quit, Command::Confirm], &running()), Effect::Stop);
        assert_eq!(view.life, Life::Stopping);
        assert_eq!(update(&mut View::default(), Command::Quit, &ended()), Effect::Leave);
    }

    #[test]
    fn the_first_interrupt_stops_and_the_second_leaves_at_once() {
        let mut view = View { frozen: true, ..View::default() };
        assert_eq!(update(&mut view, Command::Interrupt, &running()), Effect::Stop);
        assert!(!view.frozen, "a frozen display would hide the end");
        assert_eq!(update(&mut view, Command::Interrupt, &running()), Effect::Leave);
    }

    #[test]
    fn keeping_the_screen_survives_the_question() {
        let mut view = View::default();
        story(&mut view, &[Command::QuitKeeping, Command::Confirm], &running());
        assert!(view.keep);
    }

    #[test]
    fn the_cursor_stays_inside_the_matrix() {
        let mut view = View { screen: Screen::Matrix, ..View::default() };
        story(
            &mut view,
            &[Command::Down, Command::Down, Command::Down, Command::Right, Command::Right],
            &running(),
        );
        assert_eq!((view.cursor.row, view.cursor.column), (1, 1));
        story(&mut view, &[Command::First, Command::Left, Command::Left], &running());
        assert_eq!((view.cursor.row, view.cursor.column), (0, 0));
        update(&mut view, Command::Last, &Snapshot::default());
        assert_eq!(view.cursor.row, 0, "an empty matrix has one place");
    }

    #[test]
    fn a_walks_through_the_architectures_and_back_to_following() {
        let mut view = View::default();
        let mut seen = Vec::new();
        for _ in 0..3 {
            update(&mut view, Command::NextArchitecture, &running());
            seen.push(view.pinned.clone());
        }
        assert_eq!(seen, [Some("a".into()), Some("b".into()), None]);
    }

    #[test]
    fn pausing_is_told_to_the_run_and_refused_after_its_end() {
        let mut view = View::default();
        assert_eq!(update(&mut view, Command::Pause, &running()), Effect::Pause(true));
        assert_eq!(update(&mut view, Command::Pause, &running()), Effect::Pause(false));
        assert_eq!(update(&mut view, Command::StopAttack, &running()), Effect::StopAttack);
        assert_eq!(update(&mut view, Command::Skip, &ended()), Effect::None);
    }

    #[test]
    fn a_recorded_run_is_moved_through_and_left_without_a_question() {
        let mut view = View { replay: Some(Position::default()), ..View::default() };
        assert_eq!(update(&mut view, Command::Pause, &running()), Effect::Replay(Move::PlayPause));
        assert_eq!(update(&mut view, Command::PreviousEvent, &running()), Effect::Replay(Move::Previous));
        assert_eq!(update(&mut view, Command::StopAttack, &running()), Effect::None);
        assert!(view.notice.as_ref().unwrap().contains("recorded"));
        assert_eq!(update(&mut view, Command::Quit, &running()), Effect::Leave);
        assert_eq!(update(&mut view, Command::Interrupt, &running()), Effect::Leave);
        let mut live = View::default();
        assert_eq!(update(&mut live, Command::NextEvent, &running()), Effect::None);
    }

    #[test]
    fn s_walks_through_the_scenarios_and_back_to_all() {
        let mut view = View::default();
        let mut seen = Vec::new();
        for _ in 0..3 {
            update(&mut view, Command::NextScenario, &running());
            seen.push(view.curves.scenario.clone());
        }
        assert_eq!(seen, [Some("one".into()), Some("two".into()), None]);
        update(&mut view, Command::Attack, &running());
        assert!(view.curves.attack);
    }

    #[test]
    fn escape_closes_the_innermost_thing_first() {
        let mut view = View { screen: Screen::Matrix, ..View::default() };
        story(&mut view, &[Command::Open, Command::Help, Command::Back], &running());
        assert!(view.cursor.open && view.overlay == Overlay::Nothing);
        update(&mut view, Command::Back, &running());
        assert!(!view.cursor.open);
    }
}
