//! An HTTP/2 client that writes and reads frames by hand, so that it can say anything. Its header lists are written
//! as literals and read by a decoder that the server's library does not share.

use std::{collections::BTreeMap, time::Duration};

use proxies::stream::Stream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const PRIORITISED: u8 = 0x20;
/// A whole request without a body.
pub(crate) const WHOLE: u8 = END_STREAM | END_HEADERS;

pub(crate) const NO_ERROR: u32 = 0;
pub(crate) const PROTOCOL_ERROR: u32 = 1;
pub(crate) const FLOW_CONTROL_ERROR: u32 = 3;
pub(crate) const STREAM_CLOSED: u32 = 5;
pub(crate) const FRAME_SIZE_ERROR: u32 = 6;
pub(crate) const REFUSED_STREAM: u32 = 7;
pub(crate) const CANCEL: u32 = 8;
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

pub(crate) const GET: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "https"), (":authority", "a.invalid"), (":path", "/")];

/// How long nothing has to come before the other side is taken to have said all it will. Paused time: it costs none.
const QUIET: Duration = Duration::from_millis(200);

/// A frame with the length it really has.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header block: each field a literal that no table learns.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            string(&mut block, text.as_bytes());
        }
    }
    block
}

fn string(block: &mut Vec<u8>, text: &[u8]) {
    if text.len() < 127 {
        block.push(text.len() as u8);
    } else {
        block.push(127);
        let mut left = text.len() - 127;
        while left >= 128 {
            block.push((left % 128) as u8 | 128);
            left /= 128;
        }
        block.push(left as u8);
    }
    block.extend(text);
}

/// HEADERS in one frame.
pub(crate) fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags, stream, &block(fields))
}

/// The fields of a request for `path`, and more.
pub(crate) fn asking<'a>(
    method: &'a str,
    path: &'a str,
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let pseudo = [(":method", method), (":scheme", "https"), (":authority", "a.invalid"), (":path", path)];
    [&pseudo, more].concat()
}

pub(crate) fn get(stream: u32) -> Vec<u8> {
    headers(stream, WHOLE, GET)
}

pub(crate) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<_> = values
        .iter()
        .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    frame(SETTINGS, 0, 0, &payload)
}

pub(crate) fn window_update(stream: u32, more: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
}

pub(crate) fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

/// One answer, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn status(&self) -> &str {
        self.field(":status").unwrap_or("none")
    }
}

/// Everything the server said so far.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) answers: BTreeMap<u32, Answer>,
    pub(crate) resets: BTreeMap<u32, u32>,
    /// Code and debug data of each GOAWAY.
    pub(crate) goaways: Vec<(u32, String)>,
    pub(crate) settings: Vec<(u16, u32)>,
    pub(crate) settings_acks: usize,
    pub(crate) pongs: Vec<Vec<u8>>,
    pub(crate) pings: Vec<Vec<u8>>,
    /// The connection is over.
    pub(crate) over: bool,
}

impl Heard {
    /// Code and words of the GOAWAY that ended it.
    pub(crate) fn end(&self) -> Option<(u32, &str)> {
        self.goaways.last().map(|(code, words)| (*code, words.as_str()))
    }

    pub(crate) fn status(&self, stream: u32) -> &str {
        self.answers.get(&stream).map_or("none", Answer::status)
    }
}

pub(crate) struct Client<S> {
    stream: S,
    hpack: fluke_hpack::Decoder<'static>,
    unread: Vec<u8>,
    /// Answers PING, as everybody does who is there.
    pub(crate) there: bool,
    answered: usize,
    pub(crate) heard: Heard,
}

impl<S: Stream> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        let (hpack, heard) = (fluke_hpack::Decoder::new(), Heard::default());
        Self { stream, hpack, unread: Vec::new(), there: true, answered: 0, heard }
    }

    /// After the preface, the settings of both sides and their acknowledgements.
    pub(crate) async fn opened(stream: S) -> Self {
        Self::opened_with(stream, &[]).await
    }

    pub(crate) async fn opened_with(stream: S, values: &[(u16, u32)]) -> Self {
        let mut client = Self::new(stream);
        client.say(PREFACE).await;
        client.say(settings(values)).await;
        client.listen().await;
        client.say(frame(SETTINGS, ACK, 0, &[])).await;
        client.listen().await;
        assert_eq!(client.heard.settings_acks, 1, "{:?}", client.heard);
        client
    }

    /// Writes, and does not mind that nobody may be there to read it any more.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        // A server that takes nothing makes nobody wait for ever.
        let write = async {
            let _gone = self.stream.write_all(bytes.as_ref()).await;
            let _gone = self.stream.flush().await;
        };
        let _stuck = timeout(QUIET, write).await;
    }

    /// Says and listens: what came of it.
    pub(crate) async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> &Heard {
        self.say(bytes).await;
        self.listen().await
    }

    /// Reads until nothing more comes.
    pub(crate) async fn listen(&mut self) -> &Heard {
        self.listen_for(QUIET).await
    }

    pub(crate) async fn listen_for(&mut self, quiet: Duration) -> &Heard {
        let mut buffer = vec![0; 64 * 1024];
        if self.heard.over {
            // Time passes all the same.
            tokio::time::sleep(quiet).await;
        }
        while !self.heard.over {
            match timeout(quiet, self.stream.read(&mut buffer)).await {
                Err(_quiet) => break,
                Ok(Ok(0) | Err(_)) => self.heard.over = true,
                Ok(Ok(read)) => {
                    self.unread.extend(&buffer[..read]);
                    self.take_frames();
                    self.answer_pings().await;
                }
            }
        }
        &self.heard
    }

    pub(crate) async fn hang_up(mut self) {
        let _gone = self.stream.shutdown().await;
    }

    async fn answer_pings(&mut self) {
        while self.there && self.answered < self.heard.pings.len() {
            let pong = frame(PING, ACK, 0, &self.heard.pings[self.answered]);
            self.answered += 1;
            self.say(pong).await;
        }
    }

    fn take_frames(&mut self) {
        while self.unread.len() >= 9 {
            let length = u32::from_be_bytes([0, self.unread[0], self.unread[1], self.unread[2]]) as usize;
            if self.unread.len() < 9 + length {
                return;
            }
            let frame: Vec<_> = self.unread.drain(..9 + length).collect();
            let stream = u32::from_be_bytes(frame[5..9].try_into().unwrap());
            self.take(frame[3], frame[4], stream, &frame[9..]);
        }
    }

    fn take(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        match kind {
            DATA => {
                let answer = self.heard.answers.entry(stream).or_default();
                answer.body.extend(payload);
                answer.whole |= flags & END_STREAM != 0;
            }
            HEADERS => {
                assert!(flags & END_HEADERS != 0, "answers of these tests fit in one frame");
                let fields = self.hpack.decode(payload).unwrap();
                let text = |bytes| String::from_utf8(bytes).unwrap();
                let fields: Vec<_> =
                    fields.into_iter().map(|(name, value)| (text(name), text(value))).collect();
                let answer = self.heard.answers.entry(stream).or_default();
                if answer.fields.is_empty() {
                    answer.fields = fields;
                } else {
                    answer.trailers = fields;
                }
                answer.whole |= flags & END_STREAM != 0;
            }
            RST_STREAM => drop(self.heard.resets.insert(stream, number(0))),
            SETTINGS if flags & ACK != 0 => self.heard.settings_acks += 1,
            SETTINGS => {
                let values = payload.chunks(6).map(|value| {
                    (
                        u16::from_be_bytes([value[0], value[1]]),
                        u32::from_be_bytes(value[2..6].try_into().unwrap()),
                    )
                });
                self.heard.settings.extend(values);
            }
            PING if flags & ACK != 0 => self.heard.pongs.push(payload.to_vec()),
            PING => self.heard.pings.push(payload.to_vec()),
            GOAWAY => {
                self.heard.goaways.push((number(4), String::from_utf8_lossy(&payload[8..]).into_owned()));
            }
            WINDOW_UPDATE => {}
            other => panic!("the server sent a frame of kind {other}"),
        }
    }
}
