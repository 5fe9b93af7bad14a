//! A Mermaid flowchart: hosts are subgraphs, processes are nodes, links are arrows with their protection.
//!
//! Thick arrows are TLS, thin ones clear, dotted ones stay within a host or pass TLS on; each says so in words.

use std::fmt::Write;

use super::{
    model::{Graph, Host, Over, Protection},
    words::Arrow,
};

pub(super) fn render(graph: &Graph) -> String {
    let mut text = format!("flowchart LR\n  %% {}: {}\n", graph.architecture, comment(&graph.title));
    for segment in &graph.segments {
        let _ = writeln!(text, "  %% segment {} ({} domain)", segment.name, segment.domain);
    }
    for host in graph.outermost() {
        draw(graph, host, 1, &mut text);
    }
    for Arrow { link, .. } in graph.arrows() {
        let arrow = match (&link.protection, link.over) {
            (Protection::Tls(_), _) => "==>",
            (Protection::Clear, Over::Segment) => "-->",
            (Protection::PassThrough | Protection::Clear, _) => "-.->",
        };
        let over = link.segment.as_ref().map(|segment| format!("{segment}: ")).unwrap_or_default();
        let label = escaped(&format!("{over}{}", link.words()));
        let _ = writeln!(text, "  {} {arrow}|\"{label}\"| {}", id(&link.from), id(&link.to));
    }
    text
}

fn draw(graph: &Graph, host: &Host, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let label = escaped(&format!("{} ({})", host.name, host.segments.join(", ")));
    if host.processes.is_empty() && graph.guests(&host.name).next().is_none() {
        // An empty subgraph is not drawn everywhere.
        let _ = writeln!(text, "{indent}{}[\"{label}\"]", id(&host.name));
        return;
    }
    let _ = writeln!(text, "{indent}subgraph {}[\"{label}\"]", id(&host.name));
    for process in &host.processes {
        let node = id(&format!("{}/{}", host.name, process.name));
        let label = escaped(&format!("{}: {}", process.name, process.words()));
        let _ = writeln!(text, "{indent}  {node}[\"{label}\"]");
    }
    for guest in graph.guests(&host.name) {
        draw(graph, guest, depth + 1, text);
    }
    let _ = writeln!(text, "{indent}end");
}

/// `end` alone would be a keyword, hence the prefix, and two hyphens an arrow. Two names never share an id:
/// no name has an underscore or a capital.
fn id(label: &str) -> String {
    format!("n_{}", label.replace('-', "_").replace('/', "_P_"))
}

fn escaped(text: &str) -> String {
    comment(text).replace('#', "#35;").replace('"', "#quot;")
}

fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
