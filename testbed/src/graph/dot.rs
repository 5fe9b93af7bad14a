//! A Graphviz digraph: hosts are clusters, processes are nodes, links are arrows with their protection.
//!
//! Bold arrows are TLS, dashed ones clear, dotted ones stay within a host; each says so in words.

use std::fmt::Write;

use super::{
    model::{Graph, Host, Over, Protection},
    words::Arrow,
};

pub(super) fn render(graph: &Graph) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&graph.architecture));
    let segments =
        graph.segments.iter().map(|segment| format!("{} ({} domain)", segment.name, segment.domain));
    let title = format!("{}: {}", graph.architecture, graph.title);
    let lines: Vec<String> = [title, format!("segments: {}", segments.collect::<Vec<_>>().join(", "))].into();
    let _ = writeln!(text, "  label={};", quoted(&lines.join("\n")));
    text += "  rankdir=LR;\n  compound=true;\n  node [shape=box];\n";
    for host in graph.outermost() {
        draw(graph, host, 1, &mut text);
    }
    for Arrow { link, .. } in graph.arrows() {
        let style = match (&link.protection, link.over) {
            (Protection::Tls(_), _) => "bold",
            (Protection::PassThrough, _) => "solid",
            (Protection::Clear, Over::Segment) => "dashed",
            (Protection::Clear, _) => "dotted",
        };
        let over = link.segment.as_ref().map(|segment| format!("{segment}: ")).unwrap_or_default();
        let label = quoted(&format!("{over}{}", link.words()));
        let _ = writeln!(
            text,
            "  {} -> {} [label={label}, style={style}];",
            quoted(&link.from),
            quoted(&link.to)
        );
    }
    text + "}\n"
}

fn draw(graph: &Graph, host: &Host, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let _ = writeln!(text, "{indent}subgraph {} {{", quoted(&format!("cluster_{}", host.name)));
    let label = format!("{} ({})", host.name, host.segments.join(", "));
    let _ = writeln!(text, "{indent}  label={};", quoted(&label));
    if host.processes.is_empty() {
        // A cluster without a node is not drawn.
        let _ = writeln!(text, "{indent}  {} [label=\"\", shape=point];", quoted(&host.name));
    }
    for process in &host.processes {
        let node = quoted(&format!("{}/{}", host.name, process.name));
        let label = format!("{}\n{}", process.name, process.words());
        let _ = writeln!(text, "{indent}  {node} [label={}];", quoted(&label));
    }
    for guest in graph.guests(&host.name) {
        draw(graph, guest, depth + 1, text);
    }
    let _ = writeln!(text, "{indent}}}");
}

/// A quoted string of the language, in which `\n` is a line break of a label.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted += "\\\"",
            '\\' => quoted += "\\\\",
            '\n' => quoted += "\\n",
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_string() {
        assert_eq!(quoted("a \"b\" \\ c\nd\u{7}"), r#""a \"b\" \\ c\nd ""#);
    }
}
