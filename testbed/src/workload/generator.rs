//! The open loop: starts each arrival at its intended time, whatever became of the earlier ones.
//!
//! ```text
//! arrivals ── one timer ── task per arrival (≤ in_flight) ── Record
//! ```
//!
//! Runs on the caller's runtime. Its tasks end when their operation does, when patience ends, or when the
//! deadline for stragglers passes; none is left when [`Generator::run`] returns. The timer's grain is tokio's
//! millisecond, so arrivals may start in small bursts, never early.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    task::{JoinError, JoinSet},
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    operations::Failure,
    schedule::{Arrival, Operation},
};

/// A request that started later than this after its intended time is counted as late: five grains of the
/// timer, so that only a generator that cannot keep up reaches it.
pub const LATE: Duration = Duration::from_millis(5);

/// How long the last operations are awaited when a run is stopped: whoever stops wants it soon.
const STOPPED: Duration = Duration::from_millis(200);

/// One operation under way.
pub type Performing = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// Whoever carries out operations.
pub trait Perform: Send + Sync + 'static {
    /// Called in the order of the schedule; the work is in the future.
    fn perform(self: Arc<Self>, operation: Operation) -> Performing;
}

/// Whoever wants to know. Times are since the start of the schedule; each arrival is offered once, and then at
/// most one of done, failed, dropped.
pub trait Record: Send + Sync + 'static {
    /// It was time.
    fn offered(&self, operation: Operation, at: Duration);
    /// It succeeded; `latency` from the intended start.
    fn done(&self, operation: Operation, latency: Duration, intended: Duration, late: bool);
    /// It did not.
    fn failed(&self, operation: Operation, intended: Duration, late: bool, why: &Failure);
    /// It was never started, because too many were in flight.
    fn dropped(&self, operation: Operation, intended: Duration);
}

/// What a run may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Operations in flight at most.
    pub in_flight: usize,
    /// The longest one operation may take once started.
    pub patience: Duration,
    /// How long the last ones are awaited after the schedule ended or was stopped.
    pub stragglers: Duration,
}

/// How a run went; the rest went to the [`Record`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Arrivals whose time came.
    pub offered: u64,
    /// Of those, done or failed.
    pub ended: u64,
    /// Of those, not started.
    pub dropped: u64,
    /// Of those, still in flight when the deadline for stragglers passed.
    pub in_flight: u64,
    /// Ended ones that had started late.
    pub late: u64,
    /// Whether the run was stopped before its schedule was over.
    pub stopped: bool,
}

/// Runs schedules.
pub struct Generator {
    /// Who carries out operations.
    pub performer: Arc<dyn Perform>,
    /// Who is told.
    pub record: Arc<dyn Record>,
    /// Within what.
    pub bounds: Bounds,
}

impl Generator {
    /// Runs a schedule to its end or until stopped, then awaits stragglers.
    pub async fn run(&self, arrivals: &[Arrival], stop: &CancellationToken) -> Tally {
        let start = Instant::now();
        let mut run = Run { tally: Tally::default(), tasks: JoinSet::new() };
        let mut timer = std::pin::pin!(sleep_until(start));
        for arrival in arrivals {
            timer.as_mut().reset(start + arrival.at);
            run.tally.stopped = loop {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => break true,
                    () = &mut timer => break false,
                    Some(ended) = run.tasks.join_next() => run.tally.ended(ended),
                }
            };
            if run.tally.stopped {
                break;
            }
            self.fire(&mut run, *arrival, start);
        }
        let patience = if run.tally.stopped { STOPPED } else { self.bounds.stragglers };
        run.finish(patience.min(self.bounds.stragglers)).await
    }

    fn fire(&self, run: &mut Run, arrival: Arrival, start: Instant) {
        let Arrival { at, operation } = arrival;
        while let Some(ended) = run.tasks.try_join_next() {
            run.tally.ended(ended);
        }
        run.tally.offered += 1;
        self.record.offered(operation, at);
        if run.tasks.len() >= self.bounds.in_flight {
            run.tally.dropped += 1;
            self.record.dropped(operation, at);
            return;
        }
        let (record, patience) = (Arc::clone(&self.record), self.bounds.patience);
        let performing = Arc::clone(&self.performer).perform(operation);
        run.tasks.spawn(async move {
            let intended = start + at;
            let late = intended.elapsed() > LATE;
            match timeout(patience, performing).await.unwrap_or(Err(Failure::TooLong)) {
                Ok(()) => record.done(operation, intended.elapsed(), at, late),
                Err(why) => record.failed(operation, at, late, &why),
            }
            late
        });
    }
}

/// A schedule under way.
struct Run {
    tally: Tally,
    /// Each answers whether it had started late.
    tasks: JoinSet<bool>,
}

impl Run {
    async fn finish(mut self, stragglers: Duration) -> Tally {
        let deadline = Instant::now() + stragglers;
        while let Ok(Some(ended)) = timeout_at(deadline, self.tasks.join_next()).await {
            self.tally.ended(ended);
        }
        self.tasks.abort_all();
        while let Some(ended) = self.tasks.join_next().await {
            self.tally.ended(ended);
        }
        self.tally
    }
}

impl Tally {
    fn ended(&mut self, task: Result<bool, JoinError>) {
        match task {
            Ok(late) => {
                self.ended += 1;
                self.late += u64::from(late);
            }
            Err(error) if error.is_cancelled() => self.in_flight += 1,
            // A panic in an operation is a bug of ours, never a property of the system under test.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::{super::meter::Meter, *};

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Lists take 1 ms, logins 10 s, deletes stall the whole runtime for 20 ms, creates never end.
    struct Clockwork;

    impl Perform for Clockwork {
        fn perform(self: Arc<Self>, operation: Operation) -> Performing {
            Box::pin(async move {
                match operation {
                    Operation::List => sleep(ms(1)).await,
                    Operation::Login | Operation::Page => sleep(ms(10_000)).await,
                    Operation::Delete => advance(ms(20)).await,
                    Operation::Create => std::future::pending().await,
                }
                Ok(())
            })
        }
    }

    const BOUNDS: Bounds = Bounds { in_flight: 100, patience: ms(60_000), stragglers: ms(30_000) };

    async fn run(arrivals: &[(u64, Operation)], bounds: Bounds, stop: &CancellationToken) -> (Tally, Meter) {
        let meter = Arc::new(Meter::new().unwrap());
        let generator = Generator { performer: Arc::new(Clockwork), record: meter.clone(), bounds };
        let arrival = |&(at, operation): &(u64, Operation)| Arrival { at: ms(at), operation };
        let arrivals: Vec<_> = arrivals.iter().map(arrival).collect();
        let tally = generator.run(&arrivals, stop).await;
        drop(generator);
        (tally, Arc::into_inner(meter).unwrap())
    }

    /// The longest latency of an operation, in whole milliseconds.
    fn longest(meter: &Meter, operation: Operation) -> u64 {
        let intervals = meter.take_intervals();
        let of = intervals.iter().filter(|interval| interval.operation == operation);
        of.map(|interval| interval.latencies.max()).max().unwrap() / 1_000_000
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_request_holds_up_none_of_the_later_ones() {
        let arrivals = [(0, Operation::Login), (10, Operation::List), (20, Operation::List)];
        let (tally, meter) = run(&arrivals, BOUNDS, &CancellationToken::new()).await;
        assert_eq!(tally, Tally { offered: 3, ended: 3, ..Tally::default() });
        assert!(longest(&meter, Operation::List) <= 2);
    }

    #[tokio::test(start_paused = true)]
    async fn latency_counts_from_the_intended_start_and_late_starts_are_counted() {
        // The delete holds the only thread until 20 ms: the list meant for 2 ms starts 18 ms late.
        let arrivals = [(0, Operation::Delete), (2, Operation::List), (18, Operation::List)];
        let (tally, meter) = run(&arrivals, BOUNDS, &CancellationToken::new()).await;
        assert_eq!((tally.offered, tally.ended, tally.late), (3, 3, 1));
        assert_eq!(meter.total(Operation::List).late, 1);
        assert!((18..=20).contains(&longest(&meter, Operation::List)));
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_bound_arrivals_are_dropped_not_delayed() {
        let arrivals = [(0, Operation::Login), (5, Operation::List), (20_000, Operation::List)];
        let bounds = Bounds { in_flight: 1, ..BOUNDS };
        let (tally, meter) = run(&arrivals, bounds, &CancellationToken::new()).await;
        assert_eq!(tally, Tally { offered: 3, ended: 2, dropped: 1, ..Tally::default() });
        let lists = meter.total(Operation::List);
        assert_eq!((lists.offered, lists.done, lists.dropped), (2, 1, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_ends_is_reported_in_flight_and_ended_with_the_run() {
        let (tally, meter) = run(&[(0, Operation::Create)], BOUNDS, &CancellationToken::new()).await;
        assert_eq!(tally, Tally { offered: 1, in_flight: 1, ..Tally::default() });
        assert_eq!(meter.total(Operation::Create).in_flight(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn patience_turns_what_never_ends_into_a_failure() {
        let bounds = Bounds { patience: ms(1000), ..BOUNDS };
        let (tally, meter) = run(&[(0, Operation::Create)], bounds, &CancellationToken::new()).await;
        assert_eq!((tally.ended, tally.in_flight), (1, 0));
        assert_eq!(meter.failures()["too-long"], 1);
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_offers_nothing_more_and_lets_the_last_ones_finish() {
        let stop = CancellationToken::new();
        let arrivals = [(0, Operation::Login), (20_000, Operation::List)];
        let stopping = async {
            // A login takes ten seconds.
            sleep(ms(9_900)).await;
            stop.cancel();
        };
        let ((tally, meter), ()) = tokio::join!(run(&arrivals, BOUNDS, &stop), stopping);
        assert_eq!(tally, Tally { offered: 1, ended: 1, stopped: true, ..Tally::default() });
        assert_eq!(meter.total(Operation::Login).done, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_does_not_wait_for_what_takes_long() {
        let stop = CancellationToken::new();
        let arrivals = [(0, Operation::Login), (20_000, Operation::List)];
        let stopping = async {
            sleep(ms(1_000)).await;
            stop.cancel();
        };
        let began = Instant::now();
        let ((tally, _), ()) = tokio::join!(run(&arrivals, BOUNDS, &stop), stopping);
        assert_eq!(tally, Tally { offered: 1, in_flight: 1, stopped: true, ..Tally::default() });
        assert_eq!(began.elapsed(), ms(1_000) + STOPPED);
    }
}
