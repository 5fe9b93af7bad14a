//! Reads the two hellos, as far as the opener needs them, and tells TLS from anything else by them.

use super::{opened::Kind, reader::Reader, records::HANDSHAKE};

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

const SERVER_NAME: u16 = 0;
const EARLY_DATA: u16 = 42;
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

/// From a `ClientHello`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientHello {
    pub(super) random: [u8; 32],
    pub(super) server_name: Option<String>,
    pub(super) early_data: bool,
}

impl ClientHello {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut body = Reader::new(body);
        let _version = body.u16()?;
        let random = body.array()?;
        let _session_id = body.short_vector()?;
        let _suites = body.vector()?;
        let _compressions = body.short_vector()?;
        let mut hello = Self { random, server_name: None, early_data: false };
        for_each_extension(body, |id, content| {
            match id {
                SERVER_NAME => hello.server_name = host_name(content),
                EARLY_DATA => hello.early_data = true,
                _ => {}
            }
            Some(())
        })?;
        Some(hello)
    }
}

/// From a `ServerHello` or a `HelloRetryRequest`, which has the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub(super) version: u16,
    pub(super) suite: u16,
}

impl ServerHello {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut body = Reader::new(body);
        let mut version = body.u16()?;
        let _random = body.array::<32>()?;
        let _session_id = body.short_vector()?;
        let suite = body.u16()?;
        let _compression = body.u8()?;
        for_each_extension(body, |id, mut content| {
            if id == SUPPORTED_VERSIONS {
                version = content.u16()?;
            }
            Some(())
        })?;
        Some(Self { version, suite })
    }
}

/// Extensions may be absent altogether; what is there must be whole.
fn for_each_extension<'a>(
    mut body: Reader<'a>,
    mut visit: impl FnMut(u16, Reader<'a>) -> Option<()>,
) -> Option<()> {
    if body.is_empty() {
        return Some(());
    }
    let mut extensions = Reader::new(body.vector()?);
    while !extensions.is_empty() {
        let id = extensions.u16()?;
        visit(id, Reader::new(extensions.vector()?))?;
    }
    Some(())
}

fn host_name(mut extension: Reader<'_>) -> Option<String> {
    let mut names = Reader::new(extension.vector()?);
    while !names.is_empty() {
        let kind = names.u8()?;
        let name = names.vector()?;
        if kind == 0 {
            return String::from_utf8(name.to_vec()).ok();
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A `ClientHello` with these extensions (id, content).
    fn client_hello(extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let mut hello = vec![3, 3];
        hello.extend([9; 32]);
        hello.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        let mut all = Vec::new();
        for (id, content) in extensions {
            all.extend(id.to_be_bytes());
            all.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
            all.extend(*content);
        }
        hello.extend(u16::try_from(all.len()).unwrap().to_be_bytes());
        hello.extend(all);
        hello
    }

    #[test]
    fn a_client_hello_tells_random_name_and_early_data() {
        let hello = client_hello(&[(EARLY_DATA, &[]), (SERVER_NAME, &[0, 6, 0, 0, 3, b'a', b'.', b'b'])]);

        let read = ClientHello::read(&hello).unwrap();
        assert_eq!(read.random, [9; 32]);
        assert_eq!(read.server_name.as_deref(), Some("a.b"));
        assert!(read.early_data);
    }

    #[test]
    fn a_hello_cut_short_anywhere_is_refused() {
        let hello = client_hello(&[(SERVER_NAME, &[0, 6, 0, 0, 3, b'a', b'.', b'b'])]);
        let without_extensions = 2 + 32 + 7;
        for end in (0..hello.len()).filter(|end| *end != without_extensions) {
            assert!(ClientHello::read(&hello[..end]).is_none(), "{end}");
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
