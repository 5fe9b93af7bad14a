//! The server name a `ClientHello` asks for.
//!
//! Only as much of TLS as an impostor needs to choose the name on its certificate. Hellos split over
//! several records or reads are joined; anything malformed simply has no name.

/// What the first bytes of a connection are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Too few bytes to tell, or to read the name.
    Partial,
    /// No TLS.
    Clear,
    /// A `ClientHello`, with its server name if it is readable and has one.
    Hello(Option<String>),
}

/// Longest `ClientHello` that is waited for, in bytes of handshake.
const MAX_HELLO: usize = 64 * 1024;
const HANDSHAKE_RECORD: u8 = 0x16;
const CLIENT_HELLO: u8 = 1;

/// Reads the first bytes of a connection.
pub fn opening(bytes: &[u8]) -> Opening {
    match bytes {
        [] | [HANDSHAKE_RECORD] => return Opening::Partial,
        [HANDSHAKE_RECORD, 0x03, ..] => {}
        _ => return Opening::Clear,
    }
    match handshake(bytes) {
        Ok(hello) => Opening::Hello(server_name(&hello)),
        Err(Short::Wait) => Opening::Partial,
        Err(Short::Malformed) => Opening::Hello(None),
    }
}

enum Short {
    Wait,
    Malformed,
}

/// The body of the first handshake message, joined over records.
fn handshake(mut records: &[u8]) -> Result<Vec<u8>, Short> {
    let mut joined = Vec::new();
    loop {
        if let [kind, high, middle, low, body @ ..] = joined.as_slice() {
            let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
            if *kind != CLIENT_HELLO || length > MAX_HELLO {
                return Err(Short::Malformed);
            }
            if let Some(hello) = body.get(..length) {
                return Ok(hello.to_vec());
            }
        }
        let [kind, _, _, high, low, rest @ ..] = records else { return Err(Short::Wait) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if *kind != HANDSHAKE_RECORD || length == 0 {
            return Err(Short::Malformed);
        }
        let fragment = rest.get(..length).ok_or(Short::Wait)?;
        joined.extend_from_slice(fragment);
        records = rest.get(length..).unwrap_or_default();
    }
}

/// Walks a `ClientHello` to its `server_name` extension.
fn server_name(hello: &[u8]) -> Option<String> {
    let after_random = hello.get(2 + 32..)?;
    let (_session, rest) = prefixed(after_random, 1)?;
    let (_suites, rest) = prefixed(rest, 2)?;
    let (_compression, rest) = prefixed(rest, 1)?;
    let (mut extensions, _) = prefixed(rest, 2)?;
    while let [high, low, rest @ ..] = extensions {
        let (body, after) = prefixed(rest, 2)?;
        if (*high, *low) == (0, 0) {
            let (names, _) = prefixed(body, 2)?;
            let (kind, name) = names.split_first()?;
            let (name, _) = prefixed(name, 2)?;
            let usable = *kind == 0 && !name.is_empty() && name.iter().all(|&byte| is_name_byte(byte));
            return usable.then(|| String::from_utf8_lossy(name).into_owned());
        }
        extensions = after;
    }
    None
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// Splits off a vector whose length stands before it in `width` bytes.
fn prefixed(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let length = bytes.get(..width)?.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte));
    let rest = bytes.get(width..)?;
    Some((rest.get(..length)?, rest.get(length..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A `ClientHello` that asks for `name`, in records of at most `record` bytes.
    fn hello(name: &str, record: usize) -> Vec<u8> {
        let vector = |width: usize, body: &[u8]| {
            let length = (body.len() as u32).to_be_bytes();
            [&length[4 - width..], body].concat()
        };
        let sni = vector(2, &[&[0][..], &vector(2, name.as_bytes())].concat());
        let extensions = [&[0, 43][..], &vector(2, &[2, 3, 4]), &[0, 0], &vector(2, &sni)].concat();
        let fields: [&[u8]; 6] = [
            &[3, 3],
            &[7; 32],
            &vector(1, &[1; 32]),
            &vector(2, &[0x13, 1]),
            &[1, 0],
            &vector(2, &extensions),
        ];
        let message = [&[CLIENT_HELLO][..], &vector(3, &fields.concat())].concat();
        message.chunks(record).flat_map(|part| [&[0x16, 3, 1][..], &vector(2, part)].concat()).collect()
    }

    #[test]
    fn the_name_is_read_however_the_hello_is_split() {
        for record in [1, 5, 40, 16_384] {
            let bytes = hello("identity.cloud.invalid", record);
            let told = Opening::Hello(Some("identity.cloud.invalid".into()));
            assert_eq!(opening(&bytes), told, "records of {record}");
            for cut in 0..bytes.len() {
                assert_eq!(opening(&bytes[..cut]), Opening::Partial, "records of {record}, cut at {cut}");
            }
        }
    }

    #[test]
    fn clear_bytes_are_clear_and_a_nameless_hello_is_still_a_hello() {
        assert_eq!(opening(b"GET / HTTP/1.1"), Opening::Clear);
        assert_eq!(opening(b"\x16\x05"), Opening::Clear);
        assert_eq!(opening(&hello("bad name\r\n", 16_384)), Opening::Hello(None));
        assert_eq!(opening(b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"), Opening::Hello(None));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), record in 1_usize..60) {
            opening(&bytes);
            let mut real = hello("a.b", record);
            if let (Some(byte), Some(at)) = (bytes.pop(), bytes.pop()) {
                let at = usize::from(at) % real.len();
                real[at] = byte;
            }
            opening(&real);
        }
    }
}
