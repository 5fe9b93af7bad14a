//! A small cloud with a queue on real sockets: servers made and deleted become messages, the agents of their
//! hosts log them, and the judge's ledger can compare.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    io::{self, Write},
    process::Command,
    time::{Duration, SystemTime},
};

use testbed::{
    architecture::{self, Architecture},
    capture::{CaptureWriter, Existing, Legend},
    launch::{LaunchOptions, Realisation, launch},
    ledger::Ledger,
    vocabulary::Asset,
    workload::{Bounds, Crowd},
};
use tokio::time::timeout;

const SERVERS: usize = 12;

/// Two compute hosts and a queue; `DIAL` is how it is reached.
const CLOUD: &str = r#"
schema = 1
name = "queued"
title = "A small cloud with a queue"
guide = "Messaging security"

[segments]
outer = { domain = "public" }
inner = { domain = "management" }

[hosts.people]
segments = ["outer"]

[hosts.people.processes.users]
program = "users"
user = "users"
dials.identity = { to = "api/identity/api" }
dials.compute = { to = "api/compute/api" }

[hosts.api]
segments = ["outer", "inner"]

[hosts.api.processes.identity]
program = "identity"
user = "keystone"
hash_threads = 1
listeners.api = { on = "outer" }
listeners.inner = { on = "inner" }

[hosts.api.processes.compute]
program = "compute"
user = "nova"
threads = 2
listeners.api = { on = "outer" }
dials.identity = { to = "api/identity/inner" }
dials.queue = DIAL

[hosts.bus]
segments = ["inner"]

[hosts.rack-1]
segments = ["inner"]

[hosts.rack-1.processes.agent]
program = "agent"
user = "nova"
dials.queue = DIAL

[hosts.rack-2]
segments = ["inner"]

[hosts.rack-2.processes.agent]
program = "agent"
user = "nova"
dials.queue = DIAL

[catalog.identity]
name = "keystone"
public = "api/identity/api"
internal = "api/identity/api"
admin = "api/identity/api"

[catalog.compute]
name = "nova"
public = "api/compute/api"
internal = "api/compute/api"
admin = "api/compute/api"
"#;

/// The queue in clear on the segment.
const CLEAR: &str = r#"
[hosts.bus.processes.broker]
program = "queue"
user = "rabbit"
listeners.queue = { on = "inner" }
"#;

/// The queue behind a proxy that ends TLS.
const PROTECTED: &str = r#"
[hosts.bus.processes.door]
program = "proxy"
user = "door"
listeners.queue = { on = "inner", identity = "bus", forward = "behind" }
dials.behind = { to = "bus/broker/queue" }

[hosts.bus.processes.broker]
program = "queue"
user = "rabbit"
listeners.queue = { on = "local" }

[authorities.internal]

[identities.bus]
authority = "internal"
names = ["bus.cloud.invalid"]
host = "bus"
owner = "door"
"#;

fn cloud(protected: bool) -> Architecture {
    let (dial, queue) = if protected {
        (r#"{ to = "bus/door/queue", tls = { trust = ["internal"] } }"#, PROTECTED)
    } else {
        (r#"{ to = "bus/broker/queue" }"#, CLEAR)
    };
    let source = CLOUD.replace("DIAL", dial) + queue;
    architecture::parse("queued.toml", &source).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// Honest users who can make servers.
async fn users(ledger: &Ledger) -> Crowd {
    let bounds =
        Bounds { in_flight: 8, patience: Duration::from_secs(10), stragglers: Duration::from_secs(1) };
    let mut crowd = Crowd::start(ledger, bounds).unwrap();
    crowd.enrol(1).await.unwrap();
    crowd
}

/// Makes servers until there are so many, and waits until every message has arrived.
async fn make_servers(ledger: &Ledger, users: &Crowd, total: usize) {
    users.warm_up(1, total).await.unwrap();
    let (taken, lost) = ledger.publishers().fold((0, 0), |sum, (_, it)| (sum.0 + it.taken, sum.1 + it.lost));
    assert_eq!((taken, lost), (total as u64, 0));
    let [one, two] = ledger.inboxes().map(|(_, inbox)| inbox.clone()).collect::<Vec<_>>().try_into().unwrap();
    let all = async {
        loop {
            let (first, second) = (one.arrived(), two.arrived());
            if first + second >= taken {
                return;
            }
            tokio::select! {
                () = one.until(|inbox| inbox.arrived() > first) => {}
                () = two.until(|inbox| inbox.arrived() > second) => {}
            }
        }
    };
    timeout(Duration::from_secs(20), all).await.unwrap();
}

/// Distinct canaries of an asset that were readable on links from this process.
fn readable(ledger: &Ledger, from: &str, asset: Asset) -> usize {
    let found = ledger.found();
    let links = found.links.iter().filter(|((_, _, link), _)| link.starts_with(from));
    links
        .flat_map(|(_, totals)| totals.exposed.get(&asset).into_iter().flatten())
        .collect::<BTreeSet<_>>()
        .len()
}

#[tokio::test]
async fn every_server_made_is_a_message_that_arrives_at_the_agent_of_one_host() {
    for (protected, realisation) in
        [(false, Realisation::Acceptor), (true, Realisation::Acceptor), (true, Realisation::Relay)]
    {
        let options = LaunchOptions { realisation, ..LaunchOptions::default() };
        let (_footholds, ledger) = launch(&cloud(protected), options).await.unwrap();
        let users = users(&ledger).await;
        make_servers(&ledger, &users, SERVERS).await;
        users.stop().unwrap();
        let sent = ledger.canaries.sent_between(Asset::InternalMessage, Duration::ZERO, Duration::MAX);
        let sent: BTreeSet<String> = sent.into_iter().map(|id| ledger.canaries.value(id)).collect();
        let mut arrived = BTreeSet::new();
        for (agent, inbox) in ledger.inboxes() {
            let topic = format!("compute.{}", agent.split('/').next().unwrap());
            for arrival in inbox.arrivals() {
                assert_eq!(arrival.topic, topic);
                assert!(arrived.insert(arrival.id.unwrap()), "twice");
            }
        }
        assert_eq!(arrived, sent);
        assert_eq!(sent.len(), SERVERS);

        // One login a message, and each agent's; all over again when asked for.
        let logins = |ledger: &Ledger| ledger.queues().map(|(_, counts)| counts.logins).sum::<u64>();
        assert!(logins(&ledger) >= SERVERS as u64 + 2);
        ledger.fabric.settle().await.unwrap();
        let passwords = |from: &str| readable(&ledger, from, Asset::Password);
        let messages = |from: &str| readable(&ledger, from, Asset::InternalMessage);
        let (compute, agents) = ((1, SERVERS), (2, SERVERS));
        let nothing = (0, 0);
        let seen = (
            (passwords("api/compute>bus"), messages("api/compute>bus")),
            (passwords("rack-"), messages("rack-")),
        );
        let told = if protected { (nothing, nothing) } else { (compute, agents) };
        assert_eq!(seen, told, "protected: {protected} {realisation:?}");
        assert_eq!(ledger.fabric.registry().violations(), vec![]);
        ledger.teardown().unwrap();
    }
}

#[tokio::test]
async fn logins_are_renewed_in_the_phase_that_asks_for_it() {
    let (_footholds, ledger) = launch(&cloud(false), LaunchOptions::default()).await.unwrap();
    let users = users(&ledger).await;
    make_servers(&ledger, &users, SERVERS).await;
    ledger.fabric.set_phase(7);
    let before: Vec<_> = ledger.inboxes().map(|(_, inbox)| (inbox.logins(), inbox.arrived())).collect();
    ledger.renew_logins().await;
    for ((_, inbox), (logins, arrived)) in ledger.inboxes().zip(before) {
        let renewed = inbox.until(|inbox| inbox.logins() > logins && inbox.arrived() > arrived);
        timeout(Duration::from_secs(20), renewed).await.unwrap();
    }
    users.stop().unwrap();
    ledger.fabric.settle().await.unwrap();
    let found = ledger.found();
    for (link, messages) in
        [("rack-1/agent>bus/broker", 1), ("rack-2/agent>bus/broker", 1), ("api/compute>bus/broker", 2)]
    {
        let again = found.links.iter().find(|((phase, _, on), _)| *phase == 7 && on == link).unwrap().1;
        let crossed = |asset| again.exposed.get(&asset).map_or(0, BTreeSet::len);
        assert_eq!((crossed(Asset::Password), crossed(Asset::InternalMessage)), (1, messages), "{link}");
    }
    drop(found);
    ledger.teardown().unwrap();
}

#[tokio::test]
async fn tshark_reads_clear_messages_as_what_they_are() {
    if !Command::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success()) {
        io::stderr().write_all(b"SKIPPED: tshark not installed\n").unwrap();
        return;
    }
    let (_footholds, ledger) = launch(&cloud(false), LaunchOptions::default()).await.unwrap();
    let users = users(&ledger).await;
    make_servers(&ledger, &users, SERVERS).await;
    users.stop().unwrap();
    ledger.fabric.settle().await.unwrap();
    let taken = ledger.captured().take();
    let queue = taken.flows.iter().find(|flow| flow.link.starts_with("api/compute>bus")).unwrap();
    let decode = format!("tcp.port=={},mqtt", queue.acceptor.port());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("queued.pcapng");
    let legend = Legend {
        segments: &["outer".to_owned(), "inner".to_owned()],
        names: &[],
        started: SystemTime::UNIX_EPOCH,
    };
    let mut writer = CaptureWriter::create(&file, &legend, Existing::Refuse).unwrap();
    writer.append(&taken.flows, &[]).unwrap();
    writer.finish().unwrap();
    ledger.teardown().unwrap();

    let read = |filter: &str, field: &str| {
        let mut tshark = Command::new("tshark");
        tshark.env("HOME", directory.path()).arg("-r").arg(&file).args(["-d", &decode]);
        let output = tshark.args(["-Y", filter, "-T", "fields", "-e", field]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().flat_map(|line| line.split(',')).map(str::to_owned).collect::<Vec<_>>()
    };
    let names: BTreeSet<String> = read("mqtt.msgtype == 1", "mqtt.username").into_iter().collect();
    assert_eq!(names, ["api/compute", "rack-1/agent", "rack-2/agent"].map(str::to_owned).into());
    let topics: BTreeSet<String> = read("mqtt.msgtype == 3", "mqtt.topic").into_iter().collect();
    assert_eq!(topics, ["compute.rack-1", "compute.rack-2"].map(str::to_owned).into());
    assert_eq!(read("mqtt.msgtype == 3", "mqtt.topic").len(), 2 * SERVERS, "to the queue, and on");
    assert_eq!(read("mqtt && _ws.malformed", "frame.number"), Vec::<String>::new());
}
