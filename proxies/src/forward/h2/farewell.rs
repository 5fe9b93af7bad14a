//! The last words on a connection: what is left to say, then the end of our side, then whatever the other side still
//! sends, unread; so that it gets to hear the words instead of a reset.
//!
//! Bounded in time and in bytes. No task: it ends with the stream it belongs to.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::ReadBuf,
    time::{Sleep, sleep},
};

use super::{frames::kind, watch::Fault};
use crate::stream::Stream;

/// What all of it may take.
const LINGER: Duration = Duration::from_secs(1);
/// Bytes thrown away while the other side has not noticed yet.
const UNREAD: usize = 4 * 1024 * 1024;

pub(super) struct Farewell {
    words: Vec<u8>,
    said: usize,
    step: Step,
    unread: usize,
    until: Pin<Box<Sleep>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Say,
    Flush,
    Shut,
    Linger,
    Done,
}

impl Farewell {
    /// A GOAWAY that says why.
    pub(super) fn saying(fault: Fault, last: u32) -> Self {
        let mut payload = last.to_be_bytes().to_vec();
        payload.extend(fault.code().to_be_bytes());
        payload.extend(fault.words().bytes());
        let mut words = vec![0, 0, payload.len() as u8, kind::GOAWAY, 0, 0, 0, 0, 0];
        words.extend(payload);
        Self { words, ..Self::wordless() }
    }

    /// Everything is said already.
    pub(super) fn wordless() -> Self {
        Self { words: Vec::new(), said: 0, step: Step::Say, unread: 0, until: Box::pin(sleep(LINGER)) }
    }

    /// True once the time for it is over, or it is done.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.step == Step::Done {
            return Poll::Ready(());
        }
        self.until.as_mut().poll(cx)
    }

    /// Goes through with it; nothing that goes wrong on the way matters any more.
    pub(super) fn poll<S: Stream>(&mut self, mut stream: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<()> {
        while self.poll_over(cx).is_pending() {
            let stepped = ready!(self.step(stream.as_mut(), cx));
            self.step = stepped.unwrap_or(Step::Done);
        }
        self.step = Step::Done;
        Poll::Ready(())
    }

    fn step<S: Stream>(&mut self, stream: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<io::Result<Step>> {
        let next = match self.step {
            Step::Say if self.said == self.words.len() => Step::Flush,
            Step::Say => {
                let written = ready!(stream.poll_write(cx, &self.words[self.said..]))?;
                self.said += written;
                if written == 0 { Step::Done } else { Step::Say }
            }
            Step::Flush => {
                ready!(stream.poll_flush(cx))?;
                Step::Shut
            }
            Step::Shut => {
                ready!(stream.poll_shutdown(cx))?;
                Step::Linger
            }
            Step::Linger => {
                let mut thrown = [0; 8 * 1024];
                let mut buffer = ReadBuf::new(&mut thrown);
                ready!(stream.poll_read(cx, &mut buffer))?;
                self.unread += buffer.filled().len();
                if buffer.filled().is_empty() || self.unread > UNREAD { Step::Done } else { Step::Linger }
            }
            Step::Done => Step::Done,
        };
        Poll::Ready(Ok(next))
    }
}
