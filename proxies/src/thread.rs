//! One OS thread with its own current-thread runtime, its thread id for the meter, and one way to end it.
//!
//! The future given to [`NodeThread::start`] ends when its token is cancelled; [`NodeThread::stop`] cancels
//! and joins. Dropping a thread handle does the same.

use std::{
    future::Future,
    io,
    sync::mpsc,
    thread::{Builder, JoinHandle},
};

use tokio_util::sync::CancellationToken;

/// A running thread.
pub struct NodeThread {
    thread_id: i32,
    stop: CancellationToken,
    join: Option<JoinHandle<io::Result<()>>>,
}

impl NodeThread {
    /// Starts `body` on a new thread named `name`; returns once the thread runs and its id is known.
    pub fn start<B, F>(name: &str, body: B) -> io::Result<Self>
    where
        B: FnOnce(CancellationToken) -> F + Send + 'static,
        F: Future<Output = io::Result<()>>,
    {
        let stop = CancellationToken::new();
        let (ready, started) = mpsc::channel();
        let token = stop.clone();
        // The kernel keeps 15 bytes of a thread's name.
        let short: String = name.chars().take(15).collect();
        let join = Builder::new().name(short).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            // The starter waits; were it gone, the thread would be stopped by its handle anyway.
            let _ = ready.send(rustix::thread::gettid().as_raw_nonzero().get());
            runtime.block_on(body(token))
        })?;
        match started.recv() {
            Ok(thread_id) => Ok(Self { thread_id, stop, join: Some(join) }),
            Err(_) => match join.join() {
                Ok(Err(error)) => Err(error),
                _ => Err(io::Error::other("a node thread ended before it began")),
            },
        }
    }

    /// The kernel's thread id.
    pub fn id(&self) -> i32 {
        self.thread_id
    }

    /// Asks it to end, without waiting.
    pub fn cancel(&self) {
        self.stop.cancel();
    }

    /// Ends it and waits; its failure, or a panic of its tasks, comes back as an error.
    pub fn stop(mut self) -> io::Result<()> {
        self.finish()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.stop.cancel();
        match self.join.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) => Err(io::Error::other("a node thread panicked")),
        }
    }
}

impl Drop for NodeThread {
    fn drop(&mut self) {
        // Whoever wanted the outcome called `stop`.
        let _ = self.finish();
    }
}
