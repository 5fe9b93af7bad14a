//! A request made one of our own: what concerned the caller's connection is left out, what it may not say is taken
//! away, and what this proxy knows of it is put in. Pure.

use super::{
    client_cert::{self, ClientCert},
    forwarded::Origin,
    rules::Rules,
};
use crate::{
    caller::Caller,
    http::{Field, Length, Refused, Version, name::Name, request::RequestHead, write},
};

/// What services are told about a caller, the same for every request of its connection.
#[derive(Debug)]
pub(super) struct Introduction {
    origin: Option<Origin>,
    /// Lines that are always added.
    lines: Vec<u8>,
    believed_certificates: bool,
    believed_origins: bool,
}

impl Introduction {
    pub(super) fn of(caller: &Caller, rules: &Rules) -> Self {
        let (origin, certificate) = (Origin::of(caller, &rules.forwarded), caller.certificate());
        let believed_certificates =
            rules.client_cert.as_ref().is_some_and(|client_cert| client_cert.believes(certificate));
        let mut lines = Vec::new();
        if rules.client_cert.is_some() && !believed_certificates {
            ClientCert::line(certificate, &mut lines);
        }
        let believed_origins = origin.believed;
        let origin = rules.forwarded.set.then_some(origin);
        Self { origin, lines, believed_certificates, believed_origins }
    }
}

/// What the rest of the exchange depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    /// Where it goes.
    pub(super) group: usize,
    /// The request's version.
    pub(super) version: Version,
    /// How its body is framed, on both sides.
    pub(super) length: Length,
    /// What is asked to be done.
    pub(super) method: Method,
    /// What it asks of the connection.
    pub(super) wish: Wish,
    /// The caller wants to go on afterwards.
    pub(super) keep: bool,
}

/// As much of a method as an exchange depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// `HEAD`: its answer has no body.
    Head,
    /// Another that may be sent again without harm.
    Idempotent,
    /// Any other.
    Other,
}

/// What a request may ask of its connection, besides an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    None,
    /// To speak another protocol from here on.
    Upgrade,
    /// Leave to send its body.
    Continue,
}

impl Prepared {
    /// It may be sent again.
    pub(super) fn is_idempotent(&self) -> bool {
        self.method != Method::Other
    }
}

/// Appends the head that goes to a service to `out`; nothing of use is there after a refusal.
pub(super) fn prepare(
    rules: &Rules,
    about: &Introduction,
    head: &RequestHead<'_>,
    out: &mut Vec<u8>,
) -> Result<Prepared, Refused> {
    let group = rules.group(head)?;
    if about.believed_certificates {
        client_cert::unambiguous(head)?;
    }
    write::line(&[head.method.as_bytes(), b" ", head.target.as_bytes(), b" HTTP/1.1"], out);
    for Field { name, value } in head.fields {
        let passed = match Name::of(name) {
            Name::Host => true,
            Name::Other | Name::Date => !head.is_named(name),
            Name::Cookie => head.version != Version::Http2 && !head.is_named(name),
            Name::ClientCert => about.believed_certificates && !head.is_named(name),
            Name::Forwarded => about.believed_origins && !head.is_named(name),
            Name::Trailer => head.length == Length::Chunked,
            _ => false,
        };
        if passed {
            write::field(name, value, out);
        }
    }
    if head.version == Version::Http2 {
        cookies(head, out);
    }
    out.extend_from_slice(&about.lines);
    if let Some(origin) = &about.origin {
        origin.lines(head.host, out);
    }
    if head.expects_continue {
        write::line(&[b"expect: 100-continue"], out);
    }
    if let Some(protocol) = head.upgrade {
        write::line(&[b"connection: upgrade\r\nupgrade: ", protocol.as_bytes()], out);
    }
    write::framing(head.length, out);
    out.extend_from_slice(b"\r\n");
    Ok(Prepared {
        group,
        version: head.version,
        length: head.length,
        method: match head.method {
            "HEAD" => Method::Head,
            _ if head.is_idempotent() => Method::Idempotent,
            _ => Method::Other,
        },
        wish: match head.upgrade {
            Some(_) => Wish::Upgrade,
            None if head.expects_continue => Wish::Continue,
            None => Wish::None,
        },
        keep: head.connection.keeps(head.version),
    })
}

/// HTTP/2 may cut one `Cookie` into many, HTTP/1.1 may not (RFC 9113, 8.2.3).
fn cookies(head: &RequestHead<'_>, out: &mut Vec<u8>) {
    for (n, crumb) in head.values("cookie").enumerate() {
        out.extend_from_slice(if n == 0 { b"cookie: " } else { b"; " });
        out.extend_from_slice(crumb);
    }
    if head.values("cookie").next().is_some() {
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        caller::Handshake,
        forward::forwarded::Forwarded,
        http::{HeadLimits, room},
        tls::PeerCertificate,
    };

    fn silent(client_cert: Option<ClientCert>) -> Rules {
        let forwarded = Forwarded { set: false, accept_from: Vec::new() };
        Rules { client_cert, forwarded, ..Rules::default() }
    }

    fn sent(rules: &Rules, certificate: Option<&[u8]>, fields: &str) -> Vec<String> {
        let certificate = certificate.map(|der| PeerCertificate::new(der.to_vec()));
        let tls = Handshake { certificate, ..Handshake::default() };
        let caller = Caller { tls: Some(tls), ..Caller::default() };
        let bytes = format!("POST / HTTP/1.1\r\n{fields}\r\n");
        let (limits, mut room, mut out) = (HeadLimits { bytes: 9999, fields: 50 }, room(), Vec::new());
        let head = RequestHead::parse(bytes.as_bytes(), &mut room, limits).unwrap();
        prepare(rules, &Introduction::of(&caller, rules), &head, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        out.strip_suffix("\r\n\r\n").unwrap().split("\r\n").skip(1).map(str::to_owned).collect()
    }

    const SPOOFS: &str = "Host: a\r\nClient-Cert: :AAAA:\r\nclient-cert: :BBBB:\r\nCLIENT-CERT: :CCCC:\r\n\
                          Client-Cert-Chain: :DDDD:\r\nClient_Cert: :EEEE:\r\nclient-cert_chain: :FFFF:\r\n\
                          X-Other: kept\r\n";

    #[test]
    fn nobody_talks_himself_into_a_certificate() {
        assert_eq!(sent(&silent(Some(ClientCert::default())), None, SPOOFS), ["host: a", "x-other: kept"]);
        assert_eq!(sent(&silent(None), Some(&[1]), SPOOFS), ["host: a", "x-other: kept"]);
    }

    #[test]
    fn a_caller_with_a_certificate_gets_exactly_its_own() {
        let left = sent(&silent(Some(ClientCert::default())), Some(&[0xfb, 0xff, 0x00, 0x01]), SPOOFS);
        assert_eq!(left, ["host: a", "x-other: kept", "client-cert: :+/8AAQ==:"]);
    }

    #[test]
    fn believing_a_name_does_not_believe_a_certificate_without_it() {
        let rules = silent(Some(ClientCert { accept_from: vec!["edge.invalid".to_owned()] }));
        let left = sent(&rules, Some(&[1]), "Host: a\r\nClient-Cert: :AAAA:\r\n");
        assert_eq!(left, ["host: a", "client-cert: :AQ==:"]);
    }

    #[test]
    fn where_a_request_came_from_is_what_this_proxy_saw() {
        let lies = "Host: a\r\nForwarded: for=1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\nX_Forwarded_For: 1.2.3.4\r\n\
                    X-FORWARDED-PROTO: http\r\nX-Forwarded-Host: b\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 1.2.3.4\r\n";
        assert_eq!(sent(&silent(None), None, lies), ["host: a"]);
        let told = [
            "host: a",
            "forwarded: for=unknown;host=\"a\";proto=https",
            "x-forwarded-proto: https",
            "x-forwarded-host: a",
        ];
        assert_eq!(sent(&Rules::default(), None, lies), told);
    }

    #[test]
    fn what_concerns_one_connection_stays_on_it() {
        let fields = "Host: a.invalid\r\nConnection: keep-alive, X-Once\r\nConnection: host, content-length\r\n\
                      X-Once: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\n\
                      HTTP2-Settings: x\r\nTransfer_Encoding: chunked\r\nContent-Length: 003\r\nAuthorization: kept\r\n";
        let left = sent(&silent(None), None, fields);
        assert_eq!(left, ["host: a.invalid", "authorization: kept", "content-length: 3"]);
    }

    #[test]
    fn crumbs_of_a_cookie_are_one_again() {
        let fields = [("host", "a"), ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]
            .map(|(name, value)| Field { name, value: value.as_bytes() });
        let head = RequestHead::judge("GET", "/", Version::Http2, &fields).unwrap();
        let (rules, mut out) = (silent(None), Vec::new());
        prepare(&rules, &Introduction::of(&Caller::default(), &rules), &head, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "GET / HTTP/1.1\r\nhost: a\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n"
        );
    }
}
