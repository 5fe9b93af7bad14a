//! What a program is to do, with every address and file named: from a proxy's plan, for whoever writes the
//! configuration. Pure.
//!
//! What no program but ours can do is refused here; what one of them cannot is its own affair.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    path::PathBuf,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use proxies::{
    balance::Policy,
    limits::Limits,
    registry::{EntryId, Registry, SourceId},
    tls::{ClientSettings, Identity, ServerSettings, TlsVersion, Verification},
};

use super::Unable;
use crate::{
    architecture::Engine,
    node::plan::{DialPlan, ListenPlan, NodePlan, Onward, ProgramPlan},
    pki,
};

/// The name outside clients use where they know none of the cloud's.
const LOCALHOST: &str = "localhost";

/// What one program is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// `host/process`.
    pub label: String,
    /// Threads, or workers.
    pub threads: usize,
    /// Deadlines and bounds.
    pub limits: Limits,
    /// Its listeners.
    pub doors: Vec<Door>,
}

/// A listener and where its connections go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// Where it listens.
    pub at: SocketAddrV4,
    /// How it ends TLS; `None` = clear, or passed on unopened.
    pub tls: Option<Front>,
    /// It reads requests.
    pub requests: bool,
    /// And tells the service which certificate the caller showed.
    pub client_cert: bool,
    /// Where to.
    pub ways: Ways,
}

/// The accepting side of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Front {
    /// File with its certificates and key.
    pub certificate: String,
    /// Versions it speaks.
    pub versions: Vec<TlsVersion>,
    /// File with the authorities of callers' certificates, and whether callers must have one.
    pub callers: Option<(String, bool)>,
}

/// Where connections go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ways {
    /// To one place.
    To(Way),
    /// By server name, unopened.
    ByName {
        /// Names and their places.
        named: Vec<(String, Vec<Way>)>,
        /// Which of several places a connection takes.
        policy: Policy,
    },
}

/// One place and how to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where.
    pub to: Spot,
    /// From which address; none on a Unix socket.
    pub from: Option<Ipv4Addr>,
    /// How it opens TLS; `None` = it does not.
    pub tls: Option<Back>,
}

/// Something that can be dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot {
    /// An address of the registry.
    Tcp(SocketAddrV4),
    /// A Unix socket.
    Unix(PathBuf),
}

/// The dialing side of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    /// File with the authorities it trusts.
    pub authorities: String,
    /// How much it checks.
    pub verification: Verification,
    /// The name it asks for and checks.
    pub name: String,
    /// File with the certificate and key it shows.
    pub certificate: Option<String>,
}

/// A file a configuration names.
#[derive(Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name, in the program's own directory.
    pub name: String,
    /// PEM.
    pub text: String,
}

impl std::fmt::Debug for Named {
    /// Never prints a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Named").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Where registry handles are.
pub trait Places {
    /// What an entry is at.
    fn spot(&self, entry: EntryId) -> Option<Spot>;
    /// The address behind a source.
    fn source(&self, source: SourceId) -> Option<Ipv4Addr>;
}

impl Places for Registry {
    fn spot(&self, entry: EntryId) -> Option<Spot> {
        let tcp = self.at(entry).map(|at| Spot::Tcp(at.to_socket_addr()));
        tcp.or_else(|| self.unix_path(entry).map(Spot::Unix))
    }

    fn source(&self, source: SourceId) -> Option<Ipv4Addr> {
        self.source_ip(source).map(proxies::transport::loopback::LoopbackIp::to_ip)
    }
}

impl Sheet {
    /// The sheet of a proxy's plan and the files it names.
    pub fn of(engine: Engine, plan: &NodePlan, places: &impl Places) -> Result<(Self, Vec<Named>), Unable> {
        let ProgramPlan::Proxy { doors } = &plan.program else {
            return Err(Unable(format!("{} stands in the place of proxies only", engine.name())));
        };
        let mut drawing = Drawing { engine, places, files: Vec::new() };
        let doors =
            doors.iter().map(|(front, onward)| drawing.door(front, onward)).collect::<Result<_, _>>()?;
        let (label, threads, limits) = (plan.label.clone(), plan.threads.max(1), plan.limits);
        Ok((Self { label, threads, limits, doors }, drawing.files))
    }
}

struct Drawing<'a, P> {
    engine: Engine,
    places: &'a P,
    files: Vec<Named>,
}

impl<P: Places> Drawing<'_, P> {
    fn unable(&self, what: &str) -> Unable {
        Unable(format!("{} {what}", self.engine.name()))
    }

    fn door(&mut self, front: &ListenPlan, onward: &Onward) -> Result<Door, Unable> {
        let Some(Spot::Tcp(at)) = self.places.spot(front.entry) else {
            return Err(self.unable("does not ask who connects to a Unix socket"));
        };
        if !front.ballast.is_zero() {
            return Err(self.unable("burns no extra CPU for a test"));
        }
        if front.client_cert.as_ref().is_some_and(|rule| !rule.accept_from.is_empty()) {
            return Err(self.unable("compares no alternative names of a caller's certificate, so it believes nobody's `Client-Cert`"));
        }
        if front.filtered {
            return Err(self.unable("does not read our rule file"));
        }
        if !front.accept_proxy.from.is_empty() {
            return Err(self.unable("tells nobody's PROXY header from another's here"));
        }
        let ways = match onward {
            Onward::To(dial) => Ways::To(self.way(dial)?),
            Onward::ByName { routes, localhost, policy } => {
                let mut named = Vec::new();
                for (name, dials) in routes {
                    let ways = dials.iter().map(|dial| self.way(dial)).collect::<Result<Vec<_>, _>>()?;
                    if localhost.as_ref() == Some(name) {
                        named.push((LOCALHOST.to_owned(), ways.clone()));
                    }
                    named.push((name.clone(), ways));
                }
                Ways::ByName { named, policy: *policy }
            }
        };
        let tls = front.tls.as_ref().map(|tls| self.front(tls)).transpose()?;
        Ok(Door { at, tls, requests: front.requests, client_cert: front.client_cert.is_some(), ways })
    }

    fn front(&mut self, tls: &ServerSettings) -> Result<Front, Unable> {
        let callers = match &tls.client_auth {
            None => None,
            Some(asked) if asked.allow.is_some() => {
                return Err(self.unable("compares no alternative names of client certificates"));
            }
            Some(asked) => Some((self.authorities(&asked.roots), asked.required)),
        };
        Ok(Front { certificate: self.identity(&tls.identity)?, versions: tls.versions.clone(), callers })
    }

    fn way(&mut self, dial: &DialPlan) -> Result<Way, Unable> {
        if dial.header.is_some() {
            return Err(self.unable("writes no PROXY header here"));
        }
        let to =
            self.places.spot(dial.entry).ok_or_else(|| self.unable("was given a place that is not there"))?;
        let from = match to {
            Spot::Tcp(_) => self.places.source(dial.source),
            Spot::Unix(_) => None,
        };
        let tls = dial.tls.as_ref().map(|tls| self.back(tls)).transpose()?;
        Ok(Way { to, from, tls })
    }

    fn back(&mut self, tls: &ClientSettings) -> Result<Back, Unable> {
        if tls.verification == Verification::Chain {
            return Err(self.unable("checks the name it asks for, wherever it checks the chain"));
        }
        Ok(Back {
            authorities: self.authorities(&tls.roots),
            verification: tls.verification,
            name: tls.server_name.clone(),
            certificate: tls.identity.as_ref().map(|identity| self.identity(identity)).transpose()?,
        })
    }

    fn identity(&mut self, identity: &Identity) -> Result<String, Unable> {
        let key = pki::key_pem(&identity.key).map_err(|error| Unable(format!("a key: {error}")))?;
        let text = identity.chain.iter().map(|der| certificate(der)).chain([key]).collect();
        Ok(self.file("identity", text))
    }

    fn authorities(&mut self, roots: &[Vec<u8>]) -> String {
        let text = roots.iter().map(|der| certificate(der)).collect();
        self.file("authorities", text)
    }

    /// The file with this content, which is written once.
    fn file(&mut self, kind: &str, text: String) -> String {
        if let Some(there) = self.files.iter().find(|file| file.text == text) {
            return there.name.clone();
        }
        let name = format!("{kind}-{}.pem", self.files.len());
        self.files.push(Named { name: name.clone(), text });
        name
    }
}

fn certificate(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem + "-----END CERTIFICATE-----\n"
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A sheet with one of everything; with requests that are read, where `requests`.
    pub(in crate::engine) fn sheet(requests: bool) -> Sheet {
        let at = |last, port| SocketAddrV4::new(Ipv4Addr::new(127, 1, 2, last), port);
        let from = Some(Ipv4Addr::new(127, 1, 2, 9));
        let clear = |port| Way { to: Spot::Tcp(at(4, port)), from, tls: None };
        let tls = |verification, certificate: Option<&str>| Back {
            authorities: "authorities-1.pem".to_owned(),
            verification,
            name: "identity.internal.cloud.invalid".to_owned(),
            certificate: certificate.map(str::to_owned),
        };
        let front = |callers| Front {
            certificate: "identity-0.pem".to_owned(),
            versions: TlsVersion::all(),
            callers,
        };
        let door = |port, tls, ways| Door { at: at(3, port), tls, requests: false, client_cert: false, ways };
        let socket =
            Way { to: Spot::Unix("/tmp/testbed-00/api-1/identity-api.sock".into()), from: None, tls: None };
        let checked = Way { tls: Some(tls(Verification::Name, Some("identity-2.pem"))), ..clear(24_001) };
        let careless = Way { tls: Some(tls(Verification::Off, None)), ..clear(24_002) };
        let only_13 = Front { versions: vec![TlsVersion::Tls13], ..front(None) };
        let asks = front(Some(("authorities-1.pem".to_owned(), true)));
        let named = vec![
            ("localhost".to_owned(), vec![clear(24_003)]),
            ("identity.cloud.invalid".to_owned(), vec![clear(24_003)]),
            ("compute.cloud.invalid".to_owned(), vec![clear(24_004), clear(24_005)]),
        ];
        let mut doors = vec![
            door(23_001, None, Ways::To(clear(24_000))),
            door(23_002, Some(front(None)), Ways::To(socket)),
            door(23_003, Some(only_13), Ways::To(checked)),
            door(23_004, Some(asks), Ways::To(careless)),
            door(23_005, None, Ways::ByName { named, policy: Policy::RoundRobin }),
        ];
        if requests {
            let tls = Some(front(Some(("authorities-1.pem".to_owned(), false))));
            doors.push(Door {
                requests: true,
                client_cert: true,
                ..door(23_006, tls, Ways::To(clear(24_006)))
            });
        }
        // The default depends on the descriptors of the machine.
        let limits = Limits { connections: 4_000, ..Limits::default() };
        Sheet { label: "edge/tls-proxy".to_owned(), threads: 2, limits, doors }
    }
}
