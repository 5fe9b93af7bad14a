//! One pane a file, each `draw(scene, area, buffer)`. Panes read, they never change anything.

pub mod ask;
pub mod chart;
pub mod cost;
pub mod detail;
pub mod evidence;
pub mod figures;
pub mod footer;
pub mod header;
pub mod help;
pub mod latency;
pub mod links;
pub mod map;
pub mod matrix;
pub mod small;
pub mod strip;
pub mod throughput;
pub mod topology;
