//! What attack code may depend on and may mention.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

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
