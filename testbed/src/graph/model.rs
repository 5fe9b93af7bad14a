//! What every rendering draws: segments, hosts, processes and links, by name.

use schemars::JsonSchema;
use serde::Serialize;

use crate::vocabulary::SecurityDomain;

/// The topology of one architecture.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Graph {
    /// Version of this form.
    pub schema_version: u32,
    /// Its name.
    pub architecture: String,
    /// One line for people.
    pub title: String,
    /// Networks, in file order.
    pub segments: Vec<Segment>,
    /// Machines, in file order.
    pub hosts: Vec<Host>,
    /// Who dials whom, one entry per dial, in file order.
    pub links: Vec<Link>,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Its security domain.
    pub domain: SecurityDomain,
    /// Hosts with an address on it.
    pub hosts: Vec<String>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Segments it has an address on.
    pub segments: Vec<String>,
    /// The host it is a guest of.
    pub inside: Option<String>,
    /// Programs on it.
    pub processes: Vec<Process>,
}

/// A program on a host.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Process {
    /// Its name, unique on its host.
    pub name: String,
    /// What it does: the word as in the file.
    pub program: &'static str,
    /// Who runs it.
    pub user: String,
}

/// A connection one process may open to another.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Link {
    /// `host/process` that dials.
    pub from: String,
    /// Name of its dial.
    pub dial: String,
    /// `host/process` that is dialled.
    pub to: String,
    /// Name of its listener.
    pub listener: String,
    /// What it runs over.
    pub over: Over,
    /// The segment it crosses; null within a host.
    pub segment: Option<String>,
    /// How it is protected.
    pub protection: Protection,
}

/// What a link runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// A network others stand on.
    Segment,
    /// The loopback of one host.
    Local,
    /// A Unix socket of one host.
    Unix,
}

/// How a link is protected.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Protection {
    /// Not at all, beyond what it runs over.
    Clear,
    /// By TLS this dial begins.
    Tls(Tls),
    /// By TLS of whoever dialled the proxy, which passes it on unopened.
    PassThrough,
}

/// The TLS of a link.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Tls {
    /// Who issued the certificate that answers; null where none does.
    pub authority: Option<String>,
    /// Authorities the dial accepts.
    pub trust: Vec<String>,
    /// What it checks: `name`, `chain` or `off`.
    pub verify: &'static str,
    /// The name it asks for.
    pub server_name: String,
    /// The client certificate it presents.
    pub client_identity: Option<String>,
}
