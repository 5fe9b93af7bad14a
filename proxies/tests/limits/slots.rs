//! The bound of connections: those beyond it wait, and nobody waits for longer than a slot is held.

use std::time::Duration;

use proxies::{codec::FrontCodec, guard::Entrance, limits::Limits, transport::Listen};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use crate::{
    scene::{NAME, Scene, count, is_closed},
    support::Authority,
};

const THREE: usize = 3;

fn limits() -> Limits {
    Limits { connections: THREE, ..Limits::default() }
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_the_bound_wait_until_one_ends() {
    let mut scene = Scene::proxying(FrontCodec::clear(), &limits());
    let mut carried = Vec::new();
    for _ in 0..THREE {
        carried.push(scene.carried().await);
    }
    let mut waiting = scene.client().await;
    waiting.write_all(b"word").await.unwrap();
    let nobody = tokio::time::timeout(Duration::from_secs(10), waiting.read_u8()).await;
    assert!(nobody.is_err());
    assert_eq!(count(&scene.tally.accepted), 3);
    drop(carried.pop());
    let (mut served, _) = scene.at_service.accept().await.unwrap();
    served.read_exact(&mut [0; 4]).await.unwrap();
    assert_eq!(count(&scene.tally.accepted), 4);
}

/// Slots held by the slow are free at their deadline, for whoever is waiting.
#[tokio::test(start_paused = true)]
async fn silent_clients_hold_their_slots_no_longer_than_their_deadline() {
    let public = Authority::new();
    let scene = Scene::proxying(FrontCodec::terminate(public.server(NAME)), &limits());
    let began = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..4 * THREE {
        silent.push(scene.client().await);
    }
    for (number, client) in silent.iter_mut().enumerate() {
        assert!(is_closed(client).await);
        assert_eq!(began.elapsed().as_secs(), 5 * (1 + number / THREE) as u64, "client {number}");
    }
    assert_eq!(count(&scene.tally.ended), 12);
}

/// A pass-through's slots are bounded by the same number.
#[tokio::test(start_paused = true)]
async fn a_pass_through_is_bounded_likewise() {
    let scene = Scene::passing(Entrance::default(), &limits());
    let mut silent = Vec::new();
    for _ in 0..2 * THREE {
        silent.push(scene.client().await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(count(&scene.tally.accepted), 3);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(count(&scene.tally.accepted), 6);
}
