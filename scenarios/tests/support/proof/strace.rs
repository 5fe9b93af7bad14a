//! Reads what `strace -f -e trace=network` wrote: calls in the order they were made, and every socket address in
//! them. It judges nothing.

use std::{collections::HashMap, net::SocketAddr};

/// A call, or one half of it: strace prints two lines where another thread got between.
pub(crate) struct Call<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// True if this line tells how it was called, with the arguments that go in.
    pub(crate) begins: bool,
    /// What it returned, if this line tells.
    pub(crate) returned: Option<i64>,
    /// Its first argument: a descriptor, for most.
    pub(crate) descriptor: Option<i64>,
    /// The line without process and result.
    pub(crate) text: &'a str,
}

/// An address in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Internet.
    Inet(SocketAddr),
    /// A Unix socket without a name.
    Unnamed,
    /// A Unix socket that is a file, by its path.
    File(String),
    /// A Unix socket with a name and no file.
    Abstract(String),
    /// Anything else, as printed.
    Other(String),
}

/// Every call of a trace, in order.
pub(crate) fn calls(trace: &str) -> impl Iterator<Item = Call<'_>> {
    let mut waiting: HashMap<&str, Option<i64>> = HashMap::new();
    trace.lines().filter_map(move |line| {
        let (process, rest) = line.split_once(' ')?;
        let rest = rest.trim_start();
        let (text, returned) = match rest.rsplit_once(" = ") {
            Some((text, result)) => (text, result.split(' ').next().and_then(|number| number.parse().ok())),
            None => (rest, None),
        };
        if let Some(resumed) = text.strip_prefix("<... ") {
            let (name, text) = resumed.split_once(" resumed>")?;
            let descriptor = waiting.remove(process).flatten();
            return Some(Call { name, begins: false, returned, descriptor, text });
        }
        let (name, arguments) = text.split_once('(')?;
        let first = arguments.split([',', ')']).next().unwrap_or_default();
        let descriptor = first.trim().parse().ok();
        if rest.ends_with("<unfinished ...>") {
            waiting.insert(process, descriptor);
        }
        // Signals and exits are no calls.
        let named = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        named.then_some(Call { name, begins: true, returned, descriptor, text })
    })
}

/// Every address in a line.
pub(crate) fn addresses(text: &str) -> Vec<Address> {
    text.split("{sa_family=").skip(1).map(|rest| address(rest.split('}').next().unwrap_or(rest))).collect()
}

fn address(text: &str) -> Address {
    let inner =
        |before: &str, after: char| text.split_once(before).and_then(|(_, rest)| rest.split(after).next());
    let port = inner("_port=htons(", ')').and_then(|port| port.parse().ok());
    let ip = match text.split(',').next() {
        Some("AF_INET") => inner("inet_addr(\"", '"'),
        Some("AF_INET6") => inner("inet_pton(AF_INET6, \"", '"'),
        Some("AF_UNIX") if text == "AF_UNIX" => return Address::Unnamed,
        Some("AF_UNIX") => match inner(" sun_path=\"", '"') {
            Some(path) => return Address::File(path.to_owned()),
            None => match inner(" sun_path=@\"", '"') {
                Some(name) => return Address::Abstract(name.to_owned()),
                None => None,
            },
        },
        _ => None,
    };
    match (ip.and_then(|ip| ip.parse().ok()), port) {
        (Some(ip), Some(port)) => Address::Inet(SocketAddr::new(ip, port)),
        _ => Address::Other(text.to_owned()),
    }
}
