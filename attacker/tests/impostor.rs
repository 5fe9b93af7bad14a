//! The impostor between victims of every temper and services of every kind.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use attacker::loot::{FlowCounts, Item, Loot};
use support::{
    foothold, run, secrets,
    street::{Door, Street, response},
    target, tls,
};
use testbed::foothold::{Foothold, HandshakeFailure, InPath, Intercepted};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::mpsc,
};

const LOGIN: &str = "POST /v3/auth/tokens HTTP/1.1\r\nConnection: close\r\nContent-Length: 82\r\n\r\n\
    {\"auth\":{\"identity\":{\"password\":{\"user\":{\"name\":\"alice\",\"password\":\"pw-1\"}}}}}    ";

fn issues_token(_: &str) -> String {
    response(201, "X-Subject-Token: tok\r\n", "{}")
}

/// A place in the path that gets one victim, flow 7, bound for the first door.
fn redirected(foothold: Foothold) -> (Foothold, DuplexStream, Rule) {
    let (arrivals, queue) = mpsc::channel(1);
    let (victim, theirs) = tokio::io::duplex(64 * 1024);
    let original = target(1, "identity");
    let Ok(()) = arrivals.try_send(Intercepted { flow: 7, victim: Box::new(theirs), original }) else {
        panic!("the queue has room for one");
    };
    let rule = Rule(Arc::default());
    let stop = foothold.stop().clone();
    (foothold.with_in_path(InPath::new(queue, stop, Box::new(rule.guard()))), victim, rule)
}

/// Tells whether the redirect was lifted.
struct Rule(Arc<AtomicBool>);

impl Rule {
    fn guard(&self) -> impl Send + Sync + use<> {
        struct Guard(Arc<AtomicBool>);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        Guard(Arc::clone(&self.0))
    }

    fn is_lifted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// One victim against an impostor in front of one door; returns the loot and what the victim was told.
async fn meet<F: Future<Output = String>>(
    door: Door,
    victim: impl FnOnce(DuplexStream) -> F,
) -> (Loot, String) {
    let street = Street::new(&[("identity", door)]);
    let (foothold, _stop) = foothold();
    let (foothold, stream, rule) = redirected(foothold.with_reach(street.reach()).with_tls(tls::kit()));
    let (loot, told) = tokio::join!(run("impostor", foothold), victim(stream));
    assert!(rule.is_lifted());
    (loot, told)
}

/// Says everything, closes its half, and hears the answer out.
async fn ask(mut stream: DuplexStream) -> String {
    stream.write_all(LOGIN.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    told
}

/// A client that takes any certificate, and reports the name on it before the answer.
async fn careless(mut stream: DuplexStream) -> String {
    let name = tls::offered(&mut stream, "identity.cloud.invalid").await;
    stream.write_all(b"yes\n").await.unwrap();
    format!("{name} {}", ask(stream).await)
}

/// A client that does not know the authority.
async fn careful(mut stream: DuplexStream) -> String {
    let name = tls::offered(&mut stream, "identity.cloud.invalid").await;
    stream.write_all(b"unknown_ca\n").await.unwrap();
    name
}

#[tokio::test]
async fn a_clear_victim_is_relayed_and_overheard_both_ways() {
    let (loot, told) = meet(Door::Clear(issues_token), ask).await;
    assert!(told.starts_with("HTTP/1.1 201"), "half-closed, and still answered: {told}");
    assert_eq!(
        (secrets(&loot, "password"), secrets(&loot, "token")),
        (vec!["pw-1".into()], vec!["tok".into()])
    );
    assert!(loot.secrets().all(|secret| secret.provenance.flow == Some(7)));
    assert_eq!(loot.flows, FlowCounts { clear: 1, tls: 0 });
    assert_eq!(loot.refusals().count(), 0);
}

#[tokio::test]
async fn a_careless_victim_of_tls_loses_everything_under_the_name_it_asked_for() {
    let (loot, told) = meet(Door::Tls(issues_token), careless).await;
    assert!(told.starts_with("identity.cloud.invalid HTTP/1.1 201"), "{told}");
    assert_eq!(
        (secrets(&loot, "password"), secrets(&loot, "token")),
        (vec!["pw-1".into()], vec!["tok".into()])
    );
    assert_eq!(loot.flows, FlowCounts { clear: 0, tls: 1 });
}

#[tokio::test]
async fn a_careful_victim_leaves_a_refusal_and_no_secret() {
    let (loot, _) = meet(Door::Tls(issues_token), careful).await;
    assert_eq!(loot.secrets().count(), 0);
    let refusal = loot.refusals().next().unwrap();
    assert_eq!(refusal.failure, HandshakeFailure::Alert("unknown_ca".into()));
    assert_eq!((refusal.provenance.flow, refusal.label.as_str()), (Some(7), "host/identity"));
}

#[tokio::test]
async fn a_victim_that_leaves_after_the_handshake_without_a_word_refused_too() {
    let (loot, _) = meet(Door::Tls(issues_token), |mut stream| async move {
        let name = tls::offered(&mut stream, "identity.test").await;
        stream.write_all(b"yes\n").await.unwrap();
        name
    })
    .await;
    assert_eq!(loot.secrets().count(), 0);
    assert!(loot.refusals().map(|refusal| &refusal.failure).eq([&HandshakeFailure::Closed]));
}

#[tokio::test]
async fn a_victim_that_never_said_what_it_wants_is_no_refusal() {
    let (loot, _) = meet(Door::Tls(issues_token), |mut stream| async move {
        stream.write_all(b"\x16\x03\x01").await.unwrap();
        String::new()
    })
    .await;
    assert_eq!((loot.items.len(), loot.flows), (0, FlowCounts::default()));
}

#[tokio::test]
async fn behind_a_service_that_is_down_the_answer_is_invented() {
    let (loot, told) = meet(Door::Refused, careless).await;
    assert!(told.contains("HTTP/1.1 503") && told.ends_with("}}"), "{told}");
    assert_eq!(secrets(&loot, "password"), ["pw-1"]);
    assert_eq!(secrets(&loot, "response-body"), Vec::<String>::new());
}

#[tokio::test]
async fn behind_a_service_that_wants_a_client_certificate_the_answer_is_invented() {
    let (loot, told) = meet(Door::TlsMute, careless).await;
    assert!(told.contains("HTTP/1.1 503"), "{told}");
    assert_eq!(secrets(&loot, "password"), ["pw-1"]);
}

#[tokio::test]
async fn the_stop_lets_go_of_a_victim_in_the_middle_of_a_sentence() {
    let (foothold, stop) = foothold();
    let (foothold, mut victim, rule) = redirected(foothold);
    let talk = async {
        victim.write_all(LOGIN.split_at(LOGIN.len() - 5).0.as_bytes()).await.unwrap();
        // The impostor has no targets: it holds the victim and waits for the rest of the request.
        tokio::task::yield_now().await;
        stop.cancel();
        victim.read_to_end(&mut Vec::new()).await.unwrap()
    };
    let (loot, told) = tokio::join!(run("impostor", foothold), talk);
    assert_eq!(told, 0);
    assert!(rule.is_lifted());
    assert!(loot.items.iter().any(|item| matches!(item, Item::NotGranted(..))));
}
