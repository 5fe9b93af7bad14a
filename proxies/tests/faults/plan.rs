//! From a seed to everything about one exchange that may vary: request, answer, where it breaks, how it is cut.

use std::{ops::Range, time::Duration};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::fault::Fault;

/// How an answer says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Sized,
    Chunked,
    UntilClose,
}

/// How a request is framed, and whether its answer has a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    Head,
    Sized,
    Chunked,
}

/// Before what a service hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hang {
    Connecting,
    ShakingHands,
    Answering,
}

/// One exchange.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) kind: Kind,
    pub(crate) hang: Hang,
    /// What the caller sends.
    pub(crate) request: Vec<u8>,
    /// Where the request's head ends.
    pub(crate) request_head: usize,
    /// What the service sends, broken off or broken as it is.
    pub(crate) answer: Vec<u8>,
    /// The body of a whole answer.
    pub(crate) body: Vec<u8>,
    /// A reset waits for the whole request, not for its head only.
    pub(crate) patient: bool,
    seed: u64,
}

impl Plan {
    /// `sealed`: the service speaks TLS, so that an end without goodbye can be told from one with it.
    pub(crate) fn of(fault: Fault, sealed: bool, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let kind = kind(fault, &mut random);
        let (request, request_head) = request(kind, fault, &mut random);
        let framing = framing(fault, sealed, &mut random);
        let body = bytes(body_length(fault, &mut random), &mut random);
        let fields = if fault == Fault::HugeHead { random.random_range(40_000..90_000) } else { 0 };
        let (mut answer, head) = answer(kind, framing, &body, fields, &mut random);
        match fault {
            Fault::Garbage => {
                let length = random.random_range(1..5_000);
                answer = bytes(length, &mut random);
                // Never the beginning of an answer by accident.
                answer[0] = b'S';
            }
            Fault::ResetsInHead => answer.truncate(random.random_range(1..head)),
            Fault::BadChunk => spoil_chunk(&mut answer, head, &mut random),
            fault if fault.in_body() => answer.truncate(random.random_range(head..answer.len())),
            _ => {}
        }
        let hang = [Hang::Connecting, Hang::ShakingHands, Hang::Answering];
        let hang = hang[random.random_range(0..hang.len())];
        let patient = random.random();
        let body = if kind == Kind::Head { Vec::new() } else { body };
        Self { kind, hang, request, request_head, answer, body, patient, seed }
    }

    /// How the request is cut and when each piece goes; within a second in all.
    pub(crate) fn request_pieces(&self) -> Vec<(Range<usize>, Duration)> {
        pieces(self.request.len(), self.seed ^ 1)
    }

    /// The same of the answer.
    pub(crate) fn answer_pieces(&self) -> Vec<(Range<usize>, Duration)> {
        pieces(self.answer.len(), self.seed ^ 2)
    }
}

fn kind(fault: Fault, random: &mut ChaCha8Rng) -> Kind {
    match random.random_range(0..4) {
        _ if fault == Fault::AnswersEarly => [Kind::Sized, Kind::Chunked][random.random_range(0..2)],
        0 if !fault.in_body() => Kind::Head,
        0 | 1 => Kind::Get,
        2 => Kind::Sized,
        _ => Kind::Chunked,
    }
}

fn framing(fault: Fault, sealed: bool, random: &mut ChaCha8Rng) -> Framing {
    // Whoever closes in order where only the close tells the end has said all there is: nobody could object.
    let told = fault == Fault::SaysGoodbyeInBody || (fault == Fault::ClosesInBody && !sealed);
    match random.random_range(0..3) {
        _ if fault == Fault::BadChunk => Framing::Chunked,
        0 if !told => Framing::UntilClose,
        0 | 1 => Framing::Chunked,
        _ => Framing::Sized,
    }
}

fn body_length(fault: Fault, random: &mut ChaCha8Rng) -> usize {
    match random.random_range(0..8) {
        _ if fault == Fault::Trickles => random.random_range(0..30),
        0 => random.random_range(70_000..100_000),
        1..=3 => random.random_range(1_000..9_000),
        _ => random.random_range(2..200),
    }
}

fn bytes(length: usize, random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = vec![0; length];
    random.fill(&mut bytes[..]);
    bytes
}

fn request(kind: Kind, fault: Fault, random: &mut ChaCha8Rng) -> (Vec<u8>, usize) {
    let most = if fault == Fault::AnswersEarly { 200_000 } else { 20_000 };
    let length = random.random_range(most / 2..most)
        >> if fault == Fault::AnswersEarly { 0 } else { random.random_range(0..8) };
    let body = bytes(length, random);
    let (line, body) = match kind {
        Kind::Get => ("GET /v3 HTTP/1.1\r\n".to_owned(), Vec::new()),
        Kind::Head => ("HEAD /v3 HTTP/1.1\r\n".to_owned(), Vec::new()),
        Kind::Sized => (format!("POST /v3 HTTP/1.1\r\nContent-Length: {length}\r\n"), body),
        Kind::Chunked => {
            ("POST /v3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n".to_owned(), chunked(&body, random))
        }
    };
    let head = format!("{line}Host: a.invalid\r\n\r\n").into_bytes();
    let end = head.len();
    ([head, body].concat(), end)
}

fn answer(
    kind: Kind,
    framing: Framing,
    body: &[u8],
    fields: usize,
    random: &mut ChaCha8Rng,
) -> (Vec<u8>, usize) {
    let (field, body) = match framing {
        Framing::Sized => (format!("Content-Length: {}\r\n", body.len()), body.to_vec()),
        Framing::Chunked => ("Transfer-Encoding: chunked\r\n".to_owned(), chunked(body, random)),
        Framing::UntilClose => (String::new(), body.to_vec()),
    };
    let more = format!("X-More: {}\r\n", "m".repeat(900)).repeat(fields / 900);
    let head = format!("HTTP/1.1 200 OK\r\n{field}{more}\r\n").into_bytes();
    let end = head.len();
    let body = if kind == Kind::Head { Vec::new() } else { body };
    ([head, body].concat(), end)
}

fn chunked(body: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let (mut rest, mut out) = (body, Vec::new());
    while !rest.is_empty() {
        let length = random.random_range(1..=rest.len());
        let (chunk, after) = rest.split_at(length);
        out.extend(format!("{length:x}\r\n").into_bytes());
        out.extend(chunk);
        out.extend(b"\r\n");
        rest = after;
    }
    out.extend(b"0\r\n\r\n");
    out
}

/// Breaks the first chunk in one of the ways that must not be read as anything.
fn spoil_chunk(answer: &mut Vec<u8>, head: usize, random: &mut ChaCha8Rng) {
    let line = answer[head..].iter().position(|byte| *byte == b'\n').map_or(head, |end| head + end + 1);
    let spoilt: &[u8] = match random.random_range(0..7) {
        0 => b"zz\r\n",
        1 => b"-1\r\n",
        2 => b"0x4\r\n",
        3 => b"fffffffffffffffff\r\n",
        4 => b"\r\n",
        5 => b"4 4\r\n",
        // One byte too short: the chunk does not end where it says.
        _ => b"1\r\n",
    };
    answer.splice(head..line, spoilt.iter().copied());
}

fn pieces(length: usize, seed: u64) -> Vec<(Range<usize>, Duration)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let cuts = random.random_range(0..8);
    let mut ends: Vec<usize> = (0..cuts).map(|_| random.random_range(0..=length)).collect();
    ends.push(length);
    ends.sort_unstable();
    let mut start = 0;
    ends.into_iter()
        .map(|end| {
            (std::mem::replace(&mut start, end)..end, Duration::from_millis(random.random_range(0..100)))
        })
        .collect()
}
