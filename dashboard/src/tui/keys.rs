//! The one table of keys: translation, help overlay and `list keys` all read it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    command::Command,
    view::{Overlay, Screen, View},
};

/// A key and what it asks for.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// The key.
    pub code: KeyCode,
    /// With Ctrl?
    pub ctrl: bool,
    /// What it asks for.
    pub command: Command,
}

const fn key(code: KeyCode, command: Command) -> Binding {
    Binding { code, ctrl: false, command }
}

const fn letter(letter: char, command: Command) -> Binding {
    key(KeyCode::Char(letter), command)
}

const fn ctrl(letter: char, command: Command) -> Binding {
    Binding { code: KeyCode::Char(letter), ctrl: true, command }
}

/// Every key, in the order of the help.
pub const BINDINGS: &[Binding] = &[
    letter('1', Command::Show(Screen::Topology)),
    letter('2', Command::Show(Screen::Matrix)),
    letter('3', Command::Show(Screen::Latency)),
    letter('4', Command::Show(Screen::Throughput)),
    key(KeyCode::Tab, Command::NextScreen),
    key(KeyCode::BackTab, Command::PreviousScreen),
    key(KeyCode::Up, Command::Up),
    letter('k', Command::Up),
    key(KeyCode::Down, Command::Down),
    letter('j', Command::Down),
    key(KeyCode::Left, Command::Left),
    letter('h', Command::Left),
    key(KeyCode::Right, Command::Right),
    letter('l', Command::Right),
    letter('g', Command::First),
    key(KeyCode::Home, Command::First),
    letter('G', Command::Last),
    key(KeyCode::End, Command::Last),
    key(KeyCode::PageUp, Command::PageUp),
    ctrl('u', Command::PageUp),
    key(KeyCode::PageDown, Command::PageDown),
    ctrl('d', Command::PageDown),
    key(KeyCode::Enter, Command::Open),
    key(KeyCode::Esc, Command::Back),
    letter('a', Command::NextArchitecture),
    letter('s', Command::NextScenario),
    letter('b', Command::Attack),
    letter(' ', Command::Pause),
    letter('f', Command::Freeze),
    letter('x', Command::StopAttack),
    letter('X', Command::Skip),
    letter('v', Command::Reveal),
    letter('t', Command::NextTheme),
    letter('?', Command::Help),
    ctrl('l', Command::Redraw),
    ctrl('z', Command::Suspend),
    letter('q', Command::Quit),
    letter('Q', Command::QuitKeeping),
    ctrl('c', Command::Interrupt),
];

/// Keys of a replay; there, they come before the others.
pub const REPLAY: &[Binding] = &[
    letter('[', Command::PreviousEvent),
    letter(']', Command::NextEvent),
    letter('+', Command::Faster),
    letter('-', Command::Slower),
    letter('g', Command::Start),
    letter('G', Command::End),
];

/// What a key asks for in the present mode.
pub fn translate(event: KeyEvent, view: &View) -> Option<Command> {
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    if matches!(view.overlay, Overlay::Asking { .. }) && !ctrl {
        return match event.code {
            KeyCode::Char('y' | 'Y' | 'q' | 'Q') | KeyCode::Enter => Some(Command::Confirm),
            KeyCode::Char('n' | 'N') | KeyCode::Esc => Some(Command::Back),
            _ => None,
        };
    }
    // The help is a list: there, `g` and `G` move in it.
    let replay: &[Binding] =
        if view.replay.is_some() && view.overlay == Overlay::Nothing { REPLAY } else { &[] };
    let mut bindings = replay.iter().chain(BINDINGS);
    let bound = bindings.find(|binding| binding.code == event.code && binding.ctrl == ctrl)?.command;
    match bound {
        Command::Quit if view.overlay == Overlay::Help => Some(Command::Back),
        other => Some(other),
    }
}

/// Keys and what they do, one line a command.
pub fn help() -> Vec<(String, &'static str)> {
    let mut lines: Vec<(String, &'static str)> = Vec::new();
    for binding in BINDINGS.iter().chain(REPLAY) {
        let Some(what) = binding.command.help() else { continue };
        let label = label(binding);
        match lines.iter_mut().find(|(_, known)| *known == what) {
            Some((keys, _)) => {
                keys.push(' ');
                keys.push_str(&label);
            }
            None => lines.push((label, what)),
        }
    }
    lines
}

/// How a key is written.
fn label(binding: &Binding) -> String {
    let name = match binding.code {
        KeyCode::Char(' ') => "Space".into(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::BackTab => "Shift-Tab".into(),
        KeyCode::PageUp => "PgUp".into(),
        KeyCode::PageDown => "PgDn".into(),
        other => format!("{other:?}"),
    };
    if binding.ctrl { format!("ctrl-{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::player::Position;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn no_key_asks_for_two_things() {
        let mut seen = HashSet::new();
        for bindings in [BINDINGS, REPLAY] {
            seen.clear();
            for binding in bindings {
                assert!(seen.insert((binding.code, binding.ctrl)), "{} twice", label(binding));
            }
        }
    }

    #[test]
    fn every_key_of_the_table_is_in_the_help() {
        let shown: Vec<String> = help()
            .iter()
            .flat_map(|(keys, _)| keys.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        for binding in BINDINGS.iter().chain(REPLAY) {
            assert!(shown.contains(&label(binding)), "{} missing", label(binding));
        }
        assert_eq!(shown.len(), BINDINGS.len() + REPLAY.len());
    }

    #[test]
    fn a_question_takes_its_answers_and_ctrl_c_still_works() {
        let asking = View { overlay: Overlay::Asking { keep: false }, ..View::default() };
        assert_eq!(translate(press(KeyCode::Char('x'), KeyModifiers::NONE), &asking), None);
        assert_eq!(translate(press(KeyCode::Char('y'), KeyModifiers::NONE), &asking), Some(Command::Confirm));
        assert_eq!(translate(press(KeyCode::Esc, KeyModifiers::NONE), &asking), Some(Command::Back));
        assert_eq!(
            translate(press(KeyCode::Char('c'), KeyModifiers::CONTROL), &asking),
            Some(Command::Interrupt)
        );
    }

    #[test]
    fn a_replay_has_its_own_keys_and_a_run_does_not() {
        let replay = View { replay: Some(Position::default()), ..View::default() };
        let help = View { overlay: Overlay::Help, ..replay.clone() };
        let key = press(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(translate(key, &replay), Some(Command::End));
        assert_eq!(translate(key, &help), Some(Command::Last));
        assert_eq!(
            translate(press(KeyCode::Char(']'), KeyModifiers::NONE), &replay),
            Some(Command::NextEvent)
        );
        assert_eq!(translate(press(KeyCode::Char(']'), KeyModifiers::NONE), &View::default()), None);
    }

    #[test]
    fn capital_letters_arrive_with_shift_set() {
        let press = press(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(translate(press, &View::default()), Some(Command::Last));
    }
}
