//! What settings mean to foreign clients: certificates, groups, sessions, application protocols.

use std::{net::SocketAddr, path::Path, process::Stdio};

use proxies::{
    caller::{Application, Handshake},
    codec::FrontCodec,
    limits::Limits,
    registry::Registry,
    stream::Stream,
    tls::{Group, Resumption, ServerSettings, TicketKey, TicketKeys, Tickets},
    transport::{Listen, tcp::TcpListen},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

use crate::{
    NAME, installed, listener, pem, s_client, skipped,
    support::{Authority, server},
};

struct Scene {
    authority: Authority,
    folder: tempfile::TempDir,
    registry: Registry,
}

impl Scene {
    /// `None`, and loudly so, where there is no openssl.
    async fn new() -> Option<Self> {
        if !installed().await {
            return None;
        }
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("root.pem"), pem("CERTIFICATE", &authority.root)).unwrap();
        Some(Self { authority, folder, registry: Registry::new() })
    }

    fn settings(&self) -> ServerSettings {
        ServerSettings::new(self.authority.identity(NAME))
    }

    /// What `s_client` said to a server of these settings, and what that settled on each connection.
    async fn call(&self, settings: &ServerSettings, arguments: &[&str]) -> (String, Vec<Handshake>) {
        let (listen, at) = listener(&self.registry);
        let codec = FrontCodec::terminate(server(settings));
        Self::during(listen, &codec, s_client(self.folder.path(), at, arguments)).await
    }

    async fn during(
        mut listen: TcpListen,
        codec: &FrontCodec,
        client: impl Future<Output = (bool, String)>,
    ) -> (String, Vec<Handshake>) {
        let (mut met, mut client) = (Vec::new(), std::pin::pin!(client));
        loop {
            tokio::select! {
                // Whoever called is heard to the end, also when the client is gone by then.
                biased;
                accepted = listen.accept() => met.extend(greet(accepted.unwrap().0, codec).await),
                (_, said) = &mut client => return (said, met),
            }
        }
    }
}

/// Greets one caller, who may be gone before it hears it.
async fn greet(wire: impl Stream, codec: &FrontCodec) -> Option<Handshake> {
    let mut accepted = codec.accept(wire, Limits::default().handshake).await.ok()?;
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nwelcome";
    let _gone = accepted.stream.write_all(answer).await;
    let _gone = accepted.stream.shutdown().await;
    let _gone = accepted.stream.read_to_end(&mut Vec::new()).await;
    accepted.tls
}

#[tokio::test]
async fn openssl_gets_the_certificate_of_the_name_it_asks_for() {
    let Some(scene) = Scene::new().await else { return };
    let further = vec![scene.authority.identity("b.invalid"), scene.authority.identity("*.c.invalid")];
    let lenient = ServerSettings { further, ..scene.settings() };
    let strict = ServerSettings { strict: true, ..lenient.clone() };
    // The name asked for, a name in the certificate shown, and whether a strict server talks at all.
    let table = [
        (Some("a.invalid"), "a.invalid", true),
        (Some("B.INVALID"), "b.invalid", true),
        (Some("x.c.invalid"), "x.c.invalid", true),
        (Some("unknown.invalid"), "a.invalid", false),
        (None, "a.invalid", false),
    ];
    for (asked, shown, known) in table {
        let asking = asked.map_or(vec!["-noservername"], |name| vec!["-servername", name]);
        let arguments = [asking, vec!["-verify_hostname", shown]].concat();
        let (said, met) = scene.call(&lenient, &arguments).await;
        assert!(said.contains("Verification: OK") && met.len() == 1, "{asked:?}: {said}");
        let (said, met) = scene.call(&strict, &arguments).await;
        let refused = said.contains("unrecognized name") && met.is_empty();
        assert_eq!(refused, !known, "{asked:?}: {said}");
    }
}

#[tokio::test]
async fn openssl_gets_the_certificate_whose_signature_it_knows() {
    let Some(scene) = Scene::new().await else { return };
    let further = vec![scene.authority.rsa_identity(NAME)];
    let both = ServerSettings { further, ..scene.settings() };
    let table: [(&[&str], &str); 5] = [
        (&["-tls1_3"], "Peer signature type: ECDSA"),
        (&["-tls1_3", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"], "Peer signature type: RSA-PSS"),
        (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], "Peer signature type: ECDSA"),
        (&["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], "Peer signature type: RSA"),
        // Neither name asked for nor ECDSA spoken: the default, in its RSA form.
        (&["-noservername", "-sigalgs", "RSA-PSS+SHA256:RSA+SHA256"], "Peer signature type: RSA-PSS"),
    ];
    for (arguments, signed) in table {
        let (said, _) = scene.call(&both, arguments).await;
        assert!(said.contains(signed) && said.contains("Verification: OK"), "{arguments:?}: {said}");
    }
    let (said, met) =
        scene.call(&scene.settings(), &["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]).await;
    assert!(said.contains("handshake failure") && met.is_empty(), "{said}");
}

#[tokio::test]
async fn openssl_speaks_the_groups_of_the_settings_and_no_other() {
    let Some(scene) = Scene::new().await else { return };
    let all = Group::all();
    let table = [
        (all.clone(), "X25519", Some(Group::X25519)),
        (all.clone(), "P-256:X25519", Some(Group::Secp256r1)),
        (all.clone(), "P-521:P-384", Some(Group::Secp384r1)),
        (vec![Group::Secp384r1], "X25519:P-384", Some(Group::Secp384r1)),
        (vec![Group::X25519], "P-256:P-384", None),
        (all, "P-521", None),
    ];
    // OpenSSL takes an ECDSA certificate only of a curve it offers as a group.
    let identity = scene.authority.rsa_identity(NAME);
    for version in ["-tls1_2", "-tls1_3"] {
        for (groups, offered, used) in &table {
            let settings = ServerSettings { groups: groups.clone(), ..ServerSettings::new(identity.clone()) };
            let (said, met) = scene.call(&settings, &[version, "-groups", offered]).await;
            let settled: Vec<_> = met.into_iter().map(|told| told.group).collect();
            let expected: Vec<_> = used.map(Some).into_iter().collect();
            assert_eq!(settled, expected, "{version} {offered}: {said}");
            assert_eq!(said.contains("handshake failure"), used.is_none(), "{version} {offered}: {said}");
        }
    }
}

/// Six connections: the first, and five that try to resume it.
#[tokio::test]
async fn openssl_reconnects_with_ids_or_with_tickets_as_the_settings_say() {
    let Some(scene) = Scene::new().await else { return };
    let resumption = |session_ids, tickets| Resumption { session_ids, tickets };
    let sealed = || Tickets::Sealed(TicketKeys::new(TicketKey::draw().unwrap()));
    let table = [
        (resumption(false, Tickets::Kept), false, false),
        (resumption(true, Tickets::Kept), true, true),
        (resumption(false, sealed()), true, false),
        (resumption(true, sealed()), true, true),
    ];
    for (resumption, ticket, id) in table {
        let settings = ServerSettings { resumption, ..scene.settings() };
        let ways: [(&[&str], bool); 2] =
            [(&["-tls1_2", "-reconnect"], ticket), (&["-tls1_2", "-reconnect", "-no_ticket"], id)];
        for (arguments, resumed) in ways {
            let (said, met) = scene.call(&settings, arguments).await;
            let reused = said.matches("Reused, TLSv1.2").count();
            assert_eq!(
                reused,
                if resumed { 5 } else { 0 },
                "{arguments:?} {:?}: {said}",
                settings.resumption
            );
            assert_eq!(met.iter().filter(|told| told.resumed).count(), reused, "{arguments:?}");
        }
    }
}

/// The client's state between two processes is a file; the second calls another server with the same key.
#[tokio::test]
async fn openssl_carries_a_sealed_ticket_to_another_backend() {
    let Some(scene) = Scene::new().await else { return };
    let [key, other] = [(); 2].map(|()| TicketKey::draw().unwrap());
    let backend = |key: &TicketKey| ServerSettings {
        resumption: Resumption { session_ids: false, tickets: Tickets::Sealed(TicketKeys::new(key.clone())) },
        ..scene.settings()
    };
    for version in ["-tls1_2", "-tls1_3"] {
        for (there, resumed) in [(&key, true), (&other, false)] {
            let (said, _) = scene.call(&backend(&key), &[version, "-sess_out", "session.pem"]).await;
            assert!(said.contains("New, TLSv1"), "{said}");
            let (said, met) = scene.call(&backend(there), &[version, "-sess_in", "session.pem"]).await;
            assert_eq!(said.contains("Reused, TLSv1"), resumed, "{version}: {said}");
            assert_eq!(met.iter().map(|told| told.resumed).collect::<Vec<_>>(), [resumed], "{version}");
        }
    }
}

/// What `curl` said; it trusts our authority and knows where the name is.
async fn curl(folder: &Path, to: SocketAddr, argument: &str) -> (bool, String) {
    let (resolve, url) =
        (format!("{NAME}:{}:{}", to.port(), to.ip()), format!("https://{NAME}:{}/", to.port()));
    let mut command = Command::new("curl");
    command.args(["-q", "-sSv", "--noproxy", "*", "--max-time", "20", "--cacert", "root.pem", "--resolve"]);
    command.arg(resolve).arg(argument).arg(url);
    let output = command.current_dir(folder).stdin(Stdio::null()).output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn curl_agrees_on_an_application_protocol_or_meets_an_alert() {
    use Application::{Http1, Http2};
    let Some(scene) = Scene::new().await else { return };
    if Command::new("curl").arg("--version").output().await.is_err() {
        skipped("curl is not installed");
        return;
    }
    let table: [(&[Application], _, _); 5] = [
        (&[Http2, Http1], "--http2", Ok(Some(Http2))),
        (&[Http2, Http1], "--http1.1", Ok(Some(Http1))),
        (&[Http1], "--http2", Ok(Some(Http1))),
        (&[], "--http2", Ok(None)),
        (&[Http2], "--http1.1", Err("no application protocol")),
    ];
    for (served, argument, agreed) in table {
        let settings = ServerSettings { application: served.to_vec(), ..scene.settings() };
        let (listen, at) = listener(&scene.registry);
        let codec = FrontCodec::terminate(server(&settings));
        let call = curl(scene.folder.path(), at, argument);
        let (said, met) = Scene::during(listen, &codec, call).await;
        let settled: Vec<_> = met.into_iter().map(|told| told.application).collect();
        match agreed {
            Ok(agreed) => assert_eq!(settled, [agreed], "{served:?} {argument}: {said}"),
            Err(alert) => assert!(settled.is_empty() && said.contains(alert), "{argument}: {said}"),
        }
        assert_eq!(said.contains("HTTP/1.1 200 OK"), matches!(agreed, Ok(Some(Http1) | None)), "{said}");
    }
}
