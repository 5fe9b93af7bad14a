//! The real `openstack` client and `curl` against `testbed up`, for every shipped architecture and for a file
//! of the user's own.
//!
//! The client is the one in `TESTBED_OPENSTACK`, else on PATH; without one the test says so and passes.
// Only a stranger can tell whether a port is closed.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    env, fs,
    io::{self, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Output,
    thread,
};

use serde_json::Value;
use testbed::{architecture, up::SERVERS};

#[path = "support/cloud.rs"]
mod cloud;

use cloud::Cloud;

/// `curl`: the server's certificate could not be verified.
const NOT_VERIFIED: i32 = 60;

#[test]
fn the_real_client_works_against_every_architecture() {
    let Some(client) = found("TESTBED_OPENSTACK", "openstack") else { return };
    let home = tempfile::tempdir().unwrap();
    let mut architectures: Vec<String> = architecture::names().map(str::to_owned).collect();
    architectures.push(own_file(home.path()));
    let (client, home) = (&client, home.path());
    thread::scope(|scope| {
        for (number, architecture) in architectures.iter().enumerate() {
            scope.spawn(move || {
                let cloud = Cloud::up(architecture, &home.join(format!("lab {number}")));
                commands_succeed(&cloud, client);
                a_wrong_password_is_refused(&cloud, client);
            });
        }
    });
}

#[test]
fn curl_gets_in_with_the_certificate_and_not_without() {
    let Some(curl) = found("TESTBED_CURL", "curl") else { return };
    for architecture in architecture::names() {
        let home = tempfile::tempdir().unwrap();
        let cloud = Cloud::up(architecture, &home.path().join("lab"));
        for (service, path) in [("identity", "/v3"), ("compute", "/v2.1")] {
            let url = format!("{}{path}", cloud.url(service));
            let bare = cloud.with_openrc("", &curl, &["-sS", &url]);
            let got = match cloud.ca() {
                None => bare,
                Some(ca) => {
                    assert_eq!(bare.status.code(), Some(NOT_VERIFIED), "{architecture}: {bare:?}");
                    cloud.with_openrc("", &curl, &["-sS", "--cacert", ca.to_str().unwrap(), &url])
                }
            };
            let version = json(&got)["version"].clone();
            let link = version["links"][0]["href"].as_str().unwrap();
            assert_eq!(link.trim_end_matches('/'), url, "{architecture}: links lead where one came from");
        }
        assert_eq!(cloud.ca().is_some(), cloud.url("identity").starts_with("https:"), "{architecture}");
    }
}

#[test]
fn it_ends_with_zero_leaves_its_files_and_closes_its_ports() {
    for architecture in architecture::names() {
        let home = tempfile::tempdir().unwrap();
        let lab = home.path().join("lab");
        let cloud = Cloud::up(architecture, &lab);
        let ports = ["identity", "compute"].map(|service| port(cloud.url(service)));
        // An idle client must not keep it from ending.
        let idle = ports.map(|port| TcpStream::connect(("127.0.0.1", port)).unwrap());
        assert_eq!(cloud.terminate().code(), Some(0), "{architecture}");
        drop(idle);
        for port in ports {
            let refused = TcpStream::connect(("127.0.0.1", port)).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "{architecture}");
        }
        assert!(fs::read_to_string(lab.join("openrc")).unwrap().contains("OS_AUTH_URL"), "{architecture}");
    }
}

fn commands_succeed(cloud: &Cloud, client: &Path) {
    let ask = |command: &str| {
        let words: Vec<&str> = command.split(' ').chain(["-f", "json"]).collect();
        json(&cloud.with_openrc("", client, &words))
    };
    let token = ask("token issue");
    assert!(token["id"].as_str().unwrap().starts_with("gAAAAA"), "{token}");

    let public = [("identity", "/v3"), ("compute", "/v2.1")];
    let catalog = ask("catalog list");
    for (service, path) in public {
        let endpoints = select(&catalog, "Type", service)[0]["Endpoints"].clone();
        let url = format!("{}{path}", cloud.url(service));
        assert_eq!(select(&endpoints, "interface", "public")[0]["url"], url.as_str(), "{catalog}");
        assert_eq!(endpoints.as_array().unwrap().len(), 3, "{catalog}");
    }

    let endpoints = ask("endpoint list");
    assert_eq!(endpoints.as_array().unwrap().len(), 6, "{endpoints}");
    for (service, path) in public {
        let shown = select(&endpoints, "Service Type", service);
        let url = format!("{}{path}", cloud.url(service));
        assert!(
            shown.iter().any(|row| row["Interface"] == "public" && row["URL"] == url.as_str()),
            "{endpoints}"
        );
        let outside = shown.iter().filter(|row| row["URL"].as_str().unwrap().contains("localhost"));
        assert_eq!(outside.count(), 1, "only the public interface is for outside clients: {endpoints}");
    }

    let servers = ask("server list");
    let mut names: Vec<_> = servers.as_array().unwrap().iter().map(|row| row["Name"].clone()).collect();
    names.sort_by_key(ToString::to_string);
    let mut expected = SERVERS;
    expected.sort_unstable();
    assert_eq!(names, expected);
}

fn a_wrong_password_is_refused(cloud: &Cloud, client: &Path) {
    let refused = cloud.with_openrc("export OS_PASSWORD=wrong", client, &["token", "issue"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("requires authentication") && said.contains("HTTP 401"), "{said}");
}

/// A file of one's own: a shipped architecture under names nobody knows.
fn own_file(home: &Path) -> String {
    let source = architecture::source("proxy-in-front").unwrap();
    let own = source.replace("proxy-in-front", "mine").replace("tls-proxy", "gate").replace("edge", "rim");
    let path = home.join("mine.toml");
    fs::write(&path, own).unwrap();
    path.to_str().unwrap().to_owned()
}

fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn select(rows: &Value, key: &str, value: &str) -> Vec<Value> {
    rows.as_array().unwrap().iter().filter(|row| row[key] == value).cloned().collect()
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

/// A program by variable or on PATH; what is absent is said past the test harness.
fn found(variable: &str, name: &str) -> Option<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        assert!(Path::new(&path).is_file(), "{variable} names no file");
        return Some(path.into());
    }
    let on_path = env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file());
    if on_path.is_none() {
        let line = format!("SKIPPED: no `{name}` on PATH and no {variable}: the real client was not tried\n");
        io::stderr().write_all(line.as_bytes()).unwrap();
    }
    on_path
}
