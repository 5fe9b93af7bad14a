//! The kernel's own record of a full run: every address is loopback or a socket file of the run's own, and whatever
//! was dialled had been bound by this very process before.
#![allow(clippy::unwrap_used)]

#[path = "support/proof/child.rs"]
mod child;
#[path = "support/proof/run.rs"]
mod run;
#[path = "support/proof/skip.rs"]
mod skip;
#[path = "support/proof/strace.rs"]
mod strace;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
    path::Path,
};

use scenarios::{
    catalog::{self, Profile},
    event::{Event, Verdict},
};

use self::strace::{Address, Call};

const TEST: &str = "every_address_is_loopback_and_every_target_was_bound";
const STRACE: [&str; 7] = ["strace", "-f", "--seccomp-bpf", "-s0", "-e", "trace=network", "-o"];
/// What a descriptor may be made as: internet, and the pairs a runtime wakes itself with.
const FAMILIES: [&str; 3] = ["AF_INET", "AF_INET6", "AF_UNIX"];

#[test]
fn every_address_is_loopback_and_every_target_was_bound() {
    if child::is_child() {
        return full_run();
    }
    if !skip::installed(&["strace"]) {
        return;
    }
    let trace = tempfile::NamedTempFile::new().unwrap();
    let under = [&STRACE[..], &[trace.path().to_str().unwrap(), "--"]].concat();
    let nest = child::Nest::new();
    let output = nest.alone(TEST, &under);
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("cells, "), "the run did not happen: {said}");
    println!("{said}");
    assert_eq!(nest.left(), Vec::<String>::new(), "files were left");

    let trace = std::fs::read_to_string(trace.path()).unwrap();
    let record = Record::of(&trace, nest.temporary().to_str().unwrap());
    println!("checked {} addresses; calls {:?}", record.addresses, record.calls);
    assert_eq!(record.strange, Vec::<String>::new());
    for call in ["socket", "bind", "listen", "connect", "accept4"] {
        assert!(record.calls.get(call).is_some_and(|count| *count > 0), "no `{call}` was traced");
    }
    assert!(record.targets > 0 && record.addresses > record.targets, "nothing was checked");
    assert!(!record.files.is_empty(), "no architecture with Unix sockets was run");
}

/// The reader itself: what it must find strange, and what it must not.
#[test]
fn a_trace_with_strangers_is_told_from_one_without() {
    let fine = r#"
7 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 3
7 bind(3, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("127.3.0.1")}, 16) = 0
7 getsockname(3, {sa_family=AF_INET, sin_port=htons(4711), sin_addr=inet_addr("127.3.0.1")}, [128 => 16]) = 0
7 socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0, [4, 5]) = 0
8 socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP) = 6
8 bind(6, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28 <unfinished ...>
7 accept4(3,  <unfinished ...>
8 <... bind resumed>) = 0
8 connect(9, {sa_family=AF_INET, sin_port=htons(4711), sin_addr=inet_addr("127.3.0.1")}, 16) = -1 EINPROGRESS (Operation now in progress)
7 <... accept4 resumed>{sa_family=AF_INET, sin_port=htons(40000), sin_addr=inet_addr("127.9.9.9")}, [128 => 16], SOCK_CLOEXEC) = 10
8 connect(9, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0
7 bind(11, {sa_family=AF_UNIX, sun_path="/tmp/own/run/api.sock"}, 24) = 0
7 getsockname(12, {sa_family=AF_UNIX, sun_path=@"d1749"}, [128 => 8]) = 0
7 connect(12, {sa_family=AF_UNIX, sun_path="/tmp/own/run/api.sock"}, 24) = 0
7 accept4(11, {sa_family=AF_UNIX, sun_path=@"d1749"}, [110 => 8], SOCK_CLOEXEC|SOCK_NONBLOCK) = 13
7 +++ exited with 0 +++
"#;
    let record = Record::of(fine.trim(), "/tmp/own");
    assert_eq!((record.strange, record.addresses, record.targets), (Vec::new(), 10, 3));

    for strange in [
        "7 socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 3",
        r#"7 bind(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("0.0.0.0")}, 16) = 0"#,
        r#"7 sendto(3, ""..., 9, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.2")}, 16) = 9"#,
        r#"7 connect(3, {sa_family=AF_UNIX, sun_path="/run/nscd/socket"}, 110) = -1 ENOENT (No such file or directory)"#,
        r#"7 bind(3, {sa_family=AF_UNIX, sun_path="/tmp/other/api.sock"}, 20) = 0"#,
        r#"7 bind(3, {sa_family=AF_UNIX, sun_path=@"/tmp/own/run/api.sock"}, 20) = 0"#,
        r#"7 connect(3, {sa_family=AF_UNIX, sun_path="/tmp/own/run/admin.sock"}, 26) = 0"#,
        r#"7 connect(3, {sa_family=AF_UNIX, sun_path=@"d1749"}, 8) = 0"#,
        r#"7 accept4(11, {sa_family=AF_UNIX, sun_path=@"00000"}, [110 => 8], SOCK_CLOEXEC|SOCK_NONBLOCK) = 14"#,
        r#"7 connect(3, {sa_family=AF_INET, sin_port=htons(81), sin_addr=inet_addr("127.3.0.1")}, 16) = 0"#,
        r#"7 <... accept4 resumed>{sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("192.0.2.1")}, [16], 0) = 4"#,
    ] {
        let record = Record::of(&format!("{}{strange}", fine.trim_start()), "/tmp/own");
        assert!(!record.strange.is_empty(), "{strange}");
    }
}

/// Every shipped scenario on every shipped architecture.
fn full_run() {
    let names = run::architectures();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ids: Vec<&str> = catalog::names().collect();
    let left = run::leave(run::request(&names, &ids, Profile::Tiny));
    let cells: Vec<Verdict> = left
        .events
        .iter()
        .filter_map(|stamped| match &stamped.event {
            Event::Cell(cell) => Some(cell.verdict),
            _ => None,
        })
        .collect();
    let broken = cells.iter().filter(|verdict| **verdict == Verdict::Broken).count();
    println!("{} cells, {broken} broken", cells.len());
    assert!(broken > 0);
}

/// What a trace amounts to.
#[derive(Default)]
struct Record {
    calls: BTreeMap<String, u64>,
    addresses: u64,
    targets: u64,
    /// Addresses that were bound, with their ports.
    bound: HashSet<SocketAddr>,
    /// Socket files that were bound.
    files: HashSet<String>,
    /// Names that the kernel gave to sockets of this process.
    names: HashSet<String>,
    /// Descriptors bound to a port of the kernel's choice that have not dialled.
    waiting: HashMap<i64, SocketAddr>,
    /// Descriptors whose `bind` was called and has not returned.
    binding: HashMap<i64, SocketAddr>,
    strange: Vec<String>,
}

impl Record {
    /// Reads a trace; socket files belong below `own`.
    fn of(trace: &str, own: &str) -> Self {
        let mut record = Self::default();
        strace::calls(trace).for_each(|call| record.take(&call, Path::new(own)));
        record
    }

    fn take(&mut self, call: &Call<'_>, own: &Path) {
        if call.begins {
            *self.calls.entry(call.name.to_owned()).or_default() += 1;
        }
        let found = strace::addresses(call.text);
        self.addresses += found.len() as u64;
        if call.name == "getsockname" {
            // Names without a file are the kernel's, for who dials a file: a socket's own is known once asked for.
            self.names.extend(found.iter().filter_map(|address| match address {
                Address::Abstract(name) => Some(name.clone()),
                _ => None,
            }));
        }
        let told = ["getsockname", "getpeername", "accept4"].contains(&call.name);
        let own_or_loopback = |address: &Address| match address {
            Address::Inet(at) => at.ip().is_loopback(),
            Address::Unnamed => true,
            Address::File(path) => Path::new(path).starts_with(own),
            Address::Abstract(name) => told && self.names.contains(name),
            Address::Other(_) => false,
        };
        if !found.iter().all(own_or_loopback) {
            self.strange.push(call.text.to_owned());
        }
        let first = found.iter().find_map(|address| match address {
            Address::Inet(at) => Some(*at),
            _ => None,
        });
        self.follow(call, first);
        for file in found.into_iter().filter_map(|address| match address {
            Address::File(path) => Some(path),
            _ => None,
        }) {
            self.open(call, file);
        }
    }

    /// Socket files: bound before they are dialled.
    fn open(&mut self, call: &Call<'_>, file: String) {
        match call.name {
            "bind" if call.begins => drop(self.files.insert(file)),
            "connect" if call.begins => {
                self.targets += 1;
                if !self.files.contains(&file) {
                    self.strange.push(format!("never bound: {}", call.text));
                }
            }
            _ => {}
        }
    }

    /// Follows descriptors from `socket` over `bind` to `connect`.
    fn follow(&mut self, call: &Call<'_>, address: Option<SocketAddr>) {
        let made = call.returned.filter(|returned| *returned >= 0);
        match (call.name, call.descriptor) {
            ("socket" | "socketpair", _) => {
                let family = call.text.split(['(', ',']).nth(1).unwrap_or_default();
                if call.begins && !FAMILIES.contains(&family) {
                    self.strange.push(call.text.to_owned());
                }
                if let Some(made) = made.filter(|_| call.name == "socket") {
                    self.waiting.remove(&made);
                }
            }
            ("bind", Some(descriptor)) => {
                if let Some(address) = address.filter(|_| call.begins) {
                    self.binding.insert(descriptor, address);
                }
                if call.returned.is_some() {
                    let asked = self.binding.remove(&descriptor);
                    match asked.filter(|_| made.is_some()) {
                        Some(asked) if asked.port() == 0 => drop(self.waiting.insert(descriptor, asked)),
                        Some(asked) => drop(self.bound.insert(asked)),
                        None => {}
                    }
                }
            }
            ("getsockname", Some(descriptor)) => {
                // A socket that dials has a name too, and is no target.
                if let Some(address) = address.filter(|_| self.waiting.remove(&descriptor).is_some()) {
                    self.bound.insert(address);
                }
            }
            ("connect", Some(descriptor)) if call.begins => {
                self.waiting.remove(&descriptor);
                let Some(address) = address else {
                    // To a file, or strange already; anything else was not understood.
                    if addressless(call) {
                        self.strange.push(format!("to nowhere: {}", call.text));
                    }
                    return;
                };
                self.targets += 1;
                if !self.bound.contains(&address) {
                    self.strange.push(format!("never bound: {}", call.text));
                }
            }
            _ => {}
        }
    }
}

/// Does a line name no address of any kind?
fn addressless(call: &Call<'_>) -> bool {
    strace::addresses(call.text).iter().all(|address| *address == Address::Unnamed)
}
