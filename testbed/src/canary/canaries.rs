//! The run's ground truth: which canaries exist, what they stand for, and when each was sent.
//!
//! Only those who judge hold it. Heads are spread over shards so that many matchers and many workload
//! threads rarely meet; every operation but [`Canaries::sent_between`] touches one shard.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{
    SeedableRng,
    distr::{Alphanumeric, SampleString},
    rngs::ChaCha12Rng,
};

use super::{
    forms::{Forms, PLANTED_HEAD, TAG, TOKEN_HEAD, TOKEN_PREFIX},
    mint::Mint,
};
use crate::vocabulary::Asset;

const SHARDS: usize = 64;

/// A canary of the ledger that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanaryId {
    asset: Asset,
    shard: u32,
    index: u32,
}

/// Ground truth of one run; clones share it.
#[derive(Clone)]
pub struct Canaries(Arc<Books>);

struct Books {
    tag: String,
    forms: Forms,
    /// Canary number n is drawn from stream n + 1 of the seed, the tag from stream 0.
    seed: u64,
    drawn: AtomicU64,
    shards: Vec<RwLock<Shard>>,
}

#[derive(Default)]
struct Shard {
    by_head: HashMap<Box<[u8]>, CanaryId>,
    values: Vec<Box<str>>,
    sent: Vec<(Duration, CanaryId)>,
}

impl Canaries {
    /// An empty ledger. One seed gives one tag and one sequence of canaries.
    pub fn new(seed: u64) -> Self {
        let mut tags = draws(seed, 0);
        let (tag, forms) = loop {
            let tag = Alphanumeric.sample_string(&mut tags, TAG);
            if let Some(forms) = Forms::new(&tag) {
                break (tag, forms);
            }
        };
        let shards = (0..SHARDS).map(|_| RwLock::default()).collect();
        Self(Arc::new(Books { tag, forms, seed, drawn: AtomicU64::new(0), shards }))
    }

    /// What the workload and the services plant canaries with.
    pub fn mint(&self) -> Mint {
        Mint::new(self.clone())
    }

    /// The canary with this head: the whole of a planted one, the first 64 characters of a token.
    pub fn lookup(&self, head: &[u8]) -> Option<CanaryId> {
        self.read(shard_of(head)).by_head.get(head).copied()
    }

    /// The canary whose complete value this is, for judging what an attacker brought home.
    pub fn find(&self, value: &[u8]) -> Option<CanaryId> {
        let id = self.lookup(head_of(value)?)?;
        (self.value(id).as_bytes() == value).then_some(id)
    }

    /// What a canary stands for.
    pub fn asset(&self, id: CanaryId) -> Asset {
        id.asset
    }

    /// The canary as it was sent. Panics if the id is another ledger's.
    pub fn value(&self, id: CanaryId) -> String {
        self.read(id.shard as usize).values[id.index as usize].to_string()
    }

    /// Canaries of an asset that were sent at least once in `from..to`, measured since the run started;
    /// each once, in a stable order. Walks the whole ledger.
    pub fn sent_between(&self, asset: Asset, from: Duration, to: Duration) -> Vec<CanaryId> {
        let mut sent: Vec<_> = (0..SHARDS)
            .flat_map(|shard| {
                let shard = self.read(shard);
                let wanted = |(at, id): &(Duration, CanaryId)| {
                    (id.asset == asset && (from..to).contains(at)).then_some(*id)
                };
                shard.sent.iter().filter_map(wanted).collect::<Vec<_>>()
            })
            .collect();
        sent.sort_unstable();
        sent.dedup();
        sent
    }

    pub(super) fn forms(&self) -> &Forms {
        &self.0.forms
    }

    /// Draws the next canary and enters it. Its own 95 random bits make it unlike any other.
    pub(super) fn plant(&self, asset: Asset) -> String {
        let mut draws = draws(self.0.seed, self.0.drawn.fetch_add(1, Ordering::Relaxed) + 1);
        let mut value = String::with_capacity(PLANTED_HEAD);
        value.push_str(&self.0.tag);
        Alphanumeric.append_string(&mut draws, &mut value, PLANTED_HEAD - TAG);
        self.enter(value.as_bytes(), &value, asset);
        value
    }

    /// Enters a token, once.
    pub(super) fn adopt(&self, token: &str) -> Option<CanaryId> {
        let is_base64 = |byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'=');
        if !token.starts_with(TOKEN_PREFIX) || !token.bytes().all(is_base64) {
            return None;
        }
        Some(self.enter(token.as_bytes().get(..TOKEN_HEAD)?, token, Asset::Token))
    }

    /// Notes that a canary was sent.
    pub(super) fn sent(&self, value: &[u8], at: Duration) -> Option<CanaryId> {
        let id = self.find(value)?;
        self.write(id.shard as usize).sent.push((at, id));
        Some(id)
    }

    fn enter(&self, head: &[u8], value: &str, asset: Asset) -> CanaryId {
        let shard = shard_of(head);
        let mut books = self.write(shard);
        if let Some(id) = books.by_head.get(head) {
            return *id;
        }
        let id = CanaryId { asset, shard: shard as u32, index: books.values.len() as u32 };
        books.values.push(value.into());
        books.by_head.insert(head.into(), id);
        id
    }

    fn read(&self, shard: usize) -> RwLockReadGuard<'_, Shard> {
        // Every change is complete before its next step can panic.
        self.0.shards[shard].read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, shard: usize) -> RwLockWriteGuard<'_, Shard> {
        self.0.shards[shard].write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Canaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let canaries: usize = (0..SHARDS).map(|shard| self.read(shard).values.len()).sum();
        write!(f, "Canaries({canaries} canaries)")
    }
}

/// One of the seed's independent streams: canaries are drawn from any thread without waiting.
fn draws(seed: u64, stream: u64) -> ChaCha12Rng {
    let mut draws = ChaCha12Rng::seed_from_u64(seed);
    draws.set_stream(stream);
    draws
}

fn head_of(value: &[u8]) -> Option<&[u8]> {
    if value.starts_with(TOKEN_PREFIX.as_bytes()) { value.get(..TOKEN_HEAD) } else { Some(value) }
}

/// Heads are random characters, so their sum spreads well enough.
fn shard_of(head: &[u8]) -> usize {
    head.iter().map(|byte| usize::from(*byte)).sum::<usize>() % SHARDS
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    fn token(fill: char) -> String {
        format!("gAAAAABq{}", fill.to_string().repeat(112))
    }

    #[test]
    fn a_planted_canary_is_its_own_proof() {
        let ledger = Canaries::new(1);
        let value = ledger.mint().plant(Asset::Password);

        let id = ledger.find(value.as_bytes()).unwrap();
        assert_eq!((ledger.asset(id), ledger.value(id)), (Asset::Password, value.clone()));
        assert_eq!(value.len(), 24);
        assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(ledger.find(&value.as_bytes()[..23]), None);
    }

    #[test]
    fn one_seed_gives_one_sequence_and_another_seed_another() {
        let draw = |seed| {
            let mint = Canaries::new(seed).mint();
            [mint.plant(Asset::Password), mint.plant(Asset::RequestBody)]
        };
        assert_eq!(draw(7), draw(7));
        let ([one, two], [other, _]) = (draw(7), draw(8));
        assert_eq!(one[..TAG], two[..TAG]);
        assert_ne!(one, two);
        assert_ne!(one[..TAG], other[..TAG]);
    }

    #[test]
    fn a_token_is_known_by_its_head_but_only_stolen_whole() {
        let ledger = Canaries::new(1);
        let (mint, token) = (ledger.mint(), token('x'));
        let id = mint.adopt_token(&token).unwrap();

        assert_eq!(mint.adopt_token(&token), Some(id), "adopting it again changes nothing");
        assert_eq!(ledger.asset(id), Asset::Token);
        assert_eq!(ledger.lookup(&token.as_bytes()[..64]), Some(id));
        assert_eq!(ledger.find(token.as_bytes()), Some(id));
        assert_eq!(ledger.find(&token.as_bytes()[..64]), None);
    }

    #[test]
    fn what_is_no_fernet_token_is_not_adopted() {
        let mint = Canaries::new(1).mint();
        assert_eq!(mint.adopt_token("gAAAAABq"), None, "too short");
        assert_eq!(mint.adopt_token(&"x".repeat(120)), None);
        assert_eq!(mint.adopt_token(&token(' ')), None);
        assert_eq!(mint.adopt_token(&token('ä')), None);
    }

    #[test]
    fn sent_counts_each_canary_once_within_the_time() {
        let ledger = Canaries::new(1);
        let mint = ledger.mint();
        let second = Duration::from_secs;
        let [early, twice, late, unsent] = [0; 4].map(|_| mint.plant(Asset::Password));
        let body = mint.plant(Asset::RequestBody);
        for (value, at) in [(&early, 1), (&twice, 2), (&twice, 3), (&late, 4), (&body, 2)] {
            assert!(mint.sent(value, second(at)));
        }
        assert!(!mint.sent("no canary", second(2)));

        let sent = ledger.sent_between(Asset::Password, second(2), second(4));
        assert_eq!(sent, [ledger.find(twice.as_bytes()).unwrap()]);
        let all = ledger.sent_between(Asset::Password, second(0), second(9));
        assert_eq!(all.len(), 3);
        assert!(!all.contains(&ledger.find(unsent.as_bytes()).unwrap()));
    }

    #[test]
    fn many_threads_plant_a_hundred_thousand_different_canaries() {
        let ledger = Canaries::new(3);
        let values: Vec<String> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8_u64)
                .map(|thread| {
                    let mint = ledger.mint();
                    scope.spawn(move || {
                        let plant = |n| {
                            let value = mint.plant(Asset::ResponseBody);
                            assert!(mint.sent(&value, Duration::from_millis(thread * 12_500 + n)));
                            value
                        };
                        (0..12_500).map(plant).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });

        assert_eq!(values.iter().collect::<HashSet<_>>().len(), 100_000);
        let half = ledger.sent_between(Asset::ResponseBody, Duration::ZERO, Duration::from_secs(50));
        assert_eq!(half.len(), 50_000);
        assert!(values.iter().all(|value| ledger.value(ledger.find(value.as_bytes()).unwrap()) == *value));
    }
}
