//! The terminal's state as a value: dropping [`Guard`] gives the terminal back as it was.
//!
//! [`restore`] does the same from any thread: the panic hook and the second ending signal call it. It does
//! nothing when the dashboard does not own the terminal.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use crossterm::{
    cursor::{Hide, Show},
    event::{self, DisableBracketedPaste, EnableBracketedPaste},
    execute,
    terminal::{
        EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
    },
};

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
        while event::poll(std::time::Duration::ZERO)? {
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

/// Gives the terminal back. Errors have nowhere to go: the terminal may be gone.
pub fn restore() {
    if OWNED.swap(false, Ordering::SeqCst) {
        let _ =
            execute!(io::stdout(), EndSynchronizedUpdate, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// Does the dashboard own the terminal?
pub fn owned() -> bool {
    OWNED.load(Ordering::SeqCst)
}
