//! `up` in process: what it needs, what it leaves, whom it serves.
// A stranger has to come from outside the registry.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddrV4, TcpStream},
};

use testbed::{
    architecture::{self, Architecture},
    up::{CA, HOSTS, OPENRC, Up, UpError, UpOptions, up},
};

async fn is_up(name: &str) -> (Up, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let up =
        up(&architecture::load(name).unwrap(), &home.path().join("lab"), UpOptions::default()).await.unwrap();
    (up, home)
}

/// What a stranger hears who speaks HTTP to an address.
fn knock(at: SocketAddrV4) -> Vec<u8> {
    let mut heard = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(at) {
        // Closed unread, this fails on either side, or ends without a byte.
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let _ = stream.read_to_end(&mut heard);
    }
    heard
}

#[tokio::test]
async fn strangers_are_served_at_the_public_front_and_nowhere_else() {
    let (up, _home) = is_up("plaintext").await;
    let addresses = up.ledger().fabric.registry().addresses();
    let at_once = addresses.values().map(|at| at.to_socket_addr());
    let at_once: Vec<_> = at_once.map(|at| (at, std::thread::spawn(move || knock(at)))).collect();
    let mut served = 0;
    for (at, heard) in at_once {
        let heard = String::from_utf8(heard.join().unwrap()).unwrap();
        assert_eq!(heard.starts_with("HTTP/1.1 "), at.ip().octets() == [127, 0, 0, 1], "{at}: {heard}");
        served += usize::from(!heard.is_empty());
    }
    assert_eq!(served, up.endpoints().len());
    up.down().unwrap();
}

#[tokio::test]
async fn every_architecture_is_reachable_as_localhost_with_exactly_the_authority_it_needs() {
    for name in architecture::names() {
        let (up, home) = is_up(name).await;
        let tls = up.ledger().published.iter().any(|one| one.ca.is_some());
        for endpoint in up.endpoints() {
            let scheme = if tls { "https" } else { "http" };
            assert!(endpoint.url.starts_with(&format!("{scheme}://localhost:")), "{name}: {endpoint:?}");
        }
        let openrc = fs::read_to_string(up.openrc()).unwrap();
        assert!(openrc.contains(&format!("OS_AUTH_URL='{}/v3'", up.endpoints()[0].url)), "{name}: {openrc}");
        assert_eq!(openrc.contains("export OS_CACERT="), tls, "{name}");
        assert_eq!(home.path().join("lab").join(CA).exists(), tls, "{name}");
        if let Some(ca) = up.ca() {
            let pem = fs::read_to_string(ca).unwrap();
            assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 1, "{name}: the public authority alone");
            assert!(!pem.contains("KEY"), "{name}");
        }
        up.down().unwrap();
    }
}

#[tokio::test]
async fn by_name_each_service_has_its_own_and_the_file_that_resolves_them_is_there() {
    for name in architecture::names() {
        let home = tempfile::tempdir().unwrap();
        let (lab, named) = (home.path().join("lab"), UpOptions { named: true, ..UpOptions::default() });
        let up = up(&architecture::load(name).unwrap(), &lab, named).await.unwrap();
        let hosts = fs::read_to_string(up.hosts().unwrap()).unwrap();
        for endpoint in up.endpoints() {
            let name = endpoint.url.split("://").nth(1).unwrap().split(':').next().unwrap();
            assert!(name.ends_with(".cloud.invalid"), "{endpoint:?}");
            assert!(hosts.lines().any(|line| line == format!("127.0.0.1 {name}")), "{name}: {hosts}");
            let alike = up.endpoints().iter().filter(|other| other.url.contains(&format!("/{name}:")));
            assert_eq!(alike.count(), 1, "{endpoint:?}");
        }
        up.down().unwrap();
        let again = UpOptions { force: true, ..UpOptions::default() };
        let as_localhost = testbed::up::up(&architecture::load(name).unwrap(), &lab, again).await.unwrap();
        assert!(as_localhost.hosts().is_none() && !lab.join(HOSTS).exists(), "{name}: it would mislead");
        as_localhost.down().unwrap();
    }
}

#[tokio::test]
async fn force_takes_a_former_ups_place_and_leaves_no_authority_of_it() {
    let (former, home) = is_up("proxy-in-front").await;
    let lab = home.path().join("lab");
    former.down().unwrap();
    let before = fs::read(lab.join(OPENRC)).unwrap();
    let plain = architecture::load("plaintext").unwrap();
    assert!(matches!(up(&plain, &lab, UpOptions::default()).await, Err(UpError::Exists(_))));
    assert_eq!(fs::read(lab.join(OPENRC)).unwrap(), before);
    up(&plain, &lab, UpOptions { force: true, ..UpOptions::default() }).await.unwrap().down().unwrap();
    assert_ne!(fs::read(lab.join(OPENRC)).unwrap(), before);
    assert!(!lab.join(CA).exists(), "nothing speaks TLS any more");
}

#[tokio::test]
async fn of_two_in_one_directory_one_stands_and_the_other_goes_down() {
    let home = tempfile::tempdir().unwrap();
    let lab = home.path().join("lab");
    let architecture = architecture::load("proxy-in-front").unwrap();
    let (one, two) = tokio::join!(
        up(&architecture, &lab, UpOptions::default()),
        up(&architecture, &lab, UpOptions::default())
    );
    let (stands, refused) = match (one, two) {
        (Ok(up), Err(error)) | (Err(error), Ok(up)) => (up, error),
        (one, two) => panic!("{:?} {:?}", one.err(), two.err()),
    };
    assert!(matches!(refused, UpError::Exists(_)), "{refused}");
    let openrc = fs::read_to_string(lab.join(OPENRC)).unwrap();
    assert!(openrc.contains(&stands.endpoints()[0].url), "{openrc}");
    let ours = stands.ledger().published[0].ca.clone().unwrap();
    assert_eq!(fs::read_to_string(lab.join(CA)).unwrap(), ours);
    stands.down().unwrap();
}

#[tokio::test]
async fn an_architecture_without_a_way_in_from_outside_says_which_service() {
    let source = architecture::source("plaintext").unwrap();
    let hidden = source.replace("public = \"edge/proxy/compute\"", "public = \"api-2/compute/api\"");
    assert_ne!(hidden, source);
    let hidden: Architecture = architecture::parse("hidden.toml", &hidden).unwrap();
    let home = tempfile::tempdir().unwrap();
    let lab = home.path().join("lab");
    let refused = up(&hidden, &lab, UpOptions::default()).await.err().unwrap();
    assert!(matches!(&refused, UpError::NoWayIn { .. }), "{refused}");
    assert!(refused.to_string().contains("`compute`"), "{refused}");
    assert!(!lab.join(OPENRC).exists());
}
