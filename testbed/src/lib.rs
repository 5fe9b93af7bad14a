//! An architecture file becomes running hosts and wires.

pub mod architecture;
pub mod connect;
pub mod foothold;
pub mod services;
pub mod vocabulary;
pub mod workload;
