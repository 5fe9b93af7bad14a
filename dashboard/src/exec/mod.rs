//! Runs one command to its end: passes signals on, waits for it, says how it ended.
//!
//! It knows nothing of clouds. One thread does it all, so no signal can reach a process that took the number
//! of a command that had ended.

mod stage;

use std::{
    io,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus},
};

use rustix::process::{Pid, Signal as Number, getpgrp, kill_process};
use signal_hook::consts::{SIGINT, SIGQUIT, SIGTERM};

pub use self::stage::Stage;
use crate::{
    exit::Failure,
    signals::{Signal, Signals},
};

/// What a shell says of a command that a signal ended: this, and the number of the signal.
const BY_SIGNAL: i32 = 128;

/// Starts the command and waits until it ended; `signals` must report children. Returns its exit code.
///
/// A signal that came before the start counts: nothing is started then. A second SIGTERM kills.
pub fn run(mut command: Command, signals: &Signals) -> Result<u8, Failure> {
    while let Some(signal) = signals.next() {
        if let Some(number) = number(signal) {
            return Ok(code(BY_SIGNAL + number));
        }
    }
    let mut child = command.spawn().map_err(|error| {
        Failure::runtime(format!("cannot start {}: {error}", command.get_program().display()))
    })?;
    let mut asked = false;
    loop {
        let signal = signals.wait();
        if let Some(status) = child.try_wait().map_err(|error| lost(&error))? {
            return Ok(status_code(status));
        }
        match signal.map(number) {
            Some(None) => {}
            Some(Some(SIGINT | SIGQUIT)) if in_foreground() => {}
            Some(Some(SIGTERM)) if asked => child.kill().map_err(|error| lost(&error))?,
            Some(Some(number)) => {
                asked |= number == SIGTERM;
                pass_on(&child, number).map_err(|error| lost(&error))?;
            }
            None => return child.wait().map(status_code).map_err(|error| lost(&error)),
        }
    }
}

/// The number of a signal that ends processes.
fn number(signal: Signal) -> Option<i32> {
    match signal {
        Signal::Interrupt => Some(SIGINT),
        Signal::End(number) => Some(number),
        Signal::Suspend | Signal::Continue | Signal::Child => None,
    }
}

/// What keys send, the terminal sends to the whole foreground group, the command included.
fn in_foreground() -> bool {
    let terminal = std::fs::File::open("/dev/tty");
    terminal.is_ok_and(|terminal| rustix::termios::tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp()))
}

/// Not reaped yet, so the number is still the child's.
fn pass_on(child: &Child, number: i32) -> io::Result<()> {
    match Number::from_named_raw(number) {
        Some(signal) => Ok(kill_process(Pid::from_child(child), signal)?),
        None => Ok(()),
    }
}

fn lost(error: &io::Error) -> Failure {
    Failure::runtime(format!("the command got out of hand: {error}"))
}

fn status_code(status: ExitStatus) -> u8 {
    code(status.code().unwrap_or_else(|| BY_SIGNAL + status.signal().unwrap_or_default()))
}

fn code(number: i32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
