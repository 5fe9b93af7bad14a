//! The terminal's state as a value: dropping [`Guard`] gives the terminal back as it was.
//!
//! [`restore`] does the same from any thread: the panic hook and the second ending signal call it. It does
//! nothing when the dashboard does not own the terminal.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crossterm::{
    cursor::{Hide, Show},
    event::{self, DisableBracketedPaste, EnableBracketedPaste},
    execute,
    terminal::{
        EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
    },
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// True while the dashboard owns the terminal.
static OWNED: AtomicBool = AtomicBool::new(false);

/// Owns the terminal while it lives.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Raw mode, alternate screen, no cursor.
    pub fn enter() -> io::Result<Self> {
        let guard = Self(());
        guard.again()?;
        Ok(guard)
    }

    /// Takes the terminal again, whatever a shell did to it meanwhile, and forgets keys typed into the shell.
    pub fn again(&self) -> io::Result<()> {
        OWNED.store(true, Ordering::SeqCst);
        // The mode remembered by `enable_raw_mode` would make a second call do nothing.
        disable_raw_mode()?;
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        while waiting()? {
            event::read()?;
        }
        Ok(())
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Is there an event to read?
pub fn waiting() -> io::Result<bool> {
    wait(Duration::ZERO)?;
    event::poll(Duration::ZERO)
}

/// Gives the terminal back. Errors have nowhere to go: the terminal may be gone.
pub fn restore() {
    if OWNED.swap(false, Ordering::SeqCst) {
        let _ =
            execute!(io::stdout(), EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Waits for a key, `longest` at most. A terminal that hung up is an error here; the terminal library would
/// read it again and again without ever coming back.
pub fn wait(longest: Duration) -> io::Result<()> {
    let longest = Timespec::try_from(longest).map_err(io::Error::other)?;
    let stdin = io::stdin();
    let mut keyboard = [PollFd::new(&stdin, PollFlags::IN)];
    match poll(&mut keyboard, Some(&longest)) {
        // A signal; the loop looks for those anyway.
        Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) if keyboard[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
            Err(io::Error::new(io::ErrorKind::NotConnected, "the terminal hung up"))
        }
        Ok(_) => Ok(()),
    }
}

/// Does the dashboard own the terminal?
pub fn owned() -> bool {
    OWNED.load(Ordering::SeqCst)
}
