//! One rule of RFC 9113 or RFC 7541 a case: what a client says after a proper opening, and what comes of it.
//!
//! An endpoint may end the connection where the RFC resets a stream only, and may say `PROTOCOL_ERROR` where there is a
//! better code; the library does both for faults of a header block (the RFC's code would be `COMPRESSION_ERROR`) and
//! for frames on streams that are over (`STREAM_CLOSED`). Trailers with pseudo-header fields it takes, without these.

use crate::{client::*, street::opened};

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comes {
    /// The connection ends with a GOAWAY of this code.
    GoAway(u32),
    /// Stream 1 is reset with this code, and the connection goes on.
    Reset(u32),
    /// Stream 1 is answered with this status, and the connection goes on.
    Answer(&'static str),
    /// Nothing but that the connection goes on.
    Nothing,
}

use Comes::{Answer, GoAway, Nothing, Reset};

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) says: Vec<u8>,
    pub(crate) comes: Comes,
}

fn case(name: &'static str, says: impl AsRef<[u8]>, comes: Comes) -> Case {
    Case { name, says: says.as_ref().to_vec(), comes }
}

fn then(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

/// A request with these header fields instead of the usual.
fn request(fields: &[(&str, &str)]) -> Vec<u8> {
    headers(1, WHOLE, fields)
}

/// The usual request and these fields more.
fn with(more: &[(&str, &str)]) -> Vec<u8> {
    request(&asking("GET", "/", more))
}

/// The usual request with another header block after its fields.
fn raw(more: &[u8]) -> Vec<u8> {
    frame(HEADERS, WHOLE, 1, &[&block(GET), more].concat())
}

/// A request whose body is still to come.
fn post(stream: u32, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    headers(stream, END_HEADERS, &asking("POST", path, more))
}

/// A request with so many KiB of fields, in as many frames as that takes.
fn long(kib: usize) -> Vec<u8> {
    let value = "y".repeat(1_024 - 32 - 6);
    let block = block(&asking("GET", "/", &vec![("x-long", &*value); kib]));
    let (first, rest) = block.split_at(8_000);
    let mut frames = frame(HEADERS, END_STREAM, 1, first);
    let mut rest = rest.chunks(16_000).peekable();
    while let Some(part) = rest.next() {
        let flags = if rest.peek().is_none() { END_HEADERS } else { 0 };
        frames.extend(frame(CONTINUATION, flags, 1, part));
    }
    frames
}

/// A field that the table learns, and then many times the byte that means it.
fn bomb(times: usize) -> Vec<u8> {
    let learnt = block(&[("x", &"y".repeat(3_900))]);
    [&[0x40], &learnt[1..], &vec![0xbe; times]].concat()
}

fn data(stream: u32, flags: u8, length: usize) -> Vec<u8> {
    frame(DATA, flags, stream, &vec![b'x'; length])
}

/// A request on its own that is answered and over.
const DONE: fn() -> Vec<u8> = || get(1);

fn settings_cases() -> Vec<Case> {
    vec![
        case("settings: none", settings(&[]), Nothing),
        case(
            "settings: every known id",
            settings(&[(1, 0), (2, 0), (3, 100), (4, 65_535), (5, 16_384), (6, 9)]),
            Nothing,
        ),
        case("settings: unknown ids", settings(&[(0x99, 1), (0xffff, 7)]), Nothing),
        case("settings: one twice", settings(&[(4, 1), (4, 2)]), Nothing),
        case("settings: push neither 0 nor 1", settings(&[(2, 2)]), GoAway(PROTOCOL_ERROR)),
        case("settings: window above 2^31-1", settings(&[(4, 0x8000_0000)]), GoAway(PROTOCOL_ERROR)),
        case("settings: frame size below 16384", settings(&[(5, 16_383)]), GoAway(PROTOCOL_ERROR)),
        case("settings: frame size above 2^24-1", settings(&[(5, 0x100_0000)]), GoAway(PROTOCOL_ERROR)),
        case("settings: ack with a payload", frame(SETTINGS, ACK, 0, &[0; 6]), GoAway(FRAME_SIZE_ERROR)),
        case("settings: ack of nothing", frame(SETTINGS, ACK, 0, &[]), GoAway(PROTOCOL_ERROR)),
        case("settings: five bytes", frame(SETTINGS, 0, 0, &[0; 5]), GoAway(FRAME_SIZE_ERROR)),
        case("settings: on a stream", frame(SETTINGS, 0, 1, &[]), GoAway(PROTOCOL_ERROR)),
        case(
            "settings: in a header block",
            then(&[headers(1, END_STREAM, GET), settings(&[])]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "settings: table of 0 and back",
            then(&[settings(&[(1, 0)]), settings(&[(1, 4_096)]), get(1)]),
            Answer("200"),
        ),
        case("settings: huge table", then(&[settings(&[(1, u32::MAX)]), get(1)]), Answer("200")),
    ]
}

#[allow(clippy::too_many_lines)] // A table.
fn frame_cases() -> Vec<Case> {
    let mut untrue = frame(DATA, 0, 1, &[]);
    untrue[..3].copy_from_slice(&[0xff, 0xff, 0xff]);
    vec![
        case(
            "frame: larger than allowed",
            then(&[post(1, "/", &[]), frame(DATA, 0, 1, &[0; 16_385])]),
            GoAway(FRAME_SIZE_ERROR),
        ),
        case("frame: length of 2^24-1", untrue, GoAway(FRAME_SIZE_ERROR)),
        case(
            "frame: header larger than allowed",
            frame(HEADERS, WHOLE, 1, &[0; 16_385]),
            GoAway(FRAME_SIZE_ERROR),
        ),
        case(
            "frame: as large as allowed",
            then(&[post(1, "/", &[]), data(1, END_STREAM, 16_384)]),
            Answer("200"),
        ),
        case("frame: unknown kind", then(&[frame(0x42, 0xff, 0, b"anything"), get(1)]), Answer("200")),
        case(
            "frame: unknown kind on a stream",
            then(&[post(1, "/", &[]), frame(0x42, 0, 1, b"x"), data(1, END_STREAM, 1)]),
            Answer("200"),
        ),
        case(
            "frame: unknown kind in a header block",
            then(&[headers(1, END_STREAM, GET), frame(0x42, 0, 1, b"")]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "frame: undefined flags",
            then(&[frame(PING, 0xfe, 0, &[0; 8]), frame(HEADERS, WHOLE | 0xd2, 1, &block(GET))]),
            Answer("200"),
        ),
        case(
            "frame: reserved bit of the stream",
            frame(HEADERS, WHOLE, 0x8000_0001, &block(GET)),
            Answer("200"),
        ),
        case("ping: answered", frame(PING, 0, 0, b"01234567"), Nothing),
        case("ping: ack of nothing", frame(PING, ACK, 0, b"01234567"), Nothing),
        case("ping: seven bytes", frame(PING, 0, 0, &[0; 7]), GoAway(FRAME_SIZE_ERROR)),
        case("ping: on a stream", frame(PING, 0, 1, &[0; 8]), GoAway(PROTOCOL_ERROR)),
        case(
            "ping: in a header block",
            then(&[headers(1, END_STREAM, GET), frame(PING, 0, 0, &[0; 8])]),
            GoAway(PROTOCOL_ERROR),
        ),
        case("goaway: on a stream", frame(GOAWAY, 0, 1, &[0; 8]), GoAway(PROTOCOL_ERROR)),
        case("goaway: seven bytes", frame(GOAWAY, 0, 0, &[0; 7]), GoAway(FRAME_SIZE_ERROR)),
        case(
            "priority: of an idle stream",
            then(&[frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 9]), get(5)]),
            Nothing,
        ),
        case(
            "priority: of a stream that is over",
            then(&[DONE(), frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 9])]),
            Answer("200"),
        ),
        case(
            "priority: four bytes",
            then(&[post(1, "/hold", &[]), frame(PRIORITY, 0, 1, &[0; 4])]),
            GoAway(FRAME_SIZE_ERROR),
        ),
        case("priority: on stream 0", frame(PRIORITY, 0, 0, &[0, 0, 0, 1, 9]), GoAway(PROTOCOL_ERROR)),
        case(
            "priority: of itself on itself",
            then(&[post(1, "/hold", &[]), frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 9])]),
            Reset(PROTOCOL_ERROR),
        ),
        case(
            "priority: in headers, on itself",
            frame(HEADERS, WHOLE | PRIORITISED, 1, &[&[0, 0, 0, 1, 9][..], &block(GET)].concat()),
            Reset(PROTOCOL_ERROR),
        ),
        case(
            "priority: in headers",
            frame(HEADERS, WHOLE | PRIORITISED, 1, &[&[0, 0, 0, 0, 9][..], &block(GET)].concat()),
            Answer("200"),
        ),
        case(
            "reset: three bytes",
            then(&[post(1, "/hold", &[]), frame(RST_STREAM, 0, 1, &[0; 3])]),
            GoAway(FRAME_SIZE_ERROR),
        ),
        case("reset: on stream 0", reset(0, CANCEL), GoAway(PROTOCOL_ERROR)),
        case(
            "push: by a client",
            frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2][..], &block(GET)].concat()),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "padding: in data",
            then(&[post(1, "/", &[]), frame(DATA, PADDED | END_STREAM, 1, b"\x03abc\0\0\0")]),
            Answer("200"),
        ),
        case(
            "padding: longer than the data",
            then(&[post(1, "/", &[]), frame(DATA, PADDED | END_STREAM, 1, b"\x07abc")]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "padding: no length",
            then(&[post(1, "/", &[]), frame(DATA, PADDED | END_STREAM, 1, b"")]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "padding: in headers",
            frame(HEADERS, WHOLE | PADDED, 1, &[&[2][..], &block(GET), &[0, 0]].concat()),
            Answer("200"),
        ),
        case(
            "padding: longer than the headers",
            frame(HEADERS, WHOLE | PADDED, 1, &[&[255][..], &block(GET)].concat()),
            GoAway(PROTOCOL_ERROR),
        ),
    ]
}

#[allow(clippy::too_many_lines)] // A table.
fn stream_cases() -> Vec<Case> {
    vec![
        case("stream: data on stream 0", data(0, 0, 1), GoAway(PROTOCOL_ERROR)),
        case("stream: headers on stream 0", headers(0, WHOLE, GET), GoAway(PROTOCOL_ERROR)),
        case("stream: data on an idle one", data(1, 0, 1), GoAway(PROTOCOL_ERROR)),
        case("stream: reset of an idle one", reset(1, CANCEL), GoAway(PROTOCOL_ERROR)),
        case("stream: window of an idle one", window_update(1, 1), GoAway(PROTOCOL_ERROR)),
        case("stream: an even number", get(2), GoAway(PROTOCOL_ERROR)),
        case(
            "stream: a lower number than before",
            then(&[headers(5, WHOLE, &asking("GET", "/hold", &[])), get(3)]),
            GoAway(PROTOCOL_ERROR),
        ),
        case("stream: numbers left out", then(&[get(1), get(9)]), Answer("200")),
        case(
            "stream: data after its end",
            then(&[headers(1, WHOLE, &asking("GET", "/hold", &[])), data(1, 0, 1)]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "stream: headers after its end",
            then(&[headers(1, WHOLE, &asking("GET", "/hold", &[])), get(1)]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "stream: data after a reset by the client",
            then(&[post(1, "/hold", &[]), reset(1, CANCEL), data(1, 0, 1)]),
            Reset(STREAM_CLOSED),
        ),
        case(
            "stream: headers after a reset by the client",
            then(&[post(1, "/hold", &[]), reset(1, CANCEL), get(1)]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "stream: window after its end",
            then(&[headers(1, WHOLE, &asking("GET", "/hold", &[])), window_update(1, 1)]),
            Nothing,
        ),
        case(
            "stream: reset after its end",
            then(&[headers(1, WHOLE, &asking("GET", "/hold", &[])), reset(1, CANCEL)]),
            Nothing,
        ),
        case(
            "stream: a second header block that ends nothing",
            then(&[post(1, "/hold", &[]), headers(1, END_HEADERS, &[("x", "y")])]),
            Reset(PROTOCOL_ERROR),
        ),
        case("window: more of nothing, connection", window_update(0, 0), GoAway(PROTOCOL_ERROR)),
        case(
            "window: more of nothing, stream",
            then(&[post(1, "/hold", &[]), window_update(1, 0)]),
            GoAway(PROTOCOL_ERROR),
        ),
        case("window: three bytes", frame(WINDOW_UPDATE, 0, 0, &[0; 3]), GoAway(FRAME_SIZE_ERROR)),
        case(
            "window: overflow, connection",
            then(&[window_update(0, 0x7fff_ffff)]),
            GoAway(FLOW_CONTROL_ERROR),
        ),
        case(
            "window: overflow, stream",
            then(&[post(1, "/hold", &[]), window_update(1, 0x7fff_ffff)]),
            Reset(FLOW_CONTROL_ERROR),
        ),
        case(
            "window: a stream overflows by settings",
            then(&[post(1, "/hold", &[]), window_update(1, 0x7fff_0000), settings(&[(4, 0x7fff_ffff)])]),
            GoAway(FLOW_CONTROL_ERROR),
        ),
        case(
            "window: a stream's is overrun",
            then(&[
                post(1, "/hold", &[]),
                data(1, 0, 16_384),
                data(1, 0, 16_384),
                data(1, 0, 16_384),
                data(1, 0, 16_384),
                data(1, 0, 16_384),
            ]),
            Reset(FLOW_CONTROL_ERROR),
        ),
        case(
            "window: padding is given back",
            then(
                &[
                    &[post(1, "/hold", &[])][..],
                    &vec![frame(DATA, PADDED, 1, &[&[255], &[b'x'; 400][..], &[0; 255]].concat()); 100],
                ]
                .concat(),
            ),
            Nothing,
        ),
    ]
}

#[allow(clippy::too_many_lines)] // A table.
fn block_cases() -> Vec<Case> {
    let split = block(GET);
    let (first, second) = split.split_at(20);
    vec![
        case(
            "block: in two frames",
            then(&[frame(HEADERS, END_STREAM, 1, first), frame(CONTINUATION, END_HEADERS, 1, second)]),
            Answer("200"),
        ),
        case(
            "block: an empty continuation",
            then(&[headers(1, END_STREAM, GET), frame(CONTINUATION, END_HEADERS, 1, b"")]),
            Answer("200"),
        ),
        case(
            "block: data in it",
            then(&[headers(1, 0, GET), data(1, END_STREAM, 1)]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "block: headers of another stream in it",
            then(&[headers(1, END_STREAM, GET), get(3)]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "block: continued on another stream",
            then(&[headers(1, END_STREAM, GET), frame(CONTINUATION, END_HEADERS, 3, b"")]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "block: continued on stream 0",
            then(&[headers(1, END_STREAM, GET), frame(CONTINUATION, END_HEADERS, 0, b"")]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "block: continued without beginning",
            frame(CONTINUATION, END_HEADERS, 1, b""),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "block: continued after its end",
            then(&[post(1, "/hold", &[]), frame(CONTINUATION, END_HEADERS, 1, b"")]),
            GoAway(PROTOCOL_ERROR),
        ),
        case("hpack: index 0", raw(&[0x80]), GoAway(PROTOCOL_ERROR)),
        case("hpack: index of nothing", raw(&[0xff, 0x20]), GoAway(PROTOCOL_ERROR)),
        case("hpack: name of index of nothing", raw(&[0x7f, 0x20, 1, b'x']), GoAway(PROTOCOL_ERROR)),
        case(
            "hpack: endless number",
            raw(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            GoAway(PROTOCOL_ERROR),
        ),
        case("hpack: string longer than the block", raw(&[0, 1, b'x', 9, b'y']), GoAway(PROTOCOL_ERROR)),
        case(
            "hpack: table larger than allowed",
            frame(HEADERS, WHOLE, 1, &[&[0x3f, 0xff, 0xff, 3][..], &block(GET)].concat()),
            GoAway(PROTOCOL_ERROR),
        ),
        case("hpack: table size after a field", raw(&[0x20]), GoAway(PROTOCOL_ERROR)),
        case(
            "hpack: table size at the beginning",
            frame(HEADERS, WHOLE, 1, &[&[0x20][..], &block(GET)].concat()),
            Answer("200"),
        ),
        case("hpack: padding of eight bits", raw(&[0, 1, b'x', 0x82, 0xff, 0xff]), GoAway(PROTOCOL_ERROR)),
        case("hpack: padding of zeros", raw(&[0, 1, b'x', 0x81, 0x00]), GoAway(PROTOCOL_ERROR)),
        case(
            "hpack: the end symbol itself",
            raw(&[0, 1, b'x', 0x84, 0xff, 0xff, 0xff, 0xff]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "hpack: the static table",
            frame(HEADERS, WHOLE, 1, &[0x82, 0x87, 0x84, 0x41, 1, b'a']),
            Answer("200"),
        ),
    ]
}

#[allow(clippy::too_many_lines)] // A table.
fn field_cases() -> Vec<Case> {
    let bad = Reset(PROTOCOL_ERROR);
    vec![
        case("field: upper case", with(&[("X-Upper", "1")]), GoAway(PROTOCOL_ERROR)),
        case("field: a space in its name", with(&[("x y", "1")]), GoAway(PROTOCOL_ERROR)),
        case("field: no name", with(&[("", "1")]), GoAway(PROTOCOL_ERROR)),
        case("field: a colon in its name", with(&[("x:y", "1")]), GoAway(PROTOCOL_ERROR)),
        case("field: a line break in its name", with(&[("x\r\ny", "1")]), GoAway(PROTOCOL_ERROR)),
        case("field: a line break in its value", with(&[("x", "1\r\ny: 2")]), GoAway(PROTOCOL_ERROR)),
        case("field: NUL in its value", with(&[("x", "1\0")]), GoAway(PROTOCOL_ERROR)),
        case("field: a blank before its value", with(&[("x", " 1")]), Answer("400")),
        case("field: connection", with(&[("connection", "close")]), bad),
        case("field: keep-alive", with(&[("keep-alive", "1")]), bad),
        case("field: proxy-connection", with(&[("proxy-connection", "1")]), bad),
        case("field: transfer-encoding", with(&[("transfer-encoding", "chunked")]), bad),
        case("field: upgrade", with(&[("upgrade", "h2c")]), bad),
        case("field: te of trailers", with(&[("te", "trailers")]), Answer("200")),
        case("field: te of anything else", with(&[("te", "trailers, deflate")]), bad),
        case("pseudo: unknown", with(&[(":x", "1")]), GoAway(PROTOCOL_ERROR)),
        case("pseudo: of an answer", request(&[GET, &[(":status", "200")]].concat()), bad),
        case(
            "pseudo: after a field",
            request(&[(":method", "GET"), ("x", "y"), (":scheme", "https"), (":path", "/")]),
            bad,
        ),
        case("pseudo: method twice", request(&[GET, &[(":method", "GET")]].concat()), bad),
        case("pseudo: path twice", request(&[GET, &[(":path", "/")]].concat()), bad),
        case("pseudo: scheme twice", request(&[GET, &[(":scheme", "https")]].concat()), bad),
        case("pseudo: authority twice", request(&[GET, &[(":authority", "a.invalid")]].concat()), bad),
        case("pseudo: no method", request(&GET[1..]), bad),
        case("pseudo: no scheme", request(&[GET[0], GET[2], GET[3]]), bad),
        case("pseudo: no path", request(&GET[..3]), bad),
        case(
            "pseudo: no path and no authority",
            request(&[GET[0], GET[1], ("host", "a.invalid")]),
            Answer("400"),
        ),
        case(
            "pseudo: no authority, but host",
            request(&[GET[0], GET[1], GET[3], ("host", "a.invalid")]),
            Answer("200"),
        ),
        case("pseudo: neither authority nor host", request(&[GET[0], GET[1], GET[3]]), Answer("400")),
        case("pseudo: authority and another host", with(&[("host", "b.invalid")]), Answer("400")),
        case("pseudo: authority and the same host", with(&[("host", "A.invalid")]), Answer("200")),
        case("pseudo: empty path", request(&asking("GET", "", &[])), bad),
        case("pseudo: path that is a whole address", request(&asking("GET", "http://b.invalid/", &[])), bad),
        case("pseudo: path with a space", request(&asking("GET", "/ HTTP/1.1", &[])), bad),
        case("pseudo: path with a line break", request(&asking("GET", "/ HTTP/1.1\r\nx: y", &[])), bad),
        case("pseudo: path with NUL", request(&asking("GET", "/\0", &[])), bad),
        case(
            "pseudo: method with a space",
            request(&asking("GET / HTTP/1.1\r\nx:", "/", &[])),
            GoAway(PROTOCOL_ERROR),
        ),
        case("pseudo: empty method", request(&asking("", "/", &[])), GoAway(PROTOCOL_ERROR)),
        case(
            "pseudo: authority with a line break",
            request(&[GET[0], GET[1], (":authority", "a\r\nx: y"), GET[3]]),
            bad,
        ),
        case(
            "pseudo: authority with a user",
            request(&[GET[0], GET[1], (":authority", "u@a.invalid"), GET[3]]),
            Answer("400"),
        ),
        case(
            "pseudo: scheme of another kind",
            request(&[GET[0], (":scheme", "ftp"), GET[2], GET[3]]),
            Answer("400"),
        ),
        case(
            "pseudo: connect",
            request(&[(":method", "CONNECT"), (":authority", "a.invalid:443")]),
            Answer("400"),
        ),
        case("pseudo: connect with a path", request(&asking("CONNECT", "/", &[])), bad),
        case(
            "pseudo: protocol without leave",
            request(&[&[(":protocol", "websocket")], &asking("CONNECT", "/", &[])[..]].concat()),
            bad,
        ),
        case("options of everything", request(&asking("OPTIONS", "*", &[])), Answer("200")),
        case(
            "length: shorter than the data",
            then(&[post(1, "/hold", &[("content-length", "1")]), data(1, END_STREAM, 2)]),
            bad,
        ),
        case(
            "length: longer than the data",
            then(&[post(1, "/hold", &[("content-length", "3")]), data(1, END_STREAM, 2)]),
            bad,
        ),
        case("length: but no data", with(&[("content-length", "3")]), bad),
        case(
            "length: no number",
            then(&[post(1, "/hold", &[("content-length", "+2")]), data(1, END_STREAM, 2)]),
            bad,
        ),
        case(
            "length: twice",
            then(&[
                post(1, "/", &[("content-length", "2"), ("content-length", "2")]),
                data(1, END_STREAM, 2),
            ]),
            Answer("400"),
        ),
        case(
            "length: as it is",
            then(&[post(1, "/", &[("content-length", "2")]), data(1, END_STREAM, 2)]),
            Answer("200"),
        ),
        case(
            "trailers",
            then(&[post(1, "/", &[]), data(1, 0, 2), headers(1, WHOLE, &[("x-sum", "1")])]),
            Answer("200"),
        ),
        case(
            "trailers: with pseudo-headers",
            then(&[post(1, "/hold", &[]), data(1, 0, 2), headers(1, WHOLE, &[(":path", "/")])]),
            Nothing,
        ),
        case(
            "trailers: with connection",
            then(&[post(1, "/hold", &[]), data(1, 0, 2), headers(1, WHOLE, &[("connection", "x")])]),
            bad,
        ),
        case(
            "trailers: upper case",
            then(&[post(1, "/hold", &[]), data(1, 0, 2), headers(1, WHOLE, &[("X-Sum", "1")])]),
            GoAway(PROTOCOL_ERROR),
        ),
        case(
            "trailers: the data was shorter than its length",
            then(&[
                post(1, "/hold", &[("content-length", "3")]),
                data(1, 0, 2),
                headers(1, WHOLE, &[("x-sum", "1")]),
            ]),
            bad,
        ),
        case("fields: a hundred and one", with(&vec![("x", "y"); 101]), Answer("431")),
        case("fields: more than the list may have", long(16), Answer("431")),
        case("fields: as many bytes as the list may have", long(15), Answer("200")),
        case("fields: a bomb", raw(&bomb(100)), GoAway(ENHANCE_YOUR_CALM)),
        case("fields: a small bomb", raw(&bomb(10)), Answer("431")),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    [settings_cases(), frame_cases(), stream_cases(), block_cases(), field_cases()]
        .into_iter()
        .flatten()
        .collect()
}

#[tokio::test(start_paused = true)]
async fn every_rule_has_its_consequence_and_no_other() {
    let (cases, mut wrong) = (cases(), Vec::new());
    assert!(cases.len() > 120, "{}", cases.len());
    for case in &cases {
        let (mut client, street) = opened().await;
        client.say(&case.says).await;
        let heard = client.ask(frame(PING, 0, 0, b"and then")).await;
        let alive = heard.pongs.iter().any(|pong| pong == b"and then") && !heard.over;
        let came = match (heard.end(), heard.resets.get(&1), heard.answers.get(&1)) {
            (Some((code, _)), ..) if heard.over => Some(GoAway(code)),
            (None, Some(code), None) if alive => Some(Reset(*code)),
            (None, _, Some(answer)) if alive && answer.whole => {
                let known = ["200", "400", "431"].into_iter().find(|known| *known == answer.status());
                known.map(Answer)
            }
            (None, None, None) if alive => Some(Nothing),
            _ => None,
        };
        let own = matches!(case.comes, Answer("400")).then_some(hyper::StatusCode::BAD_REQUEST);
        let refused = street.service.refused.lock().unwrap();
        assert!(own.is_none_or(|own| refused.contains(&own)), "{}: not the front's own", case.name);
        if came != Some(case.comes) {
            wrong.push(format!("{}: {:?} expected, came {came:?}: {heard:?}", case.name, case.comes));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
