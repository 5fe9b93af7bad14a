//! The command line: one small file per command.
//!
//! No option, variable or value says where an attack goes: architectures and scenarios have names, and a test
//! walks the whole tree to keep it so. `proxy` alone takes addresses, of loopback, and attacks nothing.

pub mod check;
pub mod compare;
pub mod completions;
pub mod doctor;
pub mod global;
pub mod graph;
pub mod init;
pub mod list;
pub mod man;
pub mod proxy;
pub mod replay;
pub mod report;
pub mod run;
pub mod schema;
pub mod up;

use clap::{Parser, Subcommand};

/// Attack TLS architectures and see what each gives away
#[derive(Debug, Parser)]
#[command(name = "testbed", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: global::Global,
    /// What to do; `compare` where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the same scenarios on several architectures
    Compare(compare::Compare),
    /// Run chosen scenarios
    Run(run::Run),
    /// Show a recorded run again
    Replay(replay::Replay),
    /// Render a recorded run
    Report(report::Report),
    /// Name what there is to choose from
    List(list::List),
    /// Check architecture and scenario files
    Check(check::Check),
    /// Keep one architecture up for real clients
    ///
    /// Prints where each service answers (`identity https://localhost:PORT`) and writes `openrc`, and `ca.pem`
    /// where anything public speaks TLS, once everything answered. Only public endpoints take clients from
    /// outside; the internal and admin ones of the catalog are for the run's own services. Secrets are made
    /// for this run, and certificates hold for two days. Ctrl-C or SIGTERM ends it with exit code 0; the files
    /// stay.
    Up(up::Up),
    /// Draw the topology of an architecture
    ///
    /// Segments, hosts with their guests, processes, and what protects each link: TLS and who issued the
    /// certificate that answers, nothing, or never leaving the host. It says what the file declares.
    Graph(graph::Graph),
    /// Print the JSON Schema of a file or a result
    ///
    /// For editors and other programs, in draft 2020-12. A schema sees the shape of a file; `check` sees the rest.
    Schema(schema::Schema),
    /// Write an example architecture and scenario to start from
    ///
    /// Both are commented, pass `check`, and run as they are: `my-cloud.toml` and `my-sniff.toml`.
    Init(init::Init),
    /// Look whether this machine has what runs need
    ///
    /// Each line is ok, a note (something optional is missing) or a problem (nothing runs without it), with the
    /// next step. Ends with 1 where there is a problem, else with 0. Changes nothing.
    Doctor(doctor::Doctor),
    /// Run one proxy by itself, between programs of yours
    ///
    /// The same component that stands in an architecture, for benchmarks and for other people's test suites.
    /// Nothing is tapped, recorded or attacked.
    Proxy(proxy::Proxy),
    /// Print completions for a shell
    Completions(completions::Completions),
    /// Print the manual page, or write one for each command
    Man(man::Man),
    /// Stand for another user of an API host
    ///
    /// A run starts this by itself; by hand it does nothing.
    #[command(hide = true)]
    Neighbour,
}

const EXAMPLES: &str = "\
Without a command: `compare`, as a dashboard on a terminal.
All traffic stays on this machine's loopback; nothing can be aimed elsewhere.

Exit codes:
  0    as expected
  1    something failed at run time, or `doctor` found a problem
  2    wrong command line or invalid file
  3    a verdict deviates from what its scenario expects
  4    a threshold was missed
  5    the measurement is invalid
  130  interrupted; what was finished is written and marked

Examples:
  testbed
  testbed compare --profile tiny --format json";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// Every command of the tree with its path.
    fn tree() -> Vec<(String, clap::Command)> {
        let mut all = Vec::new();
        let mut open = vec![("testbed".to_owned(), Cli::command())];
        while let Some((path, command)) = open.pop() {
            open.extend(
                command.get_subcommands().map(|sub| (format!("{path} {}", sub.get_name()), sub.clone())),
            );
            all.push((path, command));
        }
        all
    }

    #[test]
    fn nothing_on_the_command_line_can_aim_an_attack() {
        let aims = [
            "host",
            "hosts",
            "url",
            "urls",
            "port",
            "ports",
            "address",
            "addresses",
            "target",
            "targets",
            "ip",
        ];
        // It attacks nothing, and takes loopback only: see below.
        for (path, command) in tree().into_iter().filter(|(path, _)| path != "testbed proxy") {
            for argument in command.get_arguments() {
                let said = [
                    Some(argument.get_id().to_string()),
                    argument.get_long().map(str::to_owned),
                    argument.get_help().map(ToString::to_string),
                    argument.get_long_help().map(ToString::to_string),
                    argument.get_env().map(|name| name.to_string_lossy().into_owned()),
                    argument.get_value_names().map(|names| names.join(" ")),
                ];
                for word in said.into_iter().flatten().flat_map(|said| {
                    said.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect::<Vec<_>>()
                }) {
                    assert!(!aims.contains(&word.as_str()), "{path} --{} says `{word}`", argument.get_id());
                }
            }
        }
    }

    #[test]
    fn a_proxy_alone_goes_nowhere_but_to_loopback() {
        let elsewhere =
            ["192.0.2.1:80", "0.0.0.0:80", "[2001:db8::1]:80", "[::1]:80", "localhost:80", "example.org:80"];
        let parses = |option: &str, value: &str| {
            let listen = ["--listen", "127.0.0.1:8443"];
            let words =
                [&["testbed", "proxy", "--mode", "terminate"], &listen[..], &[option, value]].concat();
            let words = if option == "--listen" { [&words[..4], &words[6..]].concat() } else { words };
            Cli::try_parse_from(words).map(drop).map_err(|error| error.to_string())
        };
        for (option, prefix) in [("--listen", ""), ("--backend", ""), ("--sni", "a.invalid=")] {
            assert_eq!(parses(option, &format!("{prefix}127.0.0.1:8080")), Ok(()));
            for place in elsewhere {
                let refused = parses(option, &format!("{prefix}{place}")).unwrap_err();
                assert!(
                    refused.contains("127.0.0.") && refused.contains(place),
                    "{option} {place}: {refused}"
                );
            }
        }
        // Nothing else of it could hold an address: files, a name that is only compared, a number, a word.
        let (_, proxy) = tree().into_iter().find(|(path, _)| path == "testbed proxy").unwrap();
        let own: Vec<_> = proxy.get_arguments().map(|argument| argument.get_id().as_str()).collect();
        let expected = ["mode", "listen", "backend", "cert", "key", "ca", "backend_name", "sni", "threads"];
        assert_eq!(own, expected);
    }

    #[test]
    fn every_example_parses_and_every_command_has_two() {
        for (path, command) in tree().into_iter().filter(|(_, command)| !command.is_hide_set()) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<_> = help.lines().filter(|line| line.starts_with("  testbed")).collect();
            assert!(examples.len() >= 2, "{path} has {} examples", examples.len());
            for example in examples {
                let parsed = Cli::try_parse_from(example.split_whitespace());
                assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn help_starts_with_a_short_imperative_without_full_stop() {
        for (path, command) in tree() {
            let about = command.get_about().unwrap().to_string();
            assert!(about.len() <= 60 && !about.ends_with('.'), "{path}: {about}");
        }
        Cli::command().debug_assert();
    }
}
