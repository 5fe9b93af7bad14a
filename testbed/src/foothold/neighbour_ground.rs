//! Behind [`Reach`](super::Reach) and [`Files`](super::Files) of another user on the API hosts: children of our
//! own that are that user.
//!
//! An API host is one that answers users or services, whatever it is called. Named are the services themselves,
//! wherever they listen (the proxies in front of them are everybody's), and the key files of those hosts. A child
//! starts when it is first needed, on the attacker's thread, and ends with the foothold.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    io::{self, Read},
    path::PathBuf,
    pin::Pin,
    sync::Arc,
};

use bytes::Bytes;
use proxies::{
    neighbour::{Helper, Neighbour},
    registry::{EntryId, SourceId},
    transport::{Party, loopback::Loopback},
};
use tokio::sync::OnceCell;

use super::{
    files::{FileView, FilesBackend},
    grant::Ground,
    reach::{Answer, Dialed, ReachBackend, Target, TargetId},
};
use crate::{
    architecture::{Architecture, HostId, ListenerId, Place},
    pki::DOMAIN,
};

/// More than any key file holds.
const LONGEST: u64 = 64 * 1024;

/// Whose rights each attempt is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// Another unprivileged user: the attacker.
    Neighbour,
    /// The user whom the socket or file belongs to: the probe's positive control.
    Owner,
}

struct Door {
    target: Target,
    entry: EntryId,
    source: SourceId,
    user: u32,
}

struct Lying {
    view: FileView,
    path: PathBuf,
    user: u32,
}

pub(super) struct OtherUsers {
    ground: Arc<Ground>,
    helper: Helper,
    party: Party,
    doors: Vec<Door>,
    files: Vec<Lying>,
    children: BTreeMap<u32, OnceCell<Neighbour>>,
}

impl OtherUsers {
    /// `Err` says why nothing can be tried as another user here.
    pub(super) fn new(ground: &Arc<Ground>, who: Who, party: Party) -> Result<Self, String> {
        let neighbour = neighbour(ground)?;
        let helper = ground.helper.clone().ok_or("nothing was given to start another user with")?;
        let (architecture, owners) = (&ground.architecture, ground.files.owners());
        let user = |owner: &str| match who {
            Who::Neighbour => neighbour,
            // Every owner of the file is among them.
            Who::Owner => owners.user(owner).unwrap_or(neighbour),
        };
        let hosts = api_hosts(architecture);
        let services = architecture.listener_ids().filter(|id| {
            let process = &architecture[architecture[*id].process];
            process.program.is_service() && hosts.contains(&process.host)
        });
        let doors: Vec<Door> = services
            .enumerate()
            .filter_map(|(index, listener)| {
                let owner = &architecture[architecture[listener].process].user;
                let entry = ground.addresses.entry(listener)?;
                let place = architecture[listener].place;
                let source = ground.addresses.source(architecture.host_of(listener), place)?;
                let target = target(ground, TargetId(index as u32), listener, entry);
                Some(Door { target, entry, source, user: user(owner) })
            })
            .collect();
        let lying = ground.files.targets().filter(|(_, key)| hosts.contains(&key.host));
        let files: Vec<Lying> = lying
            .map(|(id, key)| Lying {
                view: FileView { id, label: key.label.clone() },
                path: key.path.clone(),
                user: user(&key.owner),
            })
            .collect();
        let users = doors.iter().map(|door| door.user).chain(files.iter().map(|file| file.user));
        let children = users.map(|user| (user, OnceCell::new())).collect();
        Ok(Self { ground: ground.clone(), helper, party, doors, files, children })
    }

    async fn child(&self, user: u32) -> io::Result<&Neighbour> {
        let cell = self.children.get(&user).ok_or(io::ErrorKind::NotFound)?;
        let (files, registry) = (&self.ground.files, self.ground.world.fabric.registry());
        cell.get_or_try_init(|| Neighbour::start(&self.helper, user, files.directory(), registry)).await
    }

    async fn open(&self, id: TargetId) -> Result<Bytes, Answer> {
        let Some(file) = self.files.iter().find(|file| file.view.id == id) else {
            return Err(Answer::NoRoute);
        };
        let child = self.child(file.user).await.map_err(|error| not_started(&error))?;
        let opened = child.open(&file.path).await.map_err(|error| Answer::of(&error))?;
        let mut bytes = Vec::new();
        opened.take(LONGEST).read_to_end(&mut bytes).map_err(|error| Answer::of(&error))?;
        Ok(bytes.into())
    }
}

impl ReachBackend for OtherUsers {
    fn targets(&self) -> Vec<Target> {
        self.doors.iter().map(|door| door.target.clone()).collect()
    }

    fn dial(&self, target: TargetId) -> Pin<Box<dyn Future<Output = Dialed> + Send + '_>> {
        Box::pin(async move {
            let Some(door) = self.doors.iter().find(|door| door.target.id == target) else {
                return Dialed::Answered(Answer::NoRoute);
            };
            let child = match self.child(door.user).await {
                Ok(child) => child,
                Err(error) => return Dialed::Answered(not_started(&error)),
            };
            match child.connect(door.entry, door.source, self.party).await {
                Ok(stream) => Dialed::Open(stream),
                Err(error) => Dialed::Answered(Answer::of(&error)),
            }
        })
    }
}

impl FilesBackend for OtherUsers {
    fn files(&self) -> Vec<FileView> {
        self.files.iter().map(|file| file.view.clone()).collect()
    }

    fn read(&self, file: TargetId) -> Pin<Box<dyn Future<Output = Result<Bytes, Answer>> + Send + '_>> {
        Box::pin(self.open(file))
    }
}

/// The attacker's number, or why there is none.
fn neighbour(ground: &Ground) -> Result<u32, String> {
    match ground.files.owners() {
        crate::files::Owners::Real { neighbour, .. } => Ok(*neighbour),
        crate::files::Owners::None { why } => Err(why.clone()),
    }
}

/// Our own failure, not an answer of the kernel about the target.
fn not_started(error: &io::Error) -> Answer {
    Answer::Error(format!("no child of that user: {error}"))
}

fn api_hosts(architecture: &Architecture) -> BTreeSet<HostId> {
    let processes = architecture.process_ids().map(|id| &architecture[id]);
    processes.filter(|process| process.program.is_api()).map(|process| process.host).collect()
}

fn target(ground: &Ground, id: TargetId, listener: ListenerId, entry: EntryId) -> Target {
    let architecture = &ground.architecture;
    let process = architecture.process_label(architecture[listener].process);
    let port = ground.world.fabric.registry().at(entry).map_or(0, Loopback::port);
    let label = match architecture[listener].place {
        Place::Segment(segment) => format!("{process}:{port} on {}", architecture[segment].name),
        Place::Local => format!("{process}:{port} on a local link"),
        Place::Unix => {
            let mode = architecture[listener].socket.as_ref().map_or(0, |socket| socket.mode);
            format!("{process} at a Unix socket, mode {mode:04o}")
        }
    };
    let identity = architecture[listener].identity;
    let named = identity.and_then(|identity| architecture[identity].names.first().cloned());
    let server_name = named.unwrap_or_else(|| format!("{}.{DOMAIN}", architecture[listener].name));
    Target { id, label, server_name }
}
