//! The topology of an architecture as a picture or as data: one pure model, four renderings.
//!
//! ```text
//! Architecture ─ declared.rs ─ Graph ─┬── text.rs     boxes for a terminal of 80 columns
//!                                     ├── mermaid.rs  a flowchart for Markdown
//!                                     ├── dot.rs      a digraph for Graphviz
//!                                     └── serde       JSON, described by `schema::graph`
//! ```
//!
//! It says what a file declares; what a run sees on its links is not drawn here. It reads and writes nothing.

mod declared;
mod dot;
mod mermaid;
mod model;
mod text;
mod words;

pub use model::{Graph, Host, Link, Over, Process, Protection, Segment, Tls};
pub use text::Characters;

impl Graph {
    /// Boxes for a terminal of 80 columns.
    pub fn text(&self, characters: Characters) -> String {
        text::render(self, characters)
    }

    /// A Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        mermaid::render(self)
    }

    /// A Graphviz digraph.
    pub fn dot(&self) -> String {
        dot::render(self)
    }

    /// JSON, as [`crate::schema::graph`] describes it.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }
}
