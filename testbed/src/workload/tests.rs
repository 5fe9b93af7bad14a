//! Honest users against the real stand-ins, over memory and in virtual time.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    connect::Connect,
    services::{
        login_page::{LoginPage, LoginPageConfig},
        testing::{Refused, Stand, Wire},
    },
    vocabulary::Asset,
};

const BOUNDS: Bounds =
    Bounds { in_flight: 100, patience: Duration::from_secs(10), stragglers: Duration::from_secs(10) };

fn plan(count: usize) -> Plan {
    let weights = Weights { login: 4, list: 4, create: 1, delete: 1, page: 0 };
    Plan { pace: Pace::Constant(50.0), extent: Extent::Count(count), weights }
}

fn users(stand: &Stand, identity: Arc<dyn Connect>, keep: usize) -> Arc<Users> {
    let (compute, plant) = (stand.to_compute.clone(), stand.registry.clone());
    Users::new(UsersConfig { identity, compute, login_page: None, keep, plant })
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
    for (operation, count) in Operation::ALL.into_iter().zip([40, 40, 10, 10, 0]) {
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

/// Users who also know a login page, and the page.
fn page_users(stand: &Stand) -> Arc<Users> {
    let plant = stand.registry.clone();
    let page = LoginPageConfig { identity: stand.to_identity.clone(), secure: false, plant: plant.clone() };
    let page = Wire::to(LoginPage::new(page), "horizon.invalid");
    let (identity, compute) = (stand.to_identity.clone(), stand.to_compute.clone());
    Users::new(UsersConfig { identity, compute, login_page: Some(page), keep: 0, plant })
}

#[tokio::test(start_paused = true)]
async fn where_there_is_a_page_users_log_in_there_too_each_with_a_password_of_their_own() {
    let stand = Stand::new().await;
    let weights = Weights { login: 6, list: 6, create: 4, delete: 4, page: 1 };
    let arrivals = schedule(&Plan { weights, ..plan(42) }, 42, 0);
    let users = page_users(&stand);
    let count = accounts_needed(&arrivals) + 1;
    users.add_accounts(enrol(&stand.identity, &*stand.registry, "demo", 0, count).await.unwrap());
    users.warm_up(1, servers_needed(&arrivals)).await.unwrap();
    let (tally, meter) = run(&users, &arrivals).await;
    assert_eq!((tally.offered, tally.ended, tally.dropped), (42, 42, 0));
    for (operation, count) in Operation::ALL.into_iter().zip([12, 12, 8, 8, 2]) {
        assert_eq!(meter.total(operation).done, count, "{operation:?}: {:?}", meter.failures());
    }
    let recorded: u64 = meter.take_intervals().iter().map(|interval| interval.latencies.len()).sum();
    assert_eq!(recorded, 42, "all five operations add up");
    let passwords = stand.registry.of(Asset::Password);
    assert_eq!(passwords.len(), 12 + 2 + 1);
    assert!(passwords.iter().all(|password| stand.registry.was_sent(password)), "form logins too");
}

#[tokio::test(start_paused = true)]
async fn a_visit_fails_where_the_page_has_no_identity_or_does_not_exist() {
    let stand = Stand::new().await;
    let page = Arrival { at: Duration::ZERO, operation: Operation::Page };
    let nowhere = users(&stand, stand.to_identity.clone(), 0);
    let known = page_users(&stand);
    for users in [&nowhere, &known] {
        users.add_accounts(vec![Account {
            name: "ghost".into(),
            password: "boo".into(),
            project: "demo".into(),
        }]);
    }
    assert_eq!(run(&nowhere, &[page]).await.1.failures(), [("no-page", 1)].into());
    assert_eq!(run(&known, &[page]).await.1.failures(), [("answer", 1)].into(), "the form again, no session");
    assert_eq!(run(&known, &[page]).await.1.failures(), [("no-account", 1)].into());
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
