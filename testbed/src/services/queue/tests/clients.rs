//! Publisher and agent, and compute with a queue behind it.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    super::{Agent, Inbox, Notice, PUBLISH_DEADLINE, Publisher, PublisherCounts, Task},
    hall::{Door, Fate, Hall, login, until},
};
use crate::{
    canary::{Canaries, Matcher, Mint},
    services::{
        compute::Compute,
        plant::Plant,
        testing::{Stand, Wire as HttpWire, ask, compute_config, post, with_token},
    },
    vocabulary::Asset,
};

const SERVER: &str = "0b7e4ac6-0000-4000-8000-000000000001";

fn build() -> Notice<'static> {
    Notice { task: Task::Build, server_id: SERVER, request_id: "req-1" }
}

/// An agent at work; stopping waits for its end.
struct Working {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Working {
    fn start(agent: Arc<Agent>) -> Self {
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let until = stop.clone();
        tasks.spawn(async move { agent.run(until).await });
        tasks.close();
        Self { stop, tasks }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn ids(inbox: &Inbox) -> Vec<String> {
    inbox.arrivals().into_iter().map(|arrival| arrival.id.unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_from_the_publisher_to_the_agent_of_its_topic_and_both_know() {
    let hall = Hall::new();
    let (agent, inbox) = hall.agent("one", "compute.c1");
    let (other, empty) = hall.agent("two", "compute.c2");
    let (agent, other) = (Working::start(agent), Working::start(other));
    let publisher = hall.publisher(&["compute.c1"]);
    assert!(publisher.tell(build()).await);
    until(|| inbox.arrived() == 1).await;
    let canaries = hall.registry.of(Asset::InternalMessage);
    assert_eq!(ids(&inbox), canaries);
    assert_eq!(inbox.arrivals()[0].topic, "compute.c1");
    assert!(hall.registry.was_sent(&canaries[0]));
    assert!(hall.registry.was_sent("nova-password") && hall.registry.was_sent("one-password"));
    assert_eq!(publisher.counts(), PublisherCounts { taken: 1, lost: 0 });
    until(|| hall.broker.counts().delivered == 1).await;
    agent.stop().await;
    other.stop().await;
    assert_eq!(empty.arrivals(), []);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_was_cut_is_back_within_20_ms_and_misses_nothing() {
    let hall = Hall::new();
    let (agent, inbox) = hall.agent("one", "compute.c1");
    let agent = Working::start(agent);
    until(|| inbox.logins() == 1).await;
    for round in 2..6 {
        let start = Instant::now();
        hall.cut();
        assert!(hall.publisher(&["compute.c1"]).tell(build()).await);
        until(|| inbox.logins() == round && inbox.arrived() == round - 1).await;
        assert!(start.elapsed() <= Duration::from_millis(20), "{:?}", start.elapsed());
    }
    assert_eq!(ids(&inbox), hall.registry.of(Asset::InternalMessage));
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_comes_less_often_while_it_is_refused_but_never_gives_up() {
    let hall = Hall::new();
    hall.fates([Fate::Refused; 8]);
    let (agent, inbox) = hall.agent("one", "compute.c1");
    let agent = Working::start(agent);
    until(|| inbox.logins() == 1).await;
    let opened = hall.opened.lock().unwrap().clone();
    let waits: Vec<u128> = opened.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    assert_eq!(waits, [10, 20, 40, 80, 160, 160, 160, 160]);
    assert_eq!(inbox.losses(), 8);
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_whose_every_other_connection_fails_waits_10_ms_each_time() {
    let hall = Hall::new();
    hall.fates([Fate::Refused, Fate::Served, Fate::Refused, Fate::Served]);
    let (agent, inbox) = hall.agent("one", "compute.c1");
    let agent = Working::start(agent);
    until(|| inbox.logins() == 1).await;
    let start = Instant::now();
    hall.cut();
    until(|| inbox.logins() == 2).await;
    assert!(start.elapsed() <= Duration::from_millis(32), "10 ms twice: {:?}", start.elapsed());
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_makes_an_agent_log_in_again_at_once_whatever_it_waits_for() {
    let hall = Hall::new();
    let (agent, inbox) = hall.agent("one", "compute.c1");
    let renewal = agent.renewal();
    let agent = Working::start(agent);
    until(|| inbox.logins() == 1).await;
    let start = Instant::now();
    renewal.ask().await;
    until(|| inbox.logins() == 2).await;
    assert!(start.elapsed() < Duration::from_millis(5), "{:?}", start.elapsed());
    assert_eq!(inbox.losses(), 0, "leaving was its own wish");

    hall.fates([Fate::Silent]);
    let hopeless = timeout(Duration::from_millis(100), renewal.ask()).await;
    assert!(hopeless.is_err() && inbox.logins() == 2, "nobody answers");
    let start = Instant::now();
    renewal.ask().await;
    until(|| inbox.logins() == 3).await;
    assert!(start.elapsed() < Duration::from_millis(5), "{:?}", start.elapsed());
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_renewal_makes_a_publisher_log_in_and_speak_to_every_host() {
    let hall = Hall::new();
    let publisher = hall.publisher(&["compute.c1", "compute.c2"]);
    let (renewal, stop) = (publisher.renewal(), CancellationToken::new());
    let talk = async {
        for round in 1..4 {
            renewal.ask().await;
            assert_eq!(publisher.counts().taken, round * 2);
        }
        sleep(Duration::from_mins(1)).await;
        stop.cancel();
    };
    tokio::join!(publisher.keep_in_touch(&stop), talk);
    assert_eq!(hall.broker.counts().logins, 6, "once for each word, and not unasked");
    let (one, two) = (hall.agent("one", "compute.c1"), hall.agent("two", "compute.c2"));
    for (agent, inbox) in [one, two] {
        let agent = Working::start(agent);
        until(|| inbox.arrived() == 3).await;
        agent.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_agent_keeps_its_connection_and_a_dead_one_is_left() {
    let hall = Hall::new();
    let (agent, inbox) = hall.agent("one", "compute.c1");
    let agent = Working::start(agent);
    sleep(Duration::from_mins(10)).await;
    assert_eq!((inbox.logins(), inbox.losses()), (1, 0));
    hall.fates([Fate::Silent]);
    hall.cut();
    let start = Instant::now();
    until(|| inbox.logins() == 2).await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    agent.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_with_the_wrong_password_gets_nothing() {
    let hall = Hall::for_logins([login("nova")]);
    let (agent, inbox) = hall.agent("one", "compute.c1");
    let agent = Working::start(agent);
    assert!(hall.publisher(&["compute.c1"]).tell(build()).await);
    sleep(Duration::from_secs(1)).await;
    agent.stop().await;
    assert_eq!((inbox.arrived(), inbox.logins()), (0, 0));
    assert!(hall.broker.counts().refused > 1);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_goes_round_connections_that_fail_and_one_that_keeps_silent() {
    for fates in [vec![Fate::Refused; 3], vec![Fate::Silent, Fate::Refused]] {
        let hall = Hall::new();
        hall.fates(fates.clone());
        let start = Instant::now();
        let publisher = hall.publisher(&["compute.c1"]);
        assert!(publisher.tell(build()).await, "{fates:?}");
        assert!(start.elapsed() < PUBLISH_DEADLINE, "{fates:?}");
        assert_eq!(hall.broker.counts().published, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_gives_up_in_time_and_counts_it() {
    let hall = Hall::new();
    hall.fates([Fate::Silent; 8]);
    let publisher = hall.publisher(&["compute.c1"]);
    let start = Instant::now();
    assert!(!publisher.tell(build()).await);
    assert_eq!(start.elapsed(), PUBLISH_DEADLINE);

    hall.fates.lock().unwrap().clear();
    hall.fates([Fate::Refused; 8]);
    let opened = hall.opened.lock().unwrap().len();
    assert!(!publisher.tell(build()).await);
    assert_eq!(hall.opened.lock().unwrap().len() - opened, 4, "no storm");
    assert_eq!(publisher.counts(), PublisherCounts { taken: 0, lost: 2 });
    let sent = hall.registry.of(Asset::InternalMessage);
    assert!(!sent.iter().any(|canary| hall.registry.was_sent(canary)), "nothing left");
}

#[tokio::test(start_paused = true)]
async fn messages_published_at_once_do_not_get_in_each_others_way() {
    let hall = Hall::new();
    let publisher = hall.publisher(&["compute.c1"]);
    let mut told = JoinSet::new();
    for _ in 0..20 {
        let publisher = publisher.clone();
        told.spawn(async move { publisher.tell(build()).await });
    }
    assert_eq!(told.join_all().await, [true; 20]);
    assert_eq!(hall.broker.counts().published, 20);
    assert_eq!(hall.opened.lock().unwrap().len(), 20, "one connection each");
}

/// The run's own registry of canaries, without a clock.
struct Planter(Mint);

impl Plant for Planter {
    fn plant(&self, asset: Asset) -> String {
        self.0.plant(asset)
    }

    fn adopt_token(&self, _: &str) {}

    fn sent(&self, value: &str) {
        self.0.sent(value, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn the_streaming_matcher_finds_password_and_message_in_what_was_written() {
    let canaries = Canaries::new(7);
    let plant: Arc<dyn Plant> = Arc::new(Planter(canaries.mint()));
    let mut logins = ["nova", "one"].map(login);
    for login in &mut logins {
        login.password = plant.plant(Asset::Password);
    }
    let hall = Hall::for_logins(logins.clone());
    let [nova, one] = logins;
    let (computes, agents) = (nova.password.clone(), one.password.clone());
    let inbox = Arc::new(Inbox::new(Instant::now()));
    let door = || Arc::new(Door(hall.clone()));
    let agent = Agent::new(door(), one, "compute.c1".into(), inbox.clone(), plant.clone());
    let agent = Working::start(Arc::new(agent));
    until(|| inbox.logins() == 1).await;
    let publisher = Publisher::new(door(), nova, vec!["compute.c1".into()], plant);
    assert!(publisher.tell(build()).await);
    until(|| inbox.arrived() == 1).await;
    agent.stop().await;

    let found = |carried: &Arc<std::sync::Mutex<Vec<u8>>>| {
        let (mut matcher, mut hits) = (Matcher::new(&canaries), Vec::new());
        // Byte by byte, as a stream may bring them.
        carried.lock().unwrap().chunks(1).for_each(|byte| matcher.push(byte, &mut hits));
        hits.iter().map(|hit| (hit.asset, canaries.value(hit.canary))).collect::<Vec<_>>()
    };
    let carried = hall.carried.lock().unwrap().clone();
    let [[agent_said, agent_heard], [compute_said, compute_heard]] = &carried[..] else { panic!() };
    let message = ids(&inbox).remove(0);
    assert_eq!(found(agent_said), [(Asset::Password, agents)]);
    assert_eq!(found(agent_heard), [(Asset::InternalMessage, message.clone())]);
    assert_eq!(found(compute_said), [(Asset::Password, computes), (Asset::InternalMessage, message)]);
    assert_eq!(found(compute_heard), []);
    let day = Duration::from_hours(24);
    let sent = |asset| canaries.sent_between(asset, Duration::ZERO, day).len();
    assert_eq!((sent(Asset::Password), sent(Asset::InternalMessage)), (2, 1));
}

#[tokio::test]
async fn compute_tells_the_host_of_each_server_made_and_deleted() {
    let (stand, hall) = (Stand::new().await, Hall::new());
    let (agent, inbox) = hall.agent("one", "compute.c1");
    let agent = Working::start(agent);
    let mut config =
        compute_config(&stand.registry, &stand.store, stand.to_identity.clone(), "nova-password");
    config.publisher = Some(hall.publisher(&["compute.c1"]));
    let compute = HttpWire::to(Compute::new(config), "compute.invalid");
    let token = stand.token("alice").await;
    let mut create = post("/v2.1/servers", &json!({"server": {"name": "web", "flavorRef": "1"}}));
    create.headers_mut().insert("x-auth-token", token.parse().unwrap());
    let made = ask(compute.clone(), create).await;
    assert_eq!(made.status, 202);
    let path = format!("/v2.1/servers/{}", made.body["server"]["id"].as_str().unwrap());
    assert_eq!(ask(compute.clone(), with_token("DELETE", &path, &token)).await.status, 204);
    assert_eq!(ask(compute, with_token("DELETE", &path, &token)).await.status, 404);
    inbox.until(|inbox| inbox.arrived() == 2).await;
    agent.stop().await;
    assert_eq!(
        ids(&inbox),
        hall.registry.of(Asset::InternalMessage),
        "one each, none for the deletion that failed"
    );
    let carried = hall.carried.lock().unwrap().clone();
    let texts: Vec<String> =
        carried.iter().map(|way| String::from_utf8_lossy(&way[0].lock().unwrap()).into_owned()).collect();
    for (method, request) in
        [("build_and_run_instance", made.text("x-openstack-request-id")), ("terminate_instance", "req-")]
    {
        assert!(
            texts.iter().any(|text| text.contains(method) && text.contains(request)),
            "{method} {texts:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_gone_costs_a_caller_of_compute_a_second_at_most_and_no_error() {
    let (stand, hall) = (Stand::new().await, Hall::new());
    hall.fates([Fate::Silent; 64]);
    let mut config =
        compute_config(&stand.registry, &stand.store, stand.to_identity.clone(), "nova-password");
    let publisher = hall.publisher(&["compute.c1"]);
    config.publisher = Some(publisher.clone());
    let token = stand.token("alice").await;
    let mut create = post("/v2.1/servers", &json!({"server": {"name": "web", "flavorRef": "1"}}));
    create.headers_mut().insert("x-auth-token", token.parse().unwrap());
    let start = Instant::now();
    let made = ask(HttpWire::to(Compute::new(config), "compute.invalid"), create).await;
    assert_eq!(made.status, 202);
    assert!(start.elapsed() <= PUBLISH_DEADLINE + Duration::from_millis(50), "{:?}", start.elapsed());
    assert_eq!(publisher.counts(), PublisherCounts { taken: 0, lost: 1 });
}
