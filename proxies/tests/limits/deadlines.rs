//! Nobody holds a connection by saying nothing, or by saying it slowly.

use std::time::Duration;

use proxies::{codec::FrontCodec, guard::Entrance, limits::Limits, refusal::Refusal, serve::Drained};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::{Instant, interval},
};

use crate::{
    first_bytes::hello,
    scene::{NAME, Scene, count, is_closed},
    support::Authority,
};

/// The figures of the survey.
#[test]
fn the_defaults_are_those_of_the_survey() {
    let (limits, seconds) = (Limits::default(), Duration::from_secs);
    assert_eq!(limits.handshake, seconds(5));
    assert_eq!((limits.peek, limits.peek_bytes), (seconds(3), 65_536));
    assert_eq!((limits.connect, limits.idle, limits.drain), (seconds(2), seconds(30), seconds(5)));
    assert_eq!(limits.rates, proxies::limits::Rates::default(), "rates are asked for, never imposed");
}

/// Sends `bytes` one each half second until told to go away; how long that took.
async fn dripping(mut client: DuplexStream, bytes: &[u8]) -> Duration {
    let began = Instant::now();
    let mut drips = interval(Duration::from_millis(500));
    let (mut answer, mut sent) = ([0; 64], bytes.iter());
    loop {
        tokio::select! {
            read = client.read(&mut answer) => if matches!(read, Ok(0) | Err(_)) { return began.elapsed() },
            _ = drips.tick() => if let Some(byte) = sent.next() {
                // Whoever was turned away hears it in reading.
                let _gone = client.write_all(&[*byte]).await;
            },
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_five_seconds_in_all_however_it_drips() {
    let public = Authority::new();
    let scene = Scene::proxying(FrontCodec::terminate(public.server(NAME)), &Limits::default());
    let (silent, slow) = (scene.client().await, scene.client().await);
    let hello = hello(NAME);
    let (silent, slow) = tokio::join!(dripping(silent, b""), dripping(slow, &hello));
    assert_eq!((silent.as_secs(), slow.as_secs()), (5, 5));
    assert_eq!((count(&scene.tally.handshakes_failed), count(&scene.tally.ended)), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_hello_that_is_peeked_at_has_three_seconds_in_all_however_it_drips() {
    let scene = Scene::passing(Entrance::default(), &Limits::default());
    let (silent, slow) = (scene.client().await, scene.client().await);
    let hello = hello(NAME);
    // One second more for the alert's sake, where the client does not hang up.
    let (silent, slow) = tokio::join!(dripping(silent, b""), dripping(slow, &hello));
    assert_eq!(silent.as_secs(), 3);
    assert!((3..=4).contains(&slow.as_secs()), "{slow:?}");
    assert_eq!(scene.tally.refused.of(Refusal::TooSlow), 2);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_does_not_take_a_connection_is_given_up_after_two_seconds() {
    let scene = Scene::nowhere(&Limits::default());
    let (began, mut client) = (Instant::now(), scene.client().await);
    assert!(is_closed(&mut client).await);
    assert_eq!(began.elapsed().as_secs(), 2);
    assert_eq!(count(&scene.tally.upstream_failed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_nobody_uses_ends_after_thirty_seconds_and_one_in_use_does_not() {
    let mut scene = Scene::proxying(FrontCodec::clear(), &Limits::default());
    let (mut idle, mut idle_served) = scene.carried().await;
    let (mut busy, mut busy_served) = scene.carried().await;
    let began = Instant::now();
    let using = async {
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_secs(20)).await;
            busy_served.write_all(b"x").await.unwrap();
            busy.read_exact(&mut [0]).await.unwrap();
        }
    };
    let idling = async {
        assert!(is_closed(&mut idle).await && is_closed(&mut idle_served).await);
        assert_eq!(began.elapsed().as_secs(), 30);
    };
    tokio::join!(using, idling);
    assert_eq!(count(&scene.tally.ended), 1, "the one in use lives on");
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_five_seconds_and_not_for_those_who_never_end() {
    let mut scene = Scene::proxying(FrontCodec::clear(), &Limits::default());
    let (_stuck, _stuck_served) = scene.carried().await;
    let (finishing, finishing_served) = scene.carried().await;
    let began = Instant::now();
    scene.stop.cancel();
    drop((finishing, finishing_served));
    assert_eq!(scene.running.await.unwrap(), Drained { cut: 1 });
    assert_eq!(began.elapsed().as_secs(), 5);
    assert_eq!(count(&scene.tally.ended), 2);
}
