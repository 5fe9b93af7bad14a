//! Messages of HTTP in the memory of a process: no stream, no beginning, only what lies there.
//!
//! Text that stands together and has a request or status line in it is read from that line on, as one message. What
//! was overwritten in part is read as far as it goes. Pure.

use testbed::vocabulary::Direction;

use super::conversation::{Conversation, Heard};

/// Shorter text is no message.
const SHORTEST: usize = 16;
/// What every request line ends in.
const REQUEST: &[u8] = b" HTTP/1.1\r\n";
/// What every status line begins with.
const RESPONSE: &[u8] = b"HTTP/1.1 ";

/// Everything in some bytes that reads like a message.
pub fn messages(bytes: &[u8]) -> Vec<Heard> {
    let texts = bytes.split(|byte| !is_text(*byte)).filter(|text| text.len() >= SHORTEST);
    let mut heard = Vec::new();
    for text in texts {
        for (start, direction) in starts(text) {
            let mut conversation = Conversation::default();
            heard.extend(conversation.hear(direction, &text[start..]));
            heard.extend(conversation.finish());
        }
    }
    heard
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t')
}

/// Where messages begin, and which way they went.
fn starts(text: &[u8]) -> Vec<(usize, Direction)> {
    let mut starts = Vec::new();
    for at in places(text, REQUEST) {
        let line = text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        // What stands right before it may be the end of something else: the method is the last word but one.
        let space = text[line..at].iter().rposition(|byte| *byte == b' ');
        let method = space.map_or(line, |space| {
            let before = &text[line..line + space];
            line + space - before.iter().rev().take_while(|byte| byte.is_ascii_uppercase()).count()
        });
        starts.push((method, Direction::ToAcceptor));
    }
    starts.extend(places(text, RESPONSE).map(|at| (at, Direction::ToDialer)));
    starts
}

fn places<'a>(text: &'a [u8], sought: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    text.windows(sought.len()).enumerate().filter(move |(_, part)| *part == sought).map(|(at, _)| at)
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
