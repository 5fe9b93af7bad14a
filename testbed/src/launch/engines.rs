//! Proxies that are programs of their own: their files, their doors onto segments, and the child itself.
//!
//! A program is told nothing but addresses of the registry. What it dials on a segment it finds at a door of that
//! segment, which dials on in its name; what it dials on its own host it dials itself, from that host's address.

use std::{
    collections::{BTreeMap, BTreeSet},
    io, thread,
};

use proxies::{
    limits::Limits,
    registry::{Admit, Child, EntryId},
    transport::tcp::TcpDialer,
};

use super::LaunchError;
use crate::{
    architecture::{Architecture, Engine, ListenerId},
    engine::{EngineError, Installed, Running, Unable, installed, running::Start, sheet::Sheet},
    fabric::{crossing::SegmentDial, relay},
    files::RunFiles,
    node::{
        plan::{DialPlan, NodePlan, Onward, ProgramPlan},
        thread::NodeThread,
        wiring::World,
    },
};

/// Does a program of its own listen there?
pub(super) fn is_foreign(architecture: &Architecture, listener: ListenerId) -> bool {
    architecture[architecture[listener].process].engine.is_foreign()
}

/// Unix sockets a program of its own cannot open: it has one user and one group, and passes by the file's mode alone.
pub(super) fn check(architecture: &Architecture) -> Result<(), EngineError> {
    for id in architecture.listener_ids() {
        let Some(socket) = &architecture[id].socket else { continue };
        let callers = architecture.dials.iter().filter(|dial| dial.to == id).map(|dial| dial.process);
        let foreign: Vec<_> = callers.filter(|caller| architecture[*caller].engine.is_foreign()).collect();
        let users: BTreeSet<&str> =
            foreign.iter().map(|caller| architecture[*caller].user.as_str()).collect();
        let Some(first) = foreign.first() else { continue };
        let why = if users.len() > 1 {
            "programs of different users cannot share a Unix socket, which has one group".to_owned()
        } else if socket.mode & 0o060 != 0o060 {
            format!("mode {:04o} keeps the group out of a Unix socket, and the program with it", socket.mode)
        } else {
            continue;
        };
        return Err(EngineError::Unable { process: architecture.process_label(*first), why: Unable(why) });
    }
    Ok(())
}

/// A program that is up, and the thread of its doors, where it dials on segments.
pub(super) struct Raised {
    pub(super) running: Running,
    pub(super) doors: Option<NodeThread>,
}

/// A program to be: the plan it serves, which it is, and the user of the architecture it runs as.
pub(super) struct Wanted {
    pub(super) plan: NodePlan,
    pub(super) engine: Engine,
    pub(super) user: String,
}

/// Starts programs; each listens when this returns.
pub(super) async fn raise(
    (world, files): (&World, &RunFiles),
    wanted: Vec<Wanted>,
) -> Result<Vec<Raised>, LaunchError> {
    let prepared = wanted.into_iter().map(|one| prepare(world, files, one)).collect::<Result<Vec<_>, _>>()?;
    let registry = world.fabric.registry();
    // Each reads its configuration twice, once to check it: at the same time as the others.
    let started: Vec<Result<Running, EngineError>> = thread::scope(|scope| {
        let starts = prepared.iter().map(|(start, _)| scope.spawn(|| Running::start(start, registry)));
        let starts: Vec<_> = starts.collect();
        let lost = |_| Err(EngineError::lost());
        starts.into_iter().map(|start| start.join().unwrap_or_else(lost)).collect()
    });
    let mut raised = Vec::new();
    for (running, (_, detached)) in
        started.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().zip(prepared)
    {
        raised.push(settle(world, running, detached).await?);
    }
    Ok(raised)
}

fn prepare(world: &World, files: &RunFiles, wanted: Wanted) -> Result<(Start, Detached), LaunchError> {
    let Wanted { mut plan, engine, user } = wanted;
    let installed = installed(engine)?;
    let detached = detach(world, &mut plan)?;
    let directory = write(&installed, &plan, (world, files), &user)?;
    let (user, drain) = (files.owners().user(&user), plan.limits.drain);
    Ok((Start { label: plan.label, installed, directory, user, drain }, detached))
}

/// Waits until a program listens, and opens its doors.
async fn settle(world: &World, mut running: Running, detached: Detached) -> Result<Raised, LaunchError> {
    let (registry, Detached { doors, entries, dials, limits }) = (world.fabric.registry(), detached);
    if let Some(party) = dials.first().map(|dial| dial.party) {
        let sources = dials.iter().filter_map(|dial| registry.source_ip(dial.source)).collect();
        registry.adopt(Child { pid: running.pid(), party, sources });
    }
    running.ready(&entries).await?;
    let failed = |source| LaunchError::Start { what: format!("the doors of {}", running.label()), source };
    let doors = (!doors.is_empty()).then(|| relay::doors(&world.fabric, doors, limits)).transpose();
    let doors = doors.map_err(failed)?;
    Ok(Raised { running, doors })
}

/// What a plan comes to once nothing in it is dialled across a segment.
struct Detached {
    /// Doors of the segments it dials on.
    doors: Vec<(EntryId, SegmentDial)>,
    /// Where it is to listen.
    entries: Vec<EntryId>,
    /// What it dialled before.
    dials: Vec<DialPlan>,
    /// Deadlines and bounds of its doors.
    limits: Limits,
}

fn detach(world: &World, plan: &mut NodePlan) -> Result<Detached, LaunchError> {
    let mut detached =
        Detached { doors: Vec::new(), entries: Vec::new(), dials: Vec::new(), limits: plan.limits };
    let ProgramPlan::Proxy { doors } = &mut plan.program else { return Ok(detached) };
    let (registry, mut opened) = (world.fabric.registry(), BTreeMap::new());
    for (front, onward) in doors {
        detached.entries.push(front.entry);
        let dials: Vec<&mut DialPlan> = match onward {
            Onward::To(dial) => vec![dial],
            Onward::ByName { routes, .. } => routes.iter_mut().flat_map(|(_, dials)| dials).collect(),
        };
        for dial in dials {
            detached.dials.push(dial.clone());
            let Some(segment) = dial.segment.take() else { continue };
            let meant = dial.entry;
            if let Some(entry) = opened.get(&meant) {
                dial.entry = *entry;
                continue;
            }
            let failed = |source| LaunchError::Start { what: "a door".to_owned(), source };
            let onward = TcpDialer::new(registry.clone(), dial.source, dial.party, meant).map_err(failed)?;
            let onward = SegmentDial::new(onward, world.fabric.clone(), segment, dial.party, meant);
            let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Child(dial.party))?;
            detached.doors.push((entry, onward));
            opened.insert(meant, entry);
            dial.entry = entry;
        }
    }
    Ok(detached)
}

/// Writes configuration and files, readable to their user alone, and says where.
fn write(
    installed: &Installed,
    plan: &NodePlan,
    (world, files): (&World, &RunFiles),
    user: &str,
) -> Result<std::path::PathBuf, LaunchError> {
    let unable = |why| EngineError::Unable { process: plan.label.clone(), why };
    let (sheet, named) = Sheet::of(installed.engine, plan, world.fabric.registry()).map_err(unable)?;
    let text = installed.configuration(&sheet).map_err(unable)?;
    let written = || -> io::Result<_> {
        let directory = files.engine(&plan.label, user)?;
        for file in &named {
            files.place(&directory.join(&file.name), file.text.as_bytes(), user)?;
        }
        files.place(&directory.join(Installed::FILE), text.as_bytes(), user)?;
        Ok(directory)
    };
    let what = || format!("the files of {}", plan.label);
    written().map_err(|source| LaunchError::Start { what: what(), source })
}
