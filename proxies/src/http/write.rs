//! Lines of a head that goes out: names in lower case, one blank behind the colon, own framing.

use super::{Field, Length, Version, name::Name, response::ResponseHead};

/// `name: value`, the name in lower case.
pub fn field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    let from = out.len();
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name.as_bytes());
    out[from..].make_ascii_lowercase();
    line(&[b": ", value], out);
}

/// Some bytes and a line end.
pub fn line(parts: &[&[u8]], out: &mut Vec<u8>) {
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

/// A field with a number in it.
pub fn number(name: &str, number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    decimal(number, out);
    out.extend_from_slice(b"\r\n");
}

/// The field that says what follows; none where nothing need be said.
pub fn framing(length: Length, out: &mut Vec<u8>) {
    match length {
        Length::None | Length::UntilClose => {}
        Length::Sized(length) => number("content-length", length, out),
        Length::Chunked => line(&[b"transfer-encoding: chunked"], out),
    }
}

/// How a response goes on to a caller.
#[derive(Clone, Copy, Debug)]
pub struct Onward<'a> {
    /// The caller's version.
    pub version: Version,
    /// How the body will be framed.
    pub length: Length,
    /// False where nothing follows on this connection.
    pub keep: bool,
    /// The date, where the answer has none: RFC 9110, 6.6.1.
    pub date: &'a [u8],
}

/// How a response of this length is framed for a caller of this version.
pub const fn reframed(length: Length, version: Version) -> Length {
    match (length, version) {
        (Length::Chunked | Length::UntilClose, Version::Http10) => Length::UntilClose,
        (Length::UntilClose, _) => Length::Chunked,
        (length, _) => length,
    }
}

/// A whole response head, without what concerned the connection it came on.
pub fn response(head: &ResponseHead<'_>, onward: &Onward<'_>, out: &mut Vec<u8>) {
    status_line(onward.version, head.status, head.reason, out);
    let mut dated = head.status < 200;
    for Field { name, value } in head.fields {
        match Name::of(name) {
            Name::Date if dated => {}
            Name::Date => {
                dated = true;
                field(name, value, out);
            }
            Name::Other | Name::LookAlike | Name::Cookie | Name::Expect | Name::Host | Name::Forwarded
                if !head.is_named(name) =>
            {
                field(name, value, out);
            }
            Name::Trailer if onward.length == Length::Chunked => field(name, value, out),
            Name::Upgrade if head.status == 101 => field(name, value, out),
            _ => {}
        }
    }
    if !dated {
        line(&[b"date: ", onward.date], out);
    }
    match (onward.length, head.told_length) {
        (Length::None, Some(told)) => number("content-length", told, out),
        (length, _) => framing(length, out),
    }
    if head.status == 101 {
        line(&[b"connection: upgrade"], out);
    } else if head.status >= 200 {
        connection(onward.version, onward.keep, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// An answer of the proxy itself, whole: no body.
pub fn own_answer(status: u16, retry_after: Option<u32>, onward: &Onward<'_>, out: &mut Vec<u8>) {
    status_line(onward.version, status, reason(status), out);
    line(&[b"content-length: 0"], out);
    line(&[b"date: ", onward.date], out);
    if let Some(seconds) = retry_after {
        number("retry-after", u64::from(seconds), out);
    }
    connection(onward.version, onward.keep, out);
    out.extend_from_slice(b"\r\n");
}

fn connection(version: Version, keep: bool, out: &mut Vec<u8>) {
    match (version, keep) {
        (_, false) => line(&[b"connection: close"], out),
        (Version::Http10, true) => line(&[b"connection: keep-alive"], out),
        (_, true) => {}
    }
}

fn status_line(version: Version, status: u16, reason: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(if version == Version::Http10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    decimal(u64::from(status), out);
    line(&[b" ", reason.as_bytes()], out);
}

fn decimal(number: u64, out: &mut Vec<u8>) {
    let (mut digits, mut at, mut left) = ([0_u8; 20], 20, number);
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// What is said of the statuses a proxy gives by itself.
pub const fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Refused",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::http::{HeadLimits, room};

    fn passed(head: &str, version: Version, keep: bool) -> String {
        let (limits, mut room) = (HeadLimits { bytes: 1024, fields: 20 }, room());
        let head = ResponseHead::parse(head.as_bytes(), &mut room, limits, false).unwrap();
        let onward = Onward { version, length: reframed(head.length, version), keep, date: b"now" };
        let mut out = Vec::new();
        response(&head, &onward, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_answer_is_framed_once_and_keeps_what_concerns_one_connection_to_itself() {
        let twice = "HTTP/1.1 200 Fine\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\nConnection: x-once\r\n\
                     X-Once: 1\r\nKeep-Alive: timeout=1\r\nUpgrade: h2c\r\nDate: then\r\nDate: also\r\nX-Kept: Y\r\n\r\n";
        assert_eq!(
            passed(twice, Version::Http11, true),
            "HTTP/1.1 200 Fine\r\ndate: then\r\nx-kept: Y\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        assert_eq!(
            passed(twice, Version::Http10, false),
            "HTTP/1.0 200 Fine\r\ndate: then\r\nx-kept: Y\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn own_answers_are_whole() {
        let onward = Onward { version: Version::Http11, length: Length::None, keep: false, date: b"now" };
        let mut out = Vec::new();
        own_answer(429, Some(7), &onward, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\ndate: now\r\nretry-after: 7\r\n\
             connection: close\r\n\r\n"
        );
    }
}
