//! `application/x-www-form-urlencoded`: what browsers send and what stands behind `?`. Pure.
//!
//! Decoding never fails: a broken escape stays as it is and bytes that are no UTF-8 are replaced, as Django
//! does it. Only the number of fields is bounded here; their length is the body limit's business.

use std::fmt::Write;

/// Fields of one form at most: Django's `DATA_UPLOAD_MAX_NUMBER_FIELDS`.
pub const MAX_FIELDS: usize = 1000;

/// There are more fields than [`MAX_FIELDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// The fields of a form, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body.
    pub fn read(body: &[u8]) -> Result<Self, TooMany> {
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        if pairs.clone().count() > MAX_FIELDS {
            return Err(TooMany);
        }
        let field = |pair: &[u8]| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=').map(decoded);
            (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
        };
        Ok(Self(pairs.map(field).collect()))
    }

    /// A field; the last one of that name, as in Django.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The body of a form.
pub fn encode(fields: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (name, value) in fields {
        if !body.is_empty() {
            body.push('&');
        }
        escape(name, &mut body);
        body.push('=');
        escape(value, &mut body);
    }
    body
}

fn escape(text: &str, to: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => to.push(byte.into()),
            b' ' => to.push('+'),
            // Writing to a String cannot fail.
            other => drop(write!(to, "%{other:02X}")),
        }
    }
}

/// `%41` and `+` decoded; a broken escape stays as it is.
pub(super) fn decoded(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let escape = (first == b'%').then(|| tail.get(..2).and_then(hex_byte)).flatten();
        bytes.push(match (escape, first) {
            (Some(byte), _) => byte,
            (None, b'+') => b' ',
            (None, other) => other,
        });
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |d: u8| char::from(d).to_digit(16);
    let [high, low] = digits else { return None };
    u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_are_decoded_and_broken_ones_left_alone() {
        for (text, want) in
            [("nova", "nova"), ("a%20b+c", "a b c"), ("%4", "%4"), ("%zz%", "%zz%"), ("%c3%a4", "ä")]
        {
            assert_eq!(decoded(text.as_bytes()), want);
        }
    }

    #[test]
    fn the_last_field_of_a_name_counts_and_nonsense_is_no_field() {
        let form = Form::read(b"&&a=1&b&a=2&=x&%ff=%fe").unwrap();
        assert_eq!((form.field("a"), form.field("b"), form.field("c")), (Some("2"), Some(""), None));
    }

    #[test]
    fn a_form_of_too_many_fields_is_not_read() {
        assert!(Form::read("a=1&".repeat(MAX_FIELDS).as_bytes()).is_ok());
        assert_eq!(Form::read("a&".repeat(MAX_FIELDS + 1).as_bytes()), Err(TooMany));
    }

    #[test]
    fn a_canary_needs_no_escape_so_whoever_searches_for_it_sees_it_raw() {
        let body = encode(&[("username", "user 7"), ("password", "Tag0Canary")]);
        assert_eq!(body, "username=user+7&password=Tag0Canary");
    }

    proptest! {
        #[test]
        fn what_a_browser_encodes_is_read_back(name in ".+", value in ".*") {
            let form = Form::read(encode(&[(&name, &value)]).as_bytes()).unwrap();
            prop_assert_eq!(form.field(&name), Some(value.as_str()));
        }

        #[test]
        fn no_body_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
            let _ = Form::read(&body);
        }
    }
}
