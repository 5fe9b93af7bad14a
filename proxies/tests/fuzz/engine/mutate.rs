//! Makes inputs from seeds: a few changes at once, of the kinds that break parsers.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, seq::IndexedRandom};

use super::Target;

/// Inputs made earlier that are changed further, beside the seeds.
const POOL: usize = 64;

/// Numbers at the edges of their types, as bytes and lengths are.
const EDGES: [u64; 14] =
    [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0x4001, 0x7fff, 0x8000, 0xffff, 0x00ff_ffff, 0xffff_ffff];

/// Makes one input after another.
pub(crate) struct Mutator {
    random: ChaCha8Rng,
    seeds: Vec<Vec<u8>>,
    pool: Vec<Vec<u8>>,
    words: &'static [&'static [u8]],
    longest: usize,
    input: Vec<u8>,
}

impl Mutator {
    pub(crate) fn new(seeds: Vec<Vec<u8>>, target: &Target, seed: u64) -> Self {
        assert!(!seeds.is_empty(), "nothing to begin with");
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            seeds,
            pool: Vec::new(),
            words: target.words,
            longest: target.longest,
            input: Vec::new(),
        }
    }

    /// The next input.
    pub(crate) fn next(&mut self) -> &[u8] {
        self.begin();
        // Mostly one or two changes, so that most of what made the seed valid stays.
        let changes = 1_u32 << self.random.random_range(0..4_u32);
        for _ in 0..self.random.random_range(1..=changes) {
            self.change();
        }
        self.input.truncate(self.longest);
        if self.random.random_ratio(1, 32) {
            self.keep();
        }
        &self.input
    }

    fn begin(&mut self) {
        let old = !self.pool.is_empty() && self.random.random_ratio(1, 4);
        let from = if old { &self.pool } else { &self.seeds };
        self.input.clear();
        self.input.extend_from_slice(from.choose(&mut self.random).map_or(&[][..], Vec::as_slice));
    }

    fn keep(&mut self) {
        if self.pool.len() < POOL {
            self.pool.push(self.input.clone());
        } else {
            let at = self.random.random_range(0..POOL);
            self.pool[at].clone_from(&self.input);
        }
    }

    fn change(&mut self) {
        match self.random.random_range(0..12_u32) {
            0 => self.on_byte(|byte, random| *byte ^= 1 << random.random_range(0..8_u32)),
            1 => self.on_byte(|byte, random| *byte = random.random()),
            2 => self.on_byte(|byte, random| *byte = byte.wrapping_add(random.random_range(1..=16))),
            3 => self.on_byte(|byte, random| *byte = byte.wrapping_sub(random.random_range(1..=16))),
            4 | 5 => self.number(),
            6 => self.word(),
            7 => self.insert(),
            8 => self.delete(),
            9 => self.repeat(),
            10 => self.splice(),
            _ => {
                let end = self.place();
                self.input.truncate(end);
            }
        }
    }

    /// Anywhere in the input, its end included.
    fn place(&mut self) -> usize {
        self.random.random_range(0..=self.input.len())
    }

    /// A stretch of some bytes, short ones more often.
    fn stretch(&mut self) -> std::ops::Range<usize> {
        let start = self.place();
        let most = 1_usize << self.random.random_range(0..10_u32);
        let length = self.random.random_range(0..=most);
        start..self.input.len().min(start + length)
    }

    fn on_byte(&mut self, change: impl FnOnce(&mut u8, &mut ChaCha8Rng)) {
        let at = self.place();
        if let Some(byte) = self.input.get_mut(at) {
            change(byte, &mut self.random);
        }
    }

    /// A number of 1 to 4 bytes, at an edge or near what it was.
    fn number(&mut self) {
        let (at, width) = (self.place(), self.random.random_range(1..=4_usize));
        let Some(field) = self.input.get_mut(at..at + width) else { return };
        let old = field.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let new = if self.random.random() {
            *EDGES.choose(&mut self.random).unwrap_or(&0)
        } else {
            old.wrapping_add(self.random.random_range(0..=16)).wrapping_sub(8)
        };
        field.copy_from_slice(&new.to_be_bytes()[8 - width..]);
    }

    /// A word of the target, put in or put over.
    fn word(&mut self) {
        let Some(word) = self.words.choose(&mut self.random) else { return };
        let at = self.place();
        let over = if self.random.random() { word.len() } else { 0 };
        let end = self.input.len().min(at + over);
        self.input.splice(at..end, word.iter().copied());
    }

    fn insert(&mut self) {
        let at = self.place();
        let length = self.random.random_range(1..=16_usize);
        let byte: Option<u8> = self.random.random::<bool>().then(|| self.random.random());
        let bytes: Vec<u8> = (0..length).map(|_| byte.unwrap_or_else(|| self.random.random())).collect();
        self.input.splice(at..at, bytes);
    }

    fn delete(&mut self) {
        let stretch = self.stretch();
        self.input.drain(stretch);
    }

    /// A stretch of the input once more, elsewhere.
    fn repeat(&mut self) {
        let (stretch, to) = (self.stretch(), self.place());
        let bytes = self.input[stretch].to_vec();
        self.input.splice(to..to, bytes);
    }

    /// The beginning of this input and the end of another.
    fn splice(&mut self) {
        let end = self.place();
        let Some(other) = self.seeds.choose(&mut self.random) else { return };
        // At the same distance from the start more often than not, where structures meet.
        let from =
            if self.random.random_ratio(2, 3) { end } else { self.random.random_range(0..=other.len()) };
        self.input.truncate(end);
        self.input.extend_from_slice(other.get(from..).unwrap_or_default());
    }
}
