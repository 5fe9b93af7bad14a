//! Who resumes what, who else can, and what a stolen ticket key opens.

use std::sync::{Arc, Mutex};

use proxies::{
    codec::FrontCodec,
    custody::{Facing, Observe, Seam, Side},
    rustls::AlertDescription as Alert,
    tls::{
        ClientAuth, ClientSettings, Resumes, Resumption, ServerSettings, ServerTls, TicketKey, TicketKeys,
        Tickets, TlsVersion,
    },
};

use crate::{
    meeting::{Secrets, back, front, meet},
    support::{self, Authority},
};

const NAME: &str = "a.invalid";

fn sealed(key: &TicketKey) -> Resumption {
    Resumption { session_ids: false, tickets: Tickets::Sealed(TicketKeys::new(key.clone())) }
}

fn ids(tickets: Tickets) -> Resumption {
    Resumption { session_ids: true, tickets }
}

struct Scene {
    authority: Authority,
    settings: ServerSettings,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new();
        let settings = ServerSettings::new(authority.identity(NAME));
        Self { authority, settings }
    }

    fn server(&self, resumption: Resumption) -> ServerSettings {
        ServerSettings { resumption, ..self.settings.clone() }
    }

    fn client(&self, version: TlsVersion, resumption: Resumes) -> ClientSettings {
        ClientSettings { versions: vec![version], resumption, ..self.authority.settings(NAME) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_resumed_where_both_sides_can_the_same() {
    use Resumes::{Off, SessionIds, Tickets as ByTicket};
    use TlsVersion::{Tls12, Tls13};
    let scene = Scene::new();
    let key = TicketKey::draw().unwrap();
    let off = Resumption { session_ids: false, tickets: Tickets::Off };
    // Resumed by id and by ticket, in TLS 1.2; then in TLS 1.3.
    let table = [
        ("default", Resumption::default(), [false, false], [true, true]),
        ("nothing", off, [false, false], [false, false]),
        ("ids", ids(Tickets::Off), [true, true], [false, false]),
        ("ids, kept tickets", ids(Tickets::Kept), [true, true], [true, true]),
        ("sealed tickets", sealed(&key), [false, true], [true, true]),
        ("ids, sealed tickets", Resumption { session_ids: true, ..sealed(&key) }, [true, true], [true, true]),
    ];
    for (case, resumption, tls12, tls13) in table {
        for (version, resumed) in [(Tls12, tls12), (Tls13, tls13)] {
            for (resumes, resumed) in [(Off, false), (SessionIds, resumed[0]), (ByTicket, resumed[1])] {
                let front = front(&scene.server(resumption.clone()));
                let back = back(&scene.client(version, resumes));
                assert!(!meet(&front, &back).await.well().resumed, "{case} {version:?} {resumes:?}");
                for _ in 0..3 {
                    let told = meet(&front, &back).await.well();
                    assert_eq!(told.resumed, resumed, "{case} {version:?} {resumes:?}");
                    let exchanged = version == Tls13 || !resumed;
                    assert_eq!(told.group.is_some(), exchanged, "{case} {version:?} {resumes:?}");
                }
            }
        }
    }
}

/// What balancing without affinity rests on, and why a key shared by a fleet is worth stealing.
#[tokio::test(start_paused = true)]
async fn another_backend_resumes_only_with_the_same_ticket_key() {
    let scene = Scene::new();
    let [key, other] = [(); 2].map(|()| TicketKey::draw().unwrap());
    let pairs = [
        (sealed(&key), sealed(&key), true),
        (sealed(&key), sealed(&other), false),
        (ids(Tickets::Kept), ids(Tickets::Kept), false),
        (sealed(&key), Resumption::default(), false),
    ];
    for version in TlsVersion::all() {
        for (here, there, resumed) in &pairs {
            let [here, there] = [here, there].map(|resumption| front(&scene.server(resumption.clone())));
            let back = back(&scene.client(version, Resumes::Tickets));
            assert!(!meet(&here, &back).await.well().resumed);
            assert_eq!(meet(&there, &back).await.well().resumed, *resumed, "{version:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotated_key_still_resumes_once_rotated_and_no_longer() {
    let scene = Scene::new();
    for version in TlsVersion::all() {
        for (rotations, resumed) in [(1, true), (2, false)] {
            let mut keys = TicketKeys::new(TicketKey::draw().unwrap());
            let settings = |keys: &TicketKeys| {
                scene.server(Resumption { session_ids: false, tickets: Tickets::Sealed(keys.clone()) })
            };
            let tls = support::server(&settings(&keys));
            let (front, back) =
                (FrontCodec::terminate(tls.clone()), back(&scene.client(version, Resumes::Tickets)));
            assert!(!meet(&front, &back).await.well().resumed);
            for _ in 0..rotations {
                keys = keys.rotate(TicketKey::draw().unwrap());
                tls.reload(&settings(&keys)).unwrap();
            }
            assert_eq!(meet(&front, &back).await.well().resumed, resumed, "{version:?} {rotations}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_outlive_a_change_of_certificate() {
    let scene = Scene::new();
    let key = TicketKey::draw().unwrap();
    for version in TlsVersion::all() {
        for resumption in [ids(Tickets::Kept), sealed(&key)] {
            let tls = support::server(&scene.server(resumption.clone()));
            let (front, back) =
                (FrontCodec::terminate(tls.clone()), back(&scene.client(version, Resumes::Tickets)));
            meet(&front, &back).await.well();
            let identity = scene.authority.identity(NAME);
            tls.reload(&ServerSettings { identity, ..scene.server(resumption) }).unwrap();
            assert!(meet(&front, &back).await.well().resumed, "{version:?}");
        }
    }
}

/// rustls does not look at a resumed caller's certificate again, so a session must not outlive the rule.
#[tokio::test(start_paused = true)]
async fn no_session_carries_a_caller_past_a_rule_about_certificates() {
    let scene = Scene::new();
    let key = TicketKey::draw().unwrap();
    let auth = |allow: Option<&str>| {
        let allow = allow.map(|name| vec![name.to_owned()]);
        Some(ClientAuth { roots: vec![scene.authority.root.clone()], required: true, allow })
    };
    let anonymous = scene.authority.settings(NAME);
    let edge = anonymous.clone().presenting(scene.authority.identity("edge.invalid"));
    let changes = [
        (&anonymous, None, auth(None), Alert::CertificateRequired),
        (&edge, auth(Some("edge.invalid")), auth(Some("other.invalid")), Alert::AccessDenied),
    ];
    for version in TlsVersion::all() {
        for resumption in [ids(Tickets::Kept), sealed(&key)] {
            for (caller, before, after, alert) in &changes {
                let [before, after] = [before, after].map(|client_auth| ServerSettings {
                    client_auth: client_auth.clone(),
                    ..scene.server(resumption.clone())
                });
                let (versions, resumption) = (vec![version], Resumes::Tickets);
                let back = back(&ClientSettings { versions, resumption, ..(*caller).clone() });
                let tls = support::server(&before);
                let front = FrontCodec::terminate(tls.clone());
                meet(&front, &back).await.well();
                assert!(meet(&front, &back).await.well().resumed);
                tls.reload(&after).unwrap();
                assert_eq!(meet(&front, &back).await.alert(), *alert, "{version:?}");
            }
        }
    }
}

/// Every byte the server put on the wire or took from it, both ways in order.
#[derive(Clone, Default)]
struct Sniffed(Arc<Mutex<Vec<u8>>>);

impl Observe for Sniffed {
    fn connection(&self, _: Facing) -> u64 {
        0
    }

    fn seam(&self, _: u64, side: Side) -> Box<dyn Seam> {
        match side {
            Side::Outer => Box::new(self.clone()),
            Side::Both | Side::Inner => Box::new(Self::default()),
        }
    }
}

impl Seam for Sniffed {
    fn read(&mut self, bytes: &[u8]) {
        self.0.lock().unwrap().extend(bytes);
    }

    fn written(&mut self, bytes: &[u8]) {
        self.0.lock().unwrap().extend(bytes);
    }
}

impl Sniffed {
    /// The ticket: its length in two bytes, then the key's name and the rest.
    fn ticket(&self, key: &TicketKey) -> Vec<u8> {
        let bytes = self.0.lock().unwrap();
        let at = bytes.windows(key.name.len()).position(|part| part == key.name).unwrap();
        let length = usize::from(u16::from_be_bytes([bytes[at - 2], bytes[at - 1]]));
        bytes[at..at + length].to_vec()
    }
}

fn holds(state: &[u8], secret: &[u8]) -> bool {
    state.windows(secret.len()).any(|part| part == secret)
}

/// A TLS 1.2 ticket crosses in the clear as it is issued, a TLS 1.3 one when it is used.
#[tokio::test(start_paused = true)]
async fn a_stolen_ticket_key_opens_a_tls_1_2_recording_and_no_tls_1_3_one() {
    let scene = Scene::new();
    for version in TlsVersion::all() {
        let (key, secrets, sniffed) = (TicketKey::draw().unwrap(), Secrets::new(), Sniffed::default());
        let tls = ServerTls::new(&scene.server(sealed(&key)), secrets.clone()).unwrap();
        let front = FrontCodec::terminate(tls).observed(Arc::new(sniffed.clone()));
        let back = back(&scene.client(version, Resumes::Tickets));
        meet(&front, &back).await.well();
        let first = secrets.all();
        assert!(meet(&front, &back).await.well().resumed);
        let state = key.open(&sniffed.ticket(&key)).unwrap().state;
        match version {
            TlsVersion::Tls12 => {
                let [(label, master)] = first.as_slice() else { panic!("{} secrets", first.len()) };
                assert_eq!((label.as_str(), master.len()), ("CLIENT_RANDOM", 48));
                assert!(holds(&state, master));
            }
            TlsVersion::Tls13 => {
                assert!(first.len() >= 4);
                assert!(!first.iter().any(|(_, secret)| holds(&state, secret)));
            }
        }
        assert_eq!(TicketKey::draw().unwrap().open(&sniffed.ticket(&key)), None);
    }
}
