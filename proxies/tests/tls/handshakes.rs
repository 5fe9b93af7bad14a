//! Handshakes between our own two sides: versions, client certificates, and what is remembered.

use std::{io, sync::Arc, time::Duration};

use proxies::{
    codec::{Accepted, FrontCodec},
    rustls::{
        self, AlertDescription, ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore,
        pki_types::{CertificateDer, ServerName},
    },
    tls::{ClientSettings, PeerCertificate, ServerSettings, ServerTls, TlsVersion, Verification},
};
use rcgen::ExtendedKeyUsagePurpose::{ClientAuth as ForClients, ServerAuth as ForServers};

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::support::{self, Authority, client, server};

const NAME: &str = "a.invalid";

/// What each side says: the accepted stream, and the version the client spoke, known to have been let in.
async fn meet(
    tls: ServerTls,
    settings: &ClientSettings,
) -> (io::Result<Accepted>, io::Result<ProtocolVersion>) {
    let (near, far) = duplex(64 * 1024);
    let codec = FrontCodec::terminate(tls);
    let serving = async {
        let mut accepted = codec.accept(far, Duration::from_secs(5)).await?;
        accepted.stream.write_all(b"welcome").await?;
        accepted.stream.flush().await?;
        Ok(accepted)
    };
    let calling = async {
        let mut session = client(settings).connect(near).await?;
        session.read_exact(&mut [0; 7]).await?;
        Ok(session.get_ref().1.protocol_version().unwrap())
    };
    tokio::join!(serving, calling)
}

/// The alert a call ended with.
fn alert(outcome: io::Result<ProtocolVersion>) -> AlertDescription {
    let error = outcome.unwrap_err();
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => *alert,
        _ => panic!("no alert but {error:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_newest_version_both_know_is_spoken_or_none() {
    use TlsVersion::{Tls12, Tls13};
    let (tls12, tls13) = (Some(ProtocolVersion::TLSv1_2), Some(ProtocolVersion::TLSv1_3));
    let authority = Authority::new();
    let identity = authority.identity(NAME);
    let table: [(&[TlsVersion], &[TlsVersion], _); 9] = [
        (&[Tls12, Tls13], &[Tls12, Tls13], tls13),
        (&[Tls12, Tls13], &[Tls13], tls13),
        (&[Tls12, Tls13], &[Tls12], tls12),
        (&[Tls13], &[Tls12, Tls13], tls13),
        (&[Tls13], &[Tls13], tls13),
        (&[Tls13], &[Tls12], None),
        (&[Tls12], &[Tls12, Tls13], tls12),
        (&[Tls12], &[Tls13], None),
        (&[Tls12], &[Tls12], tls12),
    ];
    for (served, offered, spoken) in table {
        let settings = ServerSettings { versions: served.to_vec(), ..ServerSettings::new(identity.clone()) };
        let offering = ClientSettings { versions: offered.to_vec(), ..authority.settings(NAME) };
        let (_, called) = meet(server(&settings), &offering).await;
        match spoken {
            Some(version) => assert_eq!(called.unwrap(), version, "{served:?} {offered:?}"),
            None => assert_eq!(alert(called), AlertDescription::ProtocolVersion, "{served:?} {offered:?}"),
        }
    }
}

#[test]
fn settings_without_a_version_are_refused() {
    let authority = Authority::new();
    let settings = ServerSettings { versions: vec![], ..ServerSettings::new(authority.identity(NAME)) };
    assert!(ServerTls::new(&settings, Arc::new(support::NoLog)).is_err());
}

/// Of both versions, since each has its own way of refusing.
#[tokio::test(start_paused = true)]
async fn clients_without_the_right_certificate_meet_an_alert_that_says_why() {
    use AlertDescription as Alert;
    let (internal, foreign) = (Authority::new(), Authority::new());
    let asking = |required, allow| internal.server_asking(NAME, required, allow);
    let nobody = internal.settings(NAME);
    let with = |identity| nobody.clone().presenting(identity);
    let stranger = with(foreign.identity("edge.invalid"));
    let edge = with(internal.identity("edge.invalid"));
    let many = with(internal.identity_for(&["x.invalid", "EDGE.invalid"], vec![ForClients]));
    let wildcard = with(internal.identity("*.invalid"));
    let only_server = with(internal.identity_for(&["edge.invalid"], vec![ForServers]));
    let only: Option<&[&str]> = Some(&["edge.invalid", "other.invalid"]);
    // No alert: let in.
    let table = [
        ("none, required", asking(true, None), &nobody, Some(Alert::CertificateRequired)),
        ("none, asked", asking(false, None), &nobody, None),
        ("none, asked by name", asking(false, only), &nobody, None),
        ("untrusted, required", asking(true, None), &stranger, Some(Alert::UnknownCA)),
        ("untrusted, asked", asking(false, None), &stranger, Some(Alert::UnknownCA)),
        ("trusted", asking(true, None), &edge, None),
        ("named", asking(true, only), &edge, None),
        ("named in other letters, second name", asking(true, only), &many, None),
        ("not named", asking(true, Some(&["b.invalid"])), &edge, Some(Alert::AccessDenied)),
        ("not named, asked", asking(false, Some(&[])), &edge, Some(Alert::AccessDenied)),
        ("a wildcard is not every name", asking(true, only), &wildcard, Some(Alert::AccessDenied)),
        ("for servers only", asking(true, None), &only_server, Some(Alert::UnsupportedCertificate)),
    ];
    for (case, tls, settings, refused) in table {
        for version in TlsVersion::all() {
            let settings = ClientSettings { versions: vec![version], ..settings.clone() };
            let (accepted, called) = meet(tls.clone(), &settings).await;
            match refused {
                None => {
                    let peer = accepted.unwrap().tls.unwrap().certificate.map(|peer| peer.der().to_vec());
                    let presented = settings.identity.as_ref().map(|identity| identity.chain[0].clone());
                    assert_eq!(peer, presented, "{case} {version:?}");
                    called.unwrap();
                }
                Some(expected) => {
                    assert!(accepted.is_err(), "{case} {version:?}");
                    assert_eq!(alert(called), expected, "{case} {version:?}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_unless_the_settings_say_so() {
    let authority = Authority::new();
    let willing = authority.settings(NAME).presenting(authority.identity("edge.invalid"));
    let (accepted, _) = meet(authority.server(NAME), &willing).await;
    assert_eq!(accepted.unwrap().tls.unwrap().certificate, None);
}

#[test]
fn a_certificate_tells_its_names_and_its_thumbprint() {
    let identity = Authority::new().identity_for(&["a.invalid", "*.b.invalid"], vec![]);
    let peer = PeerCertificate::new(identity.chain[0].clone());
    assert_eq!(peer.dns_names(), ["a.invalid", "*.b.invalid"]);
    // SHA-256 of "abc" (FIPS 180-2), in base64url.
    let abc = PeerCertificate::new(b"abc".to_vec());
    assert_eq!(abc.thumbprint(), "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    assert_eq!(abc.dns_names(), Vec::<String>::new());
}

/// A client that, unlike ours, resumes what it can.
#[tokio::test(start_paused = true)]
async fn a_server_resumes_tls_1_3_and_remembers_nothing_of_tls_1_2() {
    let authority = Authority::new();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.root.clone())).unwrap();
    let cases =
        [(&rustls::version::TLS12, HandshakeKind::Full), (&rustls::version::TLS13, HandshakeKind::Resumed)];
    for (version, second) in cases {
        let tls = authority.server(NAME);
        let config = ClientConfig::builder_with_provider(proxies::tls::provider())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let (near, far) = duplex(64 * 1024);
            let serving = async {
                let mut session = tls.accept(far).await.unwrap();
                session.write_all(b"x").await.unwrap();
                session.flush().await.unwrap();
                session
            };
            let calling = async {
                let name = ServerName::try_from(NAME).unwrap();
                let mut session = connector.connect(name, near).await.unwrap();
                session.read_u8().await.unwrap();
                session.get_ref().1.handshake_kind().unwrap()
            };
            kinds.push(tokio::join!(serving, calling).1);
        }
        let first = kinds[0];
        assert!(matches!(first, HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest), "{first:?}");
        assert_eq!(kinds[1], second, "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_settled_client_knows_that_the_server_is_done_in_either_version() {
    let authority = Authority::new();
    for version in TlsVersion::all() {
        let (near, far) = duplex(64 * 1024);
        let tls = authority.server(NAME);
        let settings = ClientSettings {
            versions: vec![version],
            verification: Verification::Off,
            ..authority.settings(NAME)
        };
        let tls_client = client(&settings);
        let (served, settled) = tokio::join!(tls.accept(far), tls_client.connect_settled(near));
        assert!(served.is_ok() && settled.is_ok(), "{version:?}");
    }
}
