//! What processes of a running cloud hold, and what each vantage on a machine finds there: buffers, and
//! private keys that sign.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, sync::Arc};

use proxies::limits::Limits;
use testbed::{
    architecture::{self, Architecture, Program},
    custody::{Bounds, Held, Side},
    foothold::{Footholds, GrantError, hosts::taken},
    launch::{LaunchOptions, launch},
    ledger::Ledger,
    node::wiring::NodeConnect,
    pki::signs_for,
    services::client::Client,
    vocabulary::Vantage,
};
use tokio_util::sync::CancellationToken;

/// A request that is easy to find again.
const PATH: &str = "/v3?needle";

async fn cloud(architecture: &Architecture, custody: bool) -> (Footholds, Ledger) {
    let custody = custody.then(Bounds::default);
    launch(architecture, LaunchOptions { custody, ..LaunchOptions::default() }).await.unwrap()
}

async fn ask(ledger: &Ledger) {
    let connect = NodeConnect::new(&ledger.world(), &ledger.users[0].identity, Limits::default()).unwrap();
    let request = hyper::Request::get(PATH).body(bytes::Bytes::new()).unwrap();
    let answer = Client::new(connect, 0).exchange(request, Arc::new(|| {})).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
}

fn record(ledger: &Ledger, process: &str) -> Vec<Held> {
    ledger.custody().unwrap().record(process).unwrap().held_from(0)
}

/// Where the request was readable: link, side.
fn readable(held: &[Held]) -> BTreeSet<(String, Side)> {
    let mentions = |held: &&Held| held.bytes.windows(PATH.len()).any(|window| window == PATH.as_bytes());
    held.iter().filter(mentions).map(|held| (held.connection.link.clone(), held.side)).collect()
}

fn set(places: &[(&str, Side)]) -> BTreeSet<(String, Side)> {
    places.iter().map(|(link, side)| ((*link).to_owned(), *side)).collect()
}

#[tokio::test]
async fn each_process_on_the_way_holds_the_request_as_its_codecs_leave_it() {
    let (_footholds, ledger) = cloud(&architecture::load("separate-environments").unwrap(), true).await;
    ask(&ledger).await;
    let held =
        ["edge/tls-proxy", "api-1/tls-proxy", "api-1/identity"].map(|of| readable(&record(&ledger, of)));
    let outside = ("clients/users>edge/tls-proxy", Side::Inner);
    let crossing = ("edge/tls-proxy>api-1/tls-proxy", Side::Inner);
    let local = ("api-1/tls-proxy>api-1/identity", Side::Both);
    assert_eq!(held, [set(&[outside, crossing]), set(&[crossing, local]), set(&[local])]);
    // Sealed records were held too: without them nobody could prove what a pass-through held.
    assert!(record(&ledger, "edge/tls-proxy").iter().any(|held| held.side == Side::Outer));
    ledger.teardown().unwrap();
}

#[tokio::test]
async fn nothing_is_recorded_unless_asked() {
    let (footholds, ledger) = cloud(&architecture::load("plaintext").unwrap(), false).await;
    let mut foothold = footholds.grant(Vantage::EdgeRoot, &CancellationToken::new()).unwrap();
    let mut memory = foothold.memory().unwrap();
    ask(&ledger).await;
    assert!(ledger.custody().is_none());
    assert!(memory.look().is_empty());
    ledger.teardown().unwrap();
}

#[tokio::test]
async fn root_reads_from_the_grant_on_and_each_buffer_once() {
    let (footholds, ledger) = cloud(&architecture::load("plaintext").unwrap(), true).await;
    ask(&ledger).await;
    let mut foothold = footholds.grant(Vantage::EdgeRoot, &CancellationToken::new()).unwrap();
    let mut memory = foothold.memory().unwrap();
    assert!(foothold.memory().is_err(), "there is one");
    assert!(readable(&memory.look()).is_empty(), "what was before the grant");
    ask(&ledger).await;
    let found = memory.look();
    let edge = "edge/proxy";
    assert!(found.iter().all(|held| held.connection.process == edge), "another machine's memory");
    assert_eq!(
        readable(&found),
        set(&[("clients/users>edge/proxy", Side::Both), ("edge/proxy>api-1/identity", Side::Both)])
    );
    // What came after may be the end of the answer, never the request again.
    assert!(readable(&memory.look()).is_empty());
    ledger.teardown().unwrap();
}

/// `(place, readable)` of the keys a vantage finds, and how many certificates they sign for.
fn keys(footholds: &Footholds, ledger: &Ledger, vantage: Vantage) -> (BTreeSet<(String, bool)>, usize) {
    let mut foothold = footholds.grant(vantage, &CancellationToken::new()).unwrap();
    let keys = foothold.memory().unwrap().keys();
    let hosts = taken(&ledger.architecture, vantage).unwrap().unwrap().hosts;
    let certificates: Vec<&[u8]> = ledger.keys.certificates_on(&hosts).map(|(_, leaf)| leaf).collect();
    let read: Vec<_> = keys.iter().filter_map(|key| key.content.as_ref().ok()).collect();
    let signed = certificates.iter().filter(|leaf| read.iter().any(|key| signs_for(key, leaf))).count();
    assert!(read.iter().all(|key| certificates.iter().any(|leaf| signs_for(key, leaf))), "a key of nobody");
    (keys.into_iter().map(|key| (key.place, key.content.is_ok())).collect(), signed)
}

#[tokio::test]
async fn root_reads_the_keys_of_its_host_and_a_service_those_of_its_user() {
    let (footholds, ledger) = cloud(&architecture::load("separate-environments").unwrap(), false).await;
    let place = |place: &str, read| (place.to_owned(), read);
    let (edge, signed) = keys(&footholds, &ledger, Vantage::EdgeRoot);
    let wanted = [place("key file of edge-public on edge", true), place("memory of edge/tls-proxy", true)];
    assert_eq!((edge, signed), (BTreeSet::from(wanted), 1));
    let (root, signed) = keys(&footholds, &ledger, Vantage::ApiHostRoot);
    assert_eq!((root.len(), root.iter().all(|(_, read)| *read), signed), (4, true, 2));
    let (service, signed) = keys(&footholds, &ledger, Vantage::ServiceProcess);
    let wanted = [
        place("key file of api-1-internal on api-1", false),
        place("key file of api-2-internal on api-2", false),
    ];
    assert_eq!((service, signed), (BTreeSet::from(wanted), 0));
    ledger.teardown().unwrap();
}

/// The proxy under the service's own user: the same uid reads its files and its memory.
#[tokio::test]
async fn a_proxy_under_the_services_own_user_protects_no_key() {
    let text = architecture::source("separate-environments").unwrap();
    let text = text.replace("user = \"keystone\"", "user = \"tls-proxy\"");
    let (footholds, ledger) = cloud(&architecture::parse("same-user.toml", &text).unwrap(), true).await;
    let (service, signed) = keys(&footholds, &ledger, Vantage::ServiceProcess);
    let read: Vec<&str> = service.iter().filter(|(_, read)| *read).map(|(place, _)| &**place).collect();
    assert_eq!(read, ["key file of api-1-internal on api-1", "memory of api-1/tls-proxy"]);
    assert_eq!(signed, 1);
    ledger.teardown().unwrap();
}

#[test]
fn who_has_what_is_decided_by_structure() {
    for name in architecture::names() {
        let loaded = architecture::load(name).unwrap();
        let labels = |vantage| match taken(&loaded, vantage) {
            Ok(taken) => taken.map(|taken| {
                let processes = taken.processes.iter().map(|id| loaded.process_label(*id));
                (taken.hosts.len(), processes.collect::<Vec<_>>(), taken.inside.len())
            }),
            Err(GrantError::NoPlace { .. }) => None,
            Err(error) => panic!("{error}"),
        };
        let (_, inside, services) = labels(Vantage::ServiceProcess).unwrap();
        assert_eq!(inside.len(), services, "{name}: no other process runs as a service's user");
        let (hosts, ..) = labels(Vantage::ApiHostRoot).unwrap();
        assert!(hosts >= 2, "{name}");
        if let Some((_, edge, inside)) = labels(Vantage::EdgeRoot) {
            assert_eq!(inside, 0);
            let proxies = edge.iter().map(|label| loaded[loaded.process(label).unwrap()].program);
            assert!(proxies.into_iter().all(|program| program == Program::Proxy), "{name}: {edge:?}");
        }
        assert!(labels(Vantage::PublicSniffer).is_none());
    }
}

#[tokio::test]
async fn without_an_edge_host_there_is_no_place_for_its_root() {
    // A service moves onto the edge: then it is an API host in public, and nothing is left in front of it.
    let text = architecture::source("plaintext").unwrap();
    let text = text.replace("[hosts.api-1]\nsegments = [\"management\"]\n", "").replace("api-1", "edge");
    let (footholds, ledger) = cloud(&architecture::parse("no-edge.toml", &text).unwrap(), true).await;
    let refused = footholds.grant(Vantage::EdgeRoot, &CancellationToken::new());
    assert!(matches!(refused, Err(GrantError::NoPlace { .. })));
    ledger.teardown().unwrap();
}
