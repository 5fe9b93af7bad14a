//! Every screen as text, from the scripted comparison. Colours are checked by a digest per theme.
#![allow(clippy::unwrap_used)]

#[path = "support/script.rs"]
mod script;

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use dashboard::player::{Move, Player};
use dashboard::tui::{
    glyphs::Charset,
    render::render,
    theme::{Theme, ThemeName},
    view::{Cursor, Curves, Life, Overlay, Screen, View},
};
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
};
use scenarios::{
    event::{Event, Stamped},
    snapshot::Snapshot,
};

/// Draws a state and returns the cells.
fn draw(snapshot: &Snapshot, view: &View, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let theme = Theme::of(view.theme, true);
    terminal
        .draw(|frame| {
            render(snapshot, view, &theme, frame);
        })
        .unwrap();
    terminal.backend().buffer().clone()
}

/// The symbols of a screen, line by line.
fn text(events: &[Stamped], view: &View, size: (u16, u16)) -> String {
    shown(&Snapshot::of(events), view, size)
}

/// As above, of a state that is drawn often.
fn shown(snapshot: &Snapshot, view: &View, size: (u16, u16)) -> String {
    let buffer = draw(snapshot, view, size);
    let rows = buffer.content.chunks(usize::from(size.0));
    rows.map(|row| row.iter().map(Cell::symbol).collect::<String>().trim_end().to_owned() + "\n").collect()
}

fn on(screen: Screen) -> View {
    View { screen, ..View::default() }
}

/// Where the cursor of the evidence tests stands: `management-sniff` on `plaintext`.
const BROKEN: Cursor = Cursor { row: 3, column: 0, open: true };
/// `flood-handshake` on `proxy-in-front`.
const FLOODED: Cursor = Cursor { row: 15, column: 2, open: true };
/// `edge-root` on `proxy-in-front`: nothing of it is in a capture.
const IN_HOST: Cursor = Cursor { row: 11, column: 2, open: true };

#[test]
fn every_screen_at_every_size() {
    for (state, events) in [("attacked", script::attacked()), ("finished", script::finished())] {
        let snapshot = Snapshot::of(&events);
        for screen in Screen::ALL {
            for size in [(80, 24), (120, 40), (200, 60), (40, 10)] {
                let name = format!("{}_{state}_{}x{}", screen.title().to_lowercase(), size.0, size.1);
                insta::assert_snapshot!(name, shown(&snapshot, &on(*screen), size));
            }
        }
    }
}

#[test]
fn latency_of_one_scenario_under_attack_with_one_architecture_picked() {
    let curves = Curves { attack: true, scenario: Some("flood-handshake".into()) };
    let view = View { curves, pinned: Some("mutual-tls".into()), ..on(Screen::Latency) };
    insta::assert_snapshot!("latency_flooded", text(&script::finished(), &view, (80, 24)));
}

#[test]
fn the_busiest_topology_fits_by_folding_and_scrolls_to_its_end() {
    let snapshot = Snapshot::of(&script::finished());
    let busiest = View { pinned: Some("over-load-balancer".into()), ..View::default() };
    for size in [(80, 24), (120, 40), (200, 60), (40, 10)] {
        insta::assert_snapshot!(format!("busiest_{}x{}", size.0, size.1), shown(&snapshot, &busiest, size));
    }
    let busiest = View { scroll: 2, ..busiest };
    assert!(shown(&snapshot, &busiest, (80, 24)).contains("inside a host"), "the last line is reached");
}

#[test]
fn every_architecture_is_in_sight_or_reached_by_the_cursor() {
    let snapshot = Snapshot::of(&script::finished());
    let screen = shown(&snapshot, &on(Screen::Matrix), (80, 24));
    let line = screen.lines().find(|line| line.contains("public-in-path-c")).unwrap();
    assert_eq!(line.matches("BROKE").count(), 8, "{screen}");
    let narrow = View { cursor: Cursor { column: 7, ..Cursor::default() }, ..on(Screen::Matrix) };
    insta::assert_snapshot!("matrix_narrow_last", shown(&snapshot, &narrow, (40, 16)));
}

#[test]
fn a_replay_says_where_it_is() {
    let mut player = Player::of(script::finished());
    player.advance(Duration::from_millis(12_345));
    player.carry_out(Move::PlayPause);
    player.carry_out(Move::Faster);
    let view = View { replay: Some(player.position()), ..View::default() };
    insta::assert_snapshot!("replay_paused", shown(&player.snapshot(), &view, (80, 24)));
    player.carry_out(Move::End);
    let view = View { replay: Some(player.position()), ..on(Screen::Matrix) };
    let ended = shown(&player.snapshot(), &view, (80, 24));
    let head: Vec<&str> = ended.lines().take(3).collect();
    assert!(head[0].contains("REPLAY AT END") && head[2].contains("DONE, verdicts deviate"), "{head:?}");
}

#[test]
fn every_state_of_a_run() {
    let states = [
        ("empty", Vec::new()),
        ("begun", script::begun()),
        ("interrupted", script::interrupted()),
        ("invalid", script::invalid()),
    ];
    for (state, events) in states {
        for screen in Screen::ALL {
            let name = format!("{}_{state}", screen.title().to_lowercase());
            insta::assert_snapshot!(name, text(&events, &on(*screen), (80, 24)));
        }
    }
}

#[test]
fn the_evidence_of_a_cell_in_full() {
    let events = script::finished();
    for (name, cursor) in
        [("evidence_broken", BROKEN), ("evidence_flooded", FLOODED), ("evidence_in_host", IN_HOST)]
    {
        let view = View { cursor, ..on(Screen::Matrix) };
        insta::assert_snapshot!(name, text(&events, &view, (80, 24)));
    }
}

#[test]
fn overlays_lie_over_the_screen() {
    let events = script::attacked();
    let help = View { overlay: Overlay::Help, ..View::default() };
    insta::assert_snapshot!("help", text(&events, &help, (80, 48)));
    let asking = View { overlay: Overlay::Asking { keep: false }, ..View::default() };
    insta::assert_snapshot!("asking", text(&events, &asking, (80, 24)));
}

#[test]
fn the_stop_key_says_how_long_attack_traffic_took_to_end() {
    let mut events = script::attacked();
    let asked = Snapshot::of(&events).now_ms;
    let view = View {
        stop_asked: Some(asked),
        notice: Some("asked attack traffic to stop".into()),
        ..View::default()
    };
    let last_line = |events: &[Stamped]| text(events, &view, (80, 24)).lines().last().map(str::to_owned);
    assert_eq!(last_line(&events).unwrap(), " asked attack traffic to stop");
    let stopped = Event::AttackStopped {
        architecture: "plaintext".into(),
        scenario: "public-sniff".into(),
        requested_ms: asked + 1,
    };
    events.push(Stamped { at_ms: asked + 15, event: stopped });
    assert_eq!(last_line(&events).unwrap(), " attack traffic ended 14 ms after it was asked to");
}

#[test]
fn ascii_draws_with_ascii_only() {
    for events in [script::attacked(), script::finished()] {
        let snapshot = Snapshot::of(&events);
        for screen in Screen::ALL {
            for size in [(80, 24), (200, 60)] {
                let drawn = shown(&snapshot, &View { charset: Charset::Ascii, ..on(*screen) }, size);
                let foreign: Vec<char> = drawn.chars().filter(|c| !c.is_ascii()).collect();
                assert!(foreign.is_empty(), "{screen:?} at {size:?} draws {foreign:?}");
            }
        }
    }
    let view = View { charset: Charset::Ascii, ..View::default() };
    insta::assert_snapshot!("topology_ascii", text(&script::attacked(), &view, (120, 40)));
}

#[test]
fn secrets_are_masked_until_someone_asks() {
    let secret = "gAAAAABqTESTq8YtVx2mJp0cWl9sKd4Rf7Hu1Zb6Ne3Go5Ai";
    let snapshot = Snapshot::of(&script::finished());
    for screen in Screen::ALL {
        for cursor in [Cursor::default(), BROKEN] {
            let masked = shown(&snapshot, &View { cursor, ..on(*screen) }, (200, 60));
            assert!(!masked.contains(&secret[..12]), "{screen:?} shows a secret");
        }
    }
    let revealed = View { cursor: BROKEN, reveal: true, ..on(Screen::Matrix) };
    assert!(shown(&snapshot, &revealed, (200, 60)).contains(secret));
}

#[test]
fn clear_and_encrypted_links_differ_by_shape_and_word_in_every_theme() {
    let snapshot = Snapshot::of(&script::attacked());
    for theme in ThemeName::ALL {
        let drawn = shown(&snapshot, &View { theme: *theme, ..View::default() }, (80, 24));
        let line = |from: &str| drawn.lines().find(|line| line.contains(from)).unwrap().to_owned();
        assert!(line("client/users").contains("══ TLS ══"), "{theme:?}");
        assert!(line("api-1/identity ").contains("- CLEAR -"), "{theme:?}");
    }
}

#[test]
fn what_the_run_is_asked_is_said_in_the_header() {
    let events = script::attacked();
    for (life, word) in [
        (Life::Going, "RUNNING"),
        (Life::Holding, "HOLDING"),
        (Life::Stopping, "STOPPING"),
        (Life::Broke, "BROKE OFF"),
    ] {
        let drawn = text(&events, &View { life, ..View::default() }, (80, 24));
        assert!(drawn.lines().next().unwrap().contains(word), "{word}");
    }
    assert!(text(&events, &View { frozen: true, ..View::default() }, (80, 24)).contains("FROZEN"));
}

#[test]
fn no_size_panics() {
    let states = [Snapshot::default(), Snapshot::of(&script::attacked()), Snapshot::of(&script::invalid())];
    let widths = [1, 2, 3, 5, 8, 13, 20, 23, 24, 25, 40, 57, 58, 59, 60, 61, 79, 80];
    let sizes = widths.iter().flat_map(|width| [1, 2, 4, 5, 9, 15, 16, 24].map(|height| (*width, height)));
    let sizes: Vec<_> =
        sizes.chain([(0, 0), (1, 200), (149, 29), (150, 30), (151, 200), (500, 1), (500, 200)]).collect();
    for snapshot in &states {
        for screen in Screen::ALL {
            // What lies over a screen is drawn alike over each of them.
            let over = [Overlay::Nothing, Overlay::Help, Overlay::Asking { keep: true }];
            for overlay in over.into_iter().take(if *screen == Screen::Topology { 3 } else { 1 }) {
                let cursor = Cursor { row: 99, column: 99, open: false };
                let view = View { overlay, cursor, scroll: 999, ..on(*screen) };
                for size in &sizes {
                    draw(snapshot, &view, *size);
                }
            }
            let view = View { cursor: BROKEN, ..on(*screen) };
            for size in &sizes {
                draw(snapshot, &view, *size);
            }
        }
    }
}

#[test]
fn each_theme_has_its_styles() {
    let snapshot = Snapshot::of(&script::finished());
    let mut digest = String::new();
    for theme in ThemeName::ALL {
        let mut styles: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let buffer = draw(&snapshot, &View { theme: *theme, ..on(Screen::Matrix) }, (120, 40));
        for cell in &buffer.content {
            let style = format!("{:?} on {:?} {:?}", cell.fg, cell.bg, cell.modifier);
            let (count, sample) = styles.entry(style).or_default();
            *count += 1;
            if sample.len() < 12 && !cell.symbol().trim().is_empty() {
                sample.push_str(cell.symbol());
            }
        }
        writeln!(digest, "{}", theme.word()).unwrap();
        for (style, (count, sample)) in styles {
            writeln!(digest, "  {count:5} {style}  {sample}").unwrap();
        }
    }
    insta::assert_snapshot!("themes", digest);
}
