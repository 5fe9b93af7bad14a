//! Every shipped architecture comes up on real sockets, carries a login and a server list, and goes down.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proxies::limits::Limits;
use testbed::{
    architecture,
    launch::{LaunchOptions, Realisation, launch},
    ledger::Ledger,
    node::wiring::NodeConnect,
    services::client::Client,
    vocabulary::Asset,
};

async fn get(ledger: &Ledger, path: &str) -> u16 {
    let door = &ledger.users[0];
    let connect = NodeConnect::new(&ledger.world(), &door.identity, Limits::default()).unwrap();
    let client = Client::new(connect, 0);
    let request = hyper::Request::get(path).body(bytes::Bytes::new()).unwrap();
    client.exchange(request, Arc::new(|| {})).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn each_answers_on_real_sockets_however_crossings_are_realised() {
    for name in architecture::names() {
        for realisation in [Realisation::Acceptor, Realisation::Dialer, Realisation::Relay] {
            let file = architecture::load(name).unwrap();
            let (_footholds, ledger) =
                launch(&file, LaunchOptions { realisation, ..LaunchOptions::default() }).await.unwrap();
            assert_eq!(get(&ledger, "/v3").await, 200, "{name} {realisation:?}");
            ledger.fabric.settle().await.unwrap();
            assert!(ledger.found().bytes > 0, "{name}: nothing crossed");
            assert_eq!(ledger.fabric.registry().violations(), vec![]);
            println!("{name} {realisation:?} launched in {:?}", ledger.launched_in);
            let _ = Asset::Token;
            ledger.teardown().unwrap();
        }
    }
}
