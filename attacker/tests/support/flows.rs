//! What crosses a made-up segment.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use testbed::{
    foothold::{FlowView, Sniffed, Sniffer, Target},
    vocabulary::Direction,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::street::response;

/// A segment that is heard from the first chunk on.
pub(crate) struct Segment {
    chunks: mpsc::UnboundedSender<Sniffed>,
    flows: u64,
}

impl Segment {
    pub(crate) fn new(stop: &CancellationToken) -> (Self, Sniffer) {
        let (chunks, heard) = mpsc::unbounded_channel();
        (Self { chunks, flows: 0 }, Sniffer::new(heard, stop.clone()))
    }

    /// One flow, chunk by chunk, to its end.
    pub(crate) fn flow(&mut self, to: &Target, script: &[(Direction, &[u8])]) {
        self.flows += 1;
        let flow = Arc::new(FlowView { id: self.flows, from: "client".to_owned(), to: to.clone() });
        let chunk = |direction, bytes: &[u8], end| Sniffed {
            flow: Arc::clone(&flow),
            direction,
            at: Duration::from_millis(self.flows),
            bytes: Bytes::copy_from_slice(bytes),
            end,
        };
        for (direction, bytes) in script {
            self.chunks.send(chunk(*direction, bytes, false)).unwrap();
        }
        self.chunks.send(chunk(Direction::ToDialer, b"", true)).unwrap();
    }

    /// A request and its response in one flow.
    pub(crate) fn exchange(&mut self, to: &Target, request: &str, answer: &str) {
        let script = [(Direction::ToAcceptor, request.as_bytes()), (Direction::ToDialer, answer.as_bytes())];
        self.flow(to, &script);
    }

    /// A user logs in and gets the token `tok`.
    pub(crate) fn login(&mut self, to: &Target) {
        let body = r#"{"auth":{"identity":{"password":{"user":{"name":"alice","password":"pw-1"}}}}}"#;
        let length = body.len();
        let request = format!("POST /v3/auth/tokens HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}");
        self.exchange(to, &request, &response(201, "X-Subject-Token: tok\r\n", r#"{"token":{}}"#));
    }

    /// A user lists servers with a token.
    pub(crate) fn list(&mut self, to: &Target, token: &str, servers: &str) {
        let request = format!("GET /v2.1/servers/detail HTTP/1.1\r\nX-Auth-Token: {token}\r\n\r\n");
        self.exchange(to, &request, &response(200, "", &format!(r#"{{"servers":[{servers}]}}"#)));
    }

    /// A flow nobody can read.
    pub(crate) fn encrypted(&mut self, to: &Target) {
        let hello = super::tls::hello("api.test");
        let data: &[u8] = b"\x17\x03\x03\x00\x05X-Auth-Token: tok";
        self.flow(to, &[(Direction::ToAcceptor, &hello), (Direction::ToDialer, data)]);
    }
}
