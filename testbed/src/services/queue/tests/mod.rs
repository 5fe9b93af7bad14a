//! The queue as its users and its enemies see it, over memory and under paused time.

mod clients;
mod hall;
mod hostile;
mod stories;
