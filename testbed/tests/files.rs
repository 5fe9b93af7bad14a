//! Files of a launch: where they lie, whose they are, and that nothing of them stays.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use testbed::{
    architecture::{self, Architecture},
    files::{KEY_MODE, Owners, RunFiles},
    launch::{LaunchOptions, Outside, launch},
};

/// Set for the child that launches where nobody else does.
const ROLE: &str = "TESTBED_FILES_CHILD";

fn with_sockets(port: &str) -> Architecture {
    let text = architecture::source("separate-environments").unwrap();
    let socket = "listeners.api = { on = \"unix\", mode = \"0660\", peers = [\"tls-proxy\"] }";
    let text = text.replace("listeners.api = { on = \"local\" }", socket);
    // The login page beside it calls identity as well.
    let text = text.replacen("[\"tls-proxy\"] }", "[\"tls-proxy\", \"horizon\"] }", 1);
    let public = "listeners.identity = { on = \"public\",";
    let text = text.replacen(public, &format!("{public}{port}"), 1);
    architecture::parse("sockets.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// Everything below a directory, with mode and owner.
fn listing(below: &Path) -> Vec<(PathBuf, u32, u32, bool)> {
    let mut found = Vec::new();
    let mut open = vec![below.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let data = fs::symlink_metadata(&path).unwrap();
            if data.is_dir() {
                open.push(path.clone());
            }
            found.push((path, data.permissions().mode() & 0o7777, data.uid(), data.file_type().is_socket()));
        }
    }
    found
}

/// Runs a test of this file alone, with an empty place for temporary files; what it left there.
fn alone(test: &str) -> usize {
    let temporary = tempfile::tempdir().unwrap();
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o711)).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ROLE, "1")
        .env("TMPDIR", temporary.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "{said}");
    println!("{said}");
    listing(temporary.path()).len()
}

#[tokio::test]
async fn a_launch_lays_files_for_their_owners_and_takes_them_away() {
    if std::env::var_os(ROLE).is_none() {
        let test = "a_launch_lays_files_for_their_owners_and_takes_them_away";
        assert_eq!(alone(test), 0, "something was left");
        return;
    }
    let sockets = with_sockets("");
    let (footholds, ledger) = launch(&sockets, LaunchOptions::default()).await.unwrap();
    let laid = listing(&std::env::temp_dir());
    let owner = |name: &str| match ledger.files.owners() {
        owners @ Owners::Real { .. } => owners.user(name).unwrap(),
        Owners::None { why } => {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("SKIPPED owners: {why}\n").as_bytes(),
            );
            rustix::process::geteuid().as_raw()
        }
    };
    let of = |ending: &str| {
        laid.iter().filter(|(path, ..)| path.to_str().unwrap().ends_with(ending)).collect::<Vec<_>>()
    };
    let keys = of(".key");
    assert_eq!(keys.len(), sockets.identities.len());
    for (path, mode, uid, _) in keys {
        assert_eq!((*mode, *uid), (KEY_MODE, owner("tls-proxy")), "{}", path.display());
    }
    let found = of(".sock");
    assert_eq!(found.len(), 2);
    for (path, mode, uid, is_socket) in found {
        let user = if path.to_str().unwrap().contains("identity") { "keystone" } else { "nova" };
        assert_eq!((*mode, *uid, *is_socket), (0o660, owner(user), true), "{}", path.display());
    }
    let directories = laid.iter().filter(|(path, ..)| path.is_dir());
    assert!(directories.map(|(_, mode, ..)| *mode).all(|mode| mode == 0o711));
    // Whoever still holds a foothold holds no file.
    ledger.teardown().unwrap();
    drop(footholds);
}

#[tokio::test]
async fn a_launch_that_fails_leaves_no_file() {
    if std::env::var_os(ROLE).is_none() {
        assert_eq!(alone("a_launch_that_fails_leaves_no_file"), 0, "something was left");
        return;
    }
    // Two launches insist on one port of 127.0.0.1: the second cannot have it.
    let insists = with_sockets(" port = 18989,");
    let outside = || LaunchOptions { outside: Some(Outside::Localhost), ..LaunchOptions::default() };
    let (_footholds, ledger) = launch(&insists, outside()).await.unwrap();
    assert!(launch(&insists, outside()).await.is_err());
    ledger.teardown().unwrap();
}

#[test]
fn a_key_is_known_from_any_other_text() {
    let mine = with_sockets("");
    let mut files = RunFiles::new(&mine).unwrap();
    let pki = testbed::pki::Pki::new(&mine, false).unwrap();
    files.write_keys(&mine, &pki, KEY_MODE).unwrap();
    let [first, second, ..] = files.keys() else { panic!("too few keys") };
    let der = |name: &str| pki.identity(mine.identity(name).unwrap()).key.clone();
    let pem = |name: &str| pem_of(&der(name));
    let name = |label: &str| label.rsplit_once('/').unwrap().1.trim_end_matches(".key").to_owned();
    assert!(first.is_whole(pem(&name(&first.label)).as_bytes()));
    assert!(!first.is_whole(pem(&name(&second.label)).as_bytes()), "another identity's key");
    assert!(!first.is_whole(&pem(&name(&first.label)).as_bytes()[..80]), "half a key");
    assert!(!first.is_whole(b"certificate"));
}

fn pem_of(der: &[u8]) -> String {
    rcgen::KeyPair::try_from(der).unwrap().serialize_pem()
}
