//! What may be asked about messages on their way: a request filter, a rate per token. Absent, they cost nothing.
//!
//! Whoever is asked answers at once, from memory: it stands in the path of every connection of its thread.

use std::{borrow::Cow, sync::Arc};

use crate::{
    caller::Caller,
    http::{request::RequestHead, response::ResponseHead},
};

/// Who is asked.
#[derive(Clone, Default)]
pub struct Hooks {
    /// What messages say.
    pub inspect: Option<Arc<dyn Inspect>>,
    /// How often a caller may ask.
    pub admit: Option<Arc<dyn Admit>>,
}

/// A message that somebody will not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// What the caller is told, where it was told nothing yet; otherwise the message is broken off.
    pub status: u16,
    /// Which rule, for the count.
    pub rule: Cow<'static, str>,
}

/// Looks at messages.
pub trait Inspect: Send + Sync + 'static {
    /// A request, before anything of it is passed on. Who wants to see the rest of the exchange returns an eye
    /// for it.
    fn request(&self, caller: &Caller, head: &RequestHead<'_>) -> Result<Option<Box<dyn Watch>>, Objection>;
}

/// Looks at the rest of one exchange. An objection comes before the part in question is passed on.
pub trait Watch: Send + 'static {
    /// The next bytes of the request's body.
    fn request_part(&mut self, _part: &[u8]) -> Result<(), Objection> {
        Ok(())
    }

    /// The request is whole.
    fn request_end(&mut self) -> Result<(), Objection> {
        Ok(())
    }

    /// The final response's head.
    fn response(&mut self, _head: &ResponseHead<'_>) -> Result<(), Objection> {
        Ok(())
    }

    /// The next bytes of the response's body.
    fn response_part(&mut self, _part: &[u8]) -> Result<(), Objection> {
        Ok(())
    }
}

/// Decides whether a caller may ask now: once for each request, before it is looked at or passed on.
pub trait Admit: Send + Sync + 'static {
    /// May it?
    fn admit(&self, caller: &Caller, head: &RequestHead<'_>) -> Result<(), RetryAfter>;
}

/// Not now, but after this many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub u32);
