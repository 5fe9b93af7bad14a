//! What rules say about a request, as it comes. Pure.

use std::sync::Arc;

use regex_automata::{dfa::Automaton, util::primitives::StateID};

use super::{Action, MOST_RULES, Normal, Place, Rules, automaton::Table, normal::Normalise};

/// A request's head.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a, F> {
    /// `GET`.
    pub method: &'a [u8],
    /// As it stands in the request line: `/path?query`.
    pub target: &'a [u8],
    /// Names and values.
    pub fields: F,
}

/// Numbers of rules that matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Matches([u64; MOST_RULES / 64]);

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It is answered with this status.
    Refuse {
        /// The first rule of the file that says so, by its number.
        rule: usize,
        /// 400 to 599.
        status: u16,
    },
}

/// One walk over one place.
pub(super) struct Search {
    place: Place,
    what: What,
}

enum What {
    Pattern(Normal, Arc<Table>),
    Length(u64, usize),
}

/// A search in the middle of its bytes.
#[derive(Clone, Copy)]
enum Walk {
    Pattern(Normalise, StateID),
    Length(u64),
}

/// Judges a body as it passes. Keeps a few numbers a rule and not one byte of it.
pub struct BodyJudge {
    rules: Arc<Rules>,
    walks: Vec<(usize, Walk)>,
    left: usize,
    matches: Matches,
}

impl Matches {
    /// Notes a rule.
    fn insert(&mut self, rule: usize) {
        if let Some(word) = self.0.get_mut(rule / 64) {
            *word |= 1 << (rule % 64);
        }
    }

    /// These and those.
    #[must_use]
    pub fn with(&self, those: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | those.0[word]))
    }

    /// These but not those.
    #[must_use]
    pub fn without(&self, those: &Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & !those.0[word]))
    }

    /// Their numbers, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..MOST_RULES).filter(|rule| self.0[rule / 64] >> (rule % 64) & 1 == 1)
    }
}

impl Rules {
    /// Which rules match a head. Those about the body are a [`BodyJudge`]'s.
    pub fn judge_head<'a, F>(&self, head: &Head<'a, F>) -> Matches
    where
        F: IntoIterator<Item = (&'a [u8], &'a [u8])> + Clone,
    {
        let question = head.target.iter().position(|&byte| byte == b'?');
        let (path, query) = head.target.split_at(question.unwrap_or(head.target.len()));
        let mut matches = Matches::default();
        for search in &self.searches {
            let mut judge = |value: &[u8]| search.judge(value, &mut matches);
            match &search.place {
                Place::Body => {}
                Place::Method => judge(head.method),
                Place::Path => judge(path),
                Place::Query => judge(query.get(1..).unwrap_or_default()),
                Place::Headers => head.fields.clone().into_iter().for_each(|(_, value)| judge(value)),
                Place::Header(wanted) => {
                    let named = |(name, _): &(&[u8], &[u8])| name.eq_ignore_ascii_case(wanted.as_bytes());
                    head.fields.clone().into_iter().filter(named).for_each(|(_, value)| judge(value));
                }
            }
        }
        matches
    }

    /// Does any rule look at bodies?
    pub fn looks_at_bodies(&self) -> bool {
        self.searches.iter().any(|search| search.is_about(&Place::Body))
    }

    /// Begins with a body.
    pub fn judge_body(self: &Arc<Self>) -> BodyJudge {
        let about_body = self.searches.iter().enumerate().filter(|(_, search)| search.is_about(&Place::Body));
        let walks = about_body.map(|(number, search)| (number, search.begin())).collect();
        BodyJudge { rules: self.clone(), walks, left: self.body, matches: Matches::default() }
    }

    /// What becomes of a request that these rules matched.
    pub fn verdict(&self, matches: &Matches) -> Verdict {
        let refusing = matches.iter().find_map(|rule| match self.all.get(rule)?.action {
            Action::Refuse(status) => Some(Verdict::Refuse { rule, status }),
            Action::Log => None,
        });
        refusing.unwrap_or(Verdict::Pass)
    }
}

impl BodyJudge {
    /// The next piece, to be judged before it is sent on: which rules match the body so far. A match that ends with a
    /// piece is found with that piece.
    pub fn feed(&mut self, piece: &[u8]) -> &Matches {
        let seen = &piece[..piece.len().min(self.left)];
        self.left -= seen.len();
        if !seen.is_empty() {
            for (number, walk) in &mut self.walks {
                self.rules.searches[*number].feed(walk, seen, &mut self.matches);
            }
        }
        if self.left == 0 {
            // What is beyond the limit is not looked at, so that it can not be told where the body ends either.
            self.walks.clear();
        }
        &self.matches
    }

    /// Bytes it takes up, whatever passed.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.walks.capacity() * size_of::<(usize, Walk)>()
    }

    /// The body is whole: which rules matched it.
    pub fn end(mut self) -> Matches {
        for (number, walk) in self.walks {
            self.rules.searches[number].end(walk, &mut self.matches);
        }
        self.matches
    }
}

impl Search {
    pub(super) fn new(place: Place, normal: Normal, table: Arc<Table>) -> Self {
        Self { place, what: What::Pattern(normal, table) }
    }

    pub(super) fn length(place: Place, most: u64, rule: usize) -> Self {
        Self { place, what: What::Length(most, rule) }
    }

    pub(super) fn is_about(&self, place: &Place) -> bool {
        self.place == *place
    }

    /// A whole value.
    fn judge(&self, value: &[u8], matches: &mut Matches) {
        let mut walk = self.begin();
        self.walk(&mut walk, value, matches);
        self.end(walk, matches);
    }

    fn begin(&self) -> Walk {
        match &self.what {
            What::Pattern(normal, table) => Walk::Pattern(Normalise::new(*normal), table.start),
            What::Length(..) => Walk::Length(0),
        }
    }

    /// A piece of one, after which one wants to know.
    fn feed(&self, walk: &mut Walk, bytes: &[u8], matches: &mut Matches) {
        self.walk(walk, bytes, matches);
        if let (What::Pattern(_, table), Walk::Pattern(_, state)) = (&self.what, walk) {
            table.look_ahead(*state, matches);
        }
    }

    fn walk(&self, walk: &mut Walk, bytes: &[u8], matches: &mut Matches) {
        match (&self.what, walk) {
            (What::Pattern(_, table), Walk::Pattern(normalise, state)) => {
                normalise.feed(bytes, |bytes| *state = table.run(*state, bytes, matches));
            }
            (What::Length(most, rule), Walk::Length(length)) => {
                *length = length.saturating_add(bytes.len() as u64);
                if *length > *most {
                    matches.insert(*rule);
                }
            }
            _ => {}
        }
    }

    fn end(&self, walk: Walk, matches: &mut Matches) {
        if let (What::Pattern(_, table), Walk::Pattern(mut normalise, mut state)) = (&self.what, walk) {
            normalise.end(|bytes| state = table.run(state, bytes, matches));
            table.note(table.dfa.next_eoi_state(state), matches);
        }
    }
}

impl Table {
    fn run(&self, mut state: StateID, bytes: &[u8], matches: &mut Matches) -> StateID {
        for &byte in bytes {
            state = self.dfa.next_state(state, byte);
            if self.dfa.is_special_state(state) {
                if self.dfa.is_dead_state(state) {
                    break;
                }
                self.note(state, matches);
            }
        }
        state
    }

    fn note(&self, state: StateID, matches: &mut Matches) {
        if self.dfa.is_match_state(state) {
            for index in 0..self.dfa.match_len(state) {
                let pattern = self.dfa.match_pattern(state, index);
                matches.insert(self.rules[pattern.as_usize()]);
            }
        }
    }

    /// A table says that something matched one byte late, for the sake of expressions that ask what comes next. What
    /// matches whichever byte comes next, part of a word or not, matches now.
    fn look_ahead(&self, state: StateID, matches: &mut Matches) {
        let (mut word, mut other) = (Matches::default(), Matches::default());
        self.note(self.dfa.next_state(state, b'a'), &mut word);
        self.note(self.dfa.next_state(state, 0), &mut other);
        for ((all, word), other) in matches.0.iter_mut().zip(word.0).zip(other.0) {
            *all |= word & other;
        }
    }
}
