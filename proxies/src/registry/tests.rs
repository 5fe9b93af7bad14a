use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::transport::{
    Dial, Listen,
    tcp::{TcpDialer, TcpListen},
};

const USERS: Party = Party(7);

fn dialer(registry: &Registry, entry: EntryId) -> TcpDialer {
    TcpDialer::new(registry.clone(), registry.source(registry.draw_ip()), USERS, entry).unwrap()
}

#[tokio::test]
async fn a_held_entry_takes_an_announced_connection_and_knows_who_dialled() {
    let registry = Registry::new();
    let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let mut listen = TcpListen::take(&registry, entry).unwrap();
    let dialer = dialer(&registry, entry);
    let (dialled, accepted) = tokio::join!(dialer.dial(), listen.accept());
    let ((mut near, ends), (mut far, seen)) = (dialled.unwrap(), accepted.unwrap());
    assert_eq!(ends, seen);
    assert_eq!(seen.party, Some(USERS));
    near.write_all(b"x").await.unwrap();
    assert_eq!(far.read_u8().await.unwrap(), b'x');
    assert_eq!(registry.violations(), vec![]);
}

#[tokio::test]
async fn a_reserved_entry_is_refused_by_the_kernel() {
    let registry = Registry::new();
    let entry = registry.reserve(registry.draw_ip(), None).unwrap();
    let refused = dialer(&registry, entry).dial().await.unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(nix::errno::Errno::ECONNREFUSED as i32));
}

#[tokio::test]
async fn a_reserved_address_cannot_be_listened_on_by_anyone_else() {
    let registry = Registry::new();
    let ip = registry.draw_ip();
    let entry = registry.reserve(ip, None).unwrap();
    let port = registry.at(entry).unwrap().port();
    let taken = registry.hold(ip, Some(port), 1, Admit::Announced).unwrap_err();
    assert!(matches!(taken, RegistryError::InUse { .. }), "{taken}");
    assert!(taken.to_string().contains(&format!("{ip}:{port}")), "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_closed_unread_and_fails_the_run() {
    let registry = Registry::new();
    let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let at = registry.at(entry).unwrap();
    let mut listen = TcpListen::take(&registry, entry).unwrap();
    let serving = tokio::spawn(async move { listen.accept().await.map(|_| ()) });
    let mut stranger = TcpStream::connect(at.to_socket_addr()).await.unwrap();
    let from = stranger.local_addr().unwrap().to_string();
    // Closed with our byte unread means a reset; closed before it arrived, an end of file.
    let _ = stranger.write_all(b"hello").await;
    let mut byte = [0];
    let heard = stranger.read(&mut byte).await;
    assert!(!matches!(heard, Ok(1)), "a stranger must not be answered: {heard:?}");
    assert_eq!(registry.violations(), vec![Violation::Stranger { from, to: at }]);
    serving.abort();
}

#[tokio::test]
async fn an_outside_client_is_admitted_only_where_the_listener_was_opened_for_it() {
    let registry = Registry::new();
    let entry = registry.hold(LoopbackIp::LOCALHOST, None, 1, Admit::Anyone).unwrap();
    let mut listen = TcpListen::take(&registry, entry).unwrap();
    let at = registry.at(entry).unwrap().to_socket_addr();
    let (outside, accepted) = tokio::join!(TcpStream::connect(at), listen.accept());
    outside.unwrap();
    assert_eq!(accepted.unwrap().1.party, None);
    assert_eq!(registry.violations(), vec![]);
}

#[tokio::test]
async fn a_cancelled_dial_leaves_no_stranger_behind() {
    let registry = Registry::new();
    let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let mut listen = TcpListen::take(&registry, entry).unwrap();
    let dialer = dialer(&registry, entry);
    // One poll connects and announces; then the future is dropped.
    let _ = tokio::time::timeout(Duration::ZERO, dialer.dial()).await;
    assert_eq!(registry.unaccepted(USERS), 1);
    let (_, seen) = listen.accept().await.unwrap();
    assert_eq!(seen.party, Some(USERS));
    assert_eq!(registry.unaccepted(USERS), 0);
    assert_eq!(registry.violations(), vec![]);
}

#[tokio::test]
async fn a_released_listener_refuses_and_resets_who_waits() {
    let registry = Registry::new();
    let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let (mut waiting, _) = dialer(&registry, entry).dial().await.unwrap();
    registry.release(entry);
    let reset = waiting.read_u8().await.unwrap_err();
    assert_eq!(reset.kind(), io::ErrorKind::ConnectionReset);
    let refused = dialer(&registry, entry).dial().await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_thousand_dials_are_all_recognised() {
    let registry = Registry::new();
    let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let mut listen = TcpListen::take(&registry, entry).unwrap();
    let dialer = dialer(&registry, entry).reset_on_close();
    let dialing = async {
        for _ in 0..1000 {
            dialer.dial().await.unwrap();
        }
    };
    let accepting = async {
        for _ in 0..1000 {
            assert_eq!(listen.accept().await.unwrap().1.party, Some(USERS));
        }
    };
    tokio::join!(dialing, accepting);
    assert_eq!(registry.violations(), vec![]);
}

#[tokio::test]
async fn threads_of_one_node_share_an_address() {
    let registry = Registry::new();
    let entry = registry.hold(registry.draw_ip(), None, 2, Admit::Announced).unwrap();
    let first = TcpListen::take(&registry, entry).unwrap();
    let second = TcpListen::take(&registry, entry).unwrap();
    assert_eq!(first.at(), second.at());
    assert!(matches!(TcpListen::take(&registry, entry), Err(RegistryError::NothingToTake(_))));
}

#[tokio::test]
async fn an_entry_that_does_not_exist_cannot_be_dialled() {
    let registry = Registry::new();
    let missing = dialer(&registry, EntryId(99)).dial().await.unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}

#[test]
fn dropping_the_registry_frees_its_addresses() {
    let registry = Registry::new();
    let ip = registry.draw_ip();
    let held = registry.hold(ip, None, 1, Admit::Announced).unwrap();
    let port = registry.at(held).unwrap().port();
    drop(registry);
    Registry::new().hold(ip, Some(port), 1, Admit::Announced).unwrap();
}

/// Not a test of its own: the child that the next test starts.
#[test]
fn child_that_listens() {
    if std::env::var_os("TESTBED_CHILD_LISTENS").is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("\nlistening {}", listener.local_addr().unwrap().port());
    // Ends when the parent closes our input.
    let _ = io::stdin().read_line(&mut String::new());
}

#[test]
fn a_foreign_listener_is_taken_in_only_from_the_process_that_holds_it() {
    use std::{
        io::{BufRead, BufReader},
        process::{Command, Stdio},
    };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "registry::tests::child_that_listens", "--nocapture"])
        .env("TESTBED_CHILD_LISTENS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Kept open to the end: the child's test harness prints its verdict on it.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("listening ").map(|port| port.parse().unwrap()))
        .unwrap();
    let registry = Registry::new();
    let entry = registry.foreign(child.id(), LoopbackIp::LOCALHOST, port).unwrap();
    assert_eq!(registry.foreign_pid(entry), Some(child.id()));
    assert!(matches!(TcpListen::take(&registry, entry), Err(RegistryError::NothingToTake(_))));
    let not_the_child = registry.foreign(std::process::id(), LoopbackIp::LOCALHOST, port).unwrap_err();
    assert!(matches!(not_the_child, RegistryError::NotListening { .. }));
    drop(child.stdin.take());
    assert!(lines.map_while(Result::ok).any(|line| line.contains("1 passed")));
    child.wait().unwrap();
}

#[test]
fn a_stranger_who_keeps_knocking_does_not_fill_memory() {
    let registry = Registry::new();
    let knock = || Violation::WrongEnds { found: "127.0.0.1:9".to_owned(), entry: EntryId(0) };
    for _ in 0..=REMEMBERED {
        registry.report(knock());
    }
    assert_eq!(registry.violations(), vec![knock(); REMEMBERED]);
}
