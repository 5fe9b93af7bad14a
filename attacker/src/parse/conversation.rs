//! Both directions of one flow: requests, and responses beside the requests they answer; or packets, where
//! the flow begins like a conversation with a message queue.
//!
//! A response whose request was not heard (the listener came late) stands alone. A flow that begins with a
//! TLS record is recognised and no longer looked at; so is one that switched to another protocol.

use std::{collections::VecDeque, sync::Arc};

use testbed::vocabulary::Direction;

use super::{
    http::{Message, RequestHead, ResponseHead},
    queue::{self, Packet, Packets},
    reader::Reader,
};

/// Requests remembered while their responses are awaited.
const MAX_WAITING: usize = 16;

/// What a flow speaks, as far as its first bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    /// Too few bytes to tell.
    Unknown,
    /// It did not begin with a TLS record.
    Clear,
    /// It began with a TLS record.
    Tls,
    /// It left HTTP on agreement (`101`, `CONNECT`).
    Switched,
}

/// A request and everything heard with it.
pub type HeardRequest = Arc<Message<RequestHead>>;

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A request.
    Request(HeardRequest),
    /// A response, and the request it answers if that was heard.
    Response(Message<ResponseHead>, Option<HeardRequest>),
    /// A packet to or from a message queue.
    Packet(Packet),
}

/// One flow.
#[derive(Debug)]
pub struct Conversation {
    speech: Speech,
    // The first bytes of each direction, until they tell what it speaks.
    opening: [Vec<u8>; 2],
    // Both directions of a conversation with a message queue.
    packets: Option<[Packets; 2]>,
    requests: Reader<RequestHead>,
    responses: Reader<ResponseHead>,
    waiting: VecDeque<HeardRequest>,
    // Responses that came before their request was complete.
    early: u64,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            speech: Speech::Unknown,
            opening: [Vec::new(), Vec::new()],
            packets: None,
            requests: Reader::default(),
            responses: Reader::default(),
            waiting: VecDeque::new(),
            early: 0,
        }
    }
}

impl Conversation {
    /// What it speaks.
    pub fn speech(&self) -> Speech {
        self.speech
    }

    /// The next bytes of one direction.
    pub fn hear(&mut self, direction: Direction, bytes: &[u8]) -> Vec<Heard> {
        match self.speech {
            Speech::Tls | Speech::Switched => Vec::new(),
            Speech::Clear => self.read(direction, bytes),
            Speech::Unknown => self.open(direction, bytes),
        }
    }

    /// The flow is over: what is under way is all there will be.
    pub fn finish(&mut self) -> Vec<Heard> {
        if matches!(self.speech, Speech::Tls | Speech::Switched) {
            return Vec::new();
        }
        let request = self.requests.finish().map(|message| self.asked(message));
        let response = self.responses.finish().and_then(|message| self.answered(message));
        request.into_iter().chain(response).collect()
    }

    /// Waits for two bytes of a direction, which tell TLS records from anything else, and for a few more
    /// where they may begin a packet.
    fn open(&mut self, direction: Direction, bytes: &[u8]) -> Vec<Heard> {
        let [dialer, acceptor] = &mut self.opening;
        let opening = if direction == Direction::ToAcceptor { dialer } else { acceptor };
        opening.extend_from_slice(bytes);
        self.speech = match opening.as_slice() {
            // Handshake at the start; alert, change or data where the listener came late.
            [0x14..=0x17, 0x03, ..] => Speech::Tls,
            [_, _, ..] => match queue::opening(direction, opening) {
                Some(begins) => {
                    self.packets = begins.then(Default::default);
                    Speech::Clear
                }
                None => Speech::Unknown,
            },
            _ => Speech::Unknown,
        };
        if self.speech != Speech::Clear {
            return Vec::new();
        }
        let [dialer, acceptor] = std::mem::take(&mut self.opening);
        let mut heard = self.read(Direction::ToAcceptor, &dialer);
        heard.extend(self.read(Direction::ToDialer, &acceptor));
        heard
    }

    fn read(&mut self, direction: Direction, bytes: &[u8]) -> Vec<Heard> {
        let mut heard = Vec::new();
        if let Some([to_acceptor, to_dialer]) = &mut self.packets {
            let packets = if direction == Direction::ToAcceptor { to_acceptor } else { to_dialer };
            packets.feed(bytes);
            heard.extend(std::iter::from_fn(|| packets.packet()).map(Heard::Packet));
        } else if direction == Direction::ToAcceptor {
            self.requests.feed(bytes);
            while let Some(message) = self.requests.message(false) {
                heard.push(self.asked(message));
            }
        } else {
            self.responses.feed(bytes);
            while let Some(message) = self.responses.message(self.awaits_head()) {
                heard.extend(self.answered(message));
            }
        }
        heard
    }

    fn awaits_head(&self) -> bool {
        self.waiting.front().is_some_and(|request| request.head.method == "HEAD")
    }

    fn asked(&mut self, message: Message<RequestHead>) -> Heard {
        let request = Arc::new(message);
        if self.early > 0 {
            self.early -= 1;
        } else {
            if self.waiting.len() == MAX_WAITING {
                self.waiting.pop_front();
            }
            self.waiting.push_back(Arc::clone(&request));
        }
        Heard::Request(request)
    }

    fn answered(&mut self, response: Message<ResponseHead>) -> Option<Heard> {
        let status = response.head.status;
        if (100..=199).contains(&status) && status != 101 {
            return None;
        }
        let request = self.waiting.pop_front();
        if request.is_none() && self.requests.in_progress() {
            self.early += 1;
        }
        let connected = request.as_ref().is_some_and(|request| request.head.method == "CONNECT");
        if status == 101 || (connected && (200..=299).contains(&status)) {
            self.speech = Speech::Switched;
        }
        Some(Heard::Response(response, request))
    }
}

#[cfg(test)]
mod tests {
    use Direction::{ToAcceptor, ToDialer};
    use proptest::prelude::*;

    use super::*;

    /// A transcript: `>` from the dialer, `<` from the acceptor; returns what was understood, a line each.
    fn listen(script: &[(Direction, &[u8])]) -> (Speech, Vec<String>) {
        let mut flow = Conversation::default();
        let mut heard: Vec<Heard> = Vec::new();
        for (direction, bytes) in script {
            heard.extend(flow.hear(*direction, bytes));
        }
        heard.extend(flow.finish());
        (flow.speech(), heard.iter().map(line).collect())
    }

    fn line(heard: &Heard) -> String {
        match heard {
            Heard::Request(request) => format!("> {} {}", request.head.method, request.head.path),
            Heard::Response(response, request) => {
                let to = request.as_ref().map_or("?", |request| request.head.path.as_str());
                let body = String::from_utf8_lossy(&response.body);
                format!("< {} to {to} {body}", response.head.status)
            }
            Heard::Packet(packet) => format!("{packet:?}"),
        }
    }

    #[test]
    fn pipelined_requests_are_paired_in_order() {
        let (_, heard) = listen(&[
            (ToAcceptor, b"HEAD /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n"),
            (ToDialer, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
            (ToDialer, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        ]);
        assert_eq!(heard, ["> HEAD /a", "> GET /b", "< 200 to /a ", "< 200 to /b hi"]);
    }

    #[test]
    fn a_late_listener_hears_an_orphan_and_pairs_the_rest() {
        let (_, heard) = listen(&[
            (ToDialer, b"tail of a body"),
            (ToDialer, b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
            (ToAcceptor, b"GET /b HTTP/1.1\r\n\r\n"),
            (ToDialer, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        ]);
        assert_eq!(heard, ["< 200 to ? x", "> GET /b", "< 404 to /b "]);
    }

    #[test]
    fn continue_is_no_answer_and_an_early_refusal_keeps_the_pairs_straight() {
        let (_, heard) = listen(&[
            (ToAcceptor, b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n"),
            (ToDialer, b"HTTP/1.1 100 Continue\r\n\r\n"),
            (ToDialer, b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n"),
            (ToAcceptor, b"okGET /b HTTP/1.1\r\n\r\n"),
            (ToDialer, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ]);
        assert_eq!(heard, ["< 413 to ? ", "> POST /a", "> GET /b", "< 200 to /b "]);
    }

    #[test]
    fn tls_is_recognised_and_left_alone_even_from_the_middle() {
        let hello: &[(Direction, &[u8])] =
            &[(ToAcceptor, b"\x16"), (ToAcceptor, b"\x03\x01GET / HTTP/1.1\r\n\r\n")];
        assert_eq!(listen(hello), (Speech::Tls, vec![]));
        assert_eq!(listen(&[(ToDialer, b"\x17\x03\x03\x00\x20")]), (Speech::Tls, vec![]));
    }

    #[test]
    fn a_conversation_with_a_queue_is_read_as_packets_from_its_start_and_from_its_middle() {
        let login: (Direction, &[u8]) =
            (ToAcceptor, b"\x10\x10\x00\x04MQTT\x04\x80\x00\x0a\x00\x00\x00\x02me");
        let message: (Direction, &[u8]) = (ToDialer, b"\x30\x05\x00\x01tok");
        let told = r#"Message { topic: "t", body: b"ok", id: None }"#;
        let (speech, heard) = listen(&[login, (ToDialer, b"\x20\x02\x00\x00"), message]);
        assert_eq!(speech, Speech::Clear);
        assert_eq!(heard, [r#"Login { name: Some("me"), password: None }"#, "Other", told]);
        assert_eq!(listen(&[message]), (Speech::Clear, vec![told.to_owned()]));
        let (halves, (_, bytes)) = (message.1.split_at(3), login);
        let split = [(ToDialer, halves.0), (ToAcceptor, bytes), (ToDialer, halves.1)];
        assert_eq!(listen(&split).1.len(), 2, "either side tells what both speak");
    }

    #[test]
    fn a_switched_flow_is_no_longer_read_as_http() {
        let (speech, heard) = listen(&[
            (ToAcceptor, b"GET /console HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"),
            (ToDialer, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
            (ToAcceptor, b"GET /frame HTTP/1.1\r\n\r\n"),
        ]);
        assert_eq!(speech, Speech::Switched);
        assert_eq!(heard, ["> GET /console", "< 101 to /console "]);
    }

    #[test]
    fn a_body_that_ends_with_the_flow_is_heard_at_its_end() {
        let (_, heard) =
            listen(&[(ToAcceptor, b"GET / HTTP/1.0\r\n\r\n"), (ToDialer, b"HTTP/1.0 200 OK\r\n\r\nold")]);
        assert_eq!(heard, ["> GET /", "< 200 to / old"]);
    }

    proptest! {
        #[test]
        fn no_exchange_of_bytes_panics(
            script in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..48)), 0..24),
        ) {
            let mut flow = Conversation::default();
            for (asks, bytes) in &script {
                flow.hear(if *asks { ToAcceptor } else { ToDialer }, bytes);
            }
            flow.finish();
            prop_assert!(flow.waiting.len() <= MAX_WAITING);
        }
    }
}
