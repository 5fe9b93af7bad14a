//! The headless front: progress lines on stderr while the run goes on. It folds the same events as the screen.

pub mod progress;

use std::{
    sync::{Arc, mpsc::RecvTimeoutError},
    time::Duration,
};

use scenarios::snapshot::Snapshot;
use tokio::time::Instant;

use crate::{
    cli::global::Global,
    ended::{Cost, Ended, GRACE},
    engine::Session,
    exit::Failure,
    output,
    signals::{self, Scope, Signal},
};

/// How often signals are looked for while no event comes: a fifth of what a stop may take.
const LOOK: Duration = Duration::from_millis(50);

/// Shows a run to its end. The first ending signal stops the run, which then ends in its own order.
pub fn run(session: &Session, global: &Global) -> Result<Ended, Failure> {
    let signals = signals::listen(Scope::Ending)?;
    let mut snapshot = Snapshot::default();
    let mut stopped: Option<Instant> = None;
    let mut signal = None;
    loop {
        match session.events.recv_timeout(LOOK) {
            Ok(event) => {
                snapshot.apply(&event);
                if !global.quiet
                    && let Some(line) = progress::line(&event, &snapshot, global.verbose > 0)
                {
                    output::progress(&line);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Some(came) = signals.next() {
            session.controls.stop();
            stopped.get_or_insert_with(Instant::now);
            if let Signal::End(number) = came {
                signal = Some(number);
            }
        }
        if stopped.is_some_and(|at| at.elapsed() > GRACE) {
            break;
        }
    }
    Ok(Ended {
        snapshot: Arc::new(snapshot),
        stopped: stopped.is_some(),
        signal,
        last_screen: None,
        cost: Cost::default(),
    })
}
