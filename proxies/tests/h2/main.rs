//! The HTTP/2 front, seen by a client that writes its frames by hand, over memory and paused time.
#![allow(clippy::unwrap_used)]

mod client;
mod street;
mod table;
