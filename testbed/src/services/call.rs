//! One request on its way through a pipeline: its head, its unread body, its request id.
//!
//! The body stays a stream until somebody reads it, so that a limit placed later in the pipeline is really
//! too late for whatever read it before.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, combinators::BoxBody};
use hyper::{StatusCode, http::request::Parts};
use serde_json::Value;
use tokio::time::timeout;

use super::reply::Fault;

/// The longest a whole body may take to arrive.
pub const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// The unread body of a request.
pub type RequestBody = BoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// One request.
pub struct Call {
    /// Method, path, headers.
    pub head: Parts,
    /// What was not read yet.
    pub body: RequestBody,
    /// `req-<uuid>`; empty until the filter that gives it has run.
    pub request_id: String,
}

impl Call {
    /// The text of a header; `None` when absent or not visible ASCII.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The decoded value of a query parameter, the first one of that name.
    pub fn query(&self, name: &str) -> Option<String> {
        let pairs = self.head.uri.query()?.split('&');
        let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| percent_decoded(value))
    }

    /// Reads the body as JSON: 400 when it is none, 408 when it does not arrive in time, 413 when a limit in
    /// the pipeline stopped it.
    pub async fn json(&mut self) -> Result<Value, Fault> {
        let body = std::mem::take(&mut self.body);
        let Ok(read) = timeout(BODY_DEADLINE, body.collect()).await else {
            return Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time."));
        };
        let bytes = read.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => too_large(),
            None => Fault::new(StatusCode::BAD_REQUEST, "The body ended early."),
        })?;
        serde_json::from_slice(&bytes.to_bytes())
            .map_err(|_| Fault::new(StatusCode::BAD_REQUEST, "The body is not valid JSON."))
    }
}

/// The fault of a body over its limit.
pub(super) fn too_large() -> Fault {
    Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "Request is too large.")
}

/// `%41` and `+` decoded; a broken escape stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
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
mod tests {
    use super::percent_decoded;

    #[test]
    fn escapes_are_decoded_and_broken_ones_left_alone() {
        for (text, want) in
            [("nova", "nova"), ("a%20b+c", "a b c"), ("%4", "%4"), ("%zz%", "%zz%"), ("%c3%a4", "ä")]
        {
            assert_eq!(percent_decoded(text), want);
        }
    }
}
