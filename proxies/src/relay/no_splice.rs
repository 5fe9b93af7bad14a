//! Stands in for `splice` where the kernel has no such call: nothing is spliced, everything is copied.

use std::{
    io,
    task::{Context, Poll},
};

use tokio::net::TcpStream;

/// What came of filling.
pub(super) enum Filled {
    /// This many bytes are in the pipe.
    #[allow(dead_code)]
    Some(usize),
    /// The sender is done.
    #[allow(dead_code)]
    End,
    /// Nothing can be spliced.
    Cannot,
}

/// No pipe.
#[derive(Default)]
pub(super) struct Splice;

impl Splice {
    /// Is there such a thing here?
    pub(super) const AVAILABLE: bool = false;

    pub(super) fn holds(&self) -> bool {
        false
    }

    #[cfg(test)]
    pub(super) fn moved(&self) -> u64 {
        0
    }

    pub(super) fn fill(&mut self, _: &mut Context<'_>, _: &TcpStream) -> io::Result<Poll<Filled>> {
        Ok(Poll::Ready(Filled::Cannot))
    }

    pub(super) fn drain(&mut self, _: &mut Context<'_>, _: &TcpStream) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(0))
    }

    pub(super) fn rest(&mut self) {}
}
