//! Foreign clients over real sockets: `openssl s_client` and `curl`, where they are installed; otherwise SKIPPED.
#![allow(clippy::unwrap_used)]

mod settings;
#[path = "../support/mod.rs"]
mod support;

use std::{net::SocketAddr, path::Path, process::Stdio};

use base64::{Engine, engine::general_purpose::STANDARD};
use proxies::{
    codec::FrontCodec,
    limits::Limits,
    registry::{Admit, Registry},
    tls::{Identity, PeerCertificate, ServerSettings, TlsVersion},
    transport::{Listen, tcp::TcpListen},
};
use support::{Authority, server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

const NAME: &str = "a.invalid";

/// False, and loudly so, where there is no openssl.
async fn installed() -> bool {
    let found = Command::new("openssl").arg("version").output().await.is_ok();
    if !found {
        skipped("openssl is not installed");
    }
    found
}

fn skipped(reason: &str) {
    let line = format!("SKIPPED: {reason}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
}

fn pem(label: &str, der: &[u8]) -> String {
    let lines: Vec<_> = STANDARD.encode(der).into_bytes().chunks(64).map(<[u8]>::to_vec).collect();
    let body = String::from_utf8(lines.join(&b'\n')).unwrap();
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

fn write_identity(folder: &Path, identity: &Identity) {
    std::fs::write(folder.join("leaf.pem"), pem("CERTIFICATE", &identity.chain[0])).unwrap();
    std::fs::write(folder.join("key.pem"), pem("PRIVATE KEY", &identity.key)).unwrap();
}

/// A listener for outside clients.
fn listener(registry: &Registry) -> (TcpListen, SocketAddr) {
    let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Anyone).unwrap();
    let at = registry.at(entry).unwrap().to_socket_addr().into();
    (TcpListen::take(registry, entry).unwrap(), at)
}

/// What `s_client` printed; it verifies the server and hangs up when the server does.
async fn s_client(folder: &Path, to: SocketAddr, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new("openssl");
    command.arg("s_client").arg("-connect").arg(to.to_string());
    if !arguments.iter().any(|argument| argument.ends_with("servername")) {
        command.args(["-servername", NAME, "-verify_hostname", NAME]);
    }
    command.args(["-verify_return_error", "-CAfile", "root.pem", "-ign_eof"]).args(arguments);
    let output = command.current_dir(folder).stdin(Stdio::null()).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Accepts one caller, says goodbye, and gives what it presented.
async fn welcome(listen: &mut TcpListen, codec: &FrontCodec) -> Option<PeerCertificate> {
    let (wire, _) = listen.accept().await.unwrap();
    let mut accepted = codec.accept(wire, Limits::default().handshake).await.ok()?;
    accepted.stream.write_all(b"welcome").await.unwrap();
    accepted.stream.shutdown().await.unwrap();
    let _gone = accepted.stream.read_to_end(&mut Vec::new()).await;
    accepted.tls.and_then(|tls| tls.certificate)
}

#[tokio::test]
async fn openssl_speaks_every_version_the_settings_allow_and_no_other() {
    if !installed().await {
        return;
    }
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("root.pem"), pem("CERTIFICATE", &authority.root)).unwrap();
    let registry = Registry::new();
    let both = TlsVersion::all();
    let table = [
        (both.clone(), "-tls1_2", Some("TLSv1.2, Cipher is ECDHE-ECDSA-AES128-GCM-SHA256")),
        (both.clone(), "-tls1_3", Some("TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256")),
        (both, "-tls1_1", None),
        (vec![TlsVersion::Tls13], "-tls1_2", None),
    ];
    for (versions, argument, spoken) in table {
        let arguments = [argument];
        let settings = ServerSettings { versions, ..ServerSettings::new(authority.identity(NAME)) };
        let codec = FrontCodec::terminate(server(&settings));
        let (mut listen, at) = listener(&registry);
        let (_, (ended_well, said)) =
            tokio::join!(welcome(&mut listen, &codec), s_client(folder.path(), at, &arguments));
        match spoken {
            Some(session) => assert!(ended_well && said.contains(session), "{argument}: {said}"),
            None => assert!(!ended_well && said.contains("SSL alert number"), "{argument}: {said}"),
        }
    }
}

#[tokio::test]
async fn openssl_presents_a_certificate_whose_thumbprint_openssl_computes_too() {
    if !installed().await {
        return;
    }
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("root.pem"), pem("CERTIFICATE", &authority.root)).unwrap();
    write_identity(folder.path(), &authority.identity("user.invalid"));
    let registry = Registry::new();
    let codec = FrontCodec::terminate(authority.server_asking(NAME, true, Some(&["user.invalid"])));
    let (mut listen, at) = listener(&registry);
    let presenting = ["-cert", "leaf.pem", "-key", "key.pem"];
    let (peer, (ended_well, said)) =
        tokio::join!(welcome(&mut listen, &codec), s_client(folder.path(), at, &presenting));
    assert!(ended_well, "{said}");
    let fingerprint = Command::new("openssl")
        .args(["x509", "-in", "leaf.pem", "-noout", "-fingerprint", "-sha256"])
        .current_dir(folder.path())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(fingerprint.stdout).unwrap();
    let hex = text.trim().rsplit('=').next().unwrap();
    let bytes: Vec<_> = hex.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    let expected = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    assert_eq!(peer.unwrap().thumbprint(), expected);
    let (refused, (ended_well, said)) =
        tokio::join!(welcome(&mut listen, &codec), s_client(folder.path(), at, &[]));
    assert!(refused.is_none() && !ended_well && said.contains("alert certificate required"), "{said}");
}
