//! What a client may do with HTTP/2 frames beyond what the HTTP/2 library bounds by itself. Pure: heads of frames
//! and a clock reading in, a verdict out; who reads and writes them is `guarded`.
//!
//! The library (h2 0.4) bounds CONTINUATION frames of one block, empty and tiny DATA frames, the size of header
//! lists, resets of streams nobody has accepted yet, and the resets it was itself provoked to. It does not bound, over the
//! life of a connection: resets by the client, PING, SETTINGS, PRIORITY, `WINDOW_UPDATE` and unknown frames that
//! bring nothing, streams after a GOAWAY the client ignores, or the time a header block stays open. It takes a
//! connection that begins with no SETTINGS.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use super::frames::{Head, Moment, kind};
use crate::limits::HttpLimits;

/// What frames that bring nothing may cost at once, in points.
const PURSE: u32 = 1_000;
/// Points that come back each second.
const PER_SECOND: u64 = 20;
/// Points a new request brings.
const PER_REQUEST: u32 = 20;
/// Points a KiB of payload brings, either way: a client that takes or sends bytes also updates windows.
const PER_KIB: u32 = 4;

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// It did not begin with SETTINGS.
    Opening,
    /// It took too long to begin.
    SlowOpening,
    /// A header block took too long.
    SlowHead,
    /// More requests were taken back than one connection may.
    Resets,
    /// More frames that bring nothing than the rest of the traffic explains.
    IdleFrames,
    /// New streams long after it was told that there will be no more.
    Requests,
    /// A frame of a length its kind cannot have.
    Size,
}

impl Fault {
    /// The error code the other side is told.
    pub(super) const fn code(self) -> u32 {
        match self {
            Self::Opening => 0x1,
            Self::Size => 0x6,
            _ => 0xb,
        }
    }

    /// The same in words, for the frame's debug data.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Opening => "no_settings",
            Self::SlowOpening => "slow_opening",
            Self::SlowHead => "slow_head",
            Self::Resets => "too_many_resets",
            Self::IdleFrames => "too_many_idle_frames",
            Self::Requests => "too_many_requests",
            Self::Size => "frame_size",
        }
    }
}

/// One connection's account.
#[derive(Debug)]
pub(super) struct Watch {
    head: Duration,
    resets_left: u32,
    streams_left: u32,
    /// Streams opened and neither answered in full nor reset; no more than ever were opened.
    open: BTreeSet<u32>,
    last: u32,
    purse: Purse,
    /// When what is being waited for began: the first SETTINGS, or the header block that is open.
    since: Option<Instant>,
    opened: bool,
}

impl Watch {
    pub(super) fn new(limits: &HttpLimits, now: Instant) -> Self {
        Self {
            head: limits.head,
            resets_left: limits.resets,
            // Those under way when the client is told to stop may still come.
            streams_left: limits.requests.saturating_add(limits.streams),
            open: BTreeSet::new(),
            last: 0,
            purse: Purse { points: PURSE, bytes: 0, at: now },
            since: Some(now),
            opened: false,
        }
    }

    /// The last stream the client opened.
    pub(super) fn last(&self) -> u32 {
        self.last
    }

    /// When patience ends, and with what.
    pub(super) fn patience(&self) -> Option<(Instant, Fault)> {
        let fault = if self.opened { Fault::SlowHead } else { Fault::SlowOpening };
        self.since.map(|since| (since + self.head, fault))
    }

    /// Something the client sent.
    pub(super) fn heard(&mut self, moment: Moment, now: Instant) -> Result<(), Fault> {
        match moment {
            Moment::Begun(head) => self.begun(head, now),
            Moment::Ended(head) => {
                self.ended(head);
                Ok(())
            }
        }
    }

    /// A frame that goes to the client.
    pub(super) fn said(&mut self, head: Head) {
        if head.kind == kind::DATA {
            self.purse.earn_bytes(head.length);
        }
        if head.ends_stream() || head.kind == kind::RST_STREAM {
            self.open.remove(&head.stream);
        }
    }

    fn begun(&mut self, head: Head, now: Instant) -> Result<(), Fault> {
        if !self.opened && (head.kind != kind::SETTINGS || head.acknowledges()) {
            return Err(Fault::Opening);
        }
        if !fits(head) {
            return Err(Fault::Size);
        }
        match head.kind {
            kind::HEADERS => {
                self.since = self.since.or(Some(now));
                self.request(head)
            }
            kind::DATA => {
                self.purse.earn_bytes(head.length);
                Ok(())
            }
            kind::CONTINUATION => Ok(()),
            kind::RST_STREAM if self.open.remove(&head.stream) => {
                self.resets_left = self.resets_left.checked_sub(1).ok_or(Fault::Resets)?;
                Ok(())
            }
            _ => self.purse.spend(price(head), now).map_err(|Empty| Fault::IdleFrames),
        }
    }

    fn request(&mut self, head: Head) -> Result<(), Fault> {
        if head.stream <= self.last {
            // Trailers, or a mistake that the library answers.
            return Ok(());
        }
        self.last = head.stream;
        self.open.insert(head.stream);
        self.purse.earn(PER_REQUEST);
        self.streams_left = self.streams_left.checked_sub(1).ok_or(Fault::Requests)?;
        Ok(())
    }

    fn ended(&mut self, head: Head) {
        if head.kind == kind::SETTINGS {
            if !self.opened {
                self.since = None;
            }
            self.opened = true;
        }
        if matches!(head.kind, kind::HEADERS | kind::CONTINUATION) && head.ends_headers() {
            self.since = None;
        }
    }
}

/// Whether a frame has a length its kind can have; the library says of those that have not only that they are wrong.
const fn fits(head: Head) -> bool {
    match head.kind {
        kind::SETTINGS if head.acknowledges() => head.length == 0,
        kind::SETTINGS => head.length.is_multiple_of(6),
        kind::PING => head.length == 8,
        kind::RST_STREAM | kind::WINDOW_UPDATE => head.length == 4,
        kind::PRIORITY => head.length == 5,
        kind::GOAWAY => head.length >= 8,
        _ => true,
    }
}

/// What a frame costs that brings nothing by itself: more, the more work it makes and the less reason there is for
/// many. So one connection may send 40 SETTINGS, 100 PING or 500 `WINDOW_UPDATE` frames for no reason.
const fn price(head: Head) -> u32 {
    match head.kind {
        kind::SETTINGS if !head.acknowledges() => 25,
        kind::PING if !head.acknowledges() => 10,
        kind::SETTINGS | kind::PING | kind::PRIORITY | kind::WINDOW_UPDATE | kind::RST_STREAM => 2,
        // GOAWAY, PUSH_PROMISE, unknown kinds.
        _ => 10,
    }
}

#[derive(Debug)]
struct Purse {
    points: u32,
    /// Payload not yet paid for, less than a KiB.
    bytes: u32,
    at: Instant,
}

struct Empty;

impl Purse {
    fn earn(&mut self, points: u32) {
        self.points = self.points.saturating_add(points).min(PURSE);
    }

    fn earn_bytes(&mut self, length: u32) {
        self.bytes = self.bytes.saturating_add(length);
        self.earn((self.bytes / 1024).saturating_mul(PER_KIB));
        self.bytes %= 1024;
    }

    fn spend(&mut self, price: u32, now: Instant) -> Result<(), Empty> {
        let seconds = now.saturating_duration_since(self.at).as_secs();
        self.at += Duration::from_secs(seconds);
        self.earn(u32::try_from(seconds.saturating_mul(PER_SECOND)).unwrap_or(PURSE));
        self.points = self.points.checked_sub(price).ok_or(Empty)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Head = Head { length: 0, kind: kind::SETTINGS, flags: 0, stream: 0 };
    const PING: Head = Head { length: 8, kind: kind::PING, flags: 0, stream: 0 };
    const PRIORITY: Head = Head { length: 5, kind: kind::PRIORITY, ..PING };
    const WINDOW: Head = Head { length: 4, kind: kind::WINDOW_UPDATE, ..PING };

    struct Story {
        watch: Watch,
        now: Instant,
    }

    impl Story {
        fn begun() -> Self {
            let now = Instant::now();
            let mut story = Self { watch: Watch::new(&HttpLimits::default(), now), now };
            assert_eq!(story.frame(SETTINGS), Ok(()));
            story
        }

        fn frame(&mut self, head: Head) -> Result<(), Fault> {
            self.watch.heard(Moment::Begun(head), self.now)?;
            self.watch.heard(Moment::Ended(head), self.now)
        }

        fn open(&mut self, stream: u32) -> Result<(), Fault> {
            self.frame(Head { length: 9, kind: kind::HEADERS, flags: 5, stream })
        }

        fn reset(&mut self, stream: u32) -> Result<(), Fault> {
            self.frame(Head { length: 4, kind: kind::RST_STREAM, flags: 0, stream })
        }

        /// How often before it is too much, with a second between each where there is a pause.
        fn until_too_much(
            &mut self,
            pause: bool,
            mut what: impl FnMut(&mut Self, u32) -> Result<(), Fault>,
        ) -> (u32, Fault) {
            for n in 0..100_000 {
                if let Err(fault) = what(self, n) {
                    return (n, fault);
                }
                self.now += Duration::from_secs(u64::from(pause));
            }
            panic!("100,000 times and nobody minded");
        }
    }

    #[test]
    fn a_client_may_take_back_fifty_requests_in_its_life_however_slowly() {
        for pause in [false, true] {
            let ended = Story::begun().until_too_much(pause, |story, n| {
                story.open(2 * n + 1)?;
                story.reset(2 * n + 1)
            });
            assert_eq!(ended, (50, Fault::Resets));
        }
    }

    #[test]
    fn a_reset_of_what_is_answered_already_takes_nothing_back() {
        let mut story = Story::begun();
        for n in 0..900 {
            story.open(2 * n + 1).unwrap();
            story.watch.said(Head { length: 0, kind: kind::DATA, flags: 1, stream: 2 * n + 1 });
            story.reset(2 * n + 1).unwrap();
        }
    }

    #[test]
    fn floods_of_frames_that_bring_nothing_end_at_named_numbers() {
        let table = [
            (SETTINGS, 40),
            (PING, 100),
            (PRIORITY, 500),
            (WINDOW, 500),
            (Head { kind: 0x42, ..PING }, 100),
            (Head { flags: 1, ..PING }, 500),
        ];
        for (head, most) in table {
            let (sent, fault) = Story::begun().until_too_much(false, |story, _| story.frame(head));
            // The first SETTINGS cost something too.
            assert!(sent <= most && sent + 20 >= most, "{head:?}: {sent}");
            assert_eq!(fault, Fault::IdleFrames);
        }
    }

    #[test]
    fn a_ping_a_second_and_windows_as_bytes_flow_are_no_flood() {
        let mut story = Story::begun();
        for _ in 0..10_000 {
            story.now += Duration::from_secs(1);
            story.frame(PING).unwrap();
        }
        for _ in 0..10_000 {
            story.watch.said(Head { length: 16_384, kind: kind::DATA, flags: 0, stream: 1 });
            story.frame(WINDOW).unwrap();
            story.frame(WINDOW).unwrap();
            story.frame(PING).unwrap();
        }
    }

    #[test]
    fn bytes_given_out_one_by_one_pay_for_nothing() {
        let (sent, fault) = Story::begun().until_too_much(false, |story, _| {
            story.watch.said(Head { length: 1, kind: kind::DATA, flags: 0, stream: 1 });
            story.frame(WINDOW)
        });
        assert!(sent < 600 && fault == Fault::IdleFrames, "{sent}");
    }

    #[test]
    fn streams_end_some_time_after_the_requests_do() {
        let ended = Story::begun().until_too_much(false, |story, n| story.open(2 * n + 1));
        assert_eq!(ended, (1_100, Fault::Requests));
    }

    #[test]
    fn a_frame_has_a_length_its_kind_can_have() {
        let wrong = [
            (SETTINGS, 5),
            (Head { flags: 1, ..SETTINGS }, 6),
            (PING, 7),
            (PRIORITY, 4),
            (WINDOW, 5),
            (Head { kind: kind::RST_STREAM, ..PING }, 8),
            (Head { kind: kind::GOAWAY, ..PING }, 7),
        ];
        for (head, length) in wrong {
            assert_eq!(Story::begun().frame(Head { length, ..head }), Err(Fault::Size), "{head:?}");
        }
    }

    #[test]
    fn the_first_frame_says_the_settings() {
        for first in [PING, Head { flags: 1, ..SETTINGS }, Head { kind: kind::HEADERS, ..PING }] {
            let now = Instant::now();
            let mut watch = Watch::new(&HttpLimits::default(), now);
            assert_eq!(watch.heard(Moment::Begun(first), now), Err(Fault::Opening));
        }
    }

    #[test]
    fn patience_is_for_the_opening_and_for_an_open_header_block_only() {
        let limits = HttpLimits::default();
        let mut story = Story { watch: Watch::new(&limits, Instant::now()), now: Instant::now() };
        assert_eq!(story.watch.patience().unwrap().1, Fault::SlowOpening);
        story.frame(SETTINGS).unwrap();
        assert_eq!(story.watch.patience(), None);
        story.frame(Head { length: 1, kind: kind::HEADERS, flags: 0, stream: 1 }).unwrap();
        let end = story.now + limits.head;
        assert_eq!(story.watch.patience(), Some((end, Fault::SlowHead)));
        // More of it does not begin it anew.
        story.now += Duration::from_secs(9);
        story.frame(Head { length: 1, kind: kind::CONTINUATION, flags: 0, stream: 1 }).unwrap();
        assert_eq!(story.watch.patience(), Some((end, Fault::SlowHead)));
        story.frame(Head { length: 1, kind: kind::CONTINUATION, flags: 4, stream: 1 }).unwrap();
        assert_eq!(story.watch.patience(), None);
    }
}
