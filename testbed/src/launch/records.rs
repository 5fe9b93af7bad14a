//! What a launch keeps for whoever judges: canaries, what the wires showed, services' own logs. Nothing of it where
//! nobody will judge, so that memory does not grow with traffic.

use std::sync::{Arc, Mutex};

use proxies::registry::Registry;
use tokio::time::Instant;

use super::{LaunchError, LaunchOptions};
use crate::{
    canary::Canaries,
    capture::FlowStore,
    custody::Custody,
    fabric::{Fabric, tap::Wire},
    keylog::KeyLogStore,
    ledger::{Forgetful, Planter, Recorder, Seen, Watch},
    node::wiring::World,
    services::{compute::ComputeStore, plant::Plant},
};

/// Bytes of captured flows kept in memory before whole flows are dropped.
const CAPTURE_BUDGET: u64 = 512 * 1024 * 1024;

/// Ground truth and its observers.
pub(super) struct Records {
    pub(super) canaries: Canaries,
    pub(super) seen: Arc<Mutex<Seen>>,
    pub(super) capture: Arc<Mutex<FlowStore>>,
    pub(super) fabric: Fabric,
    pub(super) plant: Arc<dyn Plant>,
}

impl Records {
    pub(super) fn new(registry: &Registry, options: &LaunchOptions) -> Result<Self, LaunchError> {
        let canaries = Canaries::new(options.seed);
        let seen = Arc::default();
        let capture = Arc::new(Mutex::new(FlowStore::new(CAPTURE_BUDGET)));
        let wire: Wire = if options.unrecorded {
            Vec::new()
        } else {
            let watch = Watch::new(canaries.clone(), Arc::clone(&seen), Arc::clone(&capture));
            vec![Box::new(Recorder(Arc::clone(&capture))), Box::new(watch)]
        };
        let epoch = options.epoch.unwrap_or_else(Instant::now);
        let fabric = Fabric::new(registry.clone(), epoch, wire)
            .map_err(|source| LaunchError::Start { what: "the tap thread".to_owned(), source })?;
        let plant: Arc<dyn Plant> = if options.unrecorded {
            Arc::new(Forgetful)
        } else {
            Arc::new(Planter::new(canaries.mint(), fabric.clone()))
        };
        Ok(Self { canaries, seen, capture, fabric, plant })
    }
}

/// What every node shares.
pub(super) fn world(fabric: Fabric, custody: Option<Custody>, recorded: bool) -> World {
    let key_log = if recorded { KeyLogStore::default() } else { KeyLogStore::deaf() };
    let started = fabric.started();
    let store = if recorded { ComputeStore::new(started) } else { ComputeStore::unlogged(started) };
    World { fabric, key_log, recorded, store: Arc::new(store), custody }
}
