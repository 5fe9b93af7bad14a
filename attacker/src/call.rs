//! One HTTP request of the attacker's own, and what came back, at whatever layer it came back.
//!
//! Every step has a deadline; a call never hangs and never retries. Its requests name themselves in
//! `User-Agent`, so that a technique that listens while it calls does not take its own words for loot.

use std::{io, sync::Arc, time::Duration};

use testbed::foothold::{Answer, AttackerTls, Dialed, HandshakeFailure, Reach, Target};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use crate::{
    loot::Channel,
    parse::{
        conversation::Heard,
        http::{Head, Message, RequestHead, ResponseHead},
        reader::Reader,
    },
};

/// How long a dial, a handshake and an answer may take, each.
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);

const USER_AGENT: &str = "attacker-call";
/// Bytes of an answer that are looked at when it is no HTTP.
const GLIMPSE: usize = 32;

/// What to ask. Nothing here may hold a line break; callers pass what [`crate::parse`] checked.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    pub(crate) token: Option<&'a str>,
}

impl Call<'_> {
    /// The call without its secrets, for people.
    pub(crate) fn line(&self, channel: Channel) -> String {
        let with = if self.token.is_some() { " with a stolen token" } else { "" };
        let how = if channel == Channel::Clear { "in clear" } else { "over TLS" };
        format!("{} {}{with} {how}", self.method, self.path)
    }

    fn bytes(&self, host: &str) -> Vec<u8> {
        let token = self.token.map(|token| format!("X-Auth-Token: {token}\r\n")).unwrap_or_default();
        let Self { method, path, .. } = self;
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT}\r\n{token}Connection: close\r\n\r\n"
        )
        .into_bytes()
    }
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) answer: Answer,
    pub(crate) response: Option<Message<ResponseHead>>,
}

impl Reply {
    /// Did the far side do what was asked, or at least talk business? Refusals to serve, and a gateway
    /// that has nobody behind it, do not count.
    pub(crate) fn served(&self) -> bool {
        match self.answer {
            Answer::Http(status) => !matches!(status, 400 | 401 | 403 | 407 | 421 | 429 | 502..=504),
            _ => false,
        }
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self { answer, response: None }
    }
}

/// Was this request made by [`call`]?
pub(crate) fn is_own(request: &RequestHead) -> bool {
    request.headers.get("user-agent") == Some(USER_AGENT)
}

/// An answer to a call, as if the call had been overheard.
pub(crate) fn overheard(call: Call<'_>, target: &Target, reply: Reply) -> Option<Heard> {
    let head = RequestHead::read(&call.bytes(&target.server_name)).ok()?;
    let request = Message { head, body: Vec::new(), whole: true };
    Some(Heard::Response(reply.response?, Some(Arc::new(request))))
}

/// Dials a target and asks, over TLS when a kit is given.
pub(crate) async fn call(reach: &Reach, tls: Option<&AttackerTls>, target: &Target, call: Call<'_>) -> Reply {
    let stream = match timeout(DEADLINE, reach.dial(target.id)).await {
        Ok(Dialed::Open(stream)) => stream,
        Ok(Dialed::Answered(answer)) => return answer.into(),
        Err(_) => return Answer::Silence.into(),
    };
    let request = call.bytes(&target.server_name);
    let Some(tls) = tls else { return exchange(stream, &request).await };
    match timeout(DEADLINE, tls.connect(stream, &target.server_name)).await {
        Ok(Ok(session)) => exchange(session, &request).await,
        Ok(Err(error)) => told_by(&error).into(),
        Err(_) => Answer::Silence.into(),
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> Reply {
    let mut hearing = Hearing::default();
    let end = timeout(DEADLINE, hearing.listen(&mut stream, request)).await;
    hearing.conclude(end.ok())
}

/// An answer as it arrives.
#[derive(Default)]
struct Hearing {
    reader: Reader<ResponseHead>,
    first: Vec<u8>,
    response: Option<Message<ResponseHead>>,
}

impl Hearing {
    async fn listen(
        &mut self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        request: &[u8],
    ) -> io::Result<()> {
        // A peer that refuses may do so before it has read all; its answer is what counts.
        let _ = stream.write_all(request).await;
        let _ = stream.flush().await;
        let mut buffer = vec![0; 16 * 1024];
        while self.response.is_none() && !self.is_foreign() {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                return Ok(());
            }
            self.hear(buffer.get(..read).unwrap_or_default());
        }
        Ok(())
    }

    fn hear(&mut self, bytes: &[u8]) {
        let room = GLIMPSE.saturating_sub(self.first.len());
        self.first.extend(bytes.iter().take(room));
        self.reader.feed(bytes);
        while let Some(message) = self.reader.message(false) {
            if message.head.status >= 200 {
                self.response = Some(message);
                return;
            }
        }
    }

    /// Enough bytes came to see that this is no HTTP, and to read an alert.
    fn is_foreign(&self) -> bool {
        self.first.len() >= 7 && !self.first.starts_with(b"HTTP/1.")
    }

    /// `end` is `None` when the deadline passed.
    fn conclude(mut self, end: Option<io::Result<()>>) -> Reply {
        let response = self.response.take().or_else(|| self.reader.finish());
        if let Some(response) = response.filter(|_| self.first.starts_with(b"HTTP/1.")) {
            return Reply { answer: Answer::Http(response.head.status), response: Some(response) };
        }
        match (self.first.as_slice(), end) {
            ([], None) => Answer::Silence,
            ([], Some(Ok(()))) => Answer::Closed,
            ([], Some(Err(error))) => told_by(&error),
            ([0x15, 0x03, _, 0, 2, _, alert, ..], _) => Answer::Alert(alert_name(*alert)),
            (bytes, _) => Answer::Bytes(bytes.escape_ascii().to_string()),
        }
        .into()
    }
}

/// What an error of a stream says about the far side.
pub(crate) fn told_by(error: &io::Error) -> Answer {
    let text = error.to_string();
    if let Some((_, alert)) = text.split_once("fatal alert: ") {
        return Answer::Alert(snake_case(alert.trim()));
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Answer::Refused,
        // Whoever closes without having read what was said to it resets.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            Answer::Closed
        }
        _ => Answer::Error(text),
    }
}

/// The same, where a victim was expected to shake hands.
pub(crate) fn refusal_of(error: &io::Error) -> HandshakeFailure {
    match told_by(error) {
        Answer::Alert(name) => HandshakeFailure::Alert(name),
        Answer::Closed => HandshakeFailure::Closed,
        other => HandshakeFailure::Other(other.to_string()),
    }
}

/// `UnknownCA` to `unknown_ca`, as the RFC spells alerts.
fn snake_case(camel: &str) -> String {
    let letters: Vec<char> = camel.chars().collect();
    let mut out = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let starts = before.is_some_and(char::is_ascii_lowercase)
            || (before.is_some_and(char::is_ascii_uppercase) && after.is_some_and(char::is_ascii_lowercase));
        if letter.is_ascii_uppercase() && starts {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

/// Alerts by number (RFC 8446, 6; RFC 7301; RFC 8449 keeps the rest).
fn alert_name(number: u8) -> String {
    let name = match number {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        22 => "record_overflow",
        40 => "handshake_failure",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        116 => "certificate_required",
        120 => "no_application_protocol",
        other => return format!("number {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What a far side that says `words` and closes is understood to have answered.
    async fn answer(words: &[u8]) -> Reply {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(words).await.unwrap();
        theirs.shutdown().await.unwrap();
        exchange(ours, b"GET / HTTP/1.1\r\n\r\n").await
    }

    #[tokio::test]
    async fn an_answer_is_named_by_the_layer_it_came_from() {
        assert_eq!(answer(b"").await.answer, Answer::Closed);
        assert_eq!(answer(b"\x15\x03\x03\x00\x02\x02\x30").await.answer, Answer::Alert("unknown_ca".into()));
        assert_eq!(answer(b"AMQP\x00\x00").await.answer, Answer::Bytes("AMQP\\x00\\x00".into()));
        assert_eq!(answer(b"HTTP/1.1 300 X\r\n\r\n").await.answer, Answer::Http(300));
        let later = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 X\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(answer(later).await.answer, Answer::Http(201));
    }

    #[tokio::test]
    async fn refusals_are_answers_but_do_not_serve() {
        for (status, served) in
            [(200, true), (300, true), (404, true), (401, false), (403, false), (503, false)]
        {
            let words = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(answer(words.as_bytes()).await.served(), served, "{status}");
        }
        assert!(!answer(b"AMQP\x00\x00\x09\x01").await.served());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_an_answer_too() {
        let (ours, _theirs) = tokio::io::duplex(1024);
        assert_eq!(exchange(ours, b"GET / HTTP/1.1\r\n\r\n").await.answer, Answer::Silence);
    }

    #[test]
    fn errors_of_a_tls_stack_name_the_alert_as_the_rfc_does() {
        let told = |text: &str| told_by(&io::Error::new(io::ErrorKind::InvalidData, text.to_owned()));
        assert_eq!(told("received fatal alert: UnknownCA"), Answer::Alert("unknown_ca".into()));
        let alert = "received fatal alert: CertificateRequired";
        assert_eq!(told(alert), Answer::Alert("certificate_required".into()));
        assert_eq!(
            told("received fatal alert: UnknownPSKIdentity"),
            Answer::Alert("unknown_psk_identity".into())
        );
        assert_eq!(told("corrupt message"), Answer::Error("corrupt message".into()));
    }
}
