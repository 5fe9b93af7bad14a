use std::{
    fs::Permissions,
    io::{self, Read},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    registry::{Admit, EntryId, Registry, UnixSocket},
    stream::Stream,
    transport::{
        Dial, Listen, Party,
        tcp::TcpListen,
        unix::{UnixDialer, UnixListen},
    },
};

const CHILD: &str = "neighbour::tests::child_that_obeys";
const ROLE: &str = "TESTBED_CHILD_OBEYS";
const OWNER: u32 = 62_001;
const PEER: u32 = 62_002;
const OTHER: u32 = 62_003;
const PARTY: Party = Party(3);

/// Not a test of its own: the child that the others start.
#[test]
fn child_that_obeys() {
    if std::env::var_os(ROLE).is_some()
        && let Err(why) = obey_parent()
    {
        println!("refused: {why}");
    }
}

fn helper() -> Helper {
    Helper {
        program: std::env::current_exe().unwrap(),
        args: ["--exact", CHILD, "--nocapture"].map(Into::into).to_vec(),
        env: vec![(ROLE.into(), "1".into())],
    }
}

/// A directory others may pass through, with a registry; `None`, loudly, without root.
fn world() -> Option<(TempDir, Registry)> {
    if !rustix::process::geteuid().is_root() {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: only root can become other users\n");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(&directory, Permissions::from_mode(0o711)).unwrap();
    Some((directory, Registry::new()))
}

fn socket(directory: &Path, mode: u32) -> UnixSocket {
    let path = directory.join("service.sock");
    UnixSocket { path, mode, owner: Some(OWNER), group: None, peers: vec![OWNER, PEER], threads: 1 }
}

async fn user(uid: u32, directory: &TempDir, registry: &Registry) -> Neighbour {
    Neighbour::start(&helper(), uid, directory.path(), registry).await.unwrap()
}

/// Connects as a user and returns what the far side said.
async fn ask(uid: u32, world: &(TempDir, Registry), entry: EntryId) -> io::Result<String> {
    let (directory, registry) = world;
    let source = registry.source(registry.draw_ip());
    let mut stream = user(uid, directory, registry).await.connect(entry, source, PARTY).await?;
    let mut said = String::new();
    stream.read_to_string(&mut said).await?;
    Ok(said)
}

/// Greets everybody it lets in, until dropped.
async fn greet(mut listen: impl Listen<Stream = impl Stream>) {
    while let Ok((mut stream, _)) = listen.accept().await {
        stream.write_all(b"welcome").await.unwrap();
    }
}

async fn while_greeting<T>(listen: impl Listen<Stream = impl Stream>, work: impl Future<Output = T>) -> T {
    tokio::select! { () = greet(listen) => unreachable!("accepting failed"), done = work => done }
}

#[tokio::test]
async fn a_socket_of_mode_0600_is_for_its_owner_and_the_kernel_refuses_everybody_else() {
    let Some(world) = world() else { return };
    let entry = world.1.hold_unix(&socket(world.0.path(), 0o600)).unwrap();
    let listen = UnixListen::take(&world.1, entry).unwrap();
    while_greeting(listen, async {
        assert_eq!(ask(OWNER, &world, entry).await.unwrap(), "welcome");
        for uid in [PEER, OTHER] {
            let refused = ask(uid, &world, entry).await.unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(nix::errno::Errno::EACCES as i32), "{uid}");
        }
    })
    .await;
    assert_eq!(world.1.turned_away(entry), 0, "nobody got as far as the socket's own check");
}

#[tokio::test]
async fn where_the_mode_lets_everybody_in_the_peer_check_does_not() {
    let Some(world) = world() else { return };
    let entry = world.1.hold_unix(&socket(world.0.path(), 0o666)).unwrap();
    let listen = UnixListen::take(&world.1, entry).unwrap();
    while_greeting(listen, async {
        assert_eq!(ask(OWNER, &world, entry).await.unwrap(), "welcome");
        assert_eq!(ask(PEER, &world, entry).await.unwrap(), "welcome");
        assert_eq!(ask(OTHER, &world, entry).await.unwrap(), "", "closed without a byte");
    })
    .await;
    assert_eq!(world.1.turned_away(entry), 1);
    assert_eq!(world.1.violations(), vec![], "the socket's own rule at work fails no run");
}

#[tokio::test]
async fn our_own_process_is_known_by_its_party_on_every_thread_of_a_socket() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::new();
    let wanted = UnixSocket { owner: None, peers: Vec::new(), threads: 2, ..socket(directory.path(), 0o600) };
    let entry = registry.hold_unix(&wanted).unwrap();
    let mut first = UnixListen::take(&registry, entry).unwrap();
    let mut second = UnixListen::take(&registry, entry).unwrap();
    assert!(UnixListen::take(&registry, entry).is_err(), "a share for each thread");
    for party in 0..32 {
        let dialer = UnixDialer::new(registry.clone(), Party(party), entry);
        let ((mut near, ends), accepted) = (dialer.dial().await.unwrap(), async {
            tokio::select! { one = first.accept() => one, other = second.accept() => other }
        });
        let (mut far, seen) = accepted.await.unwrap();
        assert_eq!((ends, seen.party), (seen, Some(Party(party))));
        near.write_all(b"x").await.unwrap();
        assert_eq!(far.read_u8().await.unwrap(), b'x');
    }
    assert_eq!(registry.turned_away(entry), 0);
}

#[tokio::test]
async fn over_tcp_a_neighbour_is_announced_and_no_stranger() {
    let Some(world) = world() else { return };
    let entry = world.1.hold(world.1.draw_ip(), None, 1, Admit::Announced).unwrap();
    let closed = world.1.reserve(world.1.draw_ip(), None).unwrap();
    let listen = TcpListen::take(&world.1, entry).unwrap();
    while_greeting(listen, async {
        assert_eq!(ask(OTHER, &world, entry).await.unwrap(), "welcome");
        let refused = ask(OTHER, &world, closed).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    })
    .await;
    assert_eq!(world.1.violations(), vec![]);
}

#[tokio::test]
async fn a_file_of_mode_0400_is_read_by_its_owner_alone() {
    let Some((directory, registry)) = world() else { return };
    let path = directory.path().join("key.pem");
    std::fs::write(&path, "secret").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
    chown(&path, Some(OWNER), Some(OWNER)).unwrap();

    let mut text = String::new();
    let opened = user(OWNER, &directory, &registry).await.open(&path).await;
    opened.unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "secret");
    let refused = user(OTHER, &directory, &registry).await.open(&path).await.unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(nix::errno::Errno::EACCES as i32));
}

#[tokio::test]
async fn a_child_opens_nothing_outside_the_directory_and_becomes_somebody_once() {
    let Some((directory, registry)) = world() else { return };
    let child = user(OTHER, &directory, &registry).await;
    let outside = [Path::new("/etc/passwd").to_owned(), directory.path().join("../../etc/passwd")];
    for path in outside {
        let refused = child.open(&path).await.unwrap_err();
        assert!(refused.to_string().contains("not below the directory"), "{refused}");
    }
    let root = Neighbour::start(&helper(), 0, directory.path(), &registry).await;
    assert!(root.err().unwrap().to_string().contains("nobody becomes root"));
}

/// The child tells by its own words why it does nothing.
fn words(command: &mut Command) -> String {
    let words = command.args(["--exact", CHILD, "--nocapture"]).env(ROLE, "1").output().unwrap();
    String::from_utf8(words.stdout).unwrap()
}

#[test]
fn by_hand_a_child_does_nothing() {
    let words = words(Command::new(std::env::current_exe().unwrap()).stdin(Stdio::null()));
    assert!(words.contains("refused: this is what a run starts by itself"), "{words}");
}

#[test]
fn a_child_obeys_no_other_program() {
    // Another program (the shell) starts it, with a link of ours: the parent is not whom it talks to.
    let (_ours, theirs) = link::pair().unwrap();
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "\"$0\" \"$@\"; true"]).arg(std::env::current_exe().unwrap());
    let words = words(shell.arg0("sh").stdin(Stdio::from(theirs)));
    assert!(words.contains("refused: whoever talks to this process did not start it"), "{words}");
}

#[test]
fn a_path_is_below_a_directory_only_without_a_way_out() {
    let inside = |path: &str| is_below(Path::new("/tmp/run"), Path::new(path));
    assert!(inside("/tmp/run/api-1/key.pem"));
    for path in ["/tmp/run", "/tmp/run/", "/tmp/running/key", "/tmp/run/../x", "/tmp/run/a/../../b", "key"] {
        assert!(!inside(path), "{path}");
    }
}
