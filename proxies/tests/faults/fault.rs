//! Twelve ways a service can let its callers down.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Nobody listens.
    Refuses,
    /// It takes no connection, shakes no hands, or never answers: the seed decides.
    Hangs,
    /// It resets once it has read the request, all of it or its head.
    ResetsBeforeHead,
    /// It resets within the head of its answer.
    ResetsInHead,
    /// It resets within the body.
    ResetsInBody,
    /// It closes within the body, without a goodbye where it speaks TLS.
    ClosesInBody,
    /// It closes within the body in order, with a goodbye where it speaks TLS.
    SaysGoodbyeInBody,
    /// A chunk is none.
    BadChunk,
    /// One byte a second.
    Trickles,
    /// What it says is no HTTP.
    Garbage,
    /// The head of its answer is larger than anybody takes.
    HugeHead,
    /// It answers before it has read a large request, and resets.
    AnswersEarly,
}

impl Fault {
    pub(crate) const ALL: [Self; 12] = [
        Self::Refuses,
        Self::Hangs,
        Self::ResetsBeforeHead,
        Self::ResetsInHead,
        Self::ResetsInBody,
        Self::ClosesInBody,
        Self::SaysGoodbyeInBody,
        Self::BadChunk,
        Self::Trickles,
        Self::Garbage,
        Self::HugeHead,
        Self::AnswersEarly,
    ];

    /// Its connections end by reset.
    pub(crate) const fn resets(self) -> bool {
        matches!(self, Self::ResetsBeforeHead | Self::ResetsInHead | Self::ResetsInBody | Self::AnswersEarly)
    }

    /// It breaks off somewhere in the body, so there must be one.
    pub(crate) const fn in_body(self) -> bool {
        matches!(self, Self::ResetsInBody | Self::ClosesInBody | Self::SaysGoodbyeInBody | Self::BadChunk)
    }

    /// The whole answer is sent, sooner or later.
    pub(crate) const fn may_be_answered(self) -> bool {
        matches!(self, Self::Trickles | Self::HugeHead | Self::AnswersEarly)
    }
}
