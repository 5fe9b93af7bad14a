//! Searching memory: machines that hold everything in the clear, machines that hold it sealed.
#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use attacker::loot::Item;
use bytes::Bytes;
use support::{foothold, run, secrets};
use testbed::{
    foothold::{Connection, Held, Image, KeyCopy, Memory, MemoryBackend, Side, Stretch},
    vocabulary::Direction::{self, ToAcceptor, ToDialer},
};

/// What each look finds; at the end of the script the attacker is told to stop.
struct Script {
    looks: VecDeque<Vec<Held>>,
    images: Vec<Image>,
    keys: Vec<KeyCopy>,
    stop: tokio_util::sync::CancellationToken,
}

impl MemoryBackend for Script {
    fn look(&mut self) -> Vec<Held> {
        let found = self.looks.pop_front();
        if found.is_none() {
            self.stop.cancel();
        }
        found.unwrap_or_default()
    }

    fn images(&self) -> Vec<Image> {
        self.images.clone()
    }

    fn keys(&self) -> Vec<KeyCopy> {
        self.keys.clone()
    }
}

fn held(number: u64, side: Side, direction: Direction, bytes: &[u8]) -> Held {
    let (process, link) = ("edge/proxy".to_owned(), "a/x>edge/proxy".to_owned());
    Held {
        connection: Arc::new(Connection { number, process, link, accepted: true }),
        side,
        direction,
        at: Duration::from_millis(7),
        bytes: Bytes::copy_from_slice(bytes),
    }
}

async fn search(looks: Vec<Vec<Held>>, keys: Vec<KeyCopy>) -> attacker::loot::Loot {
    let (foothold, stop) = foothold();
    let script = Script { looks: looks.into(), images: Vec::new(), keys, stop };
    run("search-memory", foothold.with_memory(Memory::new(Box::new(script)))).await
}

const ASK: &[u8] = b"GET /v3 HTTP/1.1\r\nX-Auth-Token: tok\r\n\r\n";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";

#[tokio::test(start_paused = true)]
async fn both_directions_are_read_across_buffers_looks_and_connections() {
    let (one, two) = ASK.split_at(29);
    let looks = vec![
        vec![held(1, Side::Inner, ToAcceptor, one), held(2, Side::Both, ToAcceptor, b"noise, no HTTP")],
        vec![held(1, Side::Inner, ToAcceptor, two), held(1, Side::Inner, ToDialer, ANSWER)],
    ];
    let loot = search(looks, Vec::new()).await;
    assert_eq!(
        (secrets(&loot, "token"), secrets(&loot, "response-body")),
        (vec!["tok".into()], vec!["body".into()])
    );
    let token = loot.secrets().next().unwrap();
    assert_eq!(token.provenance.where_found, "memory of edge/proxy: request head X-Auth-Token");
    assert_eq!(
        (token.provenance.step.attack_id, token.provenance.at),
        ("T1003.007", Some(Duration::from_millis(7)))
    );
}

#[tokio::test(start_paused = true)]
async fn sealed_buffers_give_nothing() {
    let record = [b"\x17\x03\x03\x00\x28", ASK].concat();
    let hello = vec![held(1, Side::Both, ToAcceptor, b"\x16\x03\x01\x00\x05hello")];
    let loot = search(vec![hello, vec![held(1, Side::Both, ToAcceptor, &record)]], Vec::new()).await;
    assert_eq!(loot.items.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_under_way_at_the_stop_is_brought_home() {
    let half = b"POST /v2.1/servers HTTP/1.1\r\nX-Auth-Token: late\r\nContent-Length: 99\r\n\r\nhalf";
    let loot = search(vec![vec![held(1, Side::Inner, ToAcceptor, half)]], Vec::new()).await;
    assert_eq!(
        (secrets(&loot, "token"), secrets(&loot, "request-body")),
        (vec!["late".into()], vec!["half".into()])
    );
}

#[tokio::test(start_paused = true)]
async fn keys_come_home_once_and_refusals_with_their_reason() {
    let key = |place: &str, content: Result<&'static [u8], &str>| KeyCopy {
        place: place.to_owned(),
        content: content.map(Bytes::from_static).map_err(str::to_owned),
    };
    let keys = vec![
        key("key file of one", Ok(b"pkcs8")),
        key("memory of edge/proxy", Ok(b"pkcs8")),
        key("key file of two", Err("permission denied")),
    ];
    let loot = search(Vec::new(), keys).await;
    assert_eq!(secrets(&loot, "private-key"), ["pkcs8"]);
    let denied: Vec<_> = loot.denied().map(|it| (&*it.provenance.where_found, &*it.why)).collect();
    assert_eq!(denied, [("key file of two", "permission denied")]);
    assert!(loot.denied().all(|it| it.provenance.step.attack_id == "T1552.004"));
}

#[tokio::test(start_paused = true)]
async fn without_a_machine_there_is_nothing_to_search() {
    let loot = run("search-memory", foothold().0).await;
    assert!(matches!(loot.items[..], [Item::NotGranted(..)]));
}

#[tokio::test(start_paused = true)]
async fn a_whole_memory_is_searched_wherever_messages_lie_and_each_thing_is_taken_once() {
    let (foothold, stop) = foothold();
    let bytes = Bytes::from([&[0; 99], ASK, &[0xff, 0x17]].concat());
    let stretch = Stretch { pid: 7, name: "[heap]".to_owned(), address: 4096, bytes };
    let at = Duration::from_millis(9);
    let images = vec![Image { process: "edge/proxy".to_owned(), at, stretches: vec![stretch; 2] }];
    let script = Script { looks: vec![Vec::new(); 3].into(), images, keys: Vec::new(), stop };
    let loot = run("search-memory", foothold.with_memory(Memory::new(Box::new(script)))).await;
    let found: Vec<_> =
        loot.secrets().map(|one| (&one.value[..], one.provenance.where_found.as_str())).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].0 == b"tok" && found[0].1.starts_with("memory of edge/proxy: "), "{found:?}");
}
