//! Socket to socket inside the kernel: `splice(2)` through a pipe.
//!
//! Pipes are pooled per thread and held only while bytes move: a relay at rest holds none. A pipe that is not
//! empty when its relay ends is closed with what it holds, never lent again. Linux only; `no_splice` stands in
//! elsewhere. Starts nothing.

use std::{
    cell::RefCell,
    io,
    os::fd::OwnedFd,
    task::{Context, Poll, ready},
};

use rustix::{
    io::Errno,
    pipe::{PipeFlags, SpliceFlags, pipe_with, splice},
};
use tokio::{io::Interest, net::TcpStream};

/// Asked of the kernel at once. A pipe of 16 slots takes less from most sockets.
const AT_ONCE: usize = 1024 * 1024;

/// Pipes a thread keeps for later: two descriptors each.
const POOLED: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
}

/// An empty pipe, when it is in the pool.
struct Pipe {
    out: OwnedFd,
    into: OwnedFd,
}

/// What came of filling.
pub(super) enum Filled {
    /// This many bytes are in the pipe.
    Some(usize),
    /// The sender is done.
    End,
    /// This socket, or this process, cannot splice; no byte was taken.
    Cannot,
}

/// One way's pipe, if it has one, and what is in it.
#[derive(Default)]
pub(super) struct Splice {
    pipe: Option<Pipe>,
    holds: usize,
    moved: u64,
}

impl Splice {
    /// Is there such a thing here?
    pub(super) const AVAILABLE: bool = true;

    /// Is there something to drain?
    pub(super) fn holds(&self) -> bool {
        self.holds > 0
    }

    /// Bytes delivered.
    #[cfg(test)]
    pub(super) fn moved(&self) -> u64 {
        self.moved
    }

    /// Takes what has arrived at `from`. Only into an empty pipe: a full one would look like an empty socket.
    pub(super) fn fill(&mut self, cx: &mut Context<'_>, from: &TcpStream) -> io::Result<Poll<Filled>> {
        loop {
            match from.poll_read_ready(cx)? {
                Poll::Ready(()) => {}
                Poll::Pending => return Ok(Poll::Pending),
            }
            let Some(pipe) = self.pipe() else { return Ok(Poll::Ready(Filled::Cannot)) };
            match from.try_io(Interest::READABLE, || transfer(from, &pipe.into)) {
                Ok(0) => return Ok(Poll::Ready(Filled::End)),
                Ok(bytes) => {
                    self.holds = bytes;
                    return Ok(Poll::Ready(Filled::Some(bytes)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if unable(&error) => return Ok(Poll::Ready(Filled::Cannot)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives `to` of what the pipe holds; how much it took.
    pub(super) fn drain(&mut self, cx: &mut Context<'_>, to: &TcpStream) -> Poll<io::Result<usize>> {
        let Some(pipe) = &self.pipe else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
        loop {
            ready!(to.poll_write_ready(cx))?;
            match to.try_io(Interest::WRITABLE, || transfer(&pipe.out, to)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(bytes) => {
                    self.holds = self.holds.saturating_sub(bytes);
                    self.moved += bytes as u64;
                    return Poll::Ready(Ok(bytes));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Gives an empty pipe back.
    pub(super) fn rest(&mut self) {
        if self.holds > 0 {
            return;
        }
        let Some(pipe) = self.pipe.take() else { return };
        // A thread that is ending has no pool any more; the pipe closes.
        let _ = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut()
                && pool.len() < POOLED
            {
                pool.push(pipe);
            }
        });
    }

    fn pipe(&mut self) -> Option<&Pipe> {
        if self.pipe.is_none() {
            let pooled = POOL.try_with(|pool| pool.try_borrow_mut().ok()?.pop()).ok().flatten();
            self.pipe = pooled.or_else(|| {
                let (out, into) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
                Some(Pipe { out, into })
            });
        }
        self.pipe.as_ref()
    }
}

impl Drop for Splice {
    fn drop(&mut self) {
        self.rest();
    }
}

fn transfer(from: impl std::os::fd::AsFd, into: impl std::os::fd::AsFd) -> io::Result<usize> {
    let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
    loop {
        match splice(&from, None, &into, None, AT_ONCE, flags) {
            Err(Errno::INTR) => {}
            outcome => return Ok(outcome?),
        }
    }
}

fn unable(error: &io::Error) -> bool {
    let errors = [Errno::INVAL, Errno::NOSYS, Errno::PERM, Errno::OPNOTSUPP];
    error.raw_os_error().is_some_and(|number| errors.iter().any(|errno| errno.raw_os_error() == number))
}
