//! A small recorded run for tests: made up, but with every kind of fact in it.

use std::collections::BTreeMap;

use testbed::vocabulary::{Asset, Encoding, Method, Phase, SecurityDomain, Vantage};

use crate::{
    event::*,
    latency::{self, RowKey, Tally},
};

pub(crate) const ARCHITECTURES: [&str; 3] = ["open", "edge-only", "both-legs-sealed"];
pub(crate) const LINK: &str = "edge/tls-proxy>api-1/identity";

/// A cell with plausible counts.
pub(crate) fn cell(architecture: &str, scenario: &str, asset: Asset, verdict: Verdict) -> Cell {
    let exposed = if verdict == Verdict::Broken { 48 } else { 0 };
    let evidence = Evidence {
        capture: format!("{architecture}.pcapng"),
        segment: String::from("management"),
        link: String::from(LINK),
        frames: vec![118, 121],
        encoding: String::from("raw"),
        canary: Some(String::from("cnry-3f2a")),
        ..Evidence::default()
    };
    Cell {
        architecture: architecture.to_owned(),
        scenario: scenario.to_owned(),
        vantage: Vantage::ManagementSniffer,
        asset,
        verdict,
        method: Method::Measured,
        sent: if verdict == Verdict::NotExercised { 0 } else { 48 },
        exposed,
        weakness: None,
        reason: format!("{} for a reason.", verdict.word()),
        evidence: if exposed > 0 { vec![evidence] } else { Vec::new() },
        control: Control { positive: Positive::Passed, crossed: Some(verdict != Verdict::NotExercised) },
        hunt: None,
        expected: None,
    }
}

/// One second of `login` on `open` in `public-sniff`, with these latencies (nanoseconds).
pub(crate) fn interval(start_ms: u64, latencies: impl IntoIterator<Item = u64>) -> Interval {
    let mut histogram = latency::histogram();
    for value in latencies {
        histogram.saturating_record(value);
    }
    Interval {
        architecture: String::from("open"),
        scenario: String::from("public-sniff"),
        phase: Phase::Baseline,
        operation: String::from("login"),
        start_ms,
        length_ms: 1_000,
        offered: histogram.len(),
        completed: histogram.len(),
        errors: 0,
        late: 0,
        histogram: latency::encode(&histogram),
    }
}

/// As many architectures as are shipped, with names as long.
const BROAD: [&str; 8] = [
    "open",
    "edge-only",
    "both-legs-sealed",
    "built-in-tls",
    "on-every-host",
    "on-every-host-unix",
    "behind-a-balancer",
    "certificates-everywhere",
];

/// A whole run: three architectures, two sniffing scenarios, a reach scenario and a flood.
pub(crate) fn run() -> Vec<Stamped> {
    of(&ARCHITECTURES)
}

/// The same on eight architectures.
pub(crate) fn broad_run() -> Vec<Stamped> {
    of(&BROAD)
}

fn of(architectures: &[&str]) -> Vec<Stamped> {
    let mut events = vec![Event::RunStarted(started(architectures)), Event::Host(host()), config()];
    for (at, architecture) in architectures.iter().enumerate() {
        events.push(Event::Topology(topology(architecture)));
        for scenario in ["public-sniff", "management-sniff", "direct-connect", "connect-flood"] {
            step(&mut events, at, architecture, scenario);
        }
    }
    events.push(Event::Invalid {
        flag: ValidityFlag::Performance,
        place: String::from("edge-only/connect-flood"),
        reason: String::from("the generator lagged 40 ms"),
    });
    events.push(Event::RunEnded { exit_code: 0, interrupted: false });
    events.into_iter().zip(0..).map(|(event, n)| Stamped { at_ms: n * 7, event }).collect()
}

/// One event of every variant, with optional fields both present and absent somewhere.
pub(crate) fn every_variant() -> Vec<Stamped> {
    let mut events = run();
    events
        .push(Stamped { at_ms: u64::MAX, event: Event::Note { text: String::from("a \"line\"\nwith ⚑") } });
    let mut hunted = cell("open", "public-sniff", Asset::Token, Verdict::Held);
    hunted.hunt = Some(Hunt { recall: 0.1 + 0.2, precision: 1.0 / 3.0 });
    hunted.expected = Some(Verdict::NotExercised);
    hunted.weakness = Some(String::from("unverified-upstream"));
    hunted.control.crossed = None;
    events.push(Stamped { at_ms: 0, event: Event::Cell(hunted) });
    events
}

fn step(events: &mut Vec<Event>, at: usize, architecture: &str, scenario: &str) {
    let (architecture, scenario) = (architecture.to_owned(), scenario.to_owned());
    events.push(Event::Launched {
        architecture: architecture.clone(),
        scenario: scenario.clone(),
        launch_ms: 41.7,
    });
    for phase in Phase::ALL {
        events.push(Event::PhaseStarted {
            architecture: architecture.clone(),
            scenario: scenario.clone(),
            phase: *phase,
        });
        work(events, at, &architecture, &scenario, *phase);
    }
    match scenario.as_str() {
        "connect-flood" => flood(events, &architecture, &scenario),
        "direct-connect" => reach(events, at, &architecture, &scenario),
        _ => sniff(events, at, &architecture, &scenario),
    }
    events.push(Event::ScenarioEnded { architecture, scenario });
}

fn work(events: &mut Vec<Event>, at: usize, architecture: &str, scenario: &str, phase: Phase) {
    let mut intervals = Vec::new();
    for (n, operation) in ["login", "list"].iter().enumerate() {
        for second in 0..3u64 {
            let base = (1 + at as u64 + n as u64) * 1_000_000;
            let mut one = interval(second * 1_000, (0..200).map(|n| base + n * 13_000));
            architecture.clone_into(&mut one.architecture);
            scenario.clone_into(&mut one.scenario);
            one.phase = phase;
            (*operation).clone_into(&mut one.operation);
            intervals.push(one);
        }
    }
    let tally = Tally::of(&intervals).unwrap_or_default();
    events.extend(intervals.into_iter().map(Event::Interval));
    let arms: &[&str] = if scenario == "connect-flood" { &["victim", "decoy"] } else { &["victim"] };
    for arm in arms {
        let key = RowKey {
            architecture: architecture.to_owned(),
            scenario: scenario.to_owned(),
            arm: (*arm).to_owned(),
            phase,
            operation: String::from("all"),
        };
        let cpu = BTreeMap::from([(String::from("edge/tls-proxy"), 49_200.0 * (at + 1) as f64)]);
        let mut row = tally.row(key, 3.0, &cpu);
        row.recovery_ms =
            (phase == Phase::Recovery && *arm == "victim" && scenario == "connect-flood").then_some(2_000);
        events.push(Event::Performance(row));
    }
}

fn sniff(events: &mut Vec<Event>, at: usize, architecture: &str, scenario: &str) {
    let broken = at == 0 || (at == 1 && scenario == "management-sniff");
    let verdict = if broken { Verdict::Broken } else { Verdict::Held };
    events.push(Event::Link(LinkSeen {
        architecture: architecture.to_owned(),
        scenario: scenario.to_owned(),
        link: String::from(LINK),
        segment: String::from("management"),
        state: if broken { LinkState::Clear } else { LinkState::Encrypted },
        flows: 12,
        bytes: 345_678,
        exposed: if broken { vec![(Asset::Token, 48)] } else { Vec::new() },
    }));
    if broken {
        events.push(Event::Exposed(Exposed {
            architecture: architecture.to_owned(),
            scenario: scenario.to_owned(),
            asset: Asset::Token,
            link: String::from(LINK),
            segment: String::from("management"),
            encoding: Encoding::Base64,
            canary: String::from("cnry-3f2a"),
        }));
        events.push(Event::Impact(Impact {
            architecture: architecture.to_owned(),
            scenario: scenario.to_owned(),
            technique: String::from("token-replay"),
            attack_id: String::from("T1550.001"),
            what: String::from("server 3f2a deleted with a token of user-7"),
            confirmed: true,
        }));
    }
    for asset in [Asset::Token, Asset::Password] {
        let mut cell = cell(architecture, scenario, asset, verdict);
        cell.expected = Some(verdict);
        events.push(Event::Cell(cell));
    }
    events.push(Event::Cell(self::cell(
        architecture,
        scenario,
        Asset::InternalMessage,
        Verdict::NotExercised,
    )));
}

fn reach(events: &mut Vec<Event>, at: usize, architecture: &str, scenario: &str) {
    let served = at < 2;
    let answer = if served { "HTTP 200" } else { "connection refused" };
    let target = "api-1/identity:clear from management";
    events.push(Event::Attempt(Attempt {
        architecture: architecture.to_owned(),
        scenario: scenario.to_owned(),
        vantage: Vantage::ManagementSniffer,
        technique: String::from("service-scan"),
        attack_id: String::from("T1046"),
        target: target.to_owned(),
        answer: answer.to_owned(),
        served,
        method: Method::Measured,
    }));
    let verdict = if served { Verdict::Broken } else { Verdict::Inconclusive };
    let mut cell = cell(architecture, scenario, Asset::Reach, verdict);
    cell.control.crossed = None;
    cell.weakness = Some(String::from("port-left-open"));
    cell.evidence = vec![Evidence {
        attempt: Some(target.to_owned()),
        answer: Some(answer.to_owned()),
        ..Evidence::default()
    }];
    events.push(Event::Cell(cell));
}

fn flood(events: &mut Vec<Event>, architecture: &str, scenario: &str) {
    events.push(Event::Flood(FloodInterval {
        architecture: architecture.to_owned(),
        scenario: scenario.to_owned(),
        arm: String::from("victim"),
        kind: String::from("connect"),
        started: 5_000,
        completed: 4_998,
        failed: 2,
        counted: Some(4_998),
        last_accepted_ms: Some(8_990),
    }));
    events.push(Event::AttackStopped {
        architecture: architecture.to_owned(),
        scenario: scenario.to_owned(),
        requested_ms: 9_000,
    });
}

fn started(architectures: &[&str]) -> RunStarted {
    let scenario = |id: &str, vantage| ScenarioInfo {
        id: id.to_owned(),
        title: format!("What {id} shows"),
        vantage,
        attack_ids: vec![String::from("T1040")],
        rows: vec![String::from("A2")],
    };
    RunStarted {
        schema_version: 1,
        version: String::from("0.1.0"),
        started: String::from("2026-11-22T10:35:00Z"),
        seed: 42,
        profile: String::from("default"),
        architectures: architectures.iter().map(|name| (*name).to_owned()).collect(),
        scenarios: vec![
            scenario("public-sniff", Vantage::PublicSniffer),
            scenario("management-sniff", Vantage::ManagementSniffer),
            scenario("direct-connect", Vantage::EscapedHost),
            scenario("connect-flood", Vantage::PublicSniffer),
        ],
        engine: None,
        steps: 4 * architectures.len(),
    }
}

fn host() -> Host {
    Host {
        os: String::from("linux"),
        kernel: String::from("6.1.0"),
        machine: String::from("x86_64"),
        cpu: String::from("a processor"),
        cpus: 2,
        memory_bytes: 8 << 30,
    }
}

fn config() -> Event {
    Event::Config {
        name: String::from("workload"),
        value: serde_json::json!({ "rate_per_second": 200.5, "users": 12 }),
    }
}

fn topology(architecture: &str) -> Topology {
    Topology {
        architecture: architecture.to_owned(),
        title: format!("How {architecture} is built"),
        segments: vec![TopologySegment {
            name: String::from("management"),
            domain: SecurityDomain::Management,
        }],
        hosts: vec![TopologyHost {
            name: String::from("edge"),
            segments: vec![String::from("management")],
            processes: vec![String::from("tls-proxy")],
            inside: None,
        }],
        links: vec![TopologyLink {
            link: String::from(LINK),
            segment: Some(String::from("management")),
            declared_tls: false,
        }],
    }
}
