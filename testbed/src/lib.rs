//! An architecture file becomes running hosts and wires, with a door for attackers and a book for judges.
//!
//! ```text
//!  architecture   TOML → a topology that cannot express a dangling name
//!  graph, schema  an architecture drawn; what its files and drawings look like, for other programs
//!  pki            the run's authorities and certificates: in memory, short-lived, constrained
//!  launch         addresses → certificates → plans → nodes;  out come Footholds and Ledger
//!  machine        can a launch find addresses here at all?
//!  files          what lies on hosts: keys and sockets, with owners and modes
//!  engine         real programs in a proxy's place: their configuration, the child, its end
//!  node           what runs a process: OS threads with a runtime each, and their clocks
//!  services       identity, compute, queue: the OpenStack stand-ins     (connect: how they dial)
//!  workload       honest users: open-loop schedules, operations, latencies
//!  fabric         segments: crossings, taps, rings, rules, relays
//!  canary         planted values and the matcher that finds them as bytes pass
//!  capture        flows in memory, and as pcapng that tshark reads without a mark
//!  keylog, opener the run's TLS secrets, and captured records opened with them
//!  foothold       the only door for attack code: capabilities, never addresses
//!  ledger         the judge's side: ground truth, captures, clocks, the services' own state
//!  up             one architecture kept up for outside clients
//! ```
//!
//! Nothing here attacks or judges, and no architecture is known by name.

pub mod architecture;
pub mod canary;
pub mod capture;
pub mod connect;
pub mod custody;
pub mod engine;
pub mod fabric;
pub mod files;
pub mod foothold;
pub mod graph;
pub mod keylog;
pub mod launch;
pub mod ledger;
pub mod machine;
pub mod node;
pub mod opener;
pub mod pki;
pub mod private;
pub mod schema;
pub mod services;
pub mod up;
pub mod vocabulary;
pub mod workload;

pub use proxies::neighbour::{Helper, NotAChild, obey_parent};
