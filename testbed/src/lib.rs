//! An architecture file becomes running hosts and wires.

pub mod architecture;
pub mod capture;
pub mod connect;
pub mod fabric;
pub mod foothold;
pub mod node;
pub mod pki;
pub mod vocabulary;
