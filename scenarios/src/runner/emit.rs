//! The one place where facts leave the runner: stamped, remembered, logged, and sent to whoever looks.

use std::sync::mpsc::Sender;

use serde::Serialize;
use tokio::time::Instant;

use super::RunError;
use crate::{
    event::{Event, Stamped},
    run_dir::{EventLog, RunDir, RunDirError},
    verdict::Finding,
};

/// Sends facts.
pub(super) struct Emitter {
    started: Instant,
    events: Vec<Stamped>,
    sender: Sender<Stamped>,
    log: Option<EventLog>,
    failed: Option<RunDirError>,
}

impl Emitter {
    pub(super) fn new(sender: Sender<Stamped>, directory: Option<&RunDir>) -> Result<Self, RunDirError> {
        let log = directory.map(RunDir::event_log).transpose()?;
        Ok(Self { started: Instant::now(), events: Vec::new(), sender, log, failed: None })
    }

    /// What all times of the run count from.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// Milliseconds since the run started.
    pub(super) fn now_ms(&self) -> u64 {
        self.ms(Instant::now())
    }

    /// An instant as run milliseconds.
    pub(super) fn ms(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.started).as_millis() as u64
    }

    /// A fact of this moment.
    pub(super) fn send(&mut self, event: Event) {
        let stamped = self.record(event);
        // A face that left does not end the run.
        let _ = self.sender.send(stamped);
    }

    fn record(&mut self, event: Event) -> Stamped {
        let stamped = Stamped { at_ms: self.now_ms(), event };
        if let Some(Err(error)) = self.log.as_mut().map(|log| log.append(&stamped)) {
            // The run goes on; the first failure to write is what the user is told at the end.
            self.failed.get_or_insert(error);
        }
        self.events.push(stamped.clone());
        stamped
    }

    /// A setting, for `run.json`.
    pub(super) fn config(&mut self, name: &str, value: &impl Serialize) {
        match serde_json::to_value(value) {
            Ok(value) => self.send(Event::Config { name: name.to_owned(), value }),
            Err(error) => self.send(Event::Note { text: format!("{name} cannot be recorded: {error}") }),
        }
    }

    /// Everything sent so far.
    pub(super) fn events(&self) -> &[Stamped] {
        &self.events
    }

    /// The last fact: recorded, then `write` makes files of the whole stream, and only then everyone hears of
    /// the end. If something could not be written, they hear that instead.
    pub(super) fn end(
        mut self,
        exit_code: u8,
        interrupted: bool,
        write: impl FnOnce(&[Stamped]) -> Result<(), RunError>,
    ) {
        let last = self.record(Event::RunEnded { exit_code, interrupted });
        let logged = match (self.failed.take(), self.log.take()) {
            (Some(error), _) => Err(error.into()),
            (None, Some(log)) => log.finish().map(drop).map_err(RunError::from),
            (None, None) => Ok(()),
        };
        let written = write(&self.events);
        // A face that left needs no end.
        let _ = match logged.and(written) {
            Ok(()) => self.sender.send(last),
            Err(error) => {
                let text = format!("error: {error}");
                let _ = self.sender.send(Stamped { at_ms: last.at_ms, event: Event::Note { text } });
                let exit_code = worse(exit_code);
                self.sender.send(Stamped { event: Event::RunEnded { exit_code, interrupted }, ..last })
            }
        };
    }
}

/// The exit code of a run whose files are missing: an interruption stays one, all else is a run-time error.
fn worse(exit_code: u8) -> u8 {
    if exit_code == Finding::Interrupted.code() { exit_code } else { Finding::RuntimeError.code() }
}
