//! What a service answers: JSON, a page, nothing, or a fault in the words of Keystone, Nova or a page.
//!
//! A reply may carry canaries; they are reported as sent when the connection takes the body to write it, not
//! when the answer was composed. No routing and no decisions here.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    body::{Body, Frame, SizeHint},
    header::{self, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use super::plant::Plant;

/// A whole answer.
pub type Reply = Response<ReplyBody>;

/// Bytes of an answer, and what to tell whom when they are taken.
#[derive(Default)]
pub struct ReplyBody {
    bytes: Bytes,
    carries: Option<Carries>,
}

struct Carries {
    plant: Arc<dyn Plant>,
    values: Vec<String>,
}

impl ReplyBody {
    /// The bytes, for tests and filters.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(carries) = self.carries.take() {
            for value in &carries.values {
                carries.plant.sent(value);
            }
        }
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

/// JSON with a status.
pub fn json_reply(status: StatusCode, body: &Value) -> Reply {
    let mut reply = empty_reply(status);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply.body_mut().bytes = Bytes::from(body.to_string());
    reply
}

/// An answer with a page, which nobody keeps, frames or takes for something else.
pub fn html_reply(status: StatusCode, page: String) -> Reply {
    let mut reply = empty_reply(status);
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply.body_mut().bytes = Bytes::from(page);
    reply
}

/// A page around a body; both are HTML already.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>{title}</title></head>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// Text as it may stand in HTML, in an attribute too.
pub(super) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#x27;"),
            other => html.push(other),
        }
    }
    html
}

/// A status and nothing else.
pub fn empty_reply(status: StatusCode) -> Reply {
    let mut reply = Response::new(ReplyBody::default());
    *reply.status_mut() = status;
    reply
}

/// Names the canaries in a reply's headers or body.
pub fn carrying(mut reply: Reply, plant: &Arc<dyn Plant>, values: Vec<String>) -> Reply {
    reply.body_mut().carries = Some(Carries { plant: Arc::clone(plant), values });
    reply
}

/// A refusal on its way to becoming a [`Reply`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The status.
    pub status: StatusCode,
    /// What went wrong, for the caller.
    pub message: String,
    /// Headers the status asks for, such as `Allow` or `WWW-Authenticate`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Fault {
    /// A fault without headers.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), headers: Vec::new() }
    }

    /// 401 in the words both Keystone and its middleware use; `uri` tells the caller where to log in.
    pub fn unauthorized(uri: &str) -> Self {
        let mut fault =
            Self::new(StatusCode::UNAUTHORIZED, "The request you have made requires authentication.");
        if let Ok(challenge) = HeaderValue::try_from(format!("Keystone uri=\"{uri}\"")) {
            fault.headers.push((header::WWW_AUTHENTICATE, challenge));
        }
        fault
    }
}

/// Whose error bodies a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `{"error":{"code","title","message"}}`.
    Keystone,
    /// `{"<fault name>":{"code","message"}}`, the name by status. A 401 is Keystone's: in a real Nova the
    /// Keystone middleware writes it.
    Nova,
    /// A page with the title of the status, as Django writes it.
    Page,
}

impl Dialect {
    /// The fault as this dialect words it.
    pub fn reply(self, fault: Fault) -> Reply {
        let code = fault.status.as_u16();
        if self == Self::Page {
            let title = fault.status.canonical_reason().unwrap_or("Error");
            let text = format!("<h1>{title}</h1>\n<p>{}</p>\n", escaped(&fault.message));
            let mut reply = html_reply(fault.status, page(title, &text));
            reply.headers_mut().extend(fault.headers);
            return reply;
        }
        let body = if self == Self::Keystone || fault.status == StatusCode::UNAUTHORIZED {
            let title = fault.status.canonical_reason().unwrap_or("Error");
            json!({"error": {"code": code, "title": title, "message": fault.message}})
        } else {
            json!({nova_fault(fault.status): {"code": code, "message": fault.message}})
        };
        let mut reply = json_reply(fault.status, &body);
        reply.headers_mut().extend(fault.headers);
        reply
    }
}

/// Nova's `Fault._fault_names`.
fn nova_fault(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "badRequest",
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::NOT_FOUND => "itemNotFound",
        StatusCode::METHOD_NOT_ALLOWED => "badMethod",
        StatusCode::CONFLICT => "conflictingRequest",
        StatusCode::PAYLOAD_TOO_LARGE => "overLimit",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "badMediaType",
        StatusCode::SERVICE_UNAVAILABLE => "serviceUnavailable",
        _ => "computeFault",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn worded(dialect: Dialect, status: StatusCode) -> Value {
        let reply = dialect.reply(Fault::new(status, "because"));
        assert_eq!(reply.status(), status);
        serde_json::from_slice(reply.body().bytes()).unwrap()
    }

    #[test]
    fn keystone_and_nova_word_the_same_fault_differently() {
        assert_eq!(
            worded(Dialect::Keystone, StatusCode::NOT_FOUND),
            json!({"error": {"code": 404, "title": "Not Found", "message": "because"}})
        );
        assert_eq!(
            worded(Dialect::Nova, StatusCode::NOT_FOUND),
            json!({"itemNotFound": {"code": 404, "message": "because"}})
        );
    }

    #[test]
    fn a_page_escapes_what_it_repeats() {
        let reply = Dialect::Page.reply(Fault::new(StatusCode::FORBIDDEN, "<script>'\"&"));
        let text = std::str::from_utf8(reply.body().bytes()).unwrap();
        assert!(text.contains("<h1>Forbidden</h1>\n<p>&lt;script&gt;&#x27;&quot;&amp;</p>"), "{text}");
        assert_eq!(reply.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    }

    #[test]
    fn a_401_of_nova_is_the_middlewares() {
        let body = worded(Dialect::Nova, StatusCode::UNAUTHORIZED);
        assert_eq!(body["error"]["title"], "Unauthorized");
    }

    #[test]
    fn a_status_nova_has_no_name_for_is_a_compute_fault() {
        assert_eq!(worded(Dialect::Nova, StatusCode::REQUEST_TIMEOUT)["computeFault"]["code"], 408);
    }
}
