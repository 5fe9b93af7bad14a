//! The attacks, one a file; `TECHNIQUES.md` shows how to add one.
//!
//! Beside them stand parts they are made of: `overhear` (messages to loot), `plan` and `replay` (which
//! stolen token to use on what, and using it), `peek`, `relay` and `ear` (an impostor's eyes, hands and
//! ears).

mod ear;
pub mod escape;
pub mod flood;
pub mod impostor;
mod overhear;
mod peek;
mod plan;
mod relay;
mod replay;
pub mod scan;
pub mod search_memory;
pub mod sniff;
pub mod sniff_and_replay;

use tokio::task::JoinError;

/// Goes on with a task's panic in the task that owns it; an aborted task has nothing to say.
fn rethrow<T: Default>(end: JoinError) -> T {
    match end.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => T::default(),
    }
}
