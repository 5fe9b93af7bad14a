//! The run's key log: the secrets of every TLS session of our own endpoints, in memory.
//!
//! Every run collects it, because proving that an asset crossed a protected leg means opening its records.
//! It keeps only secrets that open records. It never writes a file; [`KeyLogStore::render`] gives the text
//! for a caller who was asked for one.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Labels of the NSS key log format that open records, in the order they are rendered.
const LABELS: [&str; 6] = [
    "CLIENT_RANDOM",
    "CLIENT_EARLY_TRAFFIC_SECRET",
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
];

/// The longest secret: a TLS 1.2 master secret, or a SHA-384 output (48 bytes both).
const LONGEST: usize = 48;

/// Collects secrets from any number of threads; clones share one collection.
///
/// Both ends of a session usually log into it: they log the same, so the second is no news.
#[derive(Clone, Default)]
pub struct KeyLogStore {
    sessions: Arc<Mutex<BTreeMap<[u8; 32], Secrets>>>,
    deaf: bool,
}

impl KeyLogStore {
    /// A store that keeps nothing: for a cloud nobody judges.
    pub fn deaf() -> Self {
        Self { deaf: true, ..Self::default() }
    }

    /// The secrets of the session whose `ClientHello` carried this random.
    pub fn lookup(&self, client_random: &[u8; 32]) -> Option<Secrets> {
        self.sessions().get(client_random).cloned()
    }

    /// How many sessions logged at least one secret.
    pub fn sessions_logged(&self) -> usize {
        self.sessions().len()
    }

    /// Everything collected, one `LABEL hexrandom hexsecret` per line, as tshark's key log file wants it.
    pub fn render(&self) -> String {
        let sessions = self.sessions();
        let mut text = String::with_capacity(sessions.len() * 800);
        for (random, secrets) in sessions.iter() {
            for (label, secret) in secrets.iter() {
                text.push_str(label);
                for bytes in [random.as_slice(), secret] {
                    text.push(' ');
                    for byte in bytes {
                        // Writing to a `String` cannot fail.
                        let _ = write!(text, "{byte:02x}");
                    }
                }
                text.push('\n');
            }
        }
        text
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Secrets>> {
        // A thread that panicked between two inserts leaves nothing half-done.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyLogStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLogStore({} sessions)", self.sessions_logged())
    }
}

impl rustls::KeyLog for KeyLogStore {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        if self.deaf {
            return;
        }
        let Ok(random) = <[u8; 32]>::try_from(client_random) else { return };
        let Some(label) = LABELS.iter().position(|known| *known == label) else { return };
        let Some(secret) = Secret::new(secret) else { return };
        self.sessions().entry(random).or_default().set(label, secret);
    }

    fn will_log(&self, label: &str) -> bool {
        !self.deaf && LABELS.contains(&label)
    }
}

/// The secrets of one session, by label.
#[derive(Clone, Default)]
pub struct Secrets([Option<Secret>; LABELS.len()]);

impl Secrets {
    /// The secret with this label of the NSS key log format, for example `SERVER_TRAFFIC_SECRET_0`.
    pub fn get(&self, label: &str) -> Option<&[u8]> {
        self.iter().find(|(known, _)| *known == label).map(|(_, secret)| secret)
    }

    /// Every secret with its label.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        LABELS.into_iter().zip(&self.0).filter_map(|(label, secret)| Some((label, secret.as_ref()?.bytes())))
    }

    fn set(&mut self, label: usize, secret: Secret) {
        if let Some(slot) = self.0.get_mut(label) {
            *slot = Some(secret);
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(label, _)| label)).finish()
    }
}

/// Inline, so that a session costs one map entry and no further allocation.
#[derive(Clone, Copy)]
struct Secret {
    length: u8,
    bytes: [u8; LONGEST],
}

impl Secret {
    fn new(secret: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..secret.len())?.copy_from_slice(secret);
        Some(Self { length: u8::try_from(secret.len()).ok()?, bytes })
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::thread;

    use rustls::KeyLog;

    use super::*;

    #[test]
    fn a_logged_secret_is_found_by_random_and_label() {
        let store = KeyLogStore::default();
        store.log("SERVER_TRAFFIC_SECRET_0", &[7; 32], &[1, 2, 3]);

        let secrets = store.lookup(&[7; 32]).unwrap();
        assert_eq!(secrets.get("SERVER_TRAFFIC_SECRET_0"), Some([1, 2, 3].as_slice()));
        assert_eq!(secrets.get("CLIENT_TRAFFIC_SECRET_0"), None);
        assert!(store.lookup(&[8; 32]).is_none());
    }

    #[test]
    fn it_renders_the_nss_format_in_a_stable_order() {
        let store = KeyLogStore::default();
        store.log("SERVER_TRAFFIC_SECRET_0", &[0xab; 32], &[0x01, 0xf0]);
        store.log("CLIENT_TRAFFIC_SECRET_0", &[0xab; 32], &[0x02]);
        store.log("CLIENT_RANDOM", &[0x0c; 32], &[0x03; 48]);

        let (ab, c) = ("ab".repeat(32), "0c".repeat(32));
        assert_eq!(
            store.render(),
            format!(
                "CLIENT_RANDOM {c} {}\nCLIENT_TRAFFIC_SECRET_0 {ab} 02\nSERVER_TRAFFIC_SECRET_0 {ab} 01f0\n",
                "03".repeat(48)
            )
        );
    }

    #[test]
    fn what_opens_no_record_is_not_kept() {
        let store = KeyLogStore::default();
        store.log("EXPORTER_SECRET", &[1; 32], &[1; 32]);
        store.log("CLIENT_RANDOM", &[1; 31], &[1; 48]);
        store.log("CLIENT_RANDOM", &[1; 32], &[1; 49]);

        assert!(!store.will_log("EXPORTER_SECRET"));
        assert_eq!(store.render(), "");
    }

    #[test]
    fn a_deaf_store_keeps_nothing() {
        let store = KeyLogStore::deaf();
        store.clone().log("CLIENT_RANDOM", &[1; 32], &[1; 48]);
        assert!(!store.will_log("CLIENT_RANDOM"));
        assert_eq!(store.sessions_logged(), 0);
    }

    #[test]
    fn many_threads_log_into_clones_of_one_store() {
        let store = KeyLogStore::default();
        thread::scope(|scope| {
            for thread in 0..8_u8 {
                let store = store.clone();
                scope.spawn(move || {
                    for session in 0..50 {
                        let mut random = [thread; 32];
                        random[0] = session;
                        store.log("CLIENT_TRAFFIC_SECRET_0", &random, &[session; 32]);
                    }
                });
            }
        });

        assert_eq!(store.sessions_logged(), 400);
        assert_eq!(store.render().lines().count(), 400);
    }

    #[test]
    fn printing_for_people_shows_no_secret() {
        let store = KeyLogStore::default();
        store.log("CLIENT_RANDOM", &[1; 32], &[0xee; 48]);

        assert_eq!(format!("{store:?}"), "KeyLogStore(1 sessions)");
        assert_eq!(format!("{:?}", store.lookup(&[1; 32]).unwrap()), "[\"CLIENT_RANDOM\"]");
    }
}
