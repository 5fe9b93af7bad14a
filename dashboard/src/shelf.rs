//! Names and files from the command line become architectures and scenarios.

use scenarios::catalog::{self, Scenario};
use testbed::architecture::{self, Architecture};

use crate::exit::Failure;

/// Architectures by name or file; none = every shipped one.
pub fn architectures(wanted: &[String]) -> Result<Vec<Architecture>, Failure> {
    let all: Vec<String> = if wanted.is_empty() || wanted == ["all"] {
        architecture::names().map(str::to_owned).collect()
    } else {
        wanted.to_vec()
    };
    all.iter()
        .map(|name| architecture::load(name).map_err(|error| Failure::usage(error.to_string())))
        .collect()
}

/// Scenarios by id or file; none = every shipped one.
pub fn scenarios(wanted: &[String], skip_floods: bool) -> Result<Vec<Scenario>, Failure> {
    let failed = |error: testbed::architecture::LoadError| Failure::usage(error.to_string());
    let loaded: Vec<Scenario> = if wanted.is_empty() {
        catalog::all().map_err(failed)?
    } else {
        wanted.iter().map(|id| catalog::load(id)).collect::<Result<_, _>>().map_err(failed)?
    };
    Ok(loaded.into_iter().filter(|scenario| !(skip_floods && scenario.technique.is_flood())).collect())
}
