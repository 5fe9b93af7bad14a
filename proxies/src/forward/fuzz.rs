//! What must hold of any request that is forwarded, as a plain function of bytes: it panics where it does not.

use super::{
    prepare::{Introduction, prepare},
    rules::Rules,
};
use crate::{
    caller::Caller,
    http::{HeadLimits, Version, end::HeadEnd, fuzz::LIMITS, name::Name, request::RequestHead, room},
};

/// One request in, one request out: a head that is passed on is read again as exactly one, of the same method,
/// target, host and framing, with nothing in it that a caller may not say.
pub fn fuzz_request(bytes: &[u8]) {
    let Ok(Some(length)) = HeadEnd::default().find(bytes, LIMITS.bytes) else { return };
    let mut first = room();
    let Ok(head) = RequestHead::parse(&bytes[..length], &mut first, LIMITS) else { return };
    assert!(head.version != Version::Http10 || head.upgrade.is_none());
    let (rules, caller, mut out) = (Rules::default(), Caller::default(), Vec::new());
    let Ok(prepared) = prepare(&rules, &Introduction::of(&caller, &rules), &head, &mut out) else { return };
    let larger = HeadLimits { bytes: 4 * LIMITS.bytes, fields: LIMITS.fields + 8 };
    assert_eq!(HeadEnd::default().find(&out, larger.bytes), Ok(Some(out.len())), "one head went out");
    let mut second = room();
    let again = RequestHead::parse(&out, &mut second, larger).expect("a head of ours is one");
    assert_eq!((again.method, again.target, again.host), (head.method, head.target, head.host));
    assert_eq!((again.length, again.version), (prepared.length, Version::Http11));
    assert_eq!((again.upgrade, again.expects_continue), (head.upgrade, head.expects_continue));
    for field in again.fields {
        assert!(!matches!(Name::of(field.name), Name::LookAlike | Name::OneConnection | Name::ClientCert));
        assert!(head.upgrade.is_some() || Name::of(field.name) != Name::Connection);
    }
    let own = |name: &str| again.values(name).count();
    assert_eq!([own("forwarded"), own("x-forwarded-for"), own("x-forwarded-host")], [1, 0, 1]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn requests() -> impl Strategy<Value = Vec<u8>> {
        let word = prop::sample::select(vec![
            "Host: b\r\n",
            "Content-Length: 5\r\n",
            "Content-Length: 05\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Transfer_Encoding: chunked\r\n",
            "Connection: upgrade\r\n",
            "Connection: close, x, host\r\n",
            "Upgrade: websocket\r\n",
            "Upgrade: h2c\r\n",
            "Expect: 100-continue\r\n",
            "X: y\r\n",
            "x:\r\n",
            "Client-Cert: :AA:\r\n",
            "Forwarded: for=x\r\n",
            "X_Forwarded_For: x\r\n",
            "Trailer: x\r\n",
            "TE: trailers\r\n",
            "Cookie: a\r\n",
            " folded\r\n",
            "\n",
            "\r",
            "\0",
            ":",
        ]);
        let line = prop::sample::select(vec![
            "GET / HTTP/1.1\r\nHost: a\r\n",
            "POST /x?y HTTP/1.1\r\nHost: a:1\r\n",
            "HEAD / HTTP/1.0\r\nHost: a\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: a\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n",
        ]);
        let odd = prop::collection::vec(any::<u8>(), 1..4);
        let fields = prop::collection::vec(
            prop_oneof![15 => word.prop_map(|word| word.as_bytes().to_vec()), 1 => odd],
            0..6,
        );
        (line, fields).prop_map(|(line, fields)| [line.as_bytes(), &fields.concat(), b"\r\n"].concat())
    }

    proptest! {
        #[test]
        fn one_in_is_one_out(bytes in requests()) {
            fuzz_request(&bytes);
        }

        #[test]
        fn anything(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            fuzz_request(&bytes);
        }
    }
}
