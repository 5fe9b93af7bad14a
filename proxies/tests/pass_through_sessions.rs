//! Whole TLS sessions through a pass-through: they end at the place their name means, and nowhere before.
// Stand-ins run until the test's runtime ends with it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod sni;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use proxies::{
    codec::{BackCodec, FrontCodec},
    custody::{Facing, Observe, Seam, Side},
    pass_through::PassThrough,
    refusal::Refusal,
    registry::{Admit, Registry},
    routes::Routes,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::aws_lc_rs::kx_group,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    },
    serve::Drained,
    stream::Stream,
    tls::provider,
    transport::{
        Dial, Listen, Party, memory,
        tcp::{TcpDialer, TcpListen},
    },
};
use sni::{
    hellos::{client, record},
    scene::{pass_through, route, route_over},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

/// A fatal alert in clear text, as a record.
const DECODE_ERROR: &[u8] = &[21, 3, 3, 0, 2, 2, 50];

/// A TLS server of its own certificate that answers in capitals.
fn tls_server(name: &str, mut listen: impl Listen) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((wire, _)) = listen.accept().await {
            let mut session = acceptor.accept(wire).await.unwrap();
            let mut heard = Vec::new();
            session.read_to_end(&mut heard).await.unwrap();
            session.write_all(&heard.to_ascii_uppercase()).await.unwrap();
            session.shutdown().await.unwrap();
        }
    });
    certificate
}

/// One TLS session: the certificate it saw, and the answer.
async fn converse(
    wire: impl Stream,
    trusted: &[CertificateDer<'static>],
    name: &str,
    question: &[u8],
) -> (CertificateDer<'static>, Vec<u8>) {
    let mut roots = RootCertStore::empty();
    for root in trusted {
        roots.add(root.clone()).unwrap();
    }
    let connector = TlsConnector::from(Arc::new(client(roots, kx_group::X25519MLKEM768)));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut session = connector.connect(name, wire).await.unwrap();
    session.write_all(question).await.unwrap();
    session.shutdown().await.unwrap();
    let mut answer = Vec::new();
    session.read_to_end(&mut answer).await.unwrap();
    let seen = session.get_ref().1.peer_certificates().unwrap()[0].clone();
    (seen, answer)
}

#[derive(Clone, Default)]
struct Held(Arc<Mutex<Vec<u8>>>);

impl Held {
    fn finds(&self, needle: &[u8]) -> bool {
        self.0.lock().unwrap().windows(needle.len()).any(|window| window == needle)
    }
}

impl Observe for Held {
    fn connection(&self, _: Facing) -> u64 {
        0
    }

    fn seam(&self, _: u64, _: Side) -> Box<dyn Seam> {
        Box::new(self.clone())
    }
}

impl Seam for Held {
    fn read(&mut self, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }

    fn written(&mut self, bytes: &[u8]) {
        self.read(bytes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_tls_session_ends_at_the_place_its_name_means_and_nowhere_before() {
    let (to_a, at_a) = memory::pair(Party(2));
    let (to_b, at_b) = memory::pair(Party(2));
    let certificates = [tls_server("a.invalid", at_a), tls_server("b.invalid", at_b)];
    let (before, behind) = (Held::default(), Held::default());
    let back = BackCodec::clear().observed(Arc::new(behind.clone()));
    let routes = vec![route_over("a.invalid", [to_a], &back), route_over("b.invalid", [to_b], &back)];
    let proxy = PassThrough {
        front: FrontCodec::clear().observed(Arc::new(before.clone())),
        ..pass_through(Routes::new(routes, &BTreeMap::new()).unwrap())
    };
    let (to_proxy, at_proxy) = memory::pair(Party(1));
    tokio::spawn(proxy.run(at_proxy, CancellationToken::new()));

    let question = b"a canary ".repeat(30_000);
    for (name, certificate) in ["a.invalid", "b.invalid"].into_iter().zip(&certificates) {
        let (wire, _) = to_proxy.dial().await.unwrap();
        let (seen, answer) = converse(wire, &certificates, name, &question).await;
        assert_eq!(seen, *certificate);
        assert!(answer == question.to_ascii_uppercase());
        for held in [&before, &behind] {
            assert!(held.finds(name.as_bytes()), "the name is in clear text on both sides");
            assert!(!held.finds(b"canary") && !held.finds(b"CANARY"), "what was said is not");
            assert!(held.0.lock().unwrap().len() > 2 * question.len());
        }
    }
}

#[tokio::test]
async fn on_real_sockets_a_session_passes_and_a_refused_client_hears_why() {
    let registry = Registry::new();
    let hold = || registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let (edge, service) = (hold(), hold());
    let dial = |entry| {
        TcpDialer::new(registry.clone(), registry.source(registry.draw_ip()), Party(1), entry).unwrap()
    };
    let certificate = tls_server("a.invalid", TcpListen::take(&registry, service).unwrap());
    let routes = vec![route("a.invalid", [dial(service)])];
    let proxy = pass_through(Routes::new(routes, &BTreeMap::new()).unwrap());
    let (tally, stop) = (proxy.tally.clone(), CancellationToken::new());
    let running = tokio::spawn(proxy.run(TcpListen::take(&registry, edge).unwrap(), stop.clone()));

    let (wire, _) = dial(edge).dial().await.unwrap();
    let question = vec![b'q'; 300_000];
    let (seen, answer) = converse(wire, std::slice::from_ref(&certificate), "a.invalid", &question).await;
    assert!(seen == certificate && answer == question.to_ascii_uppercase());

    // A client that is still sending is not reset before it had time to hear.
    let (mut wire, _) = dial(edge).dial().await.unwrap();
    wire.write_all(&[record(&[2]), vec![0; 50_000]].concat()).await.unwrap();
    let mut heard = [0; DECODE_ERROR.len()];
    wire.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, DECODE_ERROR);
    for _ in 0..2 {
        wire.write_all(&[0; 1_000]).await.unwrap();
    }
    assert_eq!(wire.read(&mut heard).await.unwrap(), 0);
    drop(wire);

    stop.cancel();
    assert_eq!(running.await.unwrap(), Drained { cut: 0 });
    assert_eq!(tally.refused.of(Refusal::Malformed), 1);
    assert_eq!(registry.violations(), vec![]);
}
