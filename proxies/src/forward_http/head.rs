//! Is a request head one that every reader takes for the same request? Pure.
//!
//! Stricter than hyper, which takes bare line feeds, repeated lengths, and `Content-Length` beside
//! `Transfer-Encoding`: whatever two readers might frame differently is refused, as RFC 9112 allows for each.

/// A request, or a part of one, that is not forwarded, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal(pub(super) &'static str);

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// This many bytes.
    Sized(u64),
    /// Chunks.
    Chunked,
}

/// Judges a whole head, its empty line included. Whoever finds the end of it also sees to its line ends.
pub(super) fn judge(head: &[u8]) -> Result<Body, Refusal> {
    let head = head.strip_suffix(b"\r\n\r\n").ok_or(Refusal("no end"))?;
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    request_line(lines.next().unwrap_or_default())?;
    let (mut hosts, mut lengths, mut codings) = (0, Vec::new(), Vec::new());
    for line in lines {
        let (name, value) = field(line)?;
        match name.to_ascii_lowercase().as_slice() {
            b"host" => hosts += 1,
            b"content-length" => lengths.push(value),
            b"transfer-encoding" => codings.push(value),
            _ => {}
        }
    }
    if hosts != 1 {
        return Err(Refusal("not exactly one Host"));
    }
    match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Ok(Body::Sized(0)),
        ([length], []) => decimal(length).map(Body::Sized),
        ([], [coding]) if !head_is_1_1(head) || !coding.eq_ignore_ascii_case(b"chunked") => {
            Err(Refusal("a transfer coding other than chunked"))
        }
        ([], [_]) => Ok(Body::Chunked),
        _ => Err(Refusal("framed more than once")),
    }
}

/// `Name: value`, the value trimmed; also what a trailer line must look like.
pub(super) fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Refusal("a field without a colon"))?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    // Also refuses folded lines and a space before the colon.
    if !is_token(name) {
        return Err(Refusal("a field name that is none"));
    }
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(Refusal("a control character in a field"));
    }
    Ok((name, value.trim_ascii()))
}

/// `METHOD target HTTP/1.x`; targets are hyper's to judge.
fn request_line(line: &[u8]) -> Result<(), Refusal> {
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    match (method, target, version, words.next()) {
        (Some(b"CONNECT"), ..) => Err(Refusal("CONNECT")),
        (Some(method), Some([_, ..]), Some(b"HTTP/1.1" | b"HTTP/1.0"), None) if is_token(method) => Ok(()),
        _ => Err(Refusal("a request line that is none")),
    }
}

fn head_is_1_1(head: &[u8]) -> bool {
    head.split(|byte| *byte == b'\r').next().is_some_and(|line| line.ends_with(b"1.1"))
}

fn decimal(value: &[u8]) -> Result<u64, Refusal> {
    let digits =
        std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(Refusal("a length that is no number"))
}

fn is_token(text: &[u8]) -> bool {
    !text.is_empty()
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(fields: &str) -> Result<Body, Refusal> {
        judge(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").as_bytes())
    }

    #[test]
    fn each_body_is_framed_in_one_way() {
        assert_eq!(judged(""), Ok(Body::Sized(0)));
        assert_eq!(judged("Content-Length: 12\r\n"), Ok(Body::Sized(12)));
        assert_eq!(judged("content-length:\t12 \r\nX: y\r\n"), Ok(Body::Sized(12)));
        assert_eq!(judged("TRANSFER-ENCODING: Chunked\r\n"), Ok(Body::Chunked));
        assert_eq!(judge(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"), Ok(Body::Sized(0)));
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
            "Content-Length:\r\n",
            "Content-Length: 99999999999999999999999\r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            "Transfer-Encoding : chunked\r\n",
            "Transfer-Encoding:\r\n",
            " Transfer-Encoding: chunked\r\n",
            "X: a\r\n b: folded\r\n",
            "X: a\rb\r\n",
            "X: a\0b\r\n",
            ": nameless\r\n",
            "no colon\r\n",
            "Host: b\r\n",
        ];
        for fields in fields {
            let verdict = judged(fields);
            assert!(verdict.is_err(), "{fields:?}");
        }
        for head in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET /\r\nHost: a\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
            "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            assert!(judge(head.as_bytes()).is_err(), "{head:?}");
        }
    }
}
