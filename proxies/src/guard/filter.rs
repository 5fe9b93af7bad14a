//! The guard as those whom a forwarder asks: a request filter, and a rate per token.
//!
//! Rules are pure; this is where their matches are counted. A request whose rules say nothing of its body is not
//! watched any further.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::Instant;

use super::{
    requests::{RequestKey, Requests},
    rules::{BodyJudge, Head, Matches, Rules, Verdict},
};
use crate::{
    caller::Caller,
    forward::{Admit, Inspect, Objection, RetryAfter, Watch},
    http::request::RequestHead,
};

/// Rules and how often each matched; shared by the threads of a listener.
#[derive(Clone, Debug)]
pub struct Filter {
    rules: Arc<Rules>,
    hits: Arc<[AtomicU64]>,
}

impl Filter {
    /// A filter that has seen nothing yet.
    pub fn new(rules: impl Into<Arc<Rules>>) -> Self {
        let rules = rules.into();
        let hits = rules.rules().iter().map(|_| AtomicU64::new(0)).collect();
        Self { rules, hits }
    }

    /// Ids of its rules, in the order of the file, and how many requests each matched; those that only log as well.
    pub fn hits(&self) -> impl Iterator<Item = (&str, u64)> {
        let counts = self.hits.iter().map(|hits| hits.load(Ordering::Relaxed));
        self.rules.rules().iter().map(|rule| rule.id.as_str()).zip(counts)
    }

    /// Counts what was not counted `before`, and says what follows from all of it.
    fn decide(&self, before: &Matches, now: &Matches) -> Result<(), Objection> {
        for rule in now.without(before).iter() {
            if let Some(hits) = self.hits.get(rule) {
                hits.fetch_add(1, Ordering::Relaxed);
            }
        }
        match self.rules.verdict(now) {
            Verdict::Pass => Ok(()),
            Verdict::Refuse { rule, status } => {
                let id = self.rules.rules().get(rule).map_or_else(String::new, |rule| rule.id.clone());
                Err(Objection { status, rule: Cow::Owned(id) })
            }
        }
    }
}

impl Inspect for Filter {
    fn request(&self, _: &Caller, head: &RequestHead<'_>) -> Result<Option<Box<dyn Watch>>, Objection> {
        let fields = head.fields.iter().map(|field| (field.name.as_bytes(), field.value));
        let asked = Head { method: head.method.as_bytes(), target: head.target.as_bytes(), fields };
        let matches = self.rules.judge_head(&asked);
        self.decide(&Matches::default(), &matches)?;
        if head.length.is_empty() || !self.rules.looks_at_bodies() {
            return Ok(None);
        }
        let watch = Watching { filter: self.clone(), body: Some(self.rules.judge_body()), counted: matches };
        Ok(Some(Box::new(watch)))
    }
}

/// One body on its way.
struct Watching {
    filter: Filter,
    body: Option<BodyJudge>,
    /// Rules that matched this request and were counted.
    counted: Matches,
}

impl Watching {
    fn decide(&mut self, found: Matches) -> Result<(), Objection> {
        let all = self.counted.with(&found);
        let decided = self.filter.decide(&self.counted, &all);
        self.counted = all;
        decided
    }
}

impl Watch for Watching {
    fn request_part(&mut self, part: &[u8]) -> Result<(), Objection> {
        let Some(body) = &mut self.body else { return Ok(()) };
        let found = *body.feed(part);
        self.decide(found)
    }

    fn request_end(&mut self) -> Result<(), Objection> {
        let Some(body) = self.body.take() else { return Ok(()) };
        self.decide(body.end())
    }
}

impl Admit for Requests {
    fn admit(&self, caller: &Caller, head: &RequestHead<'_>) -> Result<(), RetryAfter> {
        if !self.limits() {
            return Ok(());
        }
        let fields = head.fields.iter().map(|field| (field.name.as_bytes(), field.value));
        let key = RequestKey::of(fields, caller.source.map(|source| source.ip()));
        let admitted = self.admit(key, Instant::now());
        admitted.map_err(|after| RetryAfter(after.seconds().try_into().unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        http::{Field, Version},
        limits::Rate,
    };

    const RULES: &str = r#"
        schema = 1
        rules = [
            { id = "path", description = "", where = "path", prefix = "/no", refuse = 404 },
            { id = "body", description = "", where = "body", contains = "attack", refuse = 403 },
            { id = "tells", description = "", where = ["query", "body"], contains = "odd", log = true },
        ]"#;

    fn asked<T>(target: &str, fields: &[(&str, &str)], then: impl FnOnce(&RequestHead<'_>) -> T) -> T {
        let all = [&[("Host", "a.invalid")], fields].concat();
        let all: Vec<_> = all.iter().map(|(name, value)| Field { name, value: value.as_bytes() }).collect();
        then(&RequestHead::judge("POST", target, Version::Http11, &all).unwrap())
    }

    fn hits(filter: &Filter) -> Vec<u64> {
        filter.hits().map(|(_, hits)| hits).collect()
    }

    #[test]
    fn a_request_is_judged_by_its_head_and_its_body_as_it_passes() {
        let filter = Filter::new(Rules::read("test.toml", RULES).unwrap());
        let caller = Caller::default();
        let looked = |target: &str, length: &str| {
            asked(target, &[("content-length", length)], |head| filter.request(&caller, head))
        };
        let refused = looked("/no", "9").err().unwrap();
        assert_eq!((refused.status, refused.rule.as_ref()), (404, "path"));
        assert!(looked("/yes", "0").unwrap().is_none(), "no body, nothing to watch");

        let mut watch = looked("/yes?odd", "99").unwrap().unwrap();
        watch.request_part(b"an odd att").unwrap();
        let refused = watch.request_part(b"ack").unwrap_err();
        assert_eq!((refused.status, refused.rule.as_ref()), (403, "body"));

        let mut harmless = looked("/yes", "99").unwrap().unwrap();
        harmless.request_part(b"at tack").unwrap();
        harmless.request_end().unwrap();
        assert_eq!(hits(&filter), [1, 1, 1], "once a request, wherever it was");
    }

    #[test]
    fn without_rules_about_bodies_none_is_watched() {
        let rules = "schema = 1\nrules = []";
        let filter = Filter::new(Rules::read("test.toml", rules).unwrap());
        let chunked = [("transfer-encoding", "chunked")];
        assert!(asked("/", &chunked, |head| filter.request(&Caller::default(), head)).unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn each_token_is_told_when_to_come_again() {
        let requests = Requests::new(Some(Rate { per_second: 1, burst: 2 }));
        let source = |last| Caller { source: Some(([127, 0, 0, last], 1).into()), ..Caller::default() };
        let ask = |token: Option<&str>, last| {
            let fields: Vec<_> = token.map(|token| ("X-Auth-Token", token)).into_iter().collect();
            asked("/", &fields, |head| Admit::admit(&requests, &source(last), head))
        };
        for (token, last) in [(Some("one"), 1), (Some("other"), 1), (None, 1), (None, 2)] {
            assert_eq!((ask(token, last), ask(token, last)), (Ok(()), Ok(())));
            assert_eq!(ask(token, last), Err(RetryAfter(1)));
        }
        assert_eq!(ask(Some("one"), 9), Err(RetryAfter(1)), "wherever its holder comes from");
    }
}
