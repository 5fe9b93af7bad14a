//! Signals as values. The first ending signal is handed to whoever listens; the second ends the process at
//! once, with the terminal restored. While a command runs, all of them are handed over: they are meant for it.
//!
//! One thread waits for signals and lives as long as the process. When nobody listens any more, it lets each
//! signal do what it does by default.

use std::{
    sync::mpsc::{self, Receiver, Sender},
    thread,
};

use signal_hook::{
    consts::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP},
    iterator::Signals as Source,
    low_level,
};

use crate::{ended::GRACE, exit::Failure, tui::terminal};

/// Which signals are listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that end a process.
    Ending,
    /// Those, and stopping and going on: for a face that owns the screen.
    Screen,
    /// Those that end a process, and the news that a child changed: for who runs a command.
    Command,
}

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: what Ctrl-C means.
    Interrupt,
    /// SIGTERM, SIGHUP or SIGQUIT, with its number to die by.
    End(i32),
    /// SIGTSTP: what Ctrl-Z means.
    Suspend,
    /// SIGCONT.
    Continue,
    /// SIGCHLD: some child ended or stopped.
    Child,
}

/// The receiving side.
pub struct Signals(Receiver<Signal>);

impl Signals {
    /// The next signal, if one arrived.
    pub fn next(&self) -> Option<Signal> {
        self.0.try_recv().ok()
    }

    /// Waits for a signal; `None` when none can come any more.
    pub fn wait(&self) -> Option<Signal> {
        self.0.recv().ok()
    }
}

/// Starts listening.
pub fn listen(scope: Scope) -> Result<Signals, Failure> {
    let failed = |error| Failure::runtime(format!("cannot listen for signals: {error}"));
    let numbers: &[i32] = match scope {
        Scope::Ending => &[SIGINT, SIGTERM, SIGHUP, SIGQUIT],
        Scope::Command => &[SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD],
        Scope::Screen => &[SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT],
    };
    let source = Source::new(numbers).map_err(failed)?;
    let (send, receive) = mpsc::channel();
    let forward = move || forward(source, scope, &send);
    thread::Builder::new().name("signals".into()).spawn(forward).map_err(failed)?;
    Ok(Signals(receive))
}

/// Does what `signal` does by default: for the ending ones, this does not return.
pub fn die(signal: i32) -> Result<(), Failure> {
    low_level::emulate_default_handler(signal)
        .map_err(|error| Failure::runtime(format!("cannot end by signal {signal}: {error}")))
}

/// Stops the process as Ctrl-Z would; returns when it goes on.
pub fn suspend() -> Result<(), Failure> {
    die(SIGTSTP)
}

fn forward(mut source: Source, scope: Scope, send: &Sender<Signal>) {
    let mut ending = false;
    for number in source.forever() {
        let signal = match number {
            SIGINT => Signal::Interrupt,
            SIGTSTP => Signal::Suspend,
            SIGCONT => Signal::Continue,
            SIGCHLD => Signal::Child,
            other => Signal::End(other),
        };
        let ends = matches!(signal, Signal::Interrupt | Signal::End(_));
        // A closing terminal and its shell both send SIGHUP: that is one wish, not an impatient one.
        let impatient = ending && ends && number != SIGHUP && scope != Scope::Command;
        if impatient || send.send(signal).is_err() {
            end_now(number);
        }
        if !ending && scope == Scope::Screen && matches!(signal, Signal::End(_)) {
            last_resort(number);
        }
        ending |= ends;
    }
}

fn end_now(number: i32) {
    terminal::restore();
    let _ = low_level::emulate_default_handler(number);
}

/// A drawing thread may be stuck in a terminal that hung up or was stopped by Ctrl-S: after twice the time an
/// orderly end may take, the process ends without it. The thread ends with the process.
fn last_resort(number: i32) {
    let wait = move || {
        thread::sleep(2 * GRACE);
        end_now(number);
    };
    // Without this thread, the second signal still ends the process.
    let _ = thread::Builder::new().name("last-resort".into()).spawn(wait);
}
