//! Messages of HTTP in the memory of a process: no stream, no beginning, only what lies there.
//!
//! Text that stands together and has a request or status line in it is read from that line on, as one message. What
//! was overwritten in part is read as far as it goes. Pure.

use memchr::memmem;
use testbed::vocabulary::Direction;

use super::conversation::{Conversation, Heard};

/// What every request line ends in.
const REQUEST: &[u8] = b" HTTP/1.1\r\n";
/// What every status line begins with.
const RESPONSE: &[u8] = b"HTTP/1.1 ";
/// No request line is longer.
const LINE: usize = 8 * 1024;
/// Nor is a message that is read.
const MESSAGE: usize = 256 * 1024;

/// Everything in some bytes that reads like a message.
pub fn messages(bytes: &[u8]) -> Vec<Heard> {
    let requests = memmem::find_iter(bytes, REQUEST).map(|at| (method(bytes, at), Direction::ToAcceptor));
    let responses = memmem::find_iter(bytes, RESPONSE).map(|at| (at, Direction::ToDialer));
    let mut heard = Vec::new();
    for (start, direction) in requests.chain(responses) {
        let text = &bytes[start..bytes.len().min(start + MESSAGE)];
        let end = text.iter().position(|byte| !is_text(*byte)).unwrap_or(text.len());
        let mut conversation = Conversation::default();
        heard.extend(conversation.hear(direction, &text[..end]));
        heard.extend(conversation.finish());
    }
    heard
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t')
}

/// Where the request begins whose target ends at `at`. What stands right before it may be the end of something else:
/// the method is the capitals before the last space.
fn method(bytes: &[u8], at: usize) -> usize {
    let line = &bytes[at.saturating_sub(LINE)..at];
    let Some(space) = line.iter().rposition(|byte| *byte == b' ' || !is_text(*byte)) else { return at };
    let capitals = line[..space].iter().rev().take_while(|byte| byte.is_ascii_uppercase()).count();
    at - (line.len() - space) - capitals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::secrets::findings;

    #[test]
    fn a_message_is_read_out_of_whatever_lies_around_it() {
        let mut memory = vec![0_u8; 300];
        memory
            .extend(b"\x01\x17\x03junkGET /v3/x HTTP/1.1\r\nHost: a\r\nX-Auth-Token: gAAAAABabc\r\n\r\n\0\0");
        memory.extend(
            b"HTTP/1.1 201 Created\r\nX-Subject-Token: gAAAAABdef\r\nContent-Length: 2\r\n\r\n{}\xff",
        );
        let found: Vec<_> = messages(&memory).iter().flat_map(findings).map(|found| found.value).collect();
        assert_eq!(found, ["gAAAAABabc", "gAAAAABdef", "{}"]);
    }

    #[test]
    fn noise_is_no_message() {
        let noise: Vec<u8> = (0..=255_u8).cycle().take(70_000).collect();
        assert!(messages(&noise).is_empty());
        assert!(messages(b" HTTP/1.1\r\n HTTP/1.1\r\n HTTP/1.1 ").is_empty());
    }
}
