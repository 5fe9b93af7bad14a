//! Heads of HTTP/1 messages, and what they say about the body that follows.
//!
//! Lenient where a listener can afford it: it must understand what two others said to each other, not
//! decide whether they should have. It does not read bodies (see `body`) and finds no message borders
//! (see [`super::reader`]).

use httparse::{EMPTY_HEADER, Header, Status};

/// Header lines a head may have.
const MAX_HEADERS: usize = 128;

/// Header lines in order, names as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value under a name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Every value under a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    fn read(lines: &[Header<'_>]) -> Self {
        let owned =
            |line: &Header<'_>| (line.name.to_owned(), String::from_utf8_lossy(line.value).trim().to_owned());
        Self(lines.iter().map(owned).collect())
    }
}

/// A message, as much of it as was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<H> {
    /// Its head.
    pub head: H,
    /// Its body without transfer coding.
    pub body: Vec<u8>,
    /// False when the body was cut: the flow ended early, or the rest was too long to keep.
    pub whole: bool,
}

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query as written.
    pub path: String,
    /// Header lines.
    pub headers: Headers,
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// Header lines.
    pub headers: Headers,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// When the flow ends.
    UntilEnd,
}

/// These bytes are no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoHead;

/// The head of a request or of a response.
pub trait Head: Sized {
    /// How messages begin; a listener that lost its place looks for these.
    const OPENINGS: &'static [&'static [u8]];

    /// Reads a head from bytes up to and including its blank line.
    fn read(bytes: &[u8]) -> Result<Self, NoHead>;

    /// How the body ends; `answers_head` when the request asked for a head alone.
    fn framing(&self, answers_head: bool) -> Framing;
}

impl Head for RequestHead {
    const OPENINGS: &'static [&'static [u8]] =
        &[b"GET ", b"HEAD ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"OPTIONS ", b"TRACE ", b"CONNECT "];

    fn read(bytes: &[u8]) -> Result<Self, NoHead> {
        let mut lines = [EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut lines);
        match parsed.parse(bytes) {
            Ok(Status::Complete(_)) => Ok(Self {
                method: parsed.method.ok_or(NoHead)?.to_owned(),
                path: parsed.path.ok_or(NoHead)?.to_owned(),
                headers: Headers::read(parsed.headers),
            }),
            Ok(Status::Partial) | Err(_) => Err(NoHead),
        }
    }

    fn framing(&self, _answers_head: bool) -> Framing {
        declared(&self.headers).unwrap_or(Framing::Empty)
    }
}

impl Head for ResponseHead {
    const OPENINGS: &'static [&'static [u8]] = &[b"HTTP/1."];

    fn read(bytes: &[u8]) -> Result<Self, NoHead> {
        let mut lines = [EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut lines);
        match parsed.parse(bytes) {
            Ok(Status::Complete(_)) => {
                Ok(Self { status: parsed.code.ok_or(NoHead)?, headers: Headers::read(parsed.headers) })
            }
            Ok(Status::Partial) | Err(_) => Err(NoHead),
        }
    }

    fn framing(&self, answers_head: bool) -> Framing {
        if answers_head || matches!(self.status, 100..=199 | 204 | 304) {
            return Framing::Empty;
        }
        declared(&self.headers).unwrap_or(Framing::UntilEnd)
    }
}

/// What the header lines declare; `chunked` wins over a length, as receivers do.
fn declared(headers: &Headers) -> Option<Framing> {
    let mut codings = headers.all("transfer-encoding").flat_map(|value| value.split(','));
    if codings.any(|coding| coding.trim().eq_ignore_ascii_case("chunked")) {
        return Some(Framing::Chunked);
    }
    headers.get("content-length").and_then(|value| value.parse().ok()).map(Framing::Length)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn response(text: &str) -> ResponseHead {
        ResponseHead::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_request_head_is_read_with_its_lines() {
        let text = b"GET /v3 HTTP/1.1\r\nHost: identity\r\nX-Auth-Token:  abc \r\n\r\n";
        let head = RequestHead::read(text).unwrap();
        assert_eq!((head.method.as_str(), head.path.as_str()), ("GET", "/v3"));
        assert_eq!(head.headers.get("x-auth-token"), Some("abc"));
        assert_eq!(head.framing(false), Framing::Empty);
    }

    #[test]
    fn framing_follows_status_and_header_lines() {
        let told = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(response(told).framing(false), Framing::Length(5));
        assert_eq!(response(told).framing(true), Framing::Empty);
        let both = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n";
        assert_eq!(response(both).framing(false), Framing::Chunked);
        assert_eq!(response("HTTP/1.1 204 No Content\r\n\r\n").framing(false), Framing::Empty);
        assert_eq!(response("HTTP/1.0 200 OK\r\n\r\n").framing(false), Framing::UntilEnd);
    }

    #[test]
    fn other_protocols_have_no_head() {
        assert_eq!(RequestHead::read(b"GET nonsense\r\n\r\n"), Err(NoHead));
        assert_eq!(ResponseHead::read(b"HTTP/1.1 many\r\n\r\n"), Err(NoHead));
    }
}
