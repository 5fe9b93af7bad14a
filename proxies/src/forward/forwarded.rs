//! `Forwarded` of RFC 7239 and its older relatives: where a request came from, as this proxy saw it. Pure.
//!
//! What a caller says of that is removed, but for callers that are named; what this proxy saw is added.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{caller::Caller, http::write};

/// Whether services are told where requests came from, and who else may tell them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// Tells them.
    pub set: bool,
    /// DNS names: a caller whose own certificate carries one is a proxy of ours, and what it says is passed on,
    /// with itself added behind it.
    pub accept_from: Vec<String>,
}

impl Default for Forwarded {
    fn default() -> Self {
        Self { set: true, accept_from: Vec::new() }
    }
}

/// What is the same for every request of one connection, written once.
#[derive(Debug)]
pub(super) struct Origin {
    /// `Forwarded` up to the host.
    forwarded: String,
    /// The lines that do not depend on the host.
    lines: String,
    scheme: &'static str,
    /// Its own fields are passed on.
    pub(super) believed: bool,
}

impl Origin {
    pub(super) fn of(caller: &Caller, rules: &Forwarded) -> Self {
        let scheme = if caller.tls.is_some() { "https" } else { "http" };
        let believed = caller.certificate().is_some_and(|own| own.carries_one_of(&rules.accept_from));
        let address = caller.source.as_ref().map(SocketAddr::ip);
        let node = match address {
            None => "unknown".to_owned(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => format!("\"[{address}]\""),
        };
        let mut lines = address.map(|address| format!("x-forwarded-for: {address}\r\n")).unwrap_or_default();
        // A proxy of ours in front knows this better.
        if !believed {
            lines.extend(["x-forwarded-proto: ", scheme, "\r\n"]);
        }
        Self { forwarded: format!("forwarded: for={node};host=\""), lines, scheme, believed }
    }

    /// The lines of one request for `host`, which holds nothing that would have to be escaped.
    pub(super) fn lines(&self, host: &str, out: &mut Vec<u8>) {
        let host = host.as_bytes();
        write::line(&[self.forwarded.as_bytes(), host, b"\";proto=", self.scheme.as_bytes()], out);
        out.extend_from_slice(self.lines.as_bytes());
        if !self.believed {
            write::line(&[b"x-forwarded-host: ", host], out);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(source: Option<&str>) -> String {
        let caller = Caller { source: source.map(|text| text.parse().unwrap()), ..Caller::default() };
        let mut out = Vec::new();
        Origin::of(&caller, &Forwarded::default()).lines("a.invalid:5000", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_service_hears_where_a_request_came_from() {
        assert_eq!(
            told(Some("127.0.0.2:1024")),
            "forwarded: for=127.0.0.2;host=\"a.invalid:5000\";proto=http\r\nx-forwarded-for: 127.0.0.2\r\n\
             x-forwarded-proto: http\r\nx-forwarded-host: a.invalid:5000\r\n"
        );
        assert!(told(Some("[::1]:1024")).starts_with(
            "forwarded: for=\"[::1]\";host=\"a.invalid:5000\";proto=http\r\nx-forwarded-for: ::1\r\n"
        ));
        let unknown = told(None);
        assert!(unknown.starts_with("forwarded: for=unknown;") && !unknown.contains("x-forwarded-for"));
    }
}
