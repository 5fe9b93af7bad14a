//! Reads a `ServerHello` as far as the opener needs it, and tells TLS from anything else by its first bytes.
//! What a `ClientHello` says is read as proxies read it.

use proxies::peek::Reader;

use super::{opened::Kind, records::HANDSHAKE};

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

const SUPPORTED_VERSIONS: u16 = 43;

/// What a flow is, by the first bytes of its dialing end; `None` while they fit a `ClientHello` but are few.
pub(super) fn kind_of_dialer(start: &[u8]) -> Option<Kind> {
    if !may_be_hello(start, CLIENT_HELLO) {
        Some(Kind::NotTls)
    } else if start.len() >= HELLO_START {
        Some(Kind::Tls)
    } else {
        None
    }
}

/// What a flow is whose dialing end said too little to tell.
pub(super) fn kind_of_truncated(dialer: &[u8], acceptor: &[u8]) -> Kind {
    match (dialer.is_empty(), acceptor.is_empty()) {
        (true, true) => Kind::Silent,
        (true, false) if !may_be_hello(acceptor, SERVER_HELLO) => Kind::NotTls,
        _ => Kind::Tls,
    }
}

/// Record type, version (2), length (2), message type.
const HELLO_START: usize = 6;

fn may_be_hello(start: &[u8], message: u8) -> bool {
    let at = |index: usize, fits: fn(u8, u8) -> bool, wanted: u8| {
        start.get(index).is_none_or(|byte| fits(*byte, wanted))
    };
    at(0, |byte, wanted| byte == wanted, HANDSHAKE)
        && at(1, |byte, wanted| byte == wanted, 3)
        && at(2, |byte, wanted| byte <= wanted, 4)
        // The length's high byte: a record in clear text holds at most 2^14 bytes.
        && at(3, |byte, wanted| byte <= wanted, 0x40)
        && at(5, |byte, wanted| byte == wanted, message)
}

/// From a `ServerHello` or a `HelloRetryRequest`, which has the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub(super) version: u16,
    pub(super) random: [u8; 32],
    pub(super) suite: u16,
}

impl ServerHello {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut body = Reader::new(body);
        let mut version = body.u16()?;
        let random = body.array()?;
        let _session_id = body.short_vector()?;
        let suite = body.u16()?;
        let _compression = body.u8()?;
        for (number, mut content) in body.extensions()? {
            if number == SUPPORTED_VERSIONS {
                version = content.u16()?;
            }
        }
        Some(Self { version, random, suite })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_server_hello_tells_version_random_and_suite_and_none_cut_short_is_read() {
        let mut hello = vec![3, 3];
        hello.extend([9; 32]);
        hello.extend([0, 0x13, 0x01, 0]);
        let without_extensions = hello.len();
        let expected = ServerHello { version: 0x0303, random: [9; 32], suite: 0x1301 };
        assert_eq!(ServerHello::read(&hello), Some(expected));

        hello.extend([0, 6, 0, 43, 0, 2, 3, 4]);
        assert_eq!(ServerHello::read(&hello), Some(ServerHello { version: 0x0304, ..expected }));
        for end in (0..hello.len()).filter(|end| *end != without_extensions) {
            assert_eq!(ServerHello::read(&hello[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_flow_is_told_from_its_first_bytes() {
        let start = [22, 3, 1, 2, 0, CLIENT_HELLO];
        for end in 0..start.len() {
            assert_eq!(kind_of_dialer(&start[..end]), None);
        }
        assert_eq!(kind_of_dialer(&start), Some(Kind::Tls));
        assert_eq!(kind_of_dialer(b"G"), Some(Kind::NotTls));
        assert_eq!(kind_of_dialer(&[22, 3, 1, 0xff]), Some(Kind::NotTls));
        assert_eq!(kind_of_dialer(&[22, 3, 1, 2, 0, SERVER_HELLO]), Some(Kind::NotTls));
    }

    #[test]
    fn a_flow_without_a_dialing_byte_is_told_from_the_answer() {
        assert_eq!(kind_of_truncated(b"", b""), Kind::Silent);
        assert_eq!(kind_of_truncated(b"", b"220 hello"), Kind::NotTls);
        assert_eq!(kind_of_truncated(b"", &[22, 3, 3, 0, 90, SERVER_HELLO]), Kind::Tls);
        assert_eq!(kind_of_truncated(&[22], b""), Kind::Tls);
    }
}
