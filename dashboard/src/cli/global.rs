//! Options every command takes.

use clap::Args;

use crate::{colour::When, tui::theme::ThemeName};

/// Options of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Colour the output
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        global = true,
        env = "TESTBED_COLOR",
        hide_env_values = true
    )]
    pub color: When,
    /// Colours of the dashboard
    #[arg(
        long,
        value_name = "NAME",
        value_enum,
        default_value_t,
        global = true,
        env = "TESTBED_THEME",
        hide_env_values = true
    )]
    pub theme: ThemeName,
    /// Draw without Unicode
    #[arg(long, global = true, env = "TESTBED_ASCII", hide_env_values = true)]
    pub ascii: bool,
    /// Print results and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more about what is going on
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}
