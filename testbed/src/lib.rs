//! An architecture file becomes running hosts and wires.

pub mod architecture;
pub mod canary;
pub mod capture;
pub mod connect;
pub mod fabric;
pub mod foothold;
pub mod keylog;
pub mod launch;
pub mod ledger;
pub mod node;
pub mod opener;
pub mod pki;
pub mod services;
pub mod vocabulary;
pub mod workload;
