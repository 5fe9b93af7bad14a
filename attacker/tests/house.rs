//! What attack code may depend on and may mention.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use attacker::{
    loot::LootSink,
    technique::{Description, Running, Technique},
};
use serde_json::Value;
use testbed::{
    architecture::Architecture,
    foothold::{Foothold, Footholds},
    launch::{LaunchError, LaunchOptions, launch},
    ledger::Ledger,
};

/// What attack code may take from `testbed`.
const OPEN_TO_ATTACKS: [&str; 2] = ["foothold", "vocabulary"];

/// Compiles only while a technique is made with a sink for its loot and runs with a foothold, and gets
/// nothing else.
#[test]
fn a_techniques_only_parameter_is_a_foothold() {
    fn made_with(technique: &Description, sink: LootSink) -> Box<dyn Technique> {
        (technique.prepare)(sink)
    }
    let _ = made_with;
    let _: fn(Box<dyn Technique>, Foothold) -> Running = <dyn Technique>::run;
}

/// Compiles only while a launch returns two values: one for whoever attacks, one for whoever judges.
#[test]
fn a_launch_returns_footholds_and_ledger_apart() {
    async fn two(architecture: &Architecture) -> Result<(Footholds, Ledger), LaunchError> {
        launch(architecture, LaunchOptions::default()).await
    }
    let _ = two;
}

#[test]
fn of_testbed_attack_code_takes_footholds_and_words_only() {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let taken: Vec<(PathBuf, String)> = files
        .iter()
        .flat_map(|file| {
            taken(&fs::read_to_string(file).unwrap()).into_iter().map(|name| (file.clone(), name))
        })
        .collect();
    assert!(taken.len() > 10, "the search itself works: {taken:?}");
    let other: Vec<_> =
        taken.iter().filter(|(_, module)| !OPEN_TO_ATTACKS.contains(&module.as_str())).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn every_form_of_import_is_seen() {
    assert_eq!(taken("use testbed::ledger::Ledger;"), ["ledger"]);
    assert_eq!(
        taken("use testbed::{\n foothold::{Reach, Target},\n launch::launch,\n};"),
        ["foothold", "launch"]
    );
    assert_eq!(taken("use testbed::{*};"), ["*"]);
    assert_eq!(taken("use testbed as cloud;"), ["as"]);
    assert_eq!(taken("extern crate testbed;"), [";"]);
    assert_eq!(taken("let here = testbed::launch::launch(it);"), ["launch"]);
    assert!(taken("//! A `testbed` launch grants it.").is_empty());
}

/// Modules of `testbed` that a source file names. Other ways to say `testbed` come back as they are.
fn taken(text: &str) -> Vec<String> {
    let code: String =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    let word = |text: &str| -> String {
        let text = text.trim_start();
        let length = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        text[..length.max(1).min(text.len())].to_owned()
    };
    let mut found = Vec::new();
    for (at, name) in code.match_indices("testbed") {
        let rest = code[at + name.len()..].trim_start();
        let Some(path) = rest.strip_prefix("::") else {
            found.push(word(rest));
            continue;
        };
        let Some(group) = path.trim_start().strip_prefix('{') else {
            found.push(word(path));
            continue;
        };
        let (mut depth, mut first) = (0, true);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => first = true,
                c if first && (c.is_alphanumeric() || c == '*') => {
                    found.push(word(&group[at..]));
                    first = false;
                }
                _ => {}
            }
        }
    }
    found
}

#[test]
fn of_our_crates_attacker_depends_on_testbed_alone() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert!(ours.contains(&"proxies") && ours.contains(&"scenarios"), "the whole workspace: {ours:?}");
    let attacker = packages.iter().find(|package| package["name"] == "attacker").unwrap();
    let dependencies = attacker["dependencies"].as_array().unwrap();
    let of_ours: Vec<&str> = dependencies
        .iter()
        .map(|dependency| dependency["name"].as_str().unwrap())
        .filter(|name| ours.contains(name))
        .collect();
    assert_eq!(of_ours, ["testbed"], "normal, build and dev dependencies together");
}

/// Ways to a machine, to the outside, or to memory between runs.
const BANNED: &[&str] = &[
    "TcpStream",
    "TcpListener",
    "TcpSocket",
    "UdpSocket",
    "UnixStream",
    "std::net",
    "tokio::net",
    "SocketAddr",
    "IpAddr",
    "socket2",
    "rustix",
    "libc",
    "std::fs",
    "tokio::fs",
    "std::env",
    "std::process",
    "tokio::process",
    "SystemTime",
    "thread_local!",
    "OnceLock",
    "OnceCell",
    "LazyLock",
    "LazyCell",
    "lazy_static",
    "unsafe",
    "tokio::spawn",
    "canary",
    "Canary",
    "Registry",
];

#[test]
fn no_source_file_mentions_a_way_around_the_foothold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("TECHNIQUES.md")];
    collect(&root.join("src"), &mut files);
    assert!(files.len() > 20, "the search itself works: {}", files.len());
    let found: Vec<String> = files.iter().flat_map(|file| offences(file)).collect();
    assert_eq!(found, Vec::<String>::new());
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

fn offences(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let is_static = |line: &str| {
        let line = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
        line.starts_with("static ")
    };
    let bad = |line: &&str| is_static(line) || BANNED.iter().any(|banned| line.contains(banned));
    text.lines().filter(bad).map(|line| format!("{}: {line}", file.display())).collect()
}
