//! The hidden command of the child a run starts: it takes no word at all.

/// Two, like every command's; both do nothing by hand.
pub const EXAMPLES: &str = "\
Examples:
  testbed neighbour
  testbed neighbour --quiet";
