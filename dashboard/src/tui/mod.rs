//! The terminal dashboard.
//!
//! ```text
//! keys ── keys.rs ── Command ── update.rs ── View ┐
//! engine ── feed.rs ──┐                           │
//! events ── player.rs ┴ source.rs ── Snapshot ────┴── render.rs ── panes/ ── terminal
//! ```
//!
//! One thread draws, at most [`crate::feed::PER_SECOND`] times a second and only when something changed. The
//! feed and signal threads are described in their modules; the engine's threads belong to the engine.

pub mod command;
pub mod glyphs;
pub mod keys;
pub mod paint;
pub mod panes;
pub mod panics;
pub mod render;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;

mod app;
mod source;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use glyphs::Charset;
use scenarios::recording::Recording;
use source::Source;
use theme::ThemeName;

use crate::{
    cli::global::Global,
    ended::{Ended, GRACE},
    engine::{Controls, Session},
    exit::Failure,
    feed::Feed,
    output,
    player::Player,
    signals::{self, Scope},
};

/// How the dashboard looks at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The theme.
    pub theme: ThemeName,
    /// Are colours wanted at all?
    pub coloured: bool,
    /// Characters.
    pub charset: Charset,
}

impl Options {
    /// The options of a command line.
    pub fn of(global: &Global, coloured: bool) -> Self {
        Self {
            theme: global.theme,
            coloured,
            charset: if global.ascii { Charset::Ascii } else { Charset::Unicode },
        }
    }
}

/// Shows a run until the user leaves. The terminal is restored however this ends.
pub fn run(session: Session, options: Options) -> Result<Ended, Failure> {
    let controls = session.controls;
    let feed = Feed::start(session.events)?;
    let source = Source::Live { feed: feed.clone(), controls: Arc::clone(&controls) };
    show(source, options).map_err(|failure| stopped(&*controls, &feed, failure))
}

/// Plays a recorded run until the user leaves. The terminal is restored however this ends.
pub fn replay(recording: Recording, options: Options) -> Result<Ended, Failure> {
    show(Source::recorded(Player::of(recording.events)), options)
}

fn show(source: Source, options: Options) -> Result<Ended, Failure> {
    let signals = signals::listen(Scope::Screen)?;
    panics::watch();
    // `NO_COLOR` silences the terminal library by itself; the decision was made before.
    crossterm::style::force_color_output(options.coloured);
    let live = source.controls().is_some();
    let shown = catch_unwind(AssertUnwindSafe(|| app::show(source, &signals, options)));
    terminal::restore();
    for message in panics::take() {
        output::progress(&message);
    }
    shown.unwrap_or_else(|_| {
        let consequence = if live { ", so the run was stopped" } else { "" };
        Err(Failure::runtime(format!("the dashboard failed{consequence}"))
            .help("`--no-tui` goes without a dashboard"))
    })
}

/// Stops a run that nobody can watch any more, and lets it write what is finished.
fn stopped(controls: &dyn Controls, rest: &Feed, failure: Failure) -> Failure {
    controls.stop();
    rest.wait_closed(GRACE);
    failure
}
