//! Drives the real dashboard with a scripted run, for the terminal tests and for a look by hand:
//! `cargo run -p dashboard --example scripted -- attacked`.
//!
//! Scripts: `finished`, `attacked`, with `breaks` (the engine thread panics), `fragile` (skipping panics in the
//! drawing thread) or `stubborn` (stopping does nothing). `--replay` plays the script as a recorded run; `--headless`,
//! `--ascii` and `--mono` as one would expect.

#[path = "../tests/support/script.rs"]
mod script;

use std::{
    process::ExitCode,
    sync::{
        Arc, Mutex,
        mpsc::{self, Sender},
    },
    thread,
};

use dashboard::{
    cli::global::Global,
    colour::{Environment, When, wanted},
    engine::{Controls, Session},
    headless,
    tui::{self, glyphs::Charset, theme::ThemeName},
};
use scenarios::{
    event::{Event, Stamped},
    recording::Recording,
};

/// Ends the script as an engine ends a run.
struct Scripted {
    events: Mutex<Option<Sender<Stamped>>>,
    fragile: bool,
    stubborn: bool,
}

impl Controls for Scripted {
    fn pause(&self, _: bool) {}
    fn skip(&self) {
        assert!(!self.fragile, "asked to skip a fragile script");
    }
    fn stop_attack(&self) {}
    fn stop(&self) {
        if self.stubborn {
            return;
        }
        if let Ok(mut events) = self.events.lock()
            && let Some(events) = events.take()
        {
            let event = Event::RunEnded { exit_code: 130, interrupted: true };
            // The dashboard may have left already.
            let _ = events.send(Stamped { at_ms: 60_000, event });
        }
    }
}

/// As `testbed replay` shows a record.
fn replay(recording: Recording, options: tui::Options) -> ExitCode {
    let ended = tui::replay(recording, options).and_then(|ended| match ended.signal {
        Some(signal) => dashboard::signals::die(signal),
        None => Ok(()),
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit.into()
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |word: &str| arguments.iter().any(|argument| argument == word);
    let (send, events) = mpsc::channel();
    let script = if asked("finished") { script::finished() } else { script::attacked() };
    for event in script {
        let _ = send.send(event);
    }
    let mut kept = Some(send);
    if asked("finished") {
        kept = None;
    }
    if asked("breaks") {
        let events = kept.take();
        let _ = thread::Builder::new().name("engine".into()).spawn(move || {
            let _until_the_end = events;
            panic!("the engine broke");
        });
    }
    let controls = Arc::new(Scripted {
        events: Mutex::new(kept),
        fragile: asked("fragile"),
        stubborn: asked("stubborn"),
    });
    let options = tui::Options {
        theme: if asked("--mono") { ThemeName::Mono } else { ThemeName::Dark },
        coloured: wanted(When::Auto, &Environment::read(), true),
        charset: if asked("--ascii") { Charset::Ascii } else { Charset::Unicode },
    };
    if asked("--replay") {
        let events = events.try_iter().collect();
        return replay(Recording { path: "script".into(), events, warnings: Vec::new() }, options);
    }
    let session = Session { events, controls };
    let ended = if asked("--headless") {
        headless::run(&session, &Global::default())
    } else {
        tui::run(session, options)
    };
    let ended = ended.and_then(|ended| {
        if let Some(screen) = &ended.last_screen {
            dashboard::output::result(screen)?;
        }
        ended.settle()
    });
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("{failure}");
            failure.exit.into()
        }
    }
}
