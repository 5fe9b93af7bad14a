//! What one component is to do, and whether that makes sense. Plain values; opens nothing.

use super::address::{Address, Place};
use crate::tls::Identity;

/// Which component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// TLS ends here; HTTP goes on in the clear.
    Terminate,
    /// TLS ends here; bytes go on in the clear, unread.
    TerminateL4,
    /// TLS goes on unopened, by the name it asks for.
    PassThrough,
    /// TLS ends here; HTTP goes on over TLS of its own.
    ReEncrypt,
}

/// A name and the places that serve it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What clients ask for.
    pub name: String,
    /// Equal places; empty stands for all backends.
    pub to: Vec<Place>,
}

/// One component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which.
    pub mode: Mode,
    /// Where clients come.
    pub listen: Address,
    /// Equal places behind it.
    pub backends: Vec<Place>,
    /// Certificates it presents.
    pub identities: Vec<Identity>,
    /// Authorities trusted behind it, DER.
    pub authorities: Vec<Vec<u8>>,
    /// The name a backend's certificate must carry.
    pub backend_name: Option<String>,
    /// Names passed through.
    pub routes: Vec<Route>,
    /// Threads that serve, each with a socket of its own.
    pub threads: usize,
}

/// Why settings do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A part that this component needs.
    #[error("{mode} needs {what}")]
    Missing {
        /// The component.
        mode: Mode,
        /// What is missing.
        what: &'static str,
    },
    /// A part this component has no use for.
    #[error("{mode} has no use for {what}")]
    Useless {
        /// The component.
        mode: Mode,
        /// What is too much.
        what: &'static str,
    },
    /// No thread to serve, or more than this machine is for.
    #[error("--threads is between 1 and {MOST_THREADS}")]
    Threads,
}

/// More threads than that are a mistake.
const MOST_THREADS: usize = 256;

const CERTIFICATE: &str = "--cert and --key";
const BACKEND: &str = "--backend";
const TRUST: &str = "--ca";
const NAME: &str = "--backend-name";
const ROUTES: &str = "--sni";

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Terminate => "terminate",
            Self::TerminateL4 => "terminate-l4",
            Self::PassThrough => "pass-through",
            Self::ReEncrypt => "re-encrypt",
        })
    }
}

impl Settings {
    /// Is everything there that the component needs, and nothing that it would silently ignore?
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let (opens, passes) = (self.mode != Mode::PassThrough, self.mode == Mode::PassThrough);
        let again = self.mode == Mode::ReEncrypt;
        // A name without a place of its own leads to the backends.
        let bare = self.routes.iter().any(|route| route.to.is_empty());
        let parts = [
            (CERTIFICATE, !self.identities.is_empty(), opens),
            (ROUTES, !self.routes.is_empty(), passes),
            (BACKEND, !self.backends.is_empty(), opens || bare),
            (TRUST, !self.authorities.is_empty(), again),
            (NAME, self.backend_name.is_some(), again),
        ];
        for (what, there, wanted) in parts {
            match (there, wanted) {
                (false, true) => return Err(SettingsError::Missing { mode: self.mode, what }),
                (true, false) => return Err(SettingsError::Useless { mode: self.mode, what }),
                _ => {}
            }
        }
        if !(1..=MOST_THREADS).contains(&self.threads) {
            return Err(SettingsError::Threads);
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn settings(mode: Mode) -> Settings {
        let backend: Vec<Place> = vec!["127.0.0.1:80".parse().unwrap()];
        let (opens, again) = (mode != Mode::PassThrough, mode == Mode::ReEncrypt);
        Settings {
            mode,
            listen: "127.0.0.1:0".parse().unwrap(),
            backends: if opens { backend.clone() } else { Vec::new() },
            identities: opens.then(|| Identity { chain: Vec::new(), key: Vec::new() }).into_iter().collect(),
            authorities: again.then(Vec::new).into_iter().collect(),
            backend_name: again.then(|| "a.invalid".to_owned()),
            routes: (!opens)
                .then(|| Route { name: "a.invalid".to_owned(), to: backend })
                .into_iter()
                .collect(),
            threads: 1,
        }
    }

    #[test]
    fn each_component_says_what_it_lacks_and_what_it_has_no_use_for() {
        let modes = [Mode::Terminate, Mode::TerminateL4, Mode::PassThrough, Mode::ReEncrypt];
        for mode in modes {
            assert_eq!(settings(mode).check(), Ok(()), "{mode}");
        }
        let refused = |mode, change: &dyn Fn(&mut Settings)| {
            let mut settings = settings(mode);
            change(&mut settings);
            settings.check().unwrap_err().to_string()
        };
        let trust = |settings: &mut Settings| settings.authorities.push(Vec::new());
        let route = |settings: &mut Settings| {
            settings.routes.push(Route { name: "b.invalid".to_owned(), to: Vec::new() });
        };
        for mode in [Mode::Terminate, Mode::TerminateL4] {
            assert_eq!(refused(mode, &|it| it.identities.clear()), format!("{mode} needs --cert and --key"));
            assert_eq!(refused(mode, &|it| it.backends.clear()), format!("{mode} needs --backend"));
            assert_eq!(refused(mode, &trust), format!("{mode} has no use for --ca"));
            assert_eq!(refused(mode, &route), format!("{mode} has no use for --sni"));
        }
        let again = Mode::ReEncrypt;
        assert_eq!(refused(again, &|it| it.authorities.clear()), "re-encrypt needs --ca");
        assert_eq!(refused(again, &|it| it.backend_name = None), "re-encrypt needs --backend-name");
        let pass = Mode::PassThrough;
        assert_eq!(refused(pass, &|it| it.routes.clear()), "pass-through needs --sni");
        assert_eq!(refused(pass, &route), "pass-through needs --backend");
        assert_eq!(refused(pass, &trust), "pass-through has no use for --ca");
        assert_eq!(refused(pass, &|it| it.threads = 0), "--threads is between 1 and 256");
    }
}
