//! What the connections of one listener and thread have in common, and what each of them knows of its caller.

use std::sync::Arc;

use super::{
    buffers::ROOM,
    counts::HttpCounts,
    failure::Failure,
    hooks::{Hooks, Watch},
    pool::Pool,
    prepare::{Introduction, Prepared, prepare},
    rules::Rules,
};
use crate::{
    balance::Group,
    caller::Caller,
    http::{HeadLimits, request::RequestHead},
    limits::{HttpLimits, Limits},
    serve::Tally,
};

/// Groups, rules, hooks, and the connections kept for the next request. One for each thread.
pub struct Site<D> {
    pub(super) groups: Vec<Arc<Group<D>>>,
    pub(super) rules: Rules,
    pub(super) limits: Limits,
    pub(super) hooks: Hooks,
    pub(super) tally: Arc<Tally>,
    pub(super) pool: Arc<Pool>,
}

impl<D> Site<D> {
    /// With no connection kept yet.
    pub fn new(
        groups: Vec<Arc<Group<D>>>,
        rules: Rules,
        limits: Limits,
        hooks: Hooks,
        tally: Arc<Tally>,
    ) -> Self {
        let HttpLimits { pooled, pooled_for, .. } = limits.http;
        let pool = Arc::new(Pool::new(pooled, pooled_for, tally.clone()));
        Self { groups, rules, limits, hooks, tally, pool }
    }

    /// Lets go of kept connections that waited too long or ended; runs beside the listener and never ends.
    pub async fn keep(&self) -> ! {
        self.pool.keep().await
    }

    /// Says goodbye to the connections kept.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// For one connection of a caller.
    pub fn visit(self: &Arc<Self>, caller: Caller) -> Visit<D> {
        let introduction = Introduction::of(&caller, &self.rules);
        Visit { site: self.clone(), caller, introduction }
    }

    pub(super) fn head_limits(&self) -> HeadLimits {
        head_limits(&self.limits)
    }
}

/// What the rest of an exchange depends on, and who watches it.
pub(super) type Judged = (Prepared, Option<Box<dyn Watch>>);

/// One connection of a caller, on whatever version of HTTP: what its requests have in common.
pub struct Visit<D> {
    pub(super) site: Arc<Site<D>>,
    pub(super) caller: Caller,
    introduction: Introduction,
}

impl<D> Visit<D> {
    /// Asks everybody who may object to a request, and appends its own version of the head to `out`.
    pub(super) fn judge(&self, head: &RequestHead<'_>, out: &mut Vec<u8>) -> Result<Judged, Failure> {
        let site = &*self.site;
        HttpCounts::count(&site.tally.http.requests);
        site.rules.directed(&self.caller, head)?;
        if let Some(admit) = &site.hooks.admit {
            admit.admit(&self.caller, head).map_err(|after| Failure::TooOften(after.0))?;
        }
        let watch = match &site.hooks.inspect {
            Some(inspect) => inspect.request(&self.caller, head).map_err(Failure::Objection)?,
            None => None,
        };
        let prepared = prepare(&site.rules, &self.introduction, head, out)?;
        Ok((prepared, watch))
    }

    /// Counts what a filter would not have.
    pub(super) fn note(&self, failure: &Failure) {
        if let Failure::Objection(objection) = failure {
            self.site.tally.http.count_rule(&objection.rule);
        }
    }

    /// Counts an answer of the proxy's own, and says which.
    pub(super) fn own_answer(&self, failure: &Failure) -> u16 {
        self.note(failure);
        let status = failure.status();
        self.site.tally.http.count_own(status);
        status
    }
}

/// Of either kind of head; none is larger than what is read at a time.
pub(super) fn head_limits(limits: &Limits) -> HeadLimits {
    HeadLimits { bytes: limits.http.head_bytes.min(ROOM), fields: limits.http.fields }
}
