//! The one place where facts leave the runner: stamped, remembered, logged, and sent to whoever looks.

use std::sync::mpsc::Sender;

use serde::Serialize;
use tokio::time::Instant;

use crate::{
    event::{Event, Stamped},
    run_dir::{EventLog, RunDir, RunDirError},
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
        let stamped = Stamped { at_ms: self.now_ms(), event };
        if let Some(Err(error)) = self.log.as_mut().map(|log| log.append(&stamped)) {
            // The run goes on; the first failure to write is what the user is told at the end.
            self.failed.get_or_insert(error);
        }
        // A face that left does not end the run.
        let _ = self.sender.send(stamped.clone());
        self.events.push(stamped);
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

    /// Closes the log; the whole stream comes back, and the sender: dropping it tells everyone that all is
    /// written.
    pub(super) fn finish(mut self) -> Result<(Vec<Stamped>, Sender<Stamped>), RunDirError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if let Some(log) = self.log.take() {
            log.finish()?;
        }
        Ok((self.events, self.sender))
    }
}
