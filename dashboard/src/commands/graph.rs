//! `graph`: one architecture, drawn.

use testbed::graph::{Characters, Graph};

use crate::{
    cli::{
        global::Global,
        graph::{self, Format},
    },
    exit::{Exit, Failure},
    output, shelf,
};

pub(super) fn graph(global: &Global, options: &graph::Graph) -> Result<Exit, Failure> {
    let graph = Graph::of(&shelf::architecture(&options.architecture)?);
    let drawn = match options.format {
        Format::Text if !global.ascii => graph.text(Characters::Unicode),
        Format::Text | Format::Ascii => graph.text(Characters::Ascii),
        Format::Mermaid => graph.mermaid(),
        Format::Dot => graph.dot(),
        Format::Json => graph.json().map_err(|error| Failure::runtime(error.to_string()))?,
    };
    output::result(&drawn)?;
    Ok(Exit::Expected)
}
