//! The real `openstack` client, current and older, and `curl`, against `testbed up`: every shipped
//! architecture and a file of the user's own, as `localhost` and by name.
//!
//! Clients are those in `TESTBED_OPENSTACK` (else on PATH) and `TESTBED_OPENSTACK_OLD`; without them the tests
//! say so and pass. Architectures follow one another, so that the clients of one are all the load there is.
// Only a stranger can tell whether a port is closed.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{collections::BTreeMap, fs, io, net::TcpStream, path::Path};

use serde_json::Value;
use testbed::{architecture, up::SERVERS};

#[path = "support/cloud.rs"]
mod cloud;
#[path = "support/programs.rs"]
mod programs;
#[path = "support/visit.rs"]
mod visit;

use cloud::Cloud;
use visit::{Answers, COMMANDS, Visitors};

/// `curl`: the server's certificate could not be verified.
const NOT_VERIFIED: i32 = 60;

#[test]
fn real_clients_are_served_as_localhost() {
    let Some(visitors) = Visitors::found().map(Visitors::and_an_older_one) else { return };
    let home = tempfile::tempdir().unwrap();
    for architecture in architectures(home.path()) {
        let lab = tempfile::tempdir().unwrap();
        let cloud = Cloud::up(&architecture, &lab.path().join("lab"));
        let answers = visitors.visit(&cloud, &lab.path().join("said"));
        let urls = everyone_is_served(&architecture, &visitors, &answers);
        assert_eq!(cloud.ca().is_some(), urls["IDENTITY"].starts_with("https:"), "{architecture}");
        for (service, url) in urls {
            assert_eq!(cloud.url(&service.to_lowercase().replace('_', "-")), url, "{architecture}");
            assert!(url.contains("://localhost:"), "{architecture}: {url}");
        }
    }
}

#[test]
fn real_clients_are_served_by_name() {
    let Some(visitors) = Visitors::found() else { return };
    let home = tempfile::tempdir().unwrap();
    for architecture in architectures(home.path()) {
        let lab = tempfile::tempdir().unwrap();
        let (answers, output) = visitors.visit_by_name(&architecture, &lab.path().join("said"));
        if !output.stderr.is_empty() {
            return programs::skipped(&format!("names: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let urls = everyone_is_served(&architecture, &visitors, &answers);
        let names: Vec<&str> = urls.values().map(|url| name(url)).collect();
        assert!(names.iter().all(|name| name.ends_with(".cloud.invalid")), "{architecture}: {urls:?}");
        assert!(names.iter().all(|one| names.iter().filter(|other| one == *other).count() == 1), "{urls:?}");
    }
}

#[test]
fn a_wrong_password_is_refused_in_words_the_client_understands() {
    let Some(visitors) = Visitors::found() else { return };
    let home = tempfile::tempdir().unwrap();
    let cloud = Cloud::up("separate-environments", &home.path().join("lab"));
    let refused = cloud.with_openrc("export OS_PASSWORD=wrong", visitors.client(), &["token", "issue"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("requires authentication") && said.contains("HTTP 401"), "{said}");
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

/// Every client got what it asked for, where the cloud said it would; returns where that was.
fn everyone_is_served(
    architecture: &str,
    visitors: &Visitors,
    answers: &Answers,
) -> BTreeMap<String, String> {
    let urls = answers.urls();
    let public =
        [("identity", format!("{}/v3", urls["IDENTITY"])), ("compute", format!("{}/v2.1", urls["COMPUTE"]))];
    for release in visitors.labels() {
        let [token, catalog, endpoints, servers] =
            COMMANDS.map(|command| answers.json(&format!("{release} {command}")));
        assert!(token["id"].as_str().unwrap().starts_with("gAAAAA"), "{architecture}: {token}");
        published(&catalog, &endpoints, &public);
        let mut names: Vec<_> = servers.as_array().unwrap().iter().map(|row| row["Name"].clone()).collect();
        names.sort_by_key(ToString::to_string);
        let mut expected = SERVERS;
        expected.sort_unstable();
        assert_eq!(names, expected, "{architecture}, {release}");
    }
    curl_is_served(architecture, answers, &urls);
    urls
}

fn published(catalog: &Value, endpoints: &Value, public: &[(&str, String)]) {
    assert_eq!(endpoints.as_array().unwrap().len(), 6, "{endpoints}");
    for (service, url) in public {
        let listed = select(catalog, "Type", service)[0]["Endpoints"].clone();
        assert_eq!(select(&listed, "interface", "public")[0]["url"], url.as_str(), "{catalog}");
        assert_eq!(listed.as_array().unwrap().len(), 3, "{catalog}");
        let shown = select(endpoints, "Service Type", service);
        for row in &shown {
            // The internal interface may be the public one where the file says so.
            assert!(row["Interface"] != "public" || row["URL"] == url.as_str(), "{endpoints}");
        }
        assert_eq!(select(&Value::from(shown), "Interface", "public").len(), 1, "{endpoints}");
    }
}

/// With the certificate, and not without where there is one.
fn curl_is_served(architecture: &str, answers: &Answers, urls: &BTreeMap<String, String>) {
    for (service, url) in urls {
        let (code, said) = answers.failure(&format!("bare {service}"));
        let expected = if url.starts_with("https:") { NOT_VERIFIED } else { 0 };
        assert_eq!(code, expected, "{architecture}: {said}");
    }
    for (service, path) in [("IDENTITY", "v3"), ("COMPUTE", "v2.1")] {
        let version = answers.json(&format!("curl {service}"))["version"].clone();
        let link = version["links"][0]["href"].as_str().unwrap().trim_end_matches('/').to_owned();
        assert_eq!(
            link,
            format!("{}/{path}", urls[service]),
            "{architecture}: links lead where one came from"
        );
    }
    if urls.contains_key("LOGIN_PAGE") {
        let page = answers.text("curl LOGIN_PAGE");
        assert!(page.contains("<form") && page.contains("password"), "{architecture}: {page}");
    }
}

/// The shipped ones, and a file of one's own: a shipped one under names nobody knows.
fn architectures(home: &Path) -> Vec<String> {
    let source = architecture::source("proxy-in-front").unwrap();
    let own = source.replace("proxy-in-front", "mine").replace("tls-proxy", "gate").replace("edge", "rim");
    let path = home.join("mine.toml");
    fs::write(&path, own).unwrap();
    let shipped = architecture::names().map(str::to_owned);
    shipped.chain([path.to_str().unwrap().to_owned()]).collect()
}

fn select(rows: &Value, key: &str, value: &str) -> Vec<Value> {
    rows.as_array().unwrap().iter().filter(|row| row[key] == value).cloned().collect()
}

fn name(url: &str) -> &str {
    url.split("://").nth(1).unwrap().split(':').next().unwrap()
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}
