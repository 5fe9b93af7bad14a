//! Honest users against the real stand-ins, over memory and in virtual time.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    connect::Connect,
    services::testing::{Refused, Stand},
    vocabulary::Asset,
};

const BOUNDS: Bounds =
    Bounds { in_flight: 100, patience: Duration::from_secs(10), stragglers: Duration::from_secs(10) };

fn plan(count: usize) -> Plan {
    let weights = Weights { login: 4, list: 4, create: 1, delete: 1 };
    Plan { pace: Pace::Constant(50.0), extent: Extent::Count(count), weights }
}

fn users(stand: &Stand, identity: Arc<dyn Connect>, keep: usize) -> Arc<Users> {
    let (compute, plant) = (stand.to_compute.clone(), stand.registry.clone());
    Users::new(UsersConfig { identity, compute, keep, plant })
}

async fn run(users: &Arc<Users>, arrivals: &[Arrival]) -> (Tally, Arc<Meter>) {
    let meter = Arc::new(Meter::new().unwrap());
    let generator = Generator { performer: users.clone(), record: meter.clone(), bounds: BOUNDS };
    (generator.run(arrivals, &CancellationToken::new()).await, meter)
}

#[tokio::test(start_paused = true)]
async fn a_day_of_honest_users_is_served_and_every_canary_of_it_was_sent() {
    let stand = Stand::new().await;
    let arrivals = schedule(&plan(100), 42, 0);
    let users = users(&stand, stand.to_identity.clone(), 0);
    let count = accounts_needed(&arrivals) + 2;
    users.add_accounts(enrol(&stand.identity, &*stand.registry, "demo", 0, count).await.unwrap());
    users.warm_up(2, servers_needed(&arrivals)).await.unwrap();
    let warm = stand.store.creations().len();

    let (tally, meter) = run(&users, &arrivals).await;
    assert_eq!((tally.offered, tally.ended, tally.dropped, tally.in_flight), (100, 100, 0, 0));
    for (operation, count) in Operation::ALL.into_iter().zip([40, 40, 10, 10]) {
        assert_eq!(
            meter.total(operation),
            Counts { offered: count, done: count, ..Counts::default() },
            "{operation:?}: {:?}",
            meter.failures()
        );
    }
    let recorded: u64 = meter.take_intervals().iter().map(|interval| interval.latencies.len()).sum();
    assert_eq!(recorded, 100);

    assert_eq!(stand.store.creations().len() - warm, 10);
    assert_eq!(stand.store.deletions().len(), 10);
    let registry = &stand.registry;
    assert_eq!(registry.of(Asset::Password).len(), count);
    for asset in [Asset::Password, Asset::RequestBody, Asset::ResponseBody] {
        let planted = registry.of(asset);
        assert!(!planted.is_empty() && planted.iter().all(|canary| registry.was_sent(canary)), "{asset}");
    }
    let users: std::collections::BTreeSet<_> = registry.adopted.lock().unwrap().iter().cloned().collect();
    assert_eq!(users.len(), count + 1, "a token per login, and compute's own");
}

#[tokio::test(start_paused = true)]
async fn without_a_warm_up_an_operation_does_what_it_lacks_first() {
    let stand = Stand::new().await;
    let users = users(&stand, stand.to_identity.clone(), 0);
    users.add_accounts(enrol(&stand.identity, &*stand.registry, "demo", 0, 1).await.unwrap());
    let delete = Arrival { at: Duration::ZERO, operation: Operation::Delete };
    let (_, meter) = run(&users, &[delete]).await;
    assert_eq!(meter.total(Operation::Delete).done, 1, "{:?}", meter.failures());
    assert_eq!(stand.store.creations().len(), 1);
    assert_eq!(stand.store.deletions().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn kept_connections_are_used_again_and_others_never() {
    for (keep, identity, compute) in [(0, 10, 5), (1, 2, 1)] {
        let stand = Stand::new().await;
        let users = users(&stand, stand.to_identity.clone(), keep);
        users.add_accounts(enrol(&stand.identity, &*stand.registry, "demo", 0, 9).await.unwrap());
        users.warm_up(9, 5).await.unwrap();
        let opened = |wire: &crate::services::testing::Wire| wire.opened.load(Ordering::Relaxed);
        // Compute's own, kept connection is one of identity's.
        assert_eq!(
            (opened(&stand.to_identity), opened(&stand.to_compute)),
            (identity, compute),
            "keep {keep}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_counted_by_reason_and_sends_no_password() {
    let stand = Stand::new().await;
    let users = users(&stand, Arc::new(Refused), 0);
    users.add_accounts(enrol(&stand.identity, &*stand.registry, "demo", 0, 1).await.unwrap());
    let login = |millis| Arrival { at: Duration::from_millis(millis), operation: Operation::Login };
    let (tally, meter) = run(&users, &[login(0), login(10)]).await;
    assert_eq!((tally.ended, meter.total(Operation::Login).failed), (2, 2));
    assert_eq!(meter.failures(), [("connect", 1), ("no-account", 1)].into());
    assert!(!stand.registry.was_sent(&stand.registry.of(Asset::Password)[0]));
}
