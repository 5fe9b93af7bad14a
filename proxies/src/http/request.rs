//! One request head, judged: is it one that every reader takes for the same request?

use httparse::{Error, ParserConfig, Status};

use super::{
    Connection, Field, HeadLimits, Length, MOST_FIELDS, Refused, Room, Version,
    name::Name,
    text::{decimal, is_authority, is_target, list},
};

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// `GET`.
    pub method: &'a str,
    /// Path and query, or `*`.
    pub target: &'a str,
    /// Host and perhaps port, as sent.
    pub host: &'a str,
    /// How it was asked.
    pub version: Version,
    /// Every field, those of one connection included.
    pub fields: &'a [Field<'a>],
    /// What follows.
    pub length: Length,
    /// What `Connection` says.
    pub connection: Connection,
    /// `Expect: 100-continue`.
    pub expects_continue: bool,
    /// The protocol it would rather speak from here on, where that may be passed on.
    pub upgrade: Option<&'a str>,
}

impl<'a> RequestHead<'a> {
    /// Judges a whole head, its empty line included, as [`super::end`] finds it.
    pub fn parse(bytes: &'a [u8], room: &'a mut Room<'a>, limits: HeadLimits) -> Result<Self, Refused> {
        let mut parsed = httparse::Request::new(&mut []);
        let room = &mut room[..limits.fields.min(MOST_FIELDS)];
        match ParserConfig::default().parse_request_with_uninit_headers(&mut parsed, bytes, room) {
            Ok(Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) => return Err(Refused::bad("not one head")),
            Err(Error::TooManyHeaders) => return Err(Refused::too_large("too many fields")),
            Err(_) => return Err(Refused::bad("not a request")),
        }
        let version = match parsed.version {
            Some(0) => Version::Http10,
            _ => Version::Http11,
        };
        let (method, target) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
        Self::judge(method, target, version, parsed.headers)
    }

    /// Judges the parts of a head; `target` may be in absolute form.
    pub fn judge(
        method: &'a str,
        target: &'a str,
        version: Version,
        fields: &'a [Field<'a>],
    ) -> Result<Self, Refused> {
        if method == "CONNECT" {
            return Err(Refused::bad("CONNECT"));
        }
        let said = Said::of(fields)?;
        let host = said.host.ok_or(Refused::bad("no Host"))?;
        let target = origin_form(method, target, host)?;
        let length = said.length(version)?;
        let upgrade = said.upgrade.filter(|_| said.connection.upgrade && version == Version::Http11);
        let upgrade = upgrade.filter(|_| length == Length::None && !said.upgrades_http);
        Ok(Self {
            method,
            target,
            host,
            version,
            fields,
            length,
            connection: said.connection,
            expects_continue: said.expects && version == Version::Http11 && !length.is_empty(),
            upgrade,
        })
    }

    /// Asking again does no harm (RFC 9110, 9.2.2).
    pub fn is_idempotent(&self) -> bool {
        matches!(self.method, "GET" | "HEAD" | "OPTIONS" | "TRACE" | "PUT" | "DELETE")
    }

    /// The path without its query.
    pub fn path(&self) -> &'a str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The host without its port, as sent.
    pub fn host_name(&self) -> &'a str {
        host_name(self.host)
    }

    /// Values of the fields of one name, in order.
    pub fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let named = move |field: &&Field<'a>| field.name.eq_ignore_ascii_case(name);
        self.fields.iter().filter(named).map(|field| field.value)
    }

    /// Does `Connection` name this field?
    pub fn is_named(&self, name: &str) -> bool {
        self.connection.names
            && self
                .values("connection")
                .flat_map(list)
                .any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// A host without its port.
pub fn host_name(host: &str) -> &str {
    let end = if host.starts_with('[') { host.find(']').map(|at| at + 1) } else { host.find(':') };
    &host[..end.unwrap_or(host.len())]
}

/// What fields say about the message itself.
#[derive(Default)]
struct Said<'a> {
    host: Option<&'a str>,
    length: Option<u64>,
    chunked: bool,
    connection: Connection,
    expects: bool,
    upgrade: Option<&'a str>,
    upgrades_http: bool,
}

impl<'a> Said<'a> {
    fn of(fields: &'a [Field<'a>]) -> Result<Self, Refused> {
        let mut said = Self::default();
        for field in fields {
            match Name::of(field.name) {
                Name::Host => said.host(field.value)?,
                Name::ContentLength if said.length.is_some() => return Err(Refused::bad("two lengths")),
                Name::ContentLength => {
                    let length = decimal(field.value).ok_or(Refused::bad("a length that is no number"))?;
                    said.length = Some(length);
                }
                Name::TransferEncoding if said.chunked || !field.value.eq_ignore_ascii_case(b"chunked") => {
                    return Err(Refused::bad("a transfer coding other than chunked"));
                }
                Name::TransferEncoding => said.chunked = true,
                Name::Connection => said.connection.add(field.value),
                Name::Expect if said.expects || !field.value.eq_ignore_ascii_case(b"100-continue") => {
                    return Err(Refused { status: 417, why: "an expectation other than 100-continue" });
                }
                Name::Expect => said.expects = true,
                Name::Upgrade => said.upgrade(field.value),
                _ => {}
            }
        }
        Ok(said)
    }

    fn host(&mut self, value: &'a [u8]) -> Result<(), Refused> {
        let host = std::str::from_utf8(value).ok().filter(|host| is_authority(host.as_bytes()));
        let host = host.ok_or(Refused::bad("a Host that is none"))?;
        match self.host.replace(host) {
            None => Ok(()),
            Some(_) => Err(Refused::bad("two Hosts")),
        }
    }

    /// One protocol, and not another way to speak HTTP or TLS here, round everything that judges requests.
    fn upgrade(&mut self, value: &'a [u8]) {
        let protocol = std::str::from_utf8(value).unwrap_or_default();
        let name = protocol.split('/').next().unwrap_or_default();
        let another = ["h2c", "h2", "http", "tls"].iter().any(|known| name.eq_ignore_ascii_case(known));
        self.upgrades_http |= another || protocol.contains(',') || self.upgrade.is_some();
        self.upgrade = Some(protocol);
    }

    fn length(&self, version: Version) -> Result<Length, Refused> {
        match (self.length, self.chunked) {
            (None, false) => Ok(Length::None),
            (Some(length), false) => Ok(Length::Sized(length)),
            (None, true) if version == Version::Http11 => Ok(Length::Chunked),
            (None, true) => Err(Refused::bad("chunks in another version than 1.1")),
            (Some(_), true) => Err(Refused::bad("framed twice")),
        }
    }
}

/// `GET http://name/path` means the same as `GET /path` with that `Host`; a request that names two is refused.
fn origin_form<'a>(method: &str, target: &'a str, host: &str) -> Result<&'a str, Refused> {
    if !is_target(target.as_bytes()) {
        return Err(Refused::bad("a target that is none"));
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Ok(target);
    }
    let (scheme, rest) = target.split_once("://").ok_or(Refused::bad("a target that is none"))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let known = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    if !known || !authority.eq_ignore_ascii_case(host) {
        return Err(Refused::bad("a target that names another host"));
    }
    match path {
        "" => Ok("/"),
        _ if path.starts_with('/') => Ok(path),
        _ => Err(Refused::bad("a target without a path")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { bytes: 32 * 1024, fields: 100 };

    fn judged(head: &str) -> Result<Length, Refused> {
        RequestHead::parse(head.as_bytes(), &mut super::super::room(), LIMITS).map(|head| head.length)
    }

    fn post(fields: &str) -> Result<Length, Refused> {
        judged(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
    }

    #[test]
    fn each_body_is_framed_in_one_way() {
        assert_eq!(post(""), Ok(Length::None));
        assert_eq!(post("Content-Length: 12\r\n"), Ok(Length::Sized(12)));
        assert_eq!(post("content-length:\t12 \r\nX: y\r\n"), Ok(Length::Sized(12)));
        assert_eq!(post("TRANSFER-ENCODING: Chunked\r\n"), Ok(Length::Chunked));
        assert_eq!(judged("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), Ok(Length::None));
    }

    /// The baseline of the limits survey, and its relatives.
    #[test]
    fn whatever_two_readers_might_read_differently_is_refused() {
        let fields = [
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
            "tRANSFER-eNCODING: chunked\r\ncONTENT-lENGTH: 0\r\n",
            "Content-Length: 3\r\nContent-Length: 3\r\n",
            "Content-Length: 3, 3\r\n",
            "Content-Length: +1\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 0x3\r\n",
            "Content-Length: 1 2\r\n",
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999999\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: chunkedx\r\n",
            "Transfer-Encoding: \"chunked\"\r\n",
            "Transfer-Encoding: chunked;q=1\r\n",
            "Transfer-Encoding: chunked,\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding:\r\n",
            "Transfer-Encoding:\x0bchunked\r\n",
            " Transfer-Encoding: chunked\r\n",
            "X: a\r\n b: folded\r\n",
            "X: a\r\n\tb\r\n",
            "X: a\rb\r\n",
            "X: a\0b\r\n",
            "X: a\x7fb\r\n",
            ": nameless\r\n",
            "no colon\r\n",
            "Host: b\r\n",
            "Host: a\r\n",
            "Expect: 200-maybe\r\n",
        ];
        for fields in fields {
            assert!(post(fields).is_err(), "{fields:?}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for head in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost:\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
            "GET /\r\nHost: a\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
            "GET / http/1.1\r\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\tx HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /# HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET http://a?x HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
            "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert!(judged(head).is_err(), "{head:?}");
        }
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
        assert_eq!(judged(&many).unwrap_err().status, 431);
    }

    #[test]
    fn a_target_is_a_path_however_it_was_written() {
        for (line, target) in [
            ("GET http://A.invalid:1/x?y HTTP/1.1", "/x?y"),
            ("GET HTTPS://a.invalid:1 HTTP/1.1", "/"),
            ("OPTIONS * HTTP/1.1", "*"),
            ("GET //x HTTP/1.0", "//x"),
        ] {
            let head = format!("{line}\r\nHost: a.invalid:1\r\n\r\n");
            let mut room = super::super::room();
            let head = RequestHead::parse(head.as_bytes(), &mut room, LIMITS).unwrap();
            assert_eq!((head.target, head.host_name()), (target, "a.invalid"), "{line}");
        }
        assert_eq!((host_name("[::1]:80"), host_name("a"), host_name("[::1")), ("[::1]", "a", "[::1"));
    }

    #[test]
    fn an_upgrade_is_one_protocol_that_is_not_http_again() {
        for (fields, upgrade) in [
            ("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n", Some("websocket")),
            ("Upgrade: websocket\r\n", None),
            ("Connection: upgrade\r\nUpgrade: h2c\r\n", None),
            ("Connection: upgrade\r\nUpgrade: TLS/1.2\r\n", None),
            ("Connection: upgrade\r\nUpgrade: websocket, h2c\r\n", None),
            ("Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n", None),
            ("Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n", None),
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            let mut room = super::super::room();
            let head = RequestHead::parse(head.as_bytes(), &mut room, LIMITS).unwrap();
            assert_eq!(head.upgrade, upgrade, "{fields}");
        }
    }
}
