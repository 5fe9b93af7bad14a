//! The loop: signals, newest snapshot, keys, effects, drawing. Everything it decides is decided in
//! [`super::update`] and [`super::render`]; this file only does the I/O around them.

use std::{
    io::{self, Stdout},
    sync::Arc,
};

use crossterm::{
    event::{self, Event},
    execute,
    terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate},
};
use ratatui::{Terminal, backend::CrosstermBackend, buffer::Buffer, layout::Rect};
use scenarios::snapshot::Snapshot;
use tokio::time::Instant;

use super::{
    Options,
    command::Command,
    keys, panics,
    render::render,
    source::Source,
    terminal::{self, Guard},
    theme::Theme,
    update::{Effect, update},
    view::{Life, Overlay, View},
};
use crate::{
    ended::{Cost, Ended, GRACE},
    engine::Controls,
    exit::Failure,
    feed::FRAME,
    model::said::said,
    player::Move,
    signals::{self, Signal, Signals},
};

/// What the loop owns.
struct App<'a> {
    source: Source,
    signals: &'a Signals,
    options: Options,
    guard: Guard,
    terminal: Terminal<CrosstermBackend<Stdout>>,
    view: View,
    newest: Arc<Snapshot>,
    /// What is drawn: the newest snapshot, or the one the display was frozen at.
    shown: Arc<Snapshot>,
    dirty: bool,
    panics: usize,
    stopped: Option<Instant>,
    signal: Option<i32>,
    cost: Cost,
}

/// Why the loop ends.
#[derive(PartialEq, Eq)]
enum Leave {
    /// In order: what the run still writes is waited for.
    Orderly,
    /// At once.
    Now,
}

/// Shows a run until the user leaves.
pub(super) fn show(source: Source, signals: &Signals, options: Options) -> Result<Ended, Failure> {
    let failed = |error: io::Error| Failure::runtime(format!("cannot draw on the terminal: {error}"));
    let guard = Guard::enter().map_err(failed)?;
    let terminal = Terminal::new(CrosstermBackend::new(io::stdout())).map_err(failed)?;
    let replay = source.position();
    let view = View { theme: options.theme, charset: options.charset, replay, ..View::default() };
    let mut app = App {
        source,
        signals,
        options,
        guard,
        terminal,
        view,
        newest: Arc::default(),
        shown: Arc::default(),
        dirty: true,
        panics: 0,
        stopped: None,
        signal: None,
        cost: Cost::default(),
    };
    match app.run() {
        Ok(leave) => app.finish(&leave).map_err(failed),
        // A terminal that went away says so by signal as well: that one tells how to end.
        Err(error) => match app.take_signals() {
            Ok(Some(leave)) if app.signal.is_some() => app.finish(&leave).map_err(failed),
            _ => Err(failed(error)),
        },
    }
}

impl App<'_> {
    fn run(&mut self) -> io::Result<Leave> {
        loop {
            if let Some(leave) = self.take_signals()? {
                return Ok(leave);
            }
            if let Some(leave) = self.take_news() {
                return Ok(leave);
            }
            if self.dirty {
                self.draw()?;
            }
            // One wait per frame, then everything that was typed.
            terminal::wait(FRAME)?;
            while terminal::waiting()? {
                if let Some(leave) = self.take_event(&event::read()?)? {
                    return Ok(leave);
                }
            }
        }
    }

    fn take_signals(&mut self) -> io::Result<Option<Leave>> {
        while let Some(signal) = self.signals.next() {
            match signal {
                Signal::Interrupt => {
                    if let Some(leave) = self.command(Command::Interrupt)? {
                        return Ok(Some(leave));
                    }
                }
                Signal::End(number) => {
                    self.signal = Some(number);
                    self.stop();
                    return Ok(Some(Leave::Orderly));
                }
                Signal::Suspend => self.suspend()?,
                Signal::Continue => self.resume()?,
                Signal::Child => {}
            }
        }
        Ok(None)
    }

    fn take_news(&mut self) -> Option<Leave> {
        let closed = self.source.hung_up();
        if let Some(newest) = self.source.newer(&self.newest) {
            self.newest = newest;
        }
        let position = self.source.position();
        if self.view.replay != position {
            self.view.replay = position;
            self.dirty = true;
        }
        if !self.view.frozen && !Arc::ptr_eq(&self.shown, &self.newest) {
            self.shown = Arc::clone(&self.newest);
            self.dirty = true;
        }
        if closed && self.newest.ended.is_none() && matches!(self.view.life, Life::Going | Life::Holding) {
            self.view.life = Life::Broke;
            self.dirty = true;
        }
        if panics::kept() > self.panics {
            self.panics = panics::kept();
            self.view.notice = Some("a part of the program panicked; its message follows on leaving".into());
            self.dirty = true;
        }
        let late = self.stopped.is_some_and(|at| at.elapsed() > GRACE);
        (self.view.life == Life::Stopping && (closed || late)).then_some(Leave::Now)
    }

    fn take_event(&mut self, event: &Event) -> io::Result<Option<Leave>> {
        match event {
            Event::Key(key) if key.is_press() => match keys::translate(*key, &self.view) {
                Some(command) => self.command(command),
                None => Ok(None),
            },
            Event::Resize(..) => {
                self.dirty = true;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn command(&mut self, command: Command) -> io::Result<Option<Leave>> {
        self.dirty = true;
        match update(&mut self.view, command, &self.newest) {
            Effect::None => {}
            Effect::Pause(paused) => self.control(|controls| controls.pause(paused)),
            Effect::Skip => self.control(|controls| controls.skip()),
            Effect::StopAttack => self.control(|controls| controls.stop_attack()),
            Effect::Replay(asked) => self.go(asked),
            Effect::Stop => self.stop(),
            Effect::Suspend => self.suspend()?,
            Effect::Redraw => self.clear()?,
            Effect::Leave if self.view.life == Life::Stopping => return Ok(Some(Leave::Now)),
            Effect::Leave => return Ok(Some(Leave::Orderly)),
        }
        Ok(None)
    }

    fn stop(&mut self) {
        self.view.life = Life::Stopping;
        self.stopped.get_or_insert_with(Instant::now);
        self.control(|controls| controls.stop());
    }

    fn control(&self, change: impl FnOnce(&dyn Controls)) {
        if let Some(controls) = self.source.controls() {
            change(controls);
        }
    }

    /// Moves through a recorded run and says which event it stands at.
    fn go(&mut self, asked: Move) {
        let reveal = self.view.reveal;
        let event = self.source.carry_out(asked).map(|event| said(event, reveal));
        self.view.notice = event.filter(|_| !matches!(asked, Move::Faster | Move::Slower));
    }

    fn suspend(&mut self) -> io::Result<()> {
        terminal::restore();
        signals::suspend().map_err(io::Error::other)?;
        self.resume()
    }

    fn resume(&mut self) -> io::Result<()> {
        self.guard.again()?;
        self.clear()?;
        self.dirty = true;
        Ok(())
    }

    /// Forgets what is on the screen. (`Terminal::clear` would ask the terminal for its cursor, and wait.)
    fn clear(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }

    fn draw(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let theme = Theme::of(self.view.theme, self.options.coloured);
        let (shown, view) = (&self.shown, &self.view);
        let mut end = 0;
        execute!(io::stdout(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| end = render(shown, view, &theme, frame))?;
        execute!(io::stdout(), EndSynchronizedUpdate)?;
        self.view.scroll_end = end;
        self.view.scroll = self.view.scroll.min(end);
        self.dirty = false;
        self.cost.frames += 1;
        self.cost.drawing += began.elapsed();
        Ok(())
    }

    /// Gives the terminal back, then waits for what the run still writes.
    fn finish(mut self, leave: &Leave) -> io::Result<Ended> {
        let last_screen = if self.view.keep { Some(self.last_screen()?) } else { None };
        drop(self.guard);
        if *leave == Leave::Orderly {
            self.source.wait();
        }
        Ok(Ended {
            snapshot: self.source.newer(&self.newest).unwrap_or(self.newest),
            stopped: self.stopped.is_some(),
            signal: self.signal,
            last_screen,
            cost: self.cost,
        })
    }

    /// The screen without question or help, as text.
    fn last_screen(&mut self) -> io::Result<String> {
        let view = View { overlay: Overlay::Nothing, notice: None, ..self.view.clone() };
        let theme = Theme::of(view.theme, false);
        let snapshot = &self.newest;
        let drawn = self.terminal.draw(|frame| {
            render(snapshot, &view, &theme, frame);
        })?;
        Ok(text(drawn.buffer))
    }
}

/// The symbols of a buffer, line by line.
fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width.max(1));
    let rows = buffer.content.chunks(width).map(|row| {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        format!("{}\n", line.trim_end())
    });
    rows.collect()
}
