//! The order in which a request passes filters before the app sees it.
//!
//! A [`Pipeline`] is a list of filters and an app; each filter may answer itself, change the call, or change
//! the reply on its way back. The order is a value, not code, because the order decides what is exposed.

use std::{future::Future, pin::Pin, sync::Arc};

use http_body_util::{BodyExt, Limited};
use hyper::{body::Body, header::HeaderValue};

use super::{
    call::{Call, too_large},
    ids,
    reply::{Dialect, Reply},
};

/// A reply in the making.
pub type Answering<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

/// The end of a pipeline: answers every call.
pub trait App: Send + Sync + 'static {
    /// The reply to a call that passed every filter.
    fn answer(&self, call: Call) -> Answering<'_>;
}

/// One step before the app.
pub trait Filter: Send + Sync + 'static {
    /// Answers itself or asks `next`.
    fn pass<'a>(&'a self, call: Call, next: Next<'a>) -> Answering<'a>;
}

/// What comes after a filter.
pub struct Next<'a> {
    filters: &'a [Box<dyn Filter>],
    app: &'a dyn App,
}

impl<'a> Next<'a> {
    /// The reply of the rest of the pipeline.
    pub fn run(self, call: Call) -> Answering<'a> {
        match self.filters.split_first() {
            Some((filter, filters)) => filter.pass(call, Next { filters, app: self.app }),
            None => self.app.answer(call),
        }
    }
}

/// Filters, then an app.
pub struct Pipeline {
    filters: Vec<Box<dyn Filter>>,
    app: Arc<dyn App>,
}

impl Pipeline {
    /// Filters in the order a request meets them.
    pub fn new(filters: Vec<Box<dyn Filter>>, app: Arc<dyn App>) -> Self {
        Self { filters, app }
    }

    /// The reply to one call.
    pub fn run(&self, call: Call) -> Answering<'_> {
        Next { filters: &self.filters, app: &*self.app }.run(call)
    }
}

/// Gives each request an id of our own and writes it on the reply, as oslo.middleware does.
pub struct RequestId {
    /// Reply headers that carry it, in lower case.
    pub headers: &'static [&'static str],
}

impl Filter for RequestId {
    fn pass<'a>(&'a self, mut call: Call, next: Next<'a>) -> Answering<'a> {
        Box::pin(async move {
            let id = ids::request_id();
            call.request_id.clone_from(&id);
            let mut reply = next.run(call).await;
            if let Ok(value) = HeaderValue::try_from(id) {
                for &name in self.headers {
                    reply.headers_mut().insert(name, value.clone());
                }
            }
            reply
        })
    }
}

/// Refuses bodies over a limit: at once when the length is declared, else when the limit is passed.
pub struct SizeLimit {
    /// Bytes.
    pub limit: usize,
    /// Whose 413.
    pub dialect: Dialect,
}

impl SizeLimit {
    /// oslo.middleware's default is 114,688 bytes; Nova's user data alone may take 64 KiB in base64.
    pub const DEFAULT: usize = 1024 * 1024;
}

impl Filter for SizeLimit {
    fn pass<'a>(&'a self, mut call: Call, next: Next<'a>) -> Answering<'a> {
        if call.body.size_hint().lower() > self.limit as u64 {
            return Box::pin(async { self.dialect.reply(too_large()) });
        }
        call.body = Limited::new(call.body, self.limit).boxed();
        next.run(call)
    }
}
