//! Keeps one architecture up for real clients: `openstack`, `curl`, anything that speaks its API.
//!
//! ```text
//!  launch(outside, unrecorded) ── admin, servers ── visitor (verified, logged in) ── ca.pem, hosts, openrc ── Up
//! ```
//!
//! Public listeners stand on 127.0.0.1, one port per service, and take clients from outside the run: as
//! `localhost`, or by their own names where the client sees the `hosts` file written here as its own. The
//! internal and admin interfaces do not: they stand on addresses of the run under names nobody outside can
//! resolve, and close what the run itself did not open. Nothing that passes is kept, so that memory does not
//! grow with traffic. Certificates hold for two days.
//!
//! `openrc` is written last: once it is there, someone has logged in with exactly what it says. Threads and
//! sockets end with [`Up::down`]; the files stay.

mod hosts;
mod openrc;
mod out_dir;
mod visitor;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use proxies::limits::Limits;

use crate::{
    architecture::Architecture,
    launch::{self, LaunchError, LaunchOptions, Outside, PROJECT, published::Published},
    ledger::Ledger,
    node::Node,
    services::{
        compute::{Actor, Full, NewServer},
        identity::{Identity, NewUser, ProvisionError, User},
        ids,
    },
    vocabulary::Asset,
};

use self::{openrc::Openrc, out_dir::OutDir, visitor::Visitor};

/// The file a shell sources.
pub const OPENRC: &str = "openrc";
/// The authorities outside clients need, PEM; absent where nothing public speaks TLS.
pub const CA: &str = "ca.pem";
/// The `/etc/hosts` of clients that come by name; absent where they come as `localhost`.
pub const HOSTS: &str = "hosts";
/// Who may log in.
pub const ADMIN: &str = "admin";
/// Servers that are there from the start.
pub const SERVERS: [&str; 3] = ["web-1", "web-2", "db-1"];

/// What open connections get when it goes down: clients keep idle ones, and nobody waits for a test cloud.
const DRAIN: Duration = Duration::from_millis(500);

/// Why an architecture is not up.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// Something is there already.
    #[error("`{}` exists already", .0.display())]
    Exists(PathBuf),
    /// `--force` was given, but this is not what an `up` leaves behind.
    #[error("`{}` is not empty and holds no `openrc`", .0.display())]
    NotOurs(PathBuf),
    /// The operating system refused a file.
    #[error("cannot write `{}`: {source}", .path.display())]
    Write {
        /// Which file or directory.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// The cloud did not come up.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The file gives outside clients no way in.
    #[error("architecture `{architecture}`: {why}")]
    NoWayIn {
        /// Which.
        architecture: String,
        /// What is missing.
        why: String,
    },
    /// The admin could not be made.
    #[error("identity does not take the user `{ADMIN}`: {0}")]
    Admin(#[from] ProvisionError),
    /// The servers could not be made.
    #[error("compute does not take a server: {0}")]
    Servers(#[from] Full),
    /// The first client was not served.
    #[error("{what} does not answer: {why}")]
    Silent {
        /// `identity https://localhost:PORT`.
        what: String,
        /// What came instead.
        why: String,
    },
    /// Something did not end as it should.
    #[error("taking `{architecture}` down: {source}")]
    Down {
        /// Which.
        architecture: String,
        /// The first failure.
        source: io::Error,
    },
}

/// A service real clients can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `identity`, `compute`, `login-page`.
    pub service: String,
    /// `https://localhost:PORT`, or by name.
    pub url: String,
}

/// An architecture that is up.
pub struct Up {
    ledger: Ledger,
    endpoints: Vec<Endpoint>,
    files: Files,
}

/// What `up` wrote.
struct Files {
    openrc: PathBuf,
    ca: Option<PathBuf>,
    hosts: Option<PathBuf>,
}

/// How to bring one up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpOptions {
    /// Replace what a former `up` left in the directory.
    pub force: bool,
    /// Its clients will see the file `hosts` as theirs: publish names instead of `localhost`.
    pub named: bool,
}

/// Launches an architecture for real clients and writes what they need into the directory `out`.
pub async fn up(architecture: &Architecture, out: &Path, options: UpOptions) -> Result<Up, UpError> {
    let out = OutDir::claim(out, options.force)?;
    let named = options.named;
    let options = LaunchOptions {
        outside: Some(if named { Outside::Names } else { Outside::Localhost }),
        unrecorded: true,
        limits: Limits { drain: DRAIN, ..Limits::default() },
        ..LaunchOptions::default()
    };
    let (footholds, ledger) = launch::launch(architecture, options).await?;
    // Nobody attacks here.
    drop(footholds);
    match furnish(&ledger, &out, named).await {
        Ok(files) => Ok(Up { endpoints: endpoints(&ledger), ledger, files }),
        Err(error) => {
            // The error that counts is the first one.
            let _ = ledger.teardown();
            Err(error)
        }
    }
}

impl Up {
    /// Where clients go, by service: in catalog order, then the login page, if there is one.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The file a shell sources, as an absolute path.
    pub fn openrc(&self) -> &Path {
        &self.files.openrc
    }

    /// The authorities to trust, if anything public speaks TLS.
    pub fn ca(&self) -> Option<&Path> {
        self.files.ca.as_deref()
    }

    /// The file its clients must see as `/etc/hosts`, where names are published.
    pub fn hosts(&self) -> Option<&Path> {
        self.files.hosts.as_deref()
    }

    /// What the launch keeps of itself.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Ends every thread and closes every socket; the files stay.
    pub fn down(self) -> Result<(), UpError> {
        let architecture = self.ledger.architecture.name.clone();
        self.ledger.teardown().map_err(|source| UpError::Down { architecture, source })
    }
}

fn endpoints(ledger: &Ledger) -> Vec<Endpoint> {
    let doors = ledger.published.iter().chain(&ledger.login_page);
    doors.map(|one| Endpoint { service: one.service_type.clone(), url: one.url() }).collect()
}

/// Users, servers, a first visit, then the files.
async fn furnish(ledger: &Ledger, out: &OutDir, named: bool) -> Result<Files, UpError> {
    let identity = way_in(ledger)?;
    let password = ledger.plant.plant(Asset::Password);
    let mut admins = Vec::new();
    for identity in ledger.nodes().iter().filter_map(Node::identity) {
        admins.push(admin(identity, &password).await?);
    }
    if let Some(admin) = admins.first() {
        servers(ledger, admin)?;
    }
    Visitor { user: ADMIN, password: &password, project: PROJECT }.visit(ledger).await?;
    let authorities = authorities(ledger);
    let openrc = Openrc {
        auth_url: &format!("{}{}", identity.url(), identity.version),
        user: ADMIN,
        password: &password,
        project: PROJECT,
        region: launch::REGION,
        ca: (!authorities.is_empty()).then(|| out.file(CA)),
        doors: &endpoints(ledger),
    };
    let ca = match &openrc.ca {
        Some(_) => Some(out.write(CA, authorities.as_bytes())?),
        None => out.clear(CA).map(|()| None)?,
    };
    let hosts = if named {
        let text = hosts::file(&hosts::of_machine(), &ledger.public_names);
        Some(out.publish(HOSTS, text.as_bytes())?)
    } else {
        out.clear(HOSTS).map(|()| None)?
    };
    match out.write(OPENRC, &openrc.render()) {
        Ok(openrc) => Ok(Files { openrc, ca, hosts }),
        Err(error) => {
            // Another `up` was faster: its openrc stands, and what we wrote is no use to it.
            for (name, written) in [(CA, ca), (HOSTS, hosts)] {
                if written.is_some() {
                    let _ = out.clear(name);
                }
            }
            Err(error)
        }
    }
}

/// Where to log in, once it is clear that outside clients reach everything the catalog publishes.
fn way_in(ledger: &Ledger) -> Result<&Published, UpError> {
    let no_way = |why: String| UpError::NoWayIn { architecture: ledger.architecture.name.clone(), why };
    if let Some(hidden) = ledger.published.iter().find(|one| !one.outside) {
        let service = &hidden.service_type;
        return Err(no_way(format!(
            "the public interface of `{service}` is on no segment of the public domain"
        )));
    }
    let identity = ledger.published.iter().find(|one| one.service_type == "identity");
    identity.ok_or_else(|| no_way("its catalog publishes no `identity`".to_owned()))
}

async fn admin(identity: &Arc<Identity>, password: &str) -> Result<Arc<User>, ProvisionError> {
    let roles = ["admin", "member"].map(str::to_owned).to_vec();
    let (name, password, project) = (ADMIN.to_owned(), password.to_owned(), PROJECT.to_owned());
    identity.provision(NewUser { name, password, roles, project }).await
}

fn servers(ledger: &Ledger, admin: &User) -> Result<(), Full> {
    let actor = Actor {
        user: admin.id.clone(),
        user_name: admin.name.clone(),
        project: admin.project.id.clone(),
        request_id: ids::request_id(),
    };
    for name in SERVERS {
        let new = NewServer { name: name.to_owned(), flavor: "1".to_owned(), metadata: BTreeMap::new() };
        ledger.store().create(&actor, new)?;
    }
    Ok(())
}

/// The authorities of everything outside clients are told of, each once.
fn authorities(ledger: &Ledger) -> String {
    let mut pems: Vec<&str> = Vec::new();
    for pem in ledger.published.iter().chain(&ledger.login_page).filter_map(|one| one.ca.as_deref()) {
        if !pems.contains(&pem) {
            pems.push(pem);
        }
    }
    pems.concat()
}
