//! Certificates by name, keys of every kind, groups, application protocols, and both sides verified.

use proxies::{
    caller::Application,
    rustls::AlertDescription as Alert,
    tls::{ClientAuth, ClientSettings, Group, Identity, ServerSettings, TlsError, TlsVersion, Verification},
};

use crate::{
    meeting::{front, of},
    support::{Authority, NoLog},
};

const NAME: &str = "a.invalid";

fn server_of(settings: &ServerSettings) -> Result<(), TlsError> {
    proxies::tls::ServerTls::new(settings, std::sync::Arc::new(NoLog)).map(|_| ())
}

#[tokio::test(start_paused = true)]
async fn a_caller_gets_the_certificate_of_the_name_it_asks_for() {
    let authority = Authority::new();
    let identities =
        [authority.identity(NAME), authority.identity("b.invalid"), authority.identity("*.b.invalid")];
    let [first, further @ ..] = identities.clone();
    let lenient = ServerSettings { further: further.to_vec(), ..ServerSettings::new(first) };
    let strict = ServerSettings { strict: true, ..lenient.clone() };
    // The certificate, and whether its name was asked for.
    let table = [
        ("a.invalid", 0, true),
        ("B.Invalid", 1, true),
        ("x.b.invalid", 2, true),
        ("X.B.INVALID", 2, true),
        ("y.x.b.invalid", 0, false),
        ("unknown.invalid", 0, false),
        ("127.0.0.1", 0, false),
    ];
    for version in TlsVersion::all() {
        for (name, position, known) in table {
            let verification = if known { Verification::Name } else { Verification::Chain };
            let asking = ClientSettings { versions: vec![version], verification, ..authority.settings(name) };
            let presented = |met: crate::meeting::Met| met.well().certificate.unwrap().der().to_vec();
            let expected: &Identity = &identities[position];
            assert_eq!(presented(of(&lenient, &asking).await), expected.chain[0], "{name} {version:?}");
            let met = of(&strict, &asking).await;
            if known {
                assert_eq!(presented(met), expected.chain[0], "{name} {version:?}");
            } else {
                assert_eq!(met.alert(), Alert::UnrecognisedName, "{name} {version:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn both_sides_tell_what_was_settled() {
    let authority = Authority::new();
    let settings = authority.settings("A.invalid");
    let met = of(&ServerSettings::new(authority.identity(NAME)), &settings).await;
    assert_eq!(met.server.as_ref().unwrap().server_name.as_deref(), Some(NAME));
    let told = met.well();
    assert_eq!(told.server_name.as_deref(), Some(NAME));
    assert_eq!((told.version, told.group), (Some(TlsVersion::Tls13), Some(Group::X25519MlKem768)));
    assert!(!told.resumed && told.application.is_none() && told.certificate.is_some());
}

/// What is inside PKCS#8: PKCS#1 for RSA, SEC 1 for ECDSA. Version, algorithm, then the key as an octet string.
fn unwrapped(pkcs8: &[u8]) -> Vec<u8> {
    let parts = |der: &[u8]| -> (usize, usize) {
        match usize::from(der[1]) {
            short @ ..0x80 => (2, short),
            long => {
                let count = long - 0x80;
                let length = der[2..2 + count].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (2 + count, length)
            }
        }
    };
    let mut inside = &pkcs8[parts(pkcs8).0..];
    for _ in 0..2 {
        let (head, length) = parts(inside);
        inside = &inside[head + length..];
    }
    let (head, length) = parts(inside);
    assert_eq!(inside[0], 4);
    inside[head..head + length].to_vec()
}

#[tokio::test(start_paused = true)]
async fn keys_are_rsa_or_ecdsa_in_whatever_form_they_are_written() {
    let authority = Authority::new();
    for identity in [authority.identity(NAME), authority.rsa_identity(NAME)] {
        let older = Identity { key: unwrapped(&identity.key), ..identity.clone() };
        for identity in [identity, older] {
            for version in TlsVersion::all() {
                let asking = ClientSettings { versions: vec![version], ..authority.settings(NAME) };
                let told = of(&ServerSettings::new(identity.clone()), &asking).await.well();
                assert_eq!(told.certificate.unwrap().der(), identity.chain[0]);
            }
        }
    }
}

#[test]
fn a_key_that_is_none_or_not_its_certificates_is_named() {
    let authority = Authority::new();
    let good = authority.identity(NAME);
    let swapped = Identity { key: authority.identity(NAME).key, ..good.clone() };
    let none = Identity { key: b"no key".to_vec(), ..good.clone() };
    let empty = Identity { chain: vec![], ..good.clone() };
    for (bad, named) in [(swapped, "identity 1"), (none, "private key"), (empty, "identity 1")] {
        let settings = ServerSettings { further: vec![bad], ..ServerSettings::new(good.clone()) };
        let said = server_of(&settings).unwrap_err().to_string();
        assert!(said.contains(named), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_both_know_is_used_or_none() {
    use Group::{Secp256r1, Secp384r1, X25519, X25519MlKem768};
    use TlsVersion::{Tls12, Tls13};
    let authority = Authority::new();
    let all: &[Group] = &Group::all();
    // The version, what is served and what is offered, and what comes of it.
    let table: [(_, &[Group], &[Group], _); 11] = [
        (Tls13, all, all, Some(X25519MlKem768)),
        (Tls12, all, all, Some(X25519)),
        (Tls13, &[X25519], all, Some(X25519)),
        // Another round trip: the share the client sent is of no use.
        (Tls13, &[Secp384r1], all, Some(Secp384r1)),
        (Tls13, all, &[Secp256r1], Some(Secp256r1)),
        (Tls12, all, &[Secp384r1, X25519], Some(Secp384r1)),
        // Among the server's, the caller's order decides.
        (Tls13, &[X25519, Secp256r1], &[Secp256r1, X25519], Some(Secp256r1)),
        (Tls13, &[X25519MlKem768], &[X25519MlKem768], Some(X25519MlKem768)),
        (Tls13, &[X25519MlKem768], &[X25519], None),
        (Tls13, &[X25519], &[X25519MlKem768], None),
        (Tls12, &[X25519], &[Secp256r1, Secp384r1], None),
    ];
    for (version, served, offered, used) in table {
        let server =
            ServerSettings { groups: served.to_vec(), ..ServerSettings::new(authority.identity(NAME)) };
        let versions = vec![version];
        let client = ClientSettings { versions, groups: offered.to_vec(), ..authority.settings(NAME) };
        let met = of(&server, &client).await;
        match used {
            Some(group) => assert_eq!(met.well().group, Some(group), "{version:?} {served:?} {offered:?}"),
            None => assert_eq!(met.alert(), Alert::HandshakeFailure, "{version:?} {served:?} {offered:?}"),
        }
    }
    let none = ServerSettings { groups: vec![], ..ServerSettings::new(authority.identity(NAME)) };
    assert!(server_of(&none).unwrap_err().to_string().contains("group"));
}

#[tokio::test(start_paused = true)]
async fn the_servers_first_application_protocol_that_the_caller_names_is_agreed_on() {
    use Application::{Http1, Http2};
    let authority = Authority::new();
    let table: [(&[Application], &[Application], _); 7] = [
        (&[Http2, Http1], &[Http1, Http2], Ok(Some(Http2))),
        (&[Http1, Http2], &[Http2, Http1], Ok(Some(Http1))),
        (&[Http2, Http1], &[Http1], Ok(Some(Http1))),
        (&[Http2], &[], Ok(None)),
        (&[], &[Http2], Ok(None)),
        (&[Http2], &[Http1], Err(Alert::NoApplicationProtocol)),
        (&[Http1], &[Http2], Err(Alert::NoApplicationProtocol)),
    ];
    for version in TlsVersion::all() {
        for (served, named, agreed) in table {
            let identity = authority.identity(NAME);
            let server = ServerSettings { application: served.to_vec(), ..ServerSettings::new(identity) };
            let (versions, application) = (vec![version], named.to_vec());
            let met =
                of(&server, &ClientSettings { versions, application, ..authority.settings(NAME) }).await;
            match agreed {
                Ok(agreed) => assert_eq!(met.well().application, agreed, "{version:?} {served:?} {named:?}"),
                Err(alert) => assert_eq!(met.alert(), alert, "{version:?} {served:?} {named:?}"),
            }
        }
    }
}

/// Off, chain, name, mutual: what each lets through.
#[tokio::test(start_paused = true)]
async fn each_step_of_verification_refuses_more_than_the_one_before() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let servers = [
        ServerSettings::new(theirs.identity(NAME)),
        ServerSettings::new(ours.identity("other.invalid")),
        ServerSettings::new(ours.identity(NAME)),
    ];
    let steps = [
        (Verification::Off, [true, true, true]),
        (Verification::Chain, [false, true, true]),
        (Verification::Name, [false, false, true]),
    ];
    for (verification, passed) in steps {
        let client = ClientSettings { verification, ..ours.settings(NAME) };
        for (server, passed) in servers.iter().zip(passed) {
            assert_eq!(of(server, &client).await.client.is_ok(), passed, "{verification:?}");
        }
    }
    let client_auth = ClientAuth {
        roots: vec![ours.root.clone()],
        required: true,
        allow: Some(vec!["edge.invalid".to_owned()]),
    };
    let mutual = ServerSettings { client_auth: Some(client_auth), ..servers[2].clone() };
    let named = ours.settings(NAME);
    assert_eq!(of(&mutual, &named).await.alert(), Alert::CertificateRequired);
    let edge = ours.identity("edge.invalid");
    let met = of(&mutual, &named.presenting(edge.clone())).await;
    assert_eq!(met.server.as_ref().unwrap().certificate.as_ref().unwrap().der(), edge.chain[0]);
    assert_eq!(met.well().certificate.unwrap().der(), servers[2].identity.chain[0]);
}

#[test]
fn settings_of_both_sides_are_plain_values() {
    let authority = Authority::new();
    let settings = ServerSettings {
        further: vec![authority.identity("b.invalid")],
        application: vec![Application::Http2, Application::Http1],
        ..ServerSettings::new(authority.identity(NAME))
    };
    let written = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<ServerSettings>(&written).unwrap(), settings);
    assert!(front(&settings).shakes_hands());
    let client = authority.settings(NAME);
    let written = serde_json::to_string(&client).unwrap();
    assert!(written.contains(r#""groups":["X25519MLKEM768","X25519","secp256r1","secp384r1"]"#));
    assert!(written.contains(r#""resumption":"off""#));
    assert_eq!(serde_json::from_str::<ClientSettings>(&written).unwrap(), client);
}
