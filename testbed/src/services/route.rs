//! A routing table: method and path pattern to action. Pure.
//!
//! A pattern is segments joined by `/`; `{}` takes any one segment. Empty segments do not count, so a
//! trailing slash never matters.

use hyper::{
    Method, StatusCode,
    header::{self, HeaderValue},
};

use super::reply::Fault;

/// One line of a table.
pub(super) type Route<A> = (&'static str, &'static str, A);

/// The action for a request and what its `{}` took; 404 for an unknown path, 405 with `Allow` for a method
/// the path does not have.
pub(super) fn route<'p, A: Copy>(
    table: &[Route<A>],
    method: &Method,
    path: &'p str,
) -> Result<(A, &'p str), Fault> {
    let mut allowed = Vec::new();
    for (verb, pattern, action) in table {
        if let Some(taken) = matched(pattern, path) {
            if *verb == method.as_str() {
                return Ok((*action, taken));
            }
            allowed.push(*verb);
        }
    }
    if allowed.is_empty() {
        return Err(Fault::new(StatusCode::NOT_FOUND, "The resource could not be found."));
    }
    let mut fault =
        Fault::new(StatusCode::METHOD_NOT_ALLOWED, "The method is not allowed for this resource.");
    if let Ok(allow) = HeaderValue::try_from(allowed.join(", ")) {
        fault.headers.push((header::ALLOW, allow));
    }
    Err(fault)
}

/// What `{}` took (empty where the pattern has none), if the path fits the pattern.
fn matched<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let mut wanted = pattern.split('/').filter(|segment| !segment.is_empty());
    let mut given = path.split('/').filter(|segment| !segment.is_empty());
    let mut taken = "";
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(taken),
            (Some("{}"), Some(segment)) => taken = segment,
            (Some(want), Some(segment)) if want == segment => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TABLE: &[Route<u8>] =
        &[("GET", "", 0), ("GET", "v1/things", 1), ("POST", "v1/things", 2), ("GET", "v1/things/{}", 3)];

    #[test]
    fn paths_find_their_action_with_or_without_a_trailing_slash() {
        for (path, action, taken) in
            [("/", 0, ""), ("/v1/things/", 1, ""), ("/v1/things", 1, ""), ("/v1/things/7", 3, "7")]
        {
            assert_eq!(route(TABLE, &Method::GET, path), Ok((action, taken)));
        }
    }

    #[test]
    fn an_unknown_path_is_404_whatever_the_method() {
        for path in ["/v1", "/v1/things/7/8", "/v2/things"] {
            assert_eq!(route(TABLE, &Method::POST, path).unwrap_err().status, StatusCode::NOT_FOUND);
        }
    }

    #[test]
    fn a_wrong_method_is_405_and_says_which_are_right() {
        let fault = route(TABLE, &Method::PATCH, "/v1/things").unwrap_err();
        assert_eq!(fault.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(fault.headers, [(header::ALLOW, HeaderValue::from_static("GET, POST"))]);
    }
}
