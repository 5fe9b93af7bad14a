//! What runs processes.
pub mod thread;
