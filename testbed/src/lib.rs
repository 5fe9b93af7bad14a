//! An architecture file becomes running hosts and wires.

pub mod architecture;
pub mod canary;
pub mod connect;
pub mod foothold;
pub mod keylog;
pub mod opener;
pub mod vocabulary;
