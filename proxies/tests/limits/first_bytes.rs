//! What is looked at of a connection before it goes anywhere is bounded.

use proxies::{
    guard::Entrance,
    limits::Limits,
    proxy_header::{Accept, Header, Peer, Version},
    refusal::Refusal,
    rustls::{ClientConfig, ClientConnection, RootCertStore},
    tls::provider,
    transport::{Listen, Party},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::scene::{NAME, Scene};

/// The hello of a real client that asks for `name`.
pub(crate) fn hello(name: &str) -> Vec<u8> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let mut client = ClientConnection::new(config.into(), name.to_owned().try_into().unwrap()).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// A handshake message of `length` bytes that says it is a hello, in records.
fn endless_hello(length: usize) -> Vec<u8> {
    let body = u32::try_from(length).unwrap().to_be_bytes();
    let message = [&[1], &body[1..], &vec![0; length]].concat();
    let record = |piece: &[u8]| {
        let length = u16::try_from(piece.len()).unwrap().to_be_bytes();
        [&[22, 3, 1], &length[..], piece].concat()
    };
    message.chunks(16_000).flat_map(record).collect()
}

#[tokio::test(start_paused = true)]
async fn a_hello_is_looked_at_up_to_sixty_four_kibibytes() {
    let scene = Scene::passing(Entrance::default(), &Limits::default());
    let mut client = scene.client().await;
    // The far side hangs up in the middle of it.
    let _cut = client.write_all(&endless_hello(70_000)).await;
    let mut answer = Vec::new();
    let _reset = client.read_to_end(&mut answer).await;
    assert_eq!(answer.first(), Some(&21), "an alert says so");
    assert_eq!(scene.tally.refused.of(Refusal::TooLarge), 1);
}

#[tokio::test(start_paused = true)]
async fn the_bound_is_the_one_given() {
    let hello = hello(NAME);
    for (room, passes) in [(hello.len(), true), (hello.len() - 1, false)] {
        let limits = Limits { peek_bytes: room, ..Limits::default() };
        let mut scene = Scene::passing(Entrance::default(), &limits);
        let mut client = scene.client().await;
        client.write_all(&hello).await.unwrap();
        if passes {
            let (mut served, _) = scene.at_service.accept().await.unwrap();
            let mut heard = vec![0; hello.len()];
            served.read_exact(&mut heard).await.unwrap();
            assert!(heard == hello);
        } else {
            client.read_to_end(&mut Vec::new()).await.unwrap();
        }
        assert_eq!(scene.tally.refused.of(Refusal::TooLarge), u64::from(!passes));
    }
}

/// The header is not part of what is passed on, nor of what is peeked at.
#[tokio::test(start_paused = true)]
async fn a_pass_through_takes_the_header_off_before_it_looks_at_the_hello() {
    let hello = hello(NAME);
    let limits = Limits { peek_bytes: hello.len(), ..Limits::default() };
    let peers = Accept { from: vec![Peer::Party(Party(1))] };
    let said =
        Header::For { source: ([203, 0, 113, 7], 4711).into(), destination: ([203, 0, 113, 1], 443).into() };
    for (entrance, passes) in [(Entrance::behind(peers), true), (Entrance::default(), false)] {
        let mut scene = Scene::passing(entrance, &limits);
        let mut client = scene.client().await;
        client.write_all(&[said.encode(Version::V2), hello.clone()].concat()).await.unwrap();
        if passes {
            let (mut served, _) = scene.at_service.accept().await.unwrap();
            let mut heard = vec![0; hello.len()];
            served.read_exact(&mut heard).await.unwrap();
            assert!(heard == hello);
        } else {
            client.read_to_end(&mut Vec::new()).await.unwrap();
        }
        assert_eq!(scene.tally.refused.of(Refusal::NotTls), u64::from(!passes));
    }
}
