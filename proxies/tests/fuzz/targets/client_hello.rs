//! The look at a `ClientHello`: one answer however the bytes are cut, and no other name than a TLS library reads.

use proxies::{
    peek::{Peek, Peeked},
    rustls::server::Acceptor,
};

use crate::engine::Target;

pub(crate) const TARGET: Target = Target {
    name: "client_hello",
    check,
    words: &[
        // Starts of records and messages, versions, extensions by number, names, GREASE.
        &[22, 3, 1],
        &[22, 3, 3, 0, 1],
        &[1, 0, 0],
        &[3, 3],
        &[3, 4],
        &[0, 0, 0, 14, 0, 12, 0, 0, 9],
        &[0, 16, 0, 5, 0, 3, 2],
        &[0, 43, 0, 3, 2, 3, 4],
        &[0, 42, 0, 0],
        &[0xfe, 0x0d],
        &[0x0a, 0x0a, 0, 0],
        b"a.invalid",
        b"A.",
        b"127.0.0.1",
        b"xn--",
        &[0],
        &[21, 3, 3, 0, 2, 2, 40],
        b"GET / HTTP/1.1\r\n",
    ],
    longest: 8 * 1024,
};

const LIMIT: usize = 4 * 1024;

fn check(bytes: &[u8]) {
    let mut whole = Peek::new(LIMIT);
    let answer = whole.feed(bytes).clone();
    // Cut in two at a place the input itself decides, and byte by byte where that is cheap.
    let at = bytes.iter().fold(bytes.len(), |at, byte| at.wrapping_mul(31).wrapping_add((*byte).into()))
        % (bytes.len() + 1);
    let mut halves = Peek::new(LIMIT);
    let early = halves.feed(&bytes[..at]).clone();
    let late = halves.feed(&bytes[at..]);
    assert_eq!(*late, answer, "cut at {at}");
    assert!(early == Peeked::More || early == answer, "an answer that did not stay");
    if bytes.len() < 600 {
        let mut single = Peek::new(LIMIT);
        for byte in bytes {
            single.feed(&[*byte]);
        }
        assert_eq!(*single.feed(&[]), answer, "byte by byte");
    }
    if answer != Peeked::More {
        assert_eq!(*whole.feed(b"\x16\x03\x01"), answer, "an answer that did not stay");
    }
    if let Peeked::Hello(hello) = answer {
        assert!(hello.session_id.len() <= 32);
        if let Some(name) = &hello.server_name {
            assert!(!name.is_empty() && name.len() <= 253 && !name.ends_with('.'), "{name:?}");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()),
                "{name:?}"
            );
        }
        assert_same_name(bytes, hello.server_name.as_deref());
    }
}

/// A TLS library that takes the hello reads the same name.
fn assert_same_name(bytes: &[u8], name: Option<&str>) {
    let (mut acceptor, mut rest) = (Acceptor::default(), bytes);
    let accepted = loop {
        match acceptor.accept() {
            Ok(None) if !rest.is_empty() => drop(acceptor.read_tls(&mut rest)),
            Ok(None) | Err(_) => return,
            Ok(Some(accepted)) => break accepted,
        }
    };
    let theirs = accepted.client_hello().server_name().map(str::to_ascii_lowercase);
    assert_eq!(name, theirs.as_deref().filter(|name| !name.ends_with('.')));
}
