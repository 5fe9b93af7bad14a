//! The threads that hash passwords: counted, owned by one node, readable by a meter, joined on drop.
//!
//! With 0 threads there is no pool: hashing runs on the calling thread and stops everything else there, as a
//! cooperative server does. Threads end when the pool is dropped, after the hash they are at.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, SyncSender},
    },
    thread::{self, JoinHandle},
};

use rustix::thread::{Pid, gettid};
use tokio::sync::oneshot;

/// Hashes that may wait. A login beyond that is told to come back: waiting longer would only hide overload.
const QUEUE: usize = 1024;

type Job = Box<dyn FnOnce() + Send>;

/// N hashing threads.
pub struct HashPool {
    jobs: Option<SyncSender<Job>>,
    threads: Vec<JoinHandle<()>>,
    ids: Vec<Pid>,
}

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are waiting to be hashed")]
pub struct Busy;

impl HashPool {
    /// Starts the threads and waits until each has told its id.
    pub fn start(threads: usize) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::sync_channel::<Job>(QUEUE);
        let waiting = Arc::new(Mutex::new(waiting));
        let (tell, told) = mpsc::channel();
        // Built in place, so that an early return drops (and joins) what was already started.
        let mut pool = Self { jobs: Some(jobs), threads: Vec::new(), ids: Vec::new() };
        for number in 0..threads {
            let (waiting, tell) = (Arc::clone(&waiting), tell.clone());
            pool.threads.push(thread::Builder::new().name(format!("hash-{number}")).spawn(move || {
                let _ = tell.send(gettid());
                drop(tell);
                work(&waiting);
            })?);
        }
        drop(tell);
        pool.ids = told.iter().collect();
        Ok(pool)
    }

    /// Kernel ids of the threads, for reading their CPU clocks.
    pub fn thread_ids(&self) -> &[Pid] {
        &self.ids
    }

    /// Runs `hash` on a thread of the pool, or right here when there is none. Skipped when the caller has
    /// stopped waiting by the time it is its turn.
    pub async fn run<T: Send + 'static>(&self, hash: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        if self.threads.is_empty() {
            return Ok(hash());
        }
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            if !answer.is_closed() {
                let _ = answer.send(hash());
            }
        });
        let jobs = self.jobs.as_ref().ok_or(Busy)?;
        jobs.try_send(job).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A panic of a thread was already printed where it happened.
            let _ = thread.join();
        }
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[tokio::test]
    async fn hashing_runs_on_the_threads_the_pool_names() {
        let pool = HashPool::start(2).unwrap();
        assert_eq!(pool.thread_ids().len(), 2);
        let ran_on = pool.run(gettid).await.unwrap();
        assert!(pool.thread_ids().contains(&ran_on));
    }

    #[tokio::test]
    async fn without_threads_hashing_stops_the_caller() {
        let pool = HashPool::start(0).unwrap();
        assert_eq!(pool.thread_ids(), []);
        assert_eq!(pool.run(gettid).await.unwrap(), gettid());
    }

    #[tokio::test]
    async fn a_full_queue_says_so_at_once() {
        let pool = HashPool::start(1).unwrap();
        let (release, held) = channel::<()>();
        let (running, runs) = oneshot::channel();
        let blocker = pool.run(move || {
            let _ = running.send(());
            held.recv()
        });
        let mut blocker = std::pin::pin!(blocker);
        tokio::select! { biased; _ = &mut blocker => unreachable!("held"), started = runs => started.unwrap() }
        let mut queued: Vec<_> = (0..QUEUE).map(|_| Box::pin(pool.run(|| ()))).collect();
        for waiting in &mut queued {
            tokio::select! { biased; _ = waiting => unreachable!("behind the held one"), () = async {} => {} }
        }
        assert_eq!(pool.run(|| ()).await, Err(Busy));
        release.send(()).unwrap();
        blocker.await.unwrap().unwrap();
        for waiting in queued {
            waiting.await.unwrap();
        }
    }

    #[tokio::test]
    async fn dropping_the_pool_joins_its_threads() {
        struct Ends(mpsc::Sender<()>);
        impl Drop for Ends {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        thread_local!(static ENDS: std::cell::RefCell<Option<Ends>> = const { std::cell::RefCell::new(None) });

        let pool = HashPool::start(1).unwrap();
        let (ends, ended) = channel();
        pool.run(|| ENDS.set(Some(Ends(ends)))).await.unwrap();
        assert!(ended.try_recv().is_err(), "the thread lives as long as the pool");
        drop(pool);
        ended.try_recv().unwrap();
    }
}
