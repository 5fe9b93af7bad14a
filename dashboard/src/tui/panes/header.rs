//! Three rows on top of every screen: the run, the tabs, the running step.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, widgets::Widget};
use scenarios::event::ValidityFlag;
use testbed::vocabulary::Phase;

use crate::{
    exit::Exit,
    headless::progress::flag_word,
    model::numbers::clock,
    player::Position,
    tui::{
        paint::{Scene, row, word},
        view::{Life, Screen},
    },
};

/// Rows it takes.
pub const HEIGHT: u16 = 3;

/// Draws it.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    row(&run(scene), 0, area, buffer);
    right(&state(scene), 0, area, buffer);
    row(&tabs(scene), 1, area, buffer);
    right(&flags(scene), 1, area, buffer);
    row(&step(scene, area.width), 2, area, buffer);
}

/// Draws a line against the right edge, over what is there.
fn right(line: &Line<'_>, at: u16, area: Rect, buffer: &mut Buffer) {
    let width = (line.width() as u16).min(area.width);
    if at < area.height {
        line.render(Rect { x: area.right() - width, y: area.y + at, width, height: 1 }, buffer);
    }
}

fn run(scene: &Scene<'_>) -> Line<'static> {
    let mut words = vec![word(" testbed", scene.theme.accent)];
    if let Some(run) = &scene.snapshot.run {
        let said = format!("  seed {}  profile {}", run.seed, run.profile);
        words.push(word(said, scene.theme.dim));
    }
    Line::from(words)
}

/// `RUNNING 00:17  step 12/33`.
pub(super) fn state(scene: &Scene<'_>) -> Line<'static> {
    let (snapshot, view, theme) = (scene.snapshot, scene.view, scene.theme);
    if let Some(replay) = &view.replay {
        return position(scene, replay);
    }
    let (said, style): (String, Style) = match snapshot.ended {
        Some(_) if snapshot.interrupted => ("INTERRUPTED".into(), theme.unsure),
        Some(code) => done(Exit::of_code(code), scene),
        None if view.life == Life::Broke => ("BROKE OFF".into(), theme.bad),
        None if view.life == Life::Stopping => ("STOPPING".into(), theme.unsure),
        None if snapshot.run.is_none() => ("STARTING".into(), theme.dim),
        None if view.life == Life::Holding => ("HOLDING".into(), theme.unsure),
        None => ("RUNNING".into(), theme.title),
    };
    let mut words = vec![word(format!(" {said}"), style)];
    if let Some(run) = &snapshot.run {
        words.push(word(format!(" {}", clock(snapshot.now_ms)), theme.text));
        words.push(word(format!("  step {}/{} ", snapshot.steps_done, run.steps), theme.dim));
    }
    Line::from(words)
}

/// `REPLAY PAUSED 00:17/02:34 x2  event 512/2041`.
fn position(scene: &Scene<'_>, replay: &Position) -> Line<'static> {
    let theme = scene.theme;
    let said = match (replay.playing, replay.at_end()) {
        (true, _) => "PLAYING",
        (false, true) => "AT END",
        (false, false) => "PAUSED",
    };
    let (now, end) = (clock(replay.now_ms), clock(replay.end_ms));
    Line::from(vec![
        word(format!(" REPLAY {said}"), theme.accent),
        word(format!(" {now}/{end} {}", replay.speed()), theme.text),
        word(format!("  event {}/{} ", replay.events, replay.of), theme.dim),
    ])
}

fn done(exit: Exit, scene: &Scene<'_>) -> (String, Style) {
    let theme = scene.theme;
    match exit {
        Exit::Expected => ("DONE, as expected".into(), theme.good),
        Exit::Deviation => ("DONE, verdicts deviate".into(), theme.unsure),
        Exit::Threshold => ("DONE, threshold missed".into(), theme.unsure),
        Exit::Invalid => ("DONE, measurement invalid".into(), theme.unsure),
        Exit::Interrupted => ("INTERRUPTED".into(), theme.unsure),
        Exit::Runtime | Exit::Usage => ("FAILED".into(), theme.bad),
    }
}

fn tabs(scene: &Scene<'_>) -> Line<'static> {
    let mut words = Vec::new();
    for (at, screen) in Screen::ALL.iter().enumerate() {
        let label = format!(" {} {} ", at + 1, screen.title());
        let shown = *screen == scene.view.screen;
        words.push(word(label, if shown { scene.theme.selected } else { scene.theme.dim }));
    }
    Line::from(words)
}

fn flags(scene: &Scene<'_>) -> Line<'static> {
    let (snapshot, view, theme) = (scene.snapshot, scene.view, scene.theme);
    let mut words = Vec::new();
    let mut flag = |set: bool, said: &str, style: Style| {
        if set {
            words.push(word(format!(" {said} "), style));
        }
    };
    let invalid: Vec<_> = [ValidityFlag::Exposure, ValidityFlag::Performance]
        .into_iter()
        .filter(|cleared| !snapshot.valid(*cleared))
        .map(flag_word)
        .collect();
    flag(!invalid.is_empty(), &format!("INVALID: {}", invalid.join(", ")), theme.bad);
    flag(view.frozen, "FROZEN", theme.unsure);
    flag(view.reveal, "SECRETS SHOWN", theme.unsure);
    flag(true, "? help", theme.dim);
    Line::from(words)
}

/// `proxy-in-front > management-sniff > ATTACK   attacker: management-sniffer  T1040`.
pub(super) fn step(scene: &Scene<'_>, width: u16) -> Line<'static> {
    let (snapshot, theme) = (scene.snapshot, scene.theme);
    let Some(step) = &snapshot.current else {
        if let (Some(code), Some(_)) = (snapshot.ended, &scene.view.replay) {
            let (said, style) = done(Exit::of_code(code), scene);
            return Line::from(word(format!(" {said}"), style));
        }
        let said = if snapshot.ended.is_some() { " nothing runs any more" } else { " between two steps" };
        return Line::from(word(if snapshot.run.is_some() { said } else { "" }, theme.faint));
    };
    let arrow = scene.glyphs.running;
    let mut words = vec![
        word(format!(" {} {arrow} ", step.architecture), theme.title),
        word(step.scenario.clone(), theme.accent),
        word(format!(" {arrow} "), theme.title),
    ];
    words.push(match step.phase {
        None => word("launching", theme.dim),
        Some(Phase::Attack) => word(" ATTACK ", theme.attack),
        Some(phase) => word(phase.word(), theme.text),
    });
    let infos = snapshot.run.iter().flat_map(|run| &run.scenarios);
    let mut line = Line::from(words);
    if let Some(info) = infos.into_iter().find(|info| info.id == step.scenario) {
        // What does not fit in full is left out: half a technique id is a wrong one.
        for said in [format!("   attacker: {}", info.vantage), format!("  {}", info.attack_ids.join(" "))] {
            if line.width() + said.len() <= usize::from(width) {
                line.push_span(word(said, theme.dim));
            }
        }
    }
    line
}
