//! `neighbour`: the child that is another user, and how a run starts it: this program, with that one word.
//!
//! Started by hand it prints why it does nothing. It ends when its parent hangs up.

use testbed::Helper;

use crate::exit::{Exit, Failure};

/// The command's name.
const NAME: &str = "neighbour";

/// This program as the child; `None` where it does not know its own file.
pub fn helper() -> Option<Helper> {
    let program = std::env::current_exe().ok()?;
    Some(Helper { program, args: vec![NAME.into()], env: Vec::new() })
}

pub(super) fn neighbour() -> Result<Exit, Failure> {
    testbed::obey_parent().map_err(|why| Failure::usage(why.to_string()))?;
    Ok(Exit::Expected)
}
