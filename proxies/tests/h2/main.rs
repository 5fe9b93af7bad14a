//! The HTTP/2 front, seen by a client that writes its frames by hand, over memory and paused time.
#![allow(clippy::unwrap_used)]

mod bodies;
mod client;
mod curl;
mod desync;
mod floods;
mod fuzz;
mod limits;
mod service;
mod street;
#[path = "../support/mod.rs"]
mod support;
mod table;
