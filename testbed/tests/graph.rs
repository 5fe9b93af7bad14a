//! Drawings of every shipped architecture, as reviewed; and what holds for any: they fit a terminal, they
//! draw every process and every link, and Mermaid and Graphviz can read them.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

use testbed::{
    architecture::{self, Architecture},
    graph::{Characters, Graph, Over, Protection},
};

/// The shipped ones, and one with everything they may lack.
fn all() -> Vec<Architecture> {
    let shipped = architecture::names().map(|name| architecture::load(name).unwrap());
    let own = architecture::parse("passing_through.toml", include_str!("passing_through.toml")).unwrap();
    shipped.chain([Architecture { name: "passing-through".to_owned(), ..own }]).collect()
}

#[test]
fn drawings_are_as_reviewed() {
    for architecture in all() {
        let (name, graph) = (&architecture.name, Graph::of(&architecture));
        insta::assert_snapshot!(format!("text_{name}"), graph.text(Characters::Unicode));
        insta::assert_snapshot!(format!("mermaid_{name}"), graph.mermaid());
        insta::assert_snapshot!(format!("dot_{name}"), graph.dot());
    }
}

#[test]
fn a_terminal_of_80_columns_is_enough_and_ascii_is_only_ascii() {
    for architecture in all() {
        let graph = Graph::of(&architecture);
        for characters in [Characters::Unicode, Characters::Ascii] {
            let text = graph.text(characters);
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        }
        let (plain, drawn) = (graph.text(Characters::Ascii), graph.text(Characters::Unicode));
        assert!(plain.is_ascii() && !drawn.is_ascii());
        assert_eq!(plain.lines().count(), drawn.lines().count(), "the same drawing in other characters");
    }
}

#[test]
fn names_of_any_length_fit_too() {
    let long = "a".repeat(47);
    let source = include_str!("passing_through.toml");
    let source = ["caller", "balancer", "tls-proxy", "clients", "edge"].iter().enumerate().fold(
        source.to_owned(),
        |source, (at, name)| {
            let longer = format!("{long}{at}");
            source
                .replace(&format!("{name}/"), &format!("{longer}/"))
                .replace(&format!(".{name}"), &format!(".{longer}"))
        },
    );
    let source = source
        .replace("host = \"clients\"", &format!("host = \"{long}3\""))
        .replace(&format!("[identities.{long}0]"), "[identities.caller]")
        .replace(&format!("{long}0.cloud.invalid"), "caller.cloud.invalid");
    let architecture = architecture::parse("long.toml", &source).unwrap_or_else(|wrong| panic!("{wrong}"));
    let text = Graph::of(&architecture).text(Characters::Unicode);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let unbroken: String = text.chars().filter(|c| !c.is_whitespace() && !"│┌┐└┘─".contains(*c)).collect();
    assert!(unbroken.contains(&format!("{long}4/{long}1")), "no name is cut: {text}");
}

#[test]
fn every_process_and_every_link_is_drawn_in_every_form() {
    for architecture in all() {
        let graph = Graph::of(&architecture);
        assert_eq!(graph.links.len(), architecture.dials.len());
        let (mermaid, dot, text) = (graph.mermaid(), graph.dot(), graph.text(Characters::Unicode));
        for link in &graph.links {
            assert!(text.contains(&format!("> {}", link.to)), "{} in {text}", link.to);
            assert!(dot.contains(&format!("\"{}\" -> \"{}\"", link.from, link.to)), "{dot}");
            assert!(mermaid.matches(&link.words()).count() > 0, "{} in {mermaid}", link.words());
        }
        // Dials between the same two processes, protected alike, are one arrow.
        let pairs: BTreeSet<_> =
            graph.links.iter().map(|link| (&link.from, &link.to, link.words(), &link.segment)).collect();
        let arrows = |text: &str, arrow: &str| text.lines().filter(|line| line.contains(arrow)).count();
        assert_eq!(arrows(&dot, " -> "), pairs.len());
        assert_eq!(arrows(&mermaid, ">|\""), pairs.len());
        for link in &graph.links {
            assert!(text.contains(&link.dial), "{} in {text}", link.dial);
        }
        for host in &graph.hosts {
            for drawn in [&mermaid, &dot, &text] {
                assert!(drawn.contains(&host.name), "{} in {drawn}", host.name);
            }
        }
    }
}

#[test]
fn protection_is_what_the_bytes_will_have() {
    let own = all().pop().unwrap();
    let graph = Graph::of(&own);
    let link = |from: &str| graph.links.iter().find(|link| link.from == from).unwrap();

    let caller = link("clients/caller");
    let Protection::Tls(tls) = &caller.protection else { panic!("{caller:?}") };
    assert_eq!(tls.authority.as_deref(), Some("internal"), "of the certificate behind the balancer");
    assert_eq!(tls.client_identity.as_deref(), Some("caller"));
    assert_eq!(caller.words(), "TLS internal, mutual");

    assert_eq!(link("edge/balancer").protection, Protection::PassThrough);
    let socket = link("api/tls-proxy");
    assert_eq!((socket.over, socket.segment.as_ref()), (Over::Unix, None));
    assert_eq!(socket.words(), "Unix socket");

    let weak =
        architecture::load("separate-environments").unwrap().with_weakness("careless-clients").unwrap();
    let words: BTreeSet<String> = Graph::of(&weak)
        .links
        .iter()
        .filter(|link| link.from == "clients/users")
        .map(testbed::graph::Link::words)
        .collect();
    assert_eq!(words, BTreeSet::from(["TLS public, unverified".to_owned()]));
}

/// The part of the flowchart grammar that is used, line by line: no browser is at hand to ask.
#[test]
fn mermaid_is_well_formed() {
    let quoted = |text: &str| {
        let inner = text.strip_prefix("[\"").and_then(|rest| rest.strip_suffix("\"]"));
        inner.is_some_and(|inner| !inner.contains(['"', '[', ']']) && !inner.is_empty())
    };
    let id =
        |text: &str| text.starts_with("n_") && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    for architecture in all() {
        let text = Graph::of(&architecture).mermaid();
        let mut lines = text.lines().map(str::trim);
        assert_eq!(lines.next(), Some("flowchart LR"));
        let (mut known, mut open) = (BTreeSet::new(), 0);
        for line in lines {
            if line.starts_with("%% ") {
                continue;
            }
            if line == "end" {
                open -= 1;
                assert!(open >= 0, "{text}");
            } else if let Some((from, to)) = line.split_once(">|\"") {
                let (from, arrow) = from.split_once(' ').unwrap();
                let (label, to) = to.split_once("\"| ").unwrap();
                assert!(["==", "--", "-.-"].contains(&arrow) && !label.contains('"'), "{line}");
                assert!(known.contains(from) && known.contains(to), "{line}: drawn before it is known");
            } else {
                let node = line.strip_prefix("subgraph ");
                open += i32::from(node.is_some());
                let at = node.unwrap_or(line).find('[').unwrap_or_else(|| panic!("{line}"));
                let (name, label) = node.unwrap_or(line).split_at(at);
                assert!(id(name) && quoted(label), "{line}");
                assert!(known.insert(name.to_owned()), "{line}: twice");
            }
        }
        assert_eq!(open, 0, "{text}");
    }
}

/// Braces match outside of strings, strings end on their line; and Graphviz agrees, where it is installed.
#[test]
fn dot_is_well_formed() {
    let mut asked = 0;
    for architecture in all() {
        let text = Graph::of(&architecture).dot();
        let mut depth = 0;
        for line in text.lines() {
            let bare = line.replace("\\\\", "").replace("\\\"", "");
            assert_eq!(bare.matches('"').count() % 2, 0, "{line}");
            let code: String = bare.split('"').step_by(2).collect();
            depth += code.matches('{').count();
            depth -= code.matches('}').count();
            assert!(line.ends_with(['{', '}', ';']), "{line}");
        }
        assert_eq!(depth, 0, "{text}");
        asked += usize::from(graphviz(&text));
    }
    if asked == 0 {
        eprintln!("SKIPPED: no `dot` on this machine, Graphviz was not asked about any drawing");
    }
}

/// False where there is no Graphviz.
fn graphviz(text: &str) -> bool {
    let dot = Command::new("dot").arg("-Tplain").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let Ok(mut dot) = dot else { return false };
    dot.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(dot.wait().unwrap().success(), "{text}");
    true
}
