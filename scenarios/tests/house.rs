//! The house rules that no compiler checks, over all five crates: who may import whom, that no code asks
//! which architecture it runs, and who opens sockets.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use testbed::architecture;

/// Each may import those before it, and nothing else of ours.
const LADDER: [&str; 5] = ["proxies", "testbed", "attacker", "scenarios", "dashboard"];

/// Only a list of embedded files and an example in a message say the name of a shipped architecture.
const NAMED: [(&str, &str); 1] = [
    // The help of an example.
    ("scenarios/src/catalog/resolve/mod.rs", "plaintext"),
];
/// Where all of them are named, to be embedded.
const EMBEDDED: &str = "testbed/src/architecture/embedded.rs";

/// Words of code that opens sockets.
const SOCKETS: [&str; 8] = [
    "TcpListener",
    "TcpSocket",
    "TcpStream::",
    "UdpSocket",
    "UnixDatagram",
    "UnixListener",
    "UnixStream",
    "socket2",
];

/// Words of code that asks an architecture file what is protected, instead of the bytes.
const WIRING: [&str; 7] =
    ["DialTls", "dial_ids", "dials_on", ".dials", "listener_ids", "listeners_on", ".listeners"];

/// What turns bytes into cells.
const JUDGES: [&str; 5] = [
    "scenarios/src/runner/gather.rs",
    "scenarios/src/runner/judge.rs",
    "scenarios/src/runner/memory.rs",
    "scenarios/src/runner/neighbour.rs",
    "scenarios/src/verdict/",
];

#[test]
fn imports_go_down_the_ladder_only() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"])
        .arg(workspace().join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let mut members: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    members.sort_by_key(|name| LADDER.iter().position(|rung| rung == name));
    assert_eq!(members, LADDER);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let below = LADDER.iter().take_while(|rung| **rung != name);
        let below: Vec<&str> = below.copied().collect();
        // Normal, build and dev dependencies together.
        for dependency in package["dependencies"].as_array().unwrap() {
            let dependency = dependency["name"].as_str().unwrap();
            assert!(!LADDER.contains(&dependency) || below.contains(&dependency), "{name} on {dependency}");
        }
    }
}

#[test]
fn no_code_asks_which_architecture_this_is() {
    let mut found = Vec::new();
    for (file, code) in sources(&LADDER) {
        for name in architecture::names().filter(|name| says(&code, name)) {
            found.push((file.clone(), name));
        }
    }
    found.sort();
    let embedded = architecture::names().map(|name| (EMBEDDED, name));
    let mut named: Vec<_> =
        NAMED.iter().copied().chain(embedded).map(|(file, name)| (file.to_owned(), name)).collect();
    named.sort();
    assert_eq!(found, named);
}

#[test]
fn no_judge_asks_the_file_what_is_protected() {
    let asks = |code: &str| WIRING.iter().any(|word| code.contains(word));
    let sources = sources(&["scenarios"]);
    assert!(sources.iter().any(|(_, code)| asks(code)), "the search itself works");
    for judge in JUDGES {
        let of: Vec<_> = sources.iter().filter(|(file, _)| file.starts_with(judge)).collect();
        assert!(!of.is_empty(), "{judge}");
        for (file, code) in of {
            assert!(!asks(code), "{file}");
        }
    }
}

#[test]
fn only_proxies_opens_sockets() {
    let opens = |code: &str| SOCKETS.iter().any(|word| code.contains(word));
    assert!(sources(&["proxies"]).iter().any(|(_, code)| opens(code)), "the search itself works");
    let found = sources(&LADDER[1..]).into_iter().filter(|(_, code)| opens(code));
    assert_eq!(found.map(|(file, _)| file).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn names_are_found_in_literals_alone() {
    assert!(says("if name == \"plaintext\" {", "plaintext"));
    assert!(says("format!(\"plaintext.pcapng\")", "plaintext"));
    assert!(says("br#\"plaintext\"#", "plaintext"));
    assert!(says("help(\"add `architecture = \\\"plaintext\\\"`\")", "plaintext"));
    assert!(!says("way.plaintext()", "plaintext"));
    assert!(!says("\"plaintexts\"", "plaintext"));
    assert_eq!(code("//! \"plaintext\"\nlet a = 1; // \"plaintext\"\n"), "\nlet a = 1; \n");
    assert_eq!(code("fn a() {}\n#[cfg(test)]\nmod tests {\n\"plaintext\"\n}\n"), "fn a() {}\n");
}

/// Is there a string literal that begins with this name?
fn says(code: &str, name: &str) -> bool {
    let quoted = format!("\"{name}");
    let goes_on = |c: char| c.is_ascii_alphanumeric() || c == '-';
    code.match_indices(&quoted).any(|(at, _)| !code[at + quoted.len()..].starts_with(goes_on))
}

/// A file without comments and without the tests at its bottom.
fn code(text: &str) -> String {
    let end = text.match_indices("#[cfg(test)]").map(|(at, _)| at).find(|at| {
        let mut rest = text[*at..].lines().skip(1).skip_while(|line| line.starts_with("#["));
        rest.next().is_some_and(|line| line.starts_with("mod tests {"))
    });
    let kept = &text[..end.unwrap_or(text.len())];
    kept.lines().fold(String::new(), |all, line| {
        let comment = line.trim_start().starts_with("//");
        let line = if comment { "" } else { line.split("// ").next().unwrap_or_default() };
        all + line + "\n"
    })
}

/// Every source file of some crates with its code; files of tests alone are left out.
fn sources(crates: &[&str]) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for name in crates {
        let before = files.len();
        collect(&workspace().join(name).join("src"), &mut files);
        assert!(files.len() > before + 3, "nothing found of {name}");
    }
    let shown = |file: &Path| file.strip_prefix(workspace()).unwrap().to_str().unwrap().to_owned();
    files.iter().map(|file| (shown(file), code(&fs::read_to_string(file).unwrap()))).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}
