//! The two cookies of the page, and the check that ties a form to one of them. Pure.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use hyper::{
    HeaderMap,
    header::{COOKIE, HeaderValue},
};

/// The session, Django's default name.
pub(super) const SESSION: &str = "sessionid";
/// What a form must repeat, Django's default name.
pub(super) const CSRF: &str = "csrftoken";

/// The value of a cookie; the first one of that name.
pub(super) fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| value)
}

/// `Set-Cookie` of the session: no script reads it.
pub(super) fn session(id: &str, secure: bool) -> Option<HeaderValue> {
    written(&format!("{SESSION}={id}; HttpOnly; Path=/; SameSite=Lax"), secure)
}

/// `Set-Cookie` of the token for forms.
pub(super) fn csrf(token: &str, secure: bool) -> Option<HeaderValue> {
    written(&format!("{CSRF}={token}; Path=/; SameSite=Lax"), secure)
}

/// `Set-Cookie` that makes a browser forget the session.
pub(super) fn forget(secure: bool) -> Option<HeaderValue> {
    written(&format!("{SESSION}=; HttpOnly; Max-Age=0; Path=/; SameSite=Lax"), secure)
}

fn written(cookie: &str, secure: bool) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{cookie}{}", if secure { "; Secure" } else { "" })).ok()
}

/// Whether a form came from a page of ours: it repeats what only our own origin can read in the cookie.
pub(super) fn belongs(form: Option<&str>, cookie: Option<&str>) -> bool {
    let (Some(form), Some(cookie)) = (form, cookie) else { return false };
    verify_slices_are_equal(form.as_bytes(), cookie.as_bytes()).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_in_any_line_and_an_empty_one_is_none() {
        let mut headers = HeaderMap::new();
        for line in ["lang=en; sessionid=; x", "csrftoken=c ;sessionid=s=1; sessionid=s2"] {
            headers.append(COOKIE, line.parse().unwrap());
        }
        assert_eq!((read(&headers, SESSION), read(&headers, CSRF)), (Some("s=1"), Some("c")));
        assert_eq!(read(&headers, "x"), None);
    }

    #[test]
    fn a_form_belongs_only_with_the_whole_token_of_its_cookie() {
        assert!(belongs(Some("abc"), Some("abc")));
        for (form, cookie) in [
            (None, None),
            (Some("abc"), None),
            (None, Some("abc")),
            (Some("ab"), Some("abc")),
            (Some("abd"), Some("abc")),
        ] {
            assert!(!belongs(form, cookie), "{form:?} {cookie:?}");
        }
    }

    #[test]
    fn secure_is_said_exactly_where_it_is_true() {
        assert_eq!(session("s", true).unwrap(), "sessionid=s; HttpOnly; Path=/; SameSite=Lax; Secure");
        assert_eq!(session("s", false).unwrap(), "sessionid=s; HttpOnly; Path=/; SameSite=Lax");
    }
}
