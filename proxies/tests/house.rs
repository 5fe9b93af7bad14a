//! A loopback address cannot be made from text, configuration or outside values; what can be, only `alone` has.
#![allow(clippy::unwrap_used)]

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
    path::{Path, PathBuf},
    str::FromStr,
};

use proxies::{
    alone::Address,
    transport::loopback::{Loopback, LoopbackIp},
};
use serde::{Deserialize, Serialize};

/// Does a type implement a trait? An inherent constant, there only if it does, wins over the trait's.
macro_rules! implements {
    ($type:ty: $($bound:tt)+) => {{
        #[allow(dead_code)]
        trait Otherwise {
            const YES: bool = false;
        }
        struct Probe<T>(std::marker::PhantomData<T>);
        impl<T> Otherwise for Probe<T> {}
        #[allow(dead_code)]
        impl<T: $($bound)+> Probe<T> {
            const YES: bool = true;
        }
        Probe::<$type>::YES
    }};
}

/// Ways to make a `$type` from something one could read somewhere. `TryFrom` includes `From`.
macro_rules! ways_in {
    ($type:ty) => {
        [
            ("FromStr", implements!($type: FromStr)),
            ("TryFrom<&str>", implements!($type: TryFrom<&'static str>)),
            ("TryFrom<String>", implements!($type: TryFrom<String>)),
            ("TryFrom<SocketAddr>", implements!($type: TryFrom<SocketAddr>)),
            ("TryFrom<SocketAddrV4>", implements!($type: TryFrom<SocketAddrV4>)),
            ("TryFrom<IpAddr>", implements!($type: TryFrom<IpAddr>)),
            ("TryFrom<Ipv4Addr>", implements!($type: TryFrom<Ipv4Addr>)),
            ("TryFrom<(Ipv4Addr, u16)>", implements!($type: TryFrom<(Ipv4Addr, u16)>)),
            ("TryFrom<[u8; 4]>", implements!($type: TryFrom<[u8; 4]>)),
            ("TryFrom<u32>", implements!($type: TryFrom<u32>)),
            ("Deserialize", implements!($type: Deserialize<'static>)),
            ("Default", implements!($type: Default)),
        ]
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(way, _)| way)
        .collect::<Vec<_>>()
    };
}

/// Made nowhere but after a bind or an accept, or by a registry's draw.
#[test]
fn a_loopback_address_cannot_be_parsed_converted_or_read() {
    assert_eq!(ways_in!(Loopback), Vec::<&str>::new());
    assert_eq!(ways_in!(LoopbackIp), Vec::<&str>::new());
}

/// What leaves a process is an entry's number, never its address.
#[test]
fn a_loopback_address_cannot_be_written_into_a_plan() {
    assert!(!implements!(Loopback: Serialize));
    assert!(!implements!(LoopbackIp: Serialize));
    assert!(implements!(proxies::registry::EntryId: Serialize));
}

#[test]
fn the_search_finds_the_ways_into_an_ordinary_address() {
    let found = ways_in!(Ipv4Addr);
    for way in ["FromStr", "TryFrom<[u8; 4]>", "TryFrom<u32>", "Deserialize"] {
        assert!(found.contains(&way), "{way} not in {found:?}");
    }
    assert!(ways_in!(SocketAddr).contains(&"TryFrom<SocketAddrV4>"));
}

/// One type can be read from text, and cannot be turned into one that a registry hands out.
#[test]
fn what_alone_reads_is_no_endpoint_of_a_run() {
    assert!(ways_in!(Address).contains(&"FromStr"));
    assert!(!implements!(Loopback: TryFrom<Address>) && !implements!(LoopbackIp: TryFrom<Address>));
    assert!(!implements!(Address: Serialize) && !implements!(Address: Deserialize<'static>));
}

/// The crates in which runs and attacks happen.
const RUNS: [&str; 3] = ["testbed", "attacker", "scenarios"];

#[test]
fn nothing_that_runs_or_attacks_names_the_module_with_readable_addresses() {
    let mut files = Vec::new();
    for name in RUNS {
        let before = files.len();
        collect(&workspace().join(name).join("src"), &mut files);
        assert!(files.len() > before + 3, "nothing found of {name}");
    }
    let mut taken = 0;
    for file in files {
        let words = words(&std::fs::read_to_string(&file).unwrap());
        assert!(!names_alone(&words), "{}", file.display());
        for at in words.iter().enumerate().filter(|(_, word)| *word == "proxies").map(|(at, _)| at) {
            taken += 1;
            // Not the crate as a whole, under its own name or another.
            let next = words[at + 1..].iter().find(|word| *word != "::" && *word != "{");
            let whole = next.is_some_and(|word| ["*", "as", "self", ";"].contains(&word.as_str()));
            assert!(!whole, "{} takes {:?} of proxies", file.display(), next);
        }
    }
    assert!(taken > 50, "the search itself works: {taken}");
}

/// As a part of a path or of a group of imports; a variable may have that name.
fn names_alone(words: &[String]) -> bool {
    let sign = |at: Option<usize>, signs: &[&str]| {
        at.and_then(|at| words.get(at)).is_some_and(|word| signs.contains(&word.as_str()))
    };
    let named = words.iter().enumerate().filter(|(_, word)| *word == "alone");
    named.into_iter().any(|(at, _)| {
        let before = at.checked_sub(1);
        sign(before, &["::"])
            || sign(Some(at + 1), &["::"])
            || (sign(before, &["{", ","]) && sign(Some(at + 1), &["}", ",", "as"]))
    })
}

#[test]
fn the_search_sees_code_and_neither_comments_nor_texts() {
    for named in [
        "use proxies::{alone::Alone, serve};",
        "let it = proxies::alone\n::Address;",
        "use proxies::alone;",
        "use proxies::{serve, alone};",
        "use proxies::{alone as bench, serve};",
    ] {
        assert!(names_alone(&words(named)), "{named}");
    }
    for other in
        ["// proxies::alone", "fn of_it_alone() { say(\"proxies::alone\") }", "let alone = 1; alone + 1"]
    {
        assert!(!names_alone(&words(other)), "{other}");
    }
    assert_eq!(words("pub use proxies as p;"), ["pub", "use", "proxies", "as", "p", ";"]);
    assert_eq!(words("pub use proxies::*;"), ["pub", "use", "proxies", "::", "*", ";"]);
}

/// Words and signs of a source text, without comments and literals of text.
fn words(text: &str) -> Vec<String> {
    let code =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let code = code.replace("\\\"", "").split('"').step_by(2).collect::<Vec<_>>().join(" ");
    let (mut words, mut word) = (Vec::new(), String::new());
    for c in code.chars() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        match c {
            ':' if words.last().is_some_and(|last| last == ":") => words.last_mut().unwrap().push(c),
            c if c.is_whitespace() => {}
            c => words.push(c.to_string()),
        }
    }
    words
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
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
