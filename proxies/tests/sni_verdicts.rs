//! What becomes of each kind of first words at a pass-through: where they go, or why they go nowhere.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod sni;

use std::sync::atomic::Ordering;

use proxies::{
    refusal::Refusal,
    rustls::crypto::aws_lc_rs::kx_group,
    transport::{Dial, memory::MemoryListen},
};
use sni::{
    hellos::{asks_for, cut_record, encrypted, made, real, vector},
    scene::{Scene, read_all},
};
use tokio::io::AsyncWriteExt;

const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];
const IDENTITY: fn(&mut Scene) -> &mut MemoryListen = |scene| &mut scene.identity;
const COMPUTE: fn(&mut Scene) -> &mut MemoryListen = |scene| &mut scene.compute;

/// It is turned away for this reason, hears this, and nothing is dialled.
async fn is_refused(first_words: &[u8], reason: Refusal, hears: &[u8]) {
    let scene = Scene::new();
    let (mut client, _) = scene.to_proxy.dial().await.unwrap();
    client.write_all(first_words).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await, hears);
    assert_eq!((scene.tally.refused.of(reason), scene.tally.refused.total()), (1, 1));
    scene.end().await;
}

/// It arrives whole, and is counted so often as a hello in a hello.
async fn reaches(place: fn(&mut Scene) -> &mut MemoryListen, first_words: &[u8], encrypted: u64) {
    let mut scene = Scene::new();
    scene.reaches(place, first_words, "").await;
    let hellos = &scene.tally.hellos;
    assert_eq!(hellos.whole.load(Ordering::Relaxed), 1);
    assert_eq!(hellos.encrypted.load(Ordering::Relaxed), encrypted);
    assert_eq!(scene.tally.refused.total(), 0);
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_ip_literal_is_no_name() {
    for literal in [&b"127.0.0.1"[..], b"::1", b"[::1]"] {
        is_refused(&made(&[asks_for(literal)]), Refusal::NoName, UNRECOGNIZED_NAME).await;
    }
}

#[tokio::test(start_paused = true)]
async fn mixed_case_is_the_name() {
    reaches(COMPUTE, &made(&[asks_for(b"cOmPuTe.CLOUD.invalid")]), 0).await;
}

#[tokio::test(start_paused = true)]
async fn an_absent_name_has_no_default() {
    is_refused(&made(&[]), Refusal::NoName, UNRECOGNIZED_NAME).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_has_no_default() {
    let hello = real("nova.cloud.invalid", kx_group::X25519);
    is_refused(&hello, Refusal::UnknownName, UNRECOGNIZED_NAME).await;
}

/// Before, between and behind what is read: suites (every hand-made hello has one), extensions, versions, groups.
#[tokio::test(start_paused = true)]
async fn grease_is_passed_over() {
    let hello = made(&[
        (0x1a1a, vec![]),
        asks_for(b"compute.cloud.invalid"),
        (10, vector(2, &[0x2a, 0x2a, 0, 0x1d])),
        (43, vector(1, &[0x3a, 0x3a, 3, 4, 3, 3])),
        (51, vector(2, &[&[0x2a, 0x2a, 0, 1, 0][..], &[0, 0x1d], &vector(2, &[5; 32])].concat())),
        (0xfafa, vec![0]),
    ]);
    reaches(COMPUTE, &hello, 0).await;
}

/// The name outside is all there is to go by; the one inside must not lead anywhere.
#[tokio::test(start_paused = true)]
async fn an_encrypted_hello_goes_by_its_outer_name_and_is_counted() {
    reaches(COMPUTE, &encrypted("identity.cloud.invalid", "compute.cloud.invalid"), 1).await;
    let unknown_outside = encrypted("identity.cloud.invalid", "front.invalid");
    is_refused(&unknown_outside, Refusal::UnknownName, UNRECOGNIZED_NAME).await;
}

#[tokio::test(start_paused = true)]
async fn a_hello_in_two_records_is_whole() {
    let hello = real("identity.cloud.invalid", kx_group::X25519);
    for at in [1, 4, 40, 100, 200] {
        reaches(IDENTITY, &cut_record(&hello, at), 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_quantum_hello_of_more_than_a_segment_is_whole() {
    let hello = real("identity.cloud.invalid", kx_group::X25519MLKEM768);
    assert!(hello.len() > 1_700);
    reaches(IDENTITY, &hello, 0).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_speaks_no_tls_hears_nothing() {
    for first_words in
        [&b"GET / HTTP/1.1\r\nHost: identity.cloud.invalid\r\n\r\n"[..], b"SSH-2.0-x\r\n", &[0; 100]]
    {
        is_refused(first_words, Refusal::NotTls, b"").await;
    }
}

/// As clients said it that offered SSL 2.0 and TLS in one hello: it has no room for a name.
#[tokio::test(start_paused = true)]
async fn a_hello_in_the_form_of_ssl_2_is_no_tls() {
    let message = [&[1, 3, 1, 0, 6, 0, 0, 0, 16, 0, 0, 0x2f, 1, 0, 0x80][..], &[9; 16]].concat();
    let hello = [&[0x80, message.len() as u8][..], &message].concat();
    is_refused(&hello, Refusal::NotTls, b"").await;
}
