//! Pure readings of a snapshot that several faces share: what a matrix cell says, what a link shows, what a
//! flood cost. No drawing and no I/O.

pub mod cost;
pub mod curves;
pub mod goodput;
pub mod lanes;
pub mod mask;
pub mod matrix;
pub mod numbers;
pub mod said;
