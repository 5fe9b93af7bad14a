//! Real programs in a proxy's place: what they are told, how they are started, and how they end.
//!
//! ```text
//!  NodePlan ─▶ sheet (what is wanted, addresses and files named) ─▶ haproxy · nginx (text, or why not)
//!                                                                        │ written, checked by the program itself
//!                                                                        ▼
//!                              program (found, version) ─▶ running (child: ready, reaped whatever happens)
//! ```
//!
//! Sheets and texts are pure. The child serves registry addresses on loopback, under the user of its process; what it
//! dials on a segment comes in through a door of that segment (`fabric::relay`). It has no key log, no custody record
//! and no counts of ours, and nothing here makes any up. Children end with [`Running::stop`] or when dropped.

pub mod haproxy;
pub mod nginx;
mod program;
pub(crate) mod running;
pub mod sheet;

use std::io;

pub use program::{Installed, installed};
pub use running::Running;

use crate::architecture::Engine;

/// What a program cannot do, in plain words: `nginx compares no names in client certificates`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unable(pub String);

/// Why a program does not stand in a proxy's place.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// It is not installed.
    #[error("{} is not installed: there is no program `{}`", .0.name(), .0.word())]
    Missing(Engine),
    /// It cannot do what the file wants.
    #[error("{process}: {why}")]
    Unable {
        /// `host/process`.
        process: String,
        /// What it cannot.
        why: Unable,
    },
    /// It does not take its configuration; its own words.
    #[error("{process}: {} refuses its configuration: {words}", .engine.name())]
    Refused {
        /// `host/process`.
        process: String,
        /// Which program.
        engine: Engine,
        /// What it said.
        words: String,
    },
    /// It did not come up.
    #[error("{process}: {} does not listen: {words}", .engine.name())]
    NotReady {
        /// `host/process`.
        process: String,
        /// Which program.
        engine: Engine,
        /// What it said, or why nobody knows.
        words: String,
    },
    /// It could not be started.
    #[error("{process}: cannot start {}: {source}", .engine.name())]
    Start {
        /// `host/process`.
        process: String,
        /// Which program.
        engine: Engine,
        /// Why.
        source: io::Error,
    },
}

impl EngineError {
    /// Whoever was to start it is gone.
    pub(crate) fn lost() -> Self {
        let source = io::Error::other("the thread that was to start it is gone");
        Self::Start { process: "a proxy".to_owned(), engine: Engine::default(), source }
    }

    /// Does it say that the question cannot be put here, as opposed to something that went wrong?
    pub fn is_unable(&self) -> bool {
        matches!(self, Self::Missing(_) | Self::Unable { .. } | Self::Refused { .. })
    }
}
