//! What lies on the shelf: shipped architectures, scenarios and techniques, and files of the user's own;
//! listed, checked, loaded for a comparison, and kept up for real clients.
//!
//! Everything a file says is judged by its loader; here its answer becomes a [`Failure`] with an exit code.
//! An architecture that is up runs on threads of its own, which end with [`Standing::down`] or on drop.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use attacker::technique::TECHNIQUES;
use scenarios::catalog::{self, Scenario};
use testbed::{
    architecture::{self, Architecture, LoadError, diagnose::Diagnostics, text},
    up::{self, Up, UpError, UpOptions},
};

use crate::{
    engine::{Entry, Shelf, Standing, Topic, UpRequest},
    exit::{Exit, Failure},
};

/// What this binary ships, and files by path.
pub struct Shipped;

impl Shelf for Shipped {
    fn list(&self, topic: Topic) -> Result<Vec<Entry>, Failure> {
        Ok(match topic {
            Topic::Architectures => {
                let all = architectures(&[])?.into_iter();
                all.map(|one| Entry { name: one.name, title: one.title }).collect()
            }
            Topic::Scenarios => {
                let all = scenarios(&[], false)?.into_iter();
                all.map(|one| Entry { name: one.id, title: one.title }).collect()
            }
            Topic::Techniques => TECHNIQUES
                .iter()
                .map(|one| {
                    let ids: Vec<&str> = one.attack_ids().collect();
                    Entry {
                        name: one.name.to_owned(),
                        title: format!("{} [{}]", one.summary, ids.join(", ")),
                    }
                })
                .collect(),
        })
    }

    fn check(&self, file: &Path) -> Result<String, Failure> {
        let name = file
            .to_str()
            .ok_or_else(|| Failure::usage(format!("the path `{}` is not UTF-8", file.display())))?;
        let text = text::load(name).map_err(refused)?;
        match Kind::of(&text) {
            Some(Kind::Architecture) => architecture::parse(name, &text)
                .map(|read| format!("architecture `{}`: {}", read.name, read.title))
                .map_err(|wrong| invalid(&wrong)),
            Some(Kind::Scenario) => catalog::parse(name, &text)
                .map(|read| format!("scenario `{}`: {}", read.id, read.title))
                .map_err(|wrong| invalid(&wrong)),
            None => Err(Failure::usage(format!("`{name}` is neither an architecture nor a scenario")).help(
                "an architecture has `[segments]` and `[hosts]`, a scenario a `vantage` and a `technique`",
            )),
        }
    }

    fn up(&self, request: &UpRequest) -> Result<Box<dyn Standing>, Failure> {
        let architecture = architecture(&request.architecture)?;
        let options = UpOptions { force: request.force, named: request.named };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::runtime(format!("cannot start: {error}")))?;
        let up =
            runtime.block_on(up::up(&architecture, &request.out, options)).map_err(|error| not_up(&error))?;
        Ok(Box::new(Running(up)))
    }
}

/// The architecture behind a name or a path.
pub fn architecture(asked: &str) -> Result<Architecture, Failure> {
    architecture::load(asked).map_err(refused)
}

/// The architectures behind names and paths; none said, or `all` = the shipped ones. Everything wrong with
/// any of them comes back at once.
pub fn architectures(asked: &[String]) -> Result<Vec<Architecture>, Failure> {
    let shipped = || architecture::names().map(str::to_owned).collect();
    let found = all(asked, shipped, architecture::load)?;
    distinct("architectures", found.iter().map(|one| one.name.as_str()))?;
    Ok(found)
}

/// The scenarios behind ids and paths, without the floods where these are skipped; none said = all shipped
/// ones. Everything wrong with any of them comes back at once.
pub fn scenarios(asked: &[String], skip_floods: bool) -> Result<Vec<Scenario>, Failure> {
    let shipped = || catalog::names().map(str::to_owned).collect();
    let found = all(asked, shipped, catalog::load)?;
    distinct("scenarios", found.iter().map(|one| one.id.as_str()))?;
    let left: Vec<_> = found.into_iter().filter(|one| !(skip_floods && one.technique.is_flood())).collect();
    if left.is_empty() {
        return Err(Failure::usage("without floods, no scenario is left to run"));
    }
    Ok(left)
}

fn all<T>(
    asked: &[String],
    shipped: impl Fn() -> Vec<String>,
    load: impl Fn(&str) -> Result<T, LoadError>,
) -> Result<Vec<T>, Failure> {
    let names = if asked.is_empty() || asked == ["all"] { shipped() } else { asked.to_vec() };
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match load(&name) {
            Ok(one) => found.push(one),
            Err(error) => failures.push(refused(error)),
        }
    }
    failures.into_iter().reduce(|one, other| one.and(&other)).map_or(Ok(found), Err)
}

/// Results are told apart by these names.
fn distinct<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    let mut known = BTreeSet::new();
    for name in names {
        if !known.insert(name) {
            return Err(Failure::usage(format!("two {what} are named `{name}`"))
                .help("results are told apart by that name: leave one out, or rename one in its file"));
        }
    }
    Ok(())
}

fn refused(error: LoadError) -> Failure {
    match error {
        LoadError::Unknown { what, name, help } => {
            let name = name.escape_debug();
            let help = help.unwrap_or_else(|| format!("`testbed list {what}s` names them all"));
            Failure::usage(format!("there is no {what} `{name}`")).help(help)
        }
        LoadError::Unreadable { path, source } => {
            Failure::runtime(format!("cannot read `{}`: {source}", path.escape_debug()))
        }
        LoadError::Invalid(wrong) => invalid(&wrong),
    }
}

/// The loader's own rendering begins as every failure does.
fn invalid(wrong: &Diagnostics) -> Failure {
    let rendered = wrong.to_string();
    Failure::usage(rendered.strip_prefix("error: ").unwrap_or(&rendered).trim_end())
}

fn not_up(error: &UpError) -> Failure {
    let what = error.to_string();
    match error {
        UpError::Exists(_) => Failure::usage(what)
            .help("choose another directory, or --force to replace what a former `up` left"),
        UpError::NotOurs(_) => Failure::usage(what)
            .help("--force replaces only what a former `up` left: choose another directory"),
        UpError::NoWayIn { .. } => Failure::usage(what),
        _ => Failure::runtime(what),
    }
}

/// What a file is meant to be, by the first line that only one of both can have. It need not be valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Architecture,
    Scenario,
}

impl Kind {
    fn of(text: &str) -> Option<Self> {
        text.lines().find_map(|line| {
            let key = line.trim_start_matches([' ', '\t', '[', '"']);
            let end = key.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(key.len());
            match &key[..end] {
                "segments" | "hosts" | "authorities" | "identities" | "catalog" | "weaknesses" | "guide" => {
                    Some(Self::Architecture)
                }
                "id" | "vantage" | "technique" | "attack_ids" | "assets" | "phases" | "expect" => {
                    Some(Self::Scenario)
                }
                _ => None,
            }
        })
    }
}

struct Running(Up);

impl Standing for Running {
    fn endpoints(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.0.endpoints().iter().map(|one| format!("{} {}", one.service, one.url)).collect();
        lines.extend(self.0.ca().map(|ca| format!("ca {}", ca.display())));
        lines.push(format!("openrc {}", self.0.openrc().display()));
        lines
    }

    fn openrc(&self) -> PathBuf {
        self.0.openrc().to_owned()
    }

    fn hosts(&self) -> Option<PathBuf> {
        self.0.hosts().map(Path::to_owned)
    }

    fn down(self: Box<Self>) -> Result<(), Failure> {
        self.0.down().map_err(|error| Failure { exit: Exit::Runtime, what: error.to_string(), help: None })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn nothing_said_means_everything_shipped_in_its_order() {
        let names: Vec<_> = architectures(&[]).unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, architecture::names().collect::<Vec<_>>());
        let ids: Vec<_> = scenarios(&[], false).unwrap().into_iter().map(|one| one.id).collect();
        assert_eq!(ids, catalog::names().collect::<Vec<_>>());
    }

    #[test]
    fn every_slip_is_reported_at_once_with_the_next_step() {
        let failure = architectures(&words(&["plaintxt", "proxy-in-front", "seperate-environments"]));
        let failure = failure.unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        let text = failure.to_string();
        assert!(text.contains("did you mean `plaintext`?"), "{text}");
        assert!(text.contains("error: there is no architecture `seperate-environments`"), "{text}");
        assert!(text.contains("did you mean `separate-environments`?"), "{text}");
    }

    #[test]
    fn a_file_of_ones_own_is_loaded_by_path_and_its_errors_are_usage() {
        let home = tempfile::tempdir().unwrap();
        let own = home.path().join("mine.toml");
        let source = architecture::source("proxy-in-front").unwrap();
        let renamed = source.replace("name = \"proxy-in-front\"", "name = \"mine\"");
        std::fs::write(&own, &renamed).unwrap();
        let own = own.to_str().unwrap().to_owned();
        assert_eq!(architectures(std::slice::from_ref(&own)).unwrap()[0].name, "mine");
        assert!(Shipped.check(Path::new(&own)).unwrap().starts_with("architecture `mine`"));

        std::fs::write(&own, renamed.replace("program = \"proxy\"", "program = \"prox\"")).unwrap();
        let wrong = architectures(std::slice::from_ref(&own)).unwrap_err();
        assert_eq!(wrong.exit, Exit::Usage);
        let text = wrong.to_string();
        assert!(text.starts_with("error: ") && !text.starts_with("error: error: "), "{text}");
        assert!(text.contains("mine.toml:"), "{text}");
        assert_eq!(Shipped.check(Path::new(&own)), Err(wrong));
    }

    #[test]
    fn a_missing_file_is_a_run_time_error_that_says_why() {
        let failure = architectures(&words(&["./no/such.toml"])).unwrap_err();
        assert_eq!(failure.exit, Exit::Runtime);
        assert!(failure.what.contains("No such file"), "{failure}");
    }

    #[test]
    fn results_cannot_be_mixed_up() {
        let twice = architectures(&words(&["plaintext", "plaintext"])).unwrap_err();
        assert_eq!(twice.exit, Exit::Usage);
        assert!(twice.what.contains("two architectures are named `plaintext`"), "{twice}");
    }

    #[test]
    fn floods_are_left_out_and_nothing_else_is() {
        let (floods, others): (Vec<_>, Vec<_>) =
            scenarios(&[], false).unwrap().into_iter().partition(|one| one.id.starts_with("flood-"));
        assert!(!floods.is_empty());
        assert_eq!(scenarios(&[], true), Ok(others));
        assert_eq!(scenarios(&words(&["flood-connect"]), true).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn every_shipped_file_is_known_for_what_it_is() {
        for name in architecture::names() {
            assert_eq!(Kind::of(architecture::source(name).unwrap()), Some(Kind::Architecture), "{name}");
        }
        for name in catalog::names() {
            assert_eq!(Kind::of(catalog::source(name).unwrap()), Some(Kind::Scenario), "{name}");
        }
        assert_eq!(Kind::of("schema = 1\n[hosts.edge\n"), Some(Kind::Architecture), "broken, yet clear");
        assert_eq!(Kind::of("title = \"x\"\n"), None);
    }

    #[test]
    fn techniques_come_with_their_ids() {
        let listed = Shipped.list(Topic::Techniques).unwrap();
        assert_eq!(listed.len(), TECHNIQUES.len());
        assert!(listed.iter().any(|one| one.name == "sniff" && one.title.contains("T1040")), "{listed:?}");
    }
}
