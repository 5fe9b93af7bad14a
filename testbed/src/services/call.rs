//! One request on its way through a pipeline: its head, its unread body, its request id, where it came in.
//!
//! The body stays a stream until somebody reads it, so that a limit placed later in the pipeline is really
//! too late for whatever read it before.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, combinators::BoxBody};
use hyper::{StatusCode, http::request::Parts};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    client_cert::{self, CLIENT_CERT, Garbled, Thumbprint},
    form::decoded,
    origin::Origin,
    reply::Fault,
};

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
    /// The listener it arrived on.
    pub origin: Origin,
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
        pairs.find(|(key, _)| *key == name).map(|(_, value)| decoded(value.as_bytes()))
    }

    /// Reads the body as JSON: 400 when it is none, 408 when it does not arrive in time, 413 when a limit in
    /// the pipeline stopped it.
    pub async fn json(&mut self) -> Result<Value, Fault> {
        serde_json::from_slice(&self.bytes().await?)
            .map_err(|_| Fault::new(StatusCode::BAD_REQUEST, "The body is not valid JSON."))
    }

    /// Reads the body: 408 when it does not arrive in time, 413 when a limit in the pipeline stopped it.
    pub async fn bytes(&mut self) -> Result<Bytes, Fault> {
        let body = std::mem::take(&mut self.body);
        let Ok(read) = timeout(BODY_DEADLINE, body.collect()).await else {
            return Err(Fault::new(StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time."));
        };
        let bytes = read.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => too_large(),
            None => Fault::new(StatusCode::BAD_REQUEST, "The body ended early."),
        })?;
        Ok(bytes.to_bytes())
    }

    /// The certificate its caller presented, where its listener believes `Client-Cert`; elsewhere the header is
    /// nothing but a caller's claim, and there is none.
    pub fn certificate(&self) -> Result<Option<Thumbprint>, Garbled> {
        let mut values = self.head.headers.get_all(CLIENT_CERT).iter();
        match (values.next(), values.next()) {
            (Some(value), None) if self.origin.believes_client_cert => {
                client_cert::read(value.as_bytes()).map(Some)
            }
            (Some(_), Some(_)) if self.origin.believes_client_cert => Err(Garbled),
            _ => Ok(None),
        }
    }
}

/// The fault of a body over its limit.
pub(super) fn too_large() -> Fault {
    Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "Request is too large.")
}
