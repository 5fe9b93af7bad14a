//! One response head, judged: how it is framed, whatever it says of that.

use httparse::{Error, ParserConfig, Status};

use super::{
    Connection, Field, HeadLimits, Length, MOST_FIELDS, Refused, Room, Version,
    name::Name,
    text::{decimal, list},
};

/// What a service answers.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// 100 to 999.
    pub status: u16,
    /// What it says of the status.
    pub reason: &'a str,
    /// How it was written.
    pub version: Version,
    /// Every field, those of one connection included.
    pub fields: &'a [Field<'a>],
    /// What follows.
    pub length: Length,
    /// What a message without a body says the body would be long.
    pub told_length: Option<u64>,
    /// True where nothing can be read behind it that may be a message again.
    pub last: bool,
    /// What `Connection` says.
    pub connection: Connection,
}

impl<'a> ResponseHead<'a> {
    /// Judges a whole head, its empty line included; `to_head` where it answers a `HEAD`.
    pub fn parse(
        bytes: &'a [u8],
        room: &'a mut Room<'a>,
        limits: HeadLimits,
        to_head: bool,
    ) -> Result<Self, Refused> {
        let mut parsed = httparse::Response::new(&mut []);
        let room = &mut room[..limits.fields.min(MOST_FIELDS)];
        match ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, bytes, room) {
            Ok(Status::Complete(length)) if length == bytes.len() => {}
            Ok(_) => return Err(Refused::bad("not one head")),
            Err(Error::TooManyHeaders) => return Err(Refused::too_large("too many fields")),
            Err(_) => return Err(Refused::bad("not a response")),
        }
        let version = match parsed.version {
            Some(0) => Version::Http10,
            _ => Version::Http11,
        };
        let status = parsed.code.filter(|code| *code >= 100).ok_or(Refused::bad("a status that is none"))?;
        let said = Said::of(parsed.headers)?;
        let bodiless = to_head || status < 200 || status == 204 || status == 304;
        let length = if bodiless { Length::None } else { said.length(version)? };
        let ambiguous = said.chunked && (said.length.is_some() || version == Version::Http10);
        Ok(Self {
            status,
            reason: parsed.reason.unwrap_or_default(),
            version,
            fields: parsed.headers,
            length,
            told_length: said.length.filter(|_| !said.chunked && status >= 200 && status != 204),
            last: ambiguous || length == Length::UntilClose || !said.connection.keeps(version),
            connection: said.connection,
        })
    }

    /// 1xx but for 101: another head follows.
    pub const fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }

    /// Does `Connection` name this field?
    pub fn is_named(&self, name: &str) -> bool {
        self.connection.names
            && self
                .fields
                .iter()
                .filter(|field| field.name.eq_ignore_ascii_case("connection"))
                .flat_map(|field| list(field.value))
                .any(|option| option.eq_ignore_ascii_case(name.as_bytes()))
    }
}

#[derive(Default)]
struct Said {
    length: Option<u64>,
    chunked: bool,
    connection: Connection,
}

impl Said {
    fn of(fields: &[Field<'_>]) -> Result<Self, Refused> {
        let mut said = Self::default();
        for field in fields {
            match Name::of(field.name) {
                Name::ContentLength => said.add_length(field.value)?,
                Name::TransferEncoding if said.chunked || !field.value.eq_ignore_ascii_case(b"chunked") => {
                    return Err(Refused::bad("a transfer coding other than chunked"));
                }
                Name::TransferEncoding => said.chunked = true,
                Name::Connection => said.connection.add(field.value),
                _ => {}
            }
        }
        Ok(said)
    }

    /// One length said twice is one length (RFC 9112, 6.3); two are none.
    fn add_length(&mut self, value: &[u8]) -> Result<(), Refused> {
        for member in value.split(|byte| *byte == b',') {
            let length = decimal(member.trim_ascii()).ok_or(Refused::bad("a length that is no number"))?;
            if self.length.replace(length).is_some_and(|other| other != length) {
                return Err(Refused::bad("two lengths"));
            }
        }
        Ok(())
    }

    fn length(&self, version: Version) -> Result<Length, Refused> {
        match (self.chunked, self.length) {
            (true, _) if version == Version::Http10 => {
                Err(Refused::bad("chunks in another version than 1.1"))
            }
            (true, _) => Ok(Length::Chunked),
            (false, Some(length)) => Ok(Length::Sized(length)),
            (false, None) => Ok(Length::UntilClose),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(head: &str, to_head: bool) -> Result<(Length, bool), Refused> {
        let limits = HeadLimits { bytes: 1024, fields: 10 };
        let mut room = super::super::room();
        let head = ResponseHead::parse(head.as_bytes(), &mut room, limits, to_head)?;
        Ok((head.length, head.last))
    }

    #[test]
    fn how_an_answer_ends() {
        let ok = |fields: &str| judged(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"), false);
        assert_eq!(ok("Content-Length: 5\r\n"), Ok((Length::Sized(5), false)));
        assert_eq!(ok("Content-Length: 5\r\nConnection: Close\r\n"), Ok((Length::Sized(5), true)));
        assert_eq!(ok("Content-Length: 5, 5\r\nContent-Length: 5\r\n"), Ok((Length::Sized(5), false)));
        assert_eq!(ok("Transfer-Encoding: chunked\r\n"), Ok((Length::Chunked, false)));
        assert_eq!(ok("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), Ok((Length::Chunked, true)));
        assert_eq!(ok("X: y\r\n"), Ok((Length::UntilClose, true)));
        for fields in [
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 5,\r\n",
            "Content-Length: x\r\n",
            "Transfer-Encoding: gzip\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "X: a\r\n folded\r\n",
            "X : a\r\n",
        ] {
            assert!(ok(fields).is_err(), "{fields:?}");
        }
    }

    #[test]
    fn some_answers_have_no_body_whatever_they_say() {
        for line in ["HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified", "HTTP/1.1 103 Early Hints"] {
            let head = format!("{line}\r\nContent-Length: 5\r\n\r\n");
            assert_eq!(judged(&head, false), Ok((Length::None, false)), "{line}");
        }
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(judged(chunked, true), Ok((Length::None, false)));
    }

    #[test]
    fn an_old_service_closes_unless_it_says_otherwise() {
        assert_eq!(
            judged("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false),
            Ok((Length::Sized(1), true))
        );
        let kept = "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n";
        assert_eq!(judged(kept, false), Ok((Length::Sized(1), false)));
        assert!(judged("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false).is_err());
    }
}
