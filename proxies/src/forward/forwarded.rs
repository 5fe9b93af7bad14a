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

/// What is the same for every request of one connection.
#[derive(Debug)]
pub(super) struct Origin {
    address: Option<IpAddr>,
    scheme: &'static str,
    /// Its own fields are passed on.
    pub(super) believed: bool,
}

impl Origin {
    pub(super) fn of(caller: &Caller, rules: &Forwarded) -> Self {
        Self {
            address: caller.source.as_ref().map(SocketAddr::ip),
            scheme: if caller.tls.is_some() { "https" } else { "http" },
            believed: caller.certificate().is_some_and(|own| own.carries_one_of(&rules.accept_from)),
        }
    }

    /// The lines of one request for `host`, which holds nothing that would have to be escaped.
    pub(super) fn lines(&self, host: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"forwarded: for=");
        match self.address {
            None => out.extend_from_slice(b"unknown"),
            Some(IpAddr::V4(address)) => append(out, format_args!("{address}")),
            Some(IpAddr::V6(address)) => append(out, format_args!("\"[{address}]\"")),
        }
        write::line(&[b";host=\"", host.as_bytes(), b"\";proto=", self.scheme.as_bytes()], out);
        if let Some(address) = self.address {
            out.extend_from_slice(b"x-forwarded-for: ");
            append(out, format_args!("{address}\r\n"));
        }
        // A proxy of ours in front knows these better.
        if !self.believed {
            write::line(&[b"x-forwarded-host: ", host.as_bytes()], out);
            write::line(&[b"x-forwarded-proto: ", self.scheme.as_bytes()], out);
        }
    }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _infallible = std::io::Write::write_fmt(out, text);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(source: Option<&str>, believed: bool) -> String {
        let caller = Caller { source: source.map(|text| text.parse().unwrap()), ..Caller::default() };
        let mut out = Vec::new();
        Origin { believed, ..Origin::of(&caller, &Forwarded::default()) }.lines("a.invalid:5000", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_service_hears_where_a_request_came_from() {
        assert_eq!(
            told(Some("127.0.0.2:1024"), false),
            "forwarded: for=127.0.0.2;host=\"a.invalid:5000\";proto=http\r\nx-forwarded-for: 127.0.0.2\r\n\
             x-forwarded-host: a.invalid:5000\r\nx-forwarded-proto: http\r\n"
        );
        assert_eq!(
            told(Some("[::1]:1024"), true),
            "forwarded: for=\"[::1]\";host=\"a.invalid:5000\";proto=http\r\nx-forwarded-for: ::1\r\n"
        );
        assert!(told(None, true).starts_with("forwarded: for=unknown;"));
    }
}
