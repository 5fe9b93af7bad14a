//! Exit codes of the process and the one error type that reaches `main`.
//!
//! It does not print: [`crate::output`] does.

use std::{fmt, process::ExitCode};

/// Why the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As expected.
    Expected,
    /// Something failed at run time.
    Runtime,
    /// A wrong command line or an invalid file.
    Usage,
    /// A verdict deviates from its expectation.
    Deviation,
    /// A threshold was missed.
    Threshold,
    /// The measurement is invalid.
    Invalid,
    /// Interrupted; what was finished is written and marked.
    Interrupted,
}

impl Exit {
    /// The number the process returns.
    pub const fn code(self) -> u8 {
        match self {
            Self::Expected => 0,
            Self::Runtime => 1,
            Self::Usage => 2,
            Self::Deviation => 3,
            Self::Threshold => 4,
            Self::Invalid => 5,
            Self::Interrupted => 130,
        }
    }

    /// The reason behind a code of `RunEnded`; a code nobody documented is a run-time error.
    pub const fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Expected,
            2 => Self::Usage,
            3 => Self::Deviation,
            4 => Self::Threshold,
            5 => Self::Invalid,
            130 => Self::Interrupted,
            _ => Self::Runtime,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A failure as a person should read it: what is wrong, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code it leads to.
    pub exit: Exit,
    /// What is wrong, naming the subject.
    pub what: String,
    /// The next step, if one is known.
    pub help: Option<String>,
}

impl Failure {
    /// A run-time error.
    pub fn runtime(what: impl Into<String>) -> Self {
        Self { exit: Exit::Runtime, what: what.into(), help: None }
    }

    /// A wrong command line or an invalid file.
    pub fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, what: what.into(), help: None }
    }

    /// Both, one after the other; a run-time error outranks a wrong file.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let exit = if other.exit == Exit::Runtime { other.exit } else { self.exit };
        Self { exit, what: format!("{}\n{other}", self.text()), help: None }
    }

    /// The same failure with a next step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn text(&self) -> String {
        match &self.help {
            Some(help) => format!("{}\n help: {help}", self.what),
            None => self.what.clone(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.text())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_survives_the_round_trip() {
        for code in [0, 1, 2, 3, 4, 5, 130] {
            assert_eq!(Exit::of_code(code).code(), code);
        }
        assert_eq!(Exit::of_code(77), Exit::Runtime, "an unknown code is an error, not a success");
    }

    #[test]
    fn two_failures_are_both_shown_and_the_worse_decides() {
        let both = Failure::usage("wrong").help("do this").and(&Failure::runtime("gone").help("do that"));
        assert_eq!(both.to_string(), "error: wrong\n help: do this\nerror: gone\n help: do that");
        assert_eq!(both.exit, Exit::Runtime);
    }

    #[test]
    fn a_failure_says_what_and_what_next() {
        let failure = Failure::usage("no architecture named `plaintxt`").help("did you mean `plaintext`?");
        assert_eq!(
            failure.to_string(),
            "error: no architecture named `plaintxt`\n help: did you mean `plaintext`?"
        );
    }
}
