//! Dashboard or headless: decided once, from plain facts.

use crate::colour::Environment;

/// How a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// The terminal dashboard.
    Dashboard,
    /// Progress on stderr, the result on stdout.
    Headless,
}

/// What the terminal says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminals {
    /// Is stdin a terminal?
    pub stdin: bool,
    /// Is stdout a terminal?
    pub stdout: bool,
}

impl Terminals {
    /// Asks the process's own streams.
    pub fn read() -> Self {
        use std::io::IsTerminal;
        Self { stdin: std::io::stdin().is_terminal(), stdout: std::io::stdout().is_terminal() }
    }
}

/// The dashboard needs a real terminal on both sides and nobody who asked for anything else.
pub fn choose(terminals: Terminals, environment: &Environment, plain_asked: bool) -> Face {
    let ci = environment.ci.as_ref().is_some_and(|value| !value.is_empty() && value != "false");
    if terminals.stdin && terminals.stdout && !plain_asked && !ci && !environment.dumb() {
        Face::Dashboard
    } else {
        Face::Headless
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: Terminals = Terminals { stdin: true, stdout: true };

    #[test]
    fn a_terminal_gets_the_dashboard_unless_someone_objects() {
        let quiet = Environment::default();
        assert_eq!(choose(TERMINAL, &quiet, false), Face::Dashboard);
        assert_eq!(choose(TERMINAL, &quiet, true), Face::Headless);
        let ci = Environment { ci: Some("true".into()), ..Environment::default() };
        assert_eq!(choose(TERMINAL, &ci, false), Face::Headless);
        let dumb = Environment { term: Some("dumb".into()), ..Environment::default() };
        assert_eq!(choose(TERMINAL, &dumb, false), Face::Headless);
    }

    #[test]
    fn a_pipe_on_either_side_is_headless() {
        let quiet = Environment::default();
        assert_eq!(choose(Terminals { stdin: false, ..TERMINAL }, &quiet, false), Face::Headless);
        assert_eq!(choose(Terminals { stdout: false, ..TERMINAL }, &quiet, false), Face::Headless);
    }
}
