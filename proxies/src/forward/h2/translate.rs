//! An HTTP/2 request as the HTTP/1.1 request it means, and an answer back; or why there is none. Pure.
//!
//! The library has already refused what is wrong with a header block as such: upper case, unknown or repeated or
//! misplaced pseudo-header fields, fields that concern one connection, a length that is no number. Here is what
//! it lets pass and HTTP/1.1 would read as something else. Nothing is repaired; the pieces of a cookie are joined
//! where the request is written.

use hyper::{
    Method, StatusCode, Uri, Version,
    header::{
        CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
        UPGRADE,
    },
    http::{request::Parts, uri::Authority},
};

/// Fields that HTTP/2 has no place for, in either direction.
const OF_ONE_CONNECTION: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Makes a request head one of HTTP/1.1, in origin form and with `Host`; `fields` is how many it may have.
pub(super) fn request(mut head: Parts, fields: usize) -> Result<Parts, StatusCode> {
    if head.method == Method::CONNECT {
        return Err(StatusCode::BAD_REQUEST);
    }
    if head.headers.len() > fields {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let target = target(&head.method, &head.uri).ok_or(StatusCode::BAD_REQUEST)?;
    let host = host(&head.uri, &head.headers).ok_or(StatusCode::BAD_REQUEST)?;
    if !well_formed(&head.headers) {
        return Err(StatusCode::BAD_REQUEST);
    }
    head.uri = target;
    head.version = Version::HTTP_11;
    head.headers.insert(HOST, host);
    head.headers.remove(TE);
    head.headers.remove(EXPECT);
    Ok(head)
}

/// Takes from an answer what HTTP/2 has no place for.
pub(super) fn response(headers: &mut HeaderMap) {
    let named: Vec<_> = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()).collect();
    let named: Vec<_> = named
        .iter()
        .flat_map(|list| list.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .filter(|name| *name != CONTENT_LENGTH)
        .collect();
    for name in named.iter().chain(&OF_ONE_CONNECTION).chain(&[TE]) {
        headers.remove(name);
    }
}

/// `/path?query`, or `*` for OPTIONS.
fn target(method: &Method, uri: &Uri) -> Option<Uri> {
    if uri.scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") || uri.path().is_empty() {
        return None;
    }
    let path = uri.path_and_query()?;
    let star = *method == Method::OPTIONS && path.as_str() == "*";
    let plain = path.as_str().starts_with('/') && path.as_str().bytes().all(|byte| byte.is_ascii_graphic());
    (star || plain).then(|| Uri::from(path.clone()))
}

/// The one name asked for: `:authority`, or `Host` where there is none; both must say the same.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<HeaderValue> {
    let mut fields = headers.get_all(HOST).iter();
    let (first, second) = (fields.next(), fields.next());
    if second.is_some() {
        return None;
    }
    let field = first.map(|value| value.to_str().ok()?.parse::<Authority>().ok());
    let name = match (uri.authority(), field) {
        (Some(name), None) => name.clone(),
        (None, Some(Some(name))) => name,
        (Some(name), Some(Some(field))) if *name == field => name.clone(),
        _ => return None,
    };
    let port = name.as_str().strip_prefix(name.host())?;
    let number = port.strip_prefix(':').is_some_and(|digits| digits.parse::<u16>().is_ok());
    let plain = !name.host().is_empty() && (port.is_empty() || number);
    plain.then(|| HeaderValue::from_str(name.as_str()).ok()).flatten()
}

fn well_formed(headers: &HeaderMap) -> bool {
    let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let trimmed = headers.values().all(|value| {
        let bytes = value.as_bytes();
        !blank(bytes.first()) && !blank(bytes.last())
    });
    let none_of_one_connection = OF_ONE_CONNECTION.iter().all(|name| !headers.contains_key(name));
    let te = headers.get_all(TE).iter().all(|value| value == "trailers");
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next().is_none_or(|value| {
        !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit) && value.len() < 19
    });
    trimmed && none_of_one_connection && te && length && lengths.next().is_none()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn head(method: &str, uri: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(uri).version(Version::HTTP_2);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn refused(method: &str, uri: &str, fields: &[(&str, &str)]) -> Option<u16> {
        request(head(method, uri, fields), 100).err().map(|status| status.as_u16())
    }

    #[test]
    fn a_request_becomes_origin_form_with_the_name_it_asked_for() {
        let fields = [("te", "trailers"), ("x-auth-token", "t")];
        let head = request(head("GET", "https://A.invalid:5000/v3?x=y", &fields), 100).unwrap();
        assert_eq!((head.uri.to_string(), head.version), ("/v3?x=y".to_owned(), Version::HTTP_11));
        let mut lines: Vec<_> =
            head.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        lines.sort_unstable();
        assert_eq!(lines, ["host: \"A.invalid:5000\"", "x-auth-token: \"t\""]);
    }

    #[test]
    fn two_names_must_be_the_same_name() {
        assert_eq!(refused("GET", "https://a.invalid/", &[("host", "A.invalid")]), None);
        assert_eq!(refused("GET", "/", &[("host", "a.invalid:1")]), None);
        for fields in
            [&[("host", "b.invalid")][..], &[("host", "a.invalid"), ("host", "a.invalid")], &[("host", "")]]
        {
            assert_eq!(refused("GET", "https://a.invalid/", fields), Some(400), "{fields:?}");
        }
        assert_eq!(refused("GET", "/", &[]), Some(400));
    }

    #[test]
    fn a_name_is_a_host_and_perhaps_a_port() {
        for name in ["user@a.invalid", "a.invalid:", "a.invalid:x", "a.invalid:99999", ":80"] {
            assert_eq!(refused("GET", "/", &[("host", name)]), Some(400), "{name}");
        }
        for name in ["[::1]:80", "[::1]", "127.0.0.1:5000", "a"] {
            assert_eq!(refused("GET", "/", &[("host", name)]), None, "{name}");
        }
    }

    #[test]
    fn a_target_is_a_path() {
        let host = [("host", "a")];
        assert_eq!(refused("OPTIONS", "*", &host), None);
        for (method, target) in [("GET", "*"), ("GET", "ftp://a/x"), ("CONNECT", "a:1")] {
            assert!(refused(method, target, &host).is_some(), "{method} {target}");
        }
        let mut other = head("GET", "/", &host);
        other.uri = Uri::builder().path_and_query("/\u{e9}").build().unwrap();
        assert!(request(other, 100).is_err());
    }

    #[test]
    fn what_http_1_would_read_otherwise_is_refused() {
        let table = [
            [("host", "a"), ("connection", "close")],
            [("host", "a"), ("transfer-encoding", "chunked")],
            [("host", "a"), ("upgrade", "h2c")],
            [("host", "a"), ("keep-alive", "1")],
            [("host", "a"), ("te", "gzip")],
            [("host", "a"), ("x", " blank")],
            [("host", "a"), ("x", "blank\t")],
            [("content-length", "1"), ("content-length", "1")],
            [("host", "a"), ("content-length", "+1")],
            [("host", "a"), ("content-length", "")],
            [("host", "a"), ("content-length", "9999999999999999999")],
        ];
        for fields in table {
            assert_eq!(refused("POST", "http://a/", &fields), Some(400), "{fields:?}");
        }
        let many: Vec<_> = (0..101).map(|_| ("x", "y")).collect();
        assert_eq!(refused("GET", "http://a/", &many), Some(431));
    }

    #[test]
    fn an_answer_keeps_what_is_its_own() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "x-once, content-length"),
            ("x-once", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-length", "3"),
            ("te", "x"),
            ("x-subject-token", "t"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "x-subject-token"]);
    }
}
