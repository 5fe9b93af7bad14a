//! Techniques: one attack a file, each acting through a foothold and bringing back loot.
//!
//! ```text
//!   Foothold ──▶ Technique::run ──▶ Loot         (everything, when it ends)
//!                      └──────────▶ LootSink     (item by item, while it runs)
//! ```
//!
//! A technique reads what it caught the way an attacker would: HTTP, JSON, headers. It does not grade
//! itself, knows nothing of what was planted, and keeps nothing between runs. It has no way to a machine
//! but the foothold it was handed. `TECHNIQUES.md` teaches how to write one.
//!
//! Reading order: [`technique`] (the trait and the table), [`loot`] (what comes home), [`parse`] (captured
//! bytes to messages to secrets, pure), [`techniques`] (the attacks).

pub mod attack_ids;
mod call;
mod guide;
pub mod loot;
pub mod parse;
pub mod technique;
pub mod techniques;
