//! Whether to colour, decided once from the flag, the environment and the terminal.
//!
//! Precedence: `--color` > `NO_COLOR` (non-empty) > `CLICOLOR_FORCE` > `CLICOLOR=0` > `TERM=dumb` > terminal.

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// On a terminal, unless the environment says otherwise
    #[default]
    Auto,
    /// In any case
    Always,
    /// Not at all
    Never,
}

/// What the environment says; plain values, so that tests need no environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `NO_COLOR`.
    pub no_color: Option<String>,
    /// `CLICOLOR_FORCE`.
    pub clicolor_force: Option<String>,
    /// `CLICOLOR`.
    pub clicolor: Option<String>,
    /// `TERM`.
    pub term: Option<String>,
    /// `CI`.
    pub ci: Option<String>,
}

impl Environment {
    /// Reads the process environment.
    pub fn read() -> Self {
        let read = |name| std::env::var(name).ok();
        Self {
            no_color: read("NO_COLOR"),
            clicolor_force: read("CLICOLOR_FORCE"),
            clicolor: read("CLICOLOR"),
            term: read("TERM"),
            ci: read("CI"),
        }
    }

    /// True where the terminal understands no cursor movement.
    pub fn dumb(&self) -> bool {
        self.term.as_deref() == Some("dumb")
    }
}

/// Is output coloured?
pub fn wanted(when: When, environment: &Environment, terminal: bool) -> bool {
    let set = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if set(&environment.no_color) => false,
        When::Auto if set(&environment.clicolor_force) => environment.clicolor_force.as_deref() != Some("0"),
        When::Auto if environment.clicolor.as_deref() == Some("0") => false,
        When::Auto => terminal && !environment.dumb(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Environment {
        let mut environment = Environment::default();
        let value = Some(value.to_owned());
        match name {
            "NO_COLOR" => environment.no_color = value,
            "CLICOLOR_FORCE" => environment.clicolor_force = value,
            "CLICOLOR" => environment.clicolor = value,
            _ => environment.term = value,
        }
        environment
    }

    #[test]
    fn the_flag_beats_the_environment() {
        assert!(wanted(When::Always, &with("NO_COLOR", "1"), false));
        assert!(!wanted(When::Never, &with("CLICOLOR_FORCE", "1"), true));
    }

    #[test]
    fn no_color_beats_force_and_counts_only_when_non_empty() {
        let mut both = with("NO_COLOR", "1");
        both.clicolor_force = Some("1".into());
        assert!(!wanted(When::Auto, &both, true));
        assert!(wanted(When::Auto, &with("NO_COLOR", ""), true));
    }

    #[test]
    fn force_reaches_a_pipe_and_zero_or_dumb_silences_a_terminal() {
        assert!(wanted(When::Auto, &with("CLICOLOR_FORCE", "1"), false));
        assert!(!wanted(When::Auto, &with("CLICOLOR", "0"), true));
        assert!(!wanted(When::Auto, &with("TERM", "dumb"), true));
        assert!(!wanted(When::Auto, &Environment::default(), false));
        assert!(wanted(When::Auto, &Environment::default(), true));
    }
}
