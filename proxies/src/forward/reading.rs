//! Reading heads from a wire.

use std::task::{Context, Poll, ready};

use super::{failure::Failure, wire::Wire};
use crate::http::{HeadLimits, end::HeadEnd};

/// The length of the answer's head at the beginning of the input, once all of it is there.
pub(super) fn poll_head(
    cx: &mut Context<'_>,
    wire: &mut Wire,
    end: &mut HeadEnd,
    limits: HeadLimits,
) -> Poll<Result<usize, Failure>> {
    loop {
        if let Some(length) = end.find(wire.input.bytes(), limits.bytes).map_err(Failure::Answer)? {
            return Poll::Ready(Ok(length));
        }
        match ready!(wire.poll_read(cx)) {
            Ok(0) if wire.input.is_empty() => return Poll::Ready(Err(Failure::Silent)),
            Ok(0) => return Poll::Ready(Err(Failure::Upstream(std::io::ErrorKind::UnexpectedEof))),
            Ok(_) => {}
            Err(error) => return Poll::Ready(Err(Failure::upstream(&error))),
        }
    }
}
