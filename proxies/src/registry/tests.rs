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
    let mut other = Command::new("sleep").arg("60").spawn().unwrap();
    let not_the_child = registry.foreign(other.id(), LoopbackIp::LOCALHOST, port).unwrap_err();
    assert!(matches!(not_the_child, RegistryError::NotListening { .. }));
    other.kill().unwrap();
    other.wait().unwrap();
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

/// Not a test of its own: the child that the next tests start.
#[test]
fn child_that_connects() {
    let Some(to) = std::env::var_os("TESTBED_CHILD_CONNECTS") else { return };
    let socket = sockets::bound("127.99.0.1:0".parse().unwrap()).unwrap();
    let to: std::net::SocketAddrV4 = to.to_str().unwrap().parse().unwrap();
    socket.connect(&to.into()).unwrap();
    // Ends when the parent closes our input.
    let _ = io::stdin().read_line(&mut String::new());
}

/// A child that connects, and the address it dials from.
fn connecting(to: Loopback) -> (std::process::Child, LoopbackIp) {
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "registry::tests::child_that_connects", "--nocapture"])
        .env("TESTBED_CHILD_CONNECTS", to.to_string())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    (child, Loopback::checked("127.99.0.1:1".parse().unwrap()).unwrap().ip())
}

#[tokio::test]
async fn a_childs_connection_is_known_by_the_kernels_word_and_under_its_name() {
    const OTHER: Party = Party(8);
    let registry = Registry::new();
    let hold = |admit| registry.hold(registry.draw_ip(), None, 1, admit).unwrap();
    for (admit, let_in) in
        [(Admit::Announced, true), (Admit::Child(USERS), true), (Admit::Child(OTHER), false)]
    {
        let entry = hold(admit);
        let at = registry.at(entry).unwrap();
        let mut listen = TcpListen::take(&registry, entry).unwrap();
        let (mut child, source) = connecting(at);
        registry.adopt(Child { pid: child.id(), party: USERS, sources: vec![source] });
        let accepted = tokio::time::timeout(Duration::from_secs(3), listen.accept()).await;
        assert_eq!(accepted.is_ok_and(|taken| taken.unwrap().1.party == Some(USERS)), let_in, "{admit:?}");
        let strangers = registry
            .violations()
            .iter()
            .filter(|found| matches!(found, Violation::Stranger { to, .. } if *to == at))
            .count();
        assert_eq!(strangers, usize::from(!let_in), "{admit:?}");
        registry.disown(child.id());
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

#[tokio::test]
async fn a_stranger_at_a_childs_address_is_still_a_stranger() {
    let registry = Registry::new();
    let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Child(USERS)).unwrap();
    let at = registry.at(entry).unwrap();
    let mut listen = TcpListen::take(&registry, entry).unwrap();
    let (mut stranger, source) = connecting(at);
    // The address is the child's, the socket is not: we are that child here, and opened nothing.
    let mut idle = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    registry.adopt(Child { pid: idle.id(), party: USERS, sources: vec![source] });
    assert!(tokio::time::timeout(Duration::from_secs(3), listen.accept()).await.is_err());
    assert_eq!(registry.violations().len(), 1);
    for child in [&mut stranger, &mut idle] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[tokio::test]
async fn a_kept_address_refuses_and_is_the_childs_once_it_listens_there() {
    let registry = Registry::new();
    let entry = registry.keep(registry.draw_ip(), None).unwrap();
    let at = registry.at(entry).unwrap();
    let refused = dialer(&registry, entry).dial().await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    assert!(matches!(
        registry.hold(at.ip(), Some(at.port()), 1, Admit::Announced),
        Err(RegistryError::InUse { .. })
    ));
    assert!(matches!(registry.keep(at.ip(), Some(at.port())), Err(RegistryError::InUse { .. })));
    let me = std::process::id();
    assert!(matches!(registry.confirm(entry, me), Err(RegistryError::NotListening { .. })));
    let socket = Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&at.to_socket_addr().into()).unwrap();
    socket.listen(8).unwrap();
    registry.confirm(entry, me).unwrap();
    assert_eq!(registry.foreign_pid(entry), Some(me));
    dialer(&registry, entry).dial().await.unwrap();
}
