//! What a face hands back when it is done, and the exit code that follows from it.

use std::{sync::Arc, time::Duration};

use scenarios::snapshot::Snapshot;

use crate::{
    exit::{Exit, Failure},
    signals,
};

/// How long a run may take to write what is finished after it was asked to stop. The engine promises one
/// second; the second one is for a busy machine.
pub const GRACE: Duration = Duration::from_secs(2);

/// What drawing cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Frames drawn.
    pub frames: u64,
    /// Time spent drawing and writing them.
    pub drawing: Duration,
}

/// The end of a face.
#[derive(Debug)]
pub struct Ended {
    /// The last state of the run.
    pub snapshot: Arc<Snapshot>,
    /// Did someone ask it to stop?
    pub stopped: bool,
    /// The signal that ended it, to die by.
    pub signal: Option<i32>,
    /// The last screen as text, when it is to be kept.
    pub last_screen: Option<String>,
    /// What drawing cost.
    pub cost: Cost,
}

impl Ended {
    /// The exit code; dies by the signal that ended the face, if one did.
    pub fn settle(&self) -> Result<Exit, Failure> {
        if let Some(signal) = self.signal {
            signals::die(signal)?;
        }
        match self.snapshot.ended {
            Some(code) => Ok(Exit::of_code(code)),
            None if self.stopped => Ok(Exit::Interrupted),
            None => Err(Failure::runtime("the run broke off before its end")
                .help("what was finished until then is in its directory")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: Option<u8>, stopped: bool) -> Ended {
        let snapshot = Arc::new(Snapshot { ended: code, ..Snapshot::default() });
        Ended { snapshot, stopped, signal: None, last_screen: None, cost: Cost::default() }
    }

    #[test]
    fn the_run_decides_unless_it_never_came_to_an_end() {
        assert_eq!(ended(Some(3), false).settle(), Ok(Exit::Deviation));
        assert_eq!(ended(None, true).settle(), Ok(Exit::Interrupted));
        assert_eq!(ended(None, false).settle().map_err(|failure| failure.exit), Err(Exit::Runtime));
    }
}
