//! A client that everybody uses, over real sockets and TLS: `curl --http2`, where it is installed; otherwise it says
//! SKIPPED.

use std::{net::SocketAddr, path::Path, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use proxies::{
    caller::{Application, Caller, Handshake},
    forward::h2,
    limits::Limits,
    registry::{Admit, Registry},
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
    transport::{Listen, tcp::TcpListen},
};
use tokio::{process::Command, task::JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    service::{Town, town},
    support::Authority,
};

const NAME: &str = "a.invalid";

/// False, and loudly so, where there is no curl that speaks HTTP/2.
async fn installed() -> bool {
    let said = Command::new("curl").arg("--version").output().await;
    let found = said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains("HTTP2"));
    if !found {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: no curl with HTTP/2 is installed\n");
    }
    found
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let identity = authority.identity(NAME);
    let chain = identity.chain.into_iter().map(CertificateDer::from).collect();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key));
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![Application::Http2.alpn().to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// Serves every connection; how many there were is how many ends it gives.
async fn serve(
    mut listen: TcpListen,
    tls: TlsAcceptor,
    town: Arc<Town>,
    stop: CancellationToken,
) -> Vec<h2::Ended> {
    let mut connections = JoinSet::new();
    loop {
        let (wire, ends) = tokio::select! {
            accepted = listen.accept() => accepted.unwrap(),
            () = stop.cancelled() => break,
        };
        let (tls, town, stop) = (tls.clone(), town.clone(), stop.clone());
        connections.spawn(async move {
            let stream = tls.accept(wire).await.unwrap();
            let application = stream.get_ref().1.alpn_protocol().and_then(Application::of);
            assert_eq!(application, Some(Application::Http2));
            let handshake =
                Handshake { server_name: Some(NAME.to_owned()), application, ..Handshake::default() };
            let caller = Caller { tls: Some(handshake), ..Caller::of(ends) };
            let visit = Arc::new(town.site.visit(caller));
            h2::forward(stream, visit, &Limits::default(), stop).await
        });
    }
    connections.join_all().await
}

async fn curl(folder: &Path, at: SocketAddr, arguments: &[&str], path: &str) -> String {
    let resolve = format!("{NAME}:{}:{}", at.port(), at.ip());
    let url = format!("https://{NAME}:{}{path}", at.port());
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--http2",
        "--noproxy",
        "*",
        "--max-time",
        "60",
        "--cacert",
        "root.pem",
    ]);
    command
        .args(["--resolve", &resolve, "--write-out", " %{http_version} %{http_code}\n"])
        .args(arguments)
        .arg(&url);
    let output = command.current_dir(folder).output().await.unwrap();
    assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn curl_gets_posts_and_does_many_things_at_once() {
    if !installed().await {
        return;
    }
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let (folder, root) = (folder.path(), STANDARD.encode(&authority.root));
    std::fs::write(
        folder.join("root.pem"),
        format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n"),
    )
    .unwrap();
    let registry = Registry::new();
    let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Anyone).unwrap();
    let at: SocketAddr = registry.at(entry).unwrap().to_socket_addr().into();
    let (town, stop) = (Arc::new(town(proxies::forward::Rules::default())), CancellationToken::new());
    let listen = TcpListen::take(&registry, entry).unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(serve(listen, acceptor(&authority), town.clone(), stop.clone()));

    assert_eq!(curl(folder, at, &[], "/get?5").await, "kkkkk 2 200\n");
    let body: Vec<_> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(folder.join("body"), &body).unwrap();
    assert_eq!(curl(folder, at, &["--data-binary", "small"], "/post").await, "kk 2 200\n");
    assert_eq!(curl(folder, at, &["--data-binary", "@body"], "/post").await, "kk 2 200\n");
    let chunked = ["--header", "Content-Length:", "--upload-file", "body"];
    assert_eq!(curl(folder, at, &chunked, "/put").await, "kk 2 200\n");
    assert_eq!(curl(folder, at, &["--output", "answer"], "/big?9000000").await, " 2 200\n");
    assert_eq!(std::fs::metadata(folder.join("answer")).unwrap().len(), 9_000_000);
    let got = town.record.got();
    let bodies: Vec<_> =
        got.iter().filter(|got| !got.line.starts_with("GET")).map(|got| &got.body[..]).collect();
    assert!(bodies == [&b"small"[..], &body, &body], "bodies changed on the way");

    let before = got.len();
    let many = ["--parallel", "--parallel-max", "20", "--output", "part-#1"];
    let said = curl(folder, at, &many, "/x[1-20]?100000").await;
    assert_eq!(said, " 2 200\n".repeat(20));
    for n in 1..=20 {
        assert_eq!(std::fs::metadata(folder.join(format!("part-{n}"))).unwrap().len(), 100_000);
    }
    assert_eq!(town.record.got().len(), before + 20);
    stop.cancel();
    let ends = serving.join_next().await.unwrap().unwrap();
    // One a command, and at most a few where curl did not wait for the first to be one of many streams.
    assert!(ends.len() < 6 + 5, "many streams share a connection: {}", ends.len());
    assert!(ends.iter().all(|end| *end == h2::Ended::Over), "{ends:?}");
}
