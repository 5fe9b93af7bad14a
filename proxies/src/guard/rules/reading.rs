//! From the text of a rule file to rules, with everything that is wrong with it at once. Pure.
//!
//! ```toml
//! schema = 1
//! body = 65536                       # bytes of a body that are looked at; optional
//!
//! [[rules]]
//! id = "path-traversal"
//! description = "A path that climbs out of its tree"
//! where = ["path", "query"]          # path, query, method, body, headers, header:NAME
//! contains = ["../", '..\']          # or equals, prefix (lists), regex (text), longer_than (bytes)
//! normalise = ["percent", "lower"]   # plus, percent, percent-twice, lower; optional
//! refuse = 403                       # or log = true
//! ```

use std::{collections::BTreeSet, ops::Range};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{
    Action, BODY, LONGEST_FILE, MOST_RULES, Normal, Pattern, Place, Rule,
    finding::{Raw, help_for},
};

/// Bytes of a body one can ask to be looked at.
const MOST_BODY: i64 = 16 << 20;

/// Words of one rule, and bytes of one of them or of an expression.
const MOST_WORDS: usize = 64;
const LONGEST_WORD: usize = 1024;

const PLACES: [&str; 6] = ["body", "header:NAME", "headers", "method", "path", "query"];
const FORMS: [&str; 4] = ["plus", "percent", "percent-twice", "lower"];
const PATTERNS: [&str; 5] = ["contains", "equals", "prefix", "regex", "longer_than"];

/// What a file says.
pub(super) struct Said {
    /// Rules with where they are.
    pub(super) rules: Vec<(Rule, Range<usize>)>,
    /// Bytes of a body to look at.
    pub(super) body: usize,
}

/// `None` only with a finding.
pub(super) fn read(text: &str, findings: &mut Vec<Raw>) -> Option<Said> {
    if text.len() > LONGEST_FILE {
        findings.push(Raw::new(0..0, format!("the file is longer than {} KiB", LONGEST_FILE >> 10)));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        findings.extend(errors.iter().map(|error| raw_of(error, 0..0)));
        return None;
    }
    let mut file = Section::new(0..0, table.into_inner());
    match file.required::<i64>("schema", findings) {
        Some(schema) if *schema.get_ref() != 1 => {
            let known = Some("this version reads `schema = 1`".to_owned());
            findings.push(
                Raw::new(schema.span(), format!("schema {} is not known", schema.get_ref())).help(known),
            );
        }
        _ => {}
    }
    let body = file
        .optional::<i64>("body", findings)
        .map_or(Some(BODY), |body| within(&body, 0..=MOST_BODY, findings).map(|body| body as usize));
    let tables = file.tables("rules", findings);
    file.finish(findings);
    if tables.len() > MOST_RULES {
        findings.push(Raw::new(0..0, format!("more than {MOST_RULES} rules")));
        return None;
    }
    let body = body.unwrap_or(BODY);
    let (mut ids, mut rules) = (BTreeSet::new(), Vec::new());
    for table in tables {
        let at = table.at.clone();
        if let Some(rule) = rule(table, body, &mut ids, findings) {
            rules.push((rule, at));
        }
    }
    Some(Said { rules, body })
}

fn rule(
    mut table: Section<'_>,
    body: usize,
    ids: &mut BTreeSet<String>,
    findings: &mut Vec<Raw>,
) -> Option<Rule> {
    let id = table.required::<String>("id", findings);
    let description = table.required::<String>("description", findings).map(Spanned::into_inner);
    let places = places(table.required_words("where", findings), findings);
    let pattern = pattern(&mut table, findings);
    let normal = normal(table.optional_words("normalise", findings), findings);
    let action = action(&mut table, findings);
    if let Some(id) = &id {
        let name = id.get_ref();
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            || name.is_empty()
        {
            findings.push(Raw::new(id.span(), "an id is made of a to z, 0 to 9 and `-`"));
        } else if !ids.insert(name.clone()) {
            findings.push(Raw::new(id.span(), format!("another rule is called `{name}`")));
        }
    }
    table.finish(findings);
    let rule = Rule {
        id: id?.into_inner(),
        description: description?,
        places: places?,
        pattern: pattern?,
        normal: normal?,
        action: action?,
    };
    never_matching(&rule, &table, body, findings);
    Some(rule)
}

/// What can be told to be of no use.
fn never_matching(rule: &Rule, table: &Section<'_>, body: usize, findings: &mut Vec<Raw>) {
    let mut useless = |why: &str| findings.push(Raw::new(table.at.clone(), format!("`{}` {why}", rule.id)));
    match &rule.pattern {
        Pattern::Contains(words) | Pattern::Equals(words) | Pattern::Prefix(words) => {
            if rule.normal.lower
                && words.iter().any(|word| word.bytes().any(|byte| byte.is_ascii_uppercase()))
            {
                useless("looks for capitals in what is in lower case");
            }
        }
        Pattern::LongerThan(most) => {
            if rule.places.contains(&Place::Body) && *most >= body as u64 {
                useless("counts more bytes of a body than are looked at");
            }
        }
        Pattern::Regex(_) => {}
    }
}

fn places(words: Option<Vec<Spanned<String>>>, findings: &mut Vec<Raw>) -> Option<Vec<Place>> {
    let words = words?;
    let count = words.len();
    let mut places: Vec<Place> = words
        .into_iter()
        .filter_map(|word| match word.get_ref().as_str() {
            "body" => Some(Place::Body),
            "headers" => Some(Place::Headers),
            "method" => Some(Place::Method),
            "path" => Some(Place::Path),
            "query" => Some(Place::Query),
            other => match other.strip_prefix("header:") {
                Some(name) if is_field_name(name) => Some(Place::Header(name.to_ascii_lowercase())),
                Some(name) => {
                    findings.push(Raw::new(word.span(), format!("`{name}` is no name of a header field")));
                    None
                }
                None => {
                    let unknown = Raw::new(word.span(), format!("a request has no `{other}`"));
                    findings.push(unknown.help(help_for(other, PLACES)));
                    None
                }
            },
        })
        .collect();
    let all = places.len() == count;
    places.sort();
    places.dedup();
    all.then_some(places)
}

fn is_field_name(name: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token)
}

fn normal(words: Option<Vec<Spanned<String>>>, findings: &mut Vec<Raw>) -> Option<Normal> {
    let (mut normal, before) = (Normal::default(), findings.len());
    for word in words.unwrap_or_default() {
        match word.get_ref().as_str() {
            "plus" => normal.plus = true,
            "percent" => normal.percent = normal.percent.max(1),
            "percent-twice" => normal.percent = 2,
            "lower" => normal.lower = true,
            other => {
                let unknown = Raw::new(word.span(), format!("no normal form is called `{other}`"));
                findings.push(unknown.help(help_for(other, FORMS)));
            }
        }
    }
    (findings.len() == before).then_some(normal)
}

fn pattern(table: &mut Section<'_>, findings: &mut Vec<Raw>) -> Option<Pattern> {
    let given: Vec<&str> = PATTERNS.into_iter().filter(|key| table.table.contains_key(*key)).collect();
    if given.len() != 1 {
        let wanted = PATTERNS.map(|key| format!("`{key}`")).join(", ");
        findings.push(Raw::new(table.at.clone(), format!("a rule has exactly one of {wanted}")));
    }
    let mut words = |key| {
        let words = table.optional_words(key, findings)?;
        let fit = |word: &Spanned<String>| (1..=LONGEST_WORD).contains(&word.get_ref().len());
        for word in words.iter().filter(|word| !fit(word)) {
            findings.push(Raw::new(word.span(), format!("a word has 1 to {LONGEST_WORD} bytes")));
        }
        if words.len() > MOST_WORDS {
            findings.push(Raw::new(table.at.clone(), format!("more than {MOST_WORDS} words in one rule")));
        }
        Some(words.into_iter().map(Spanned::into_inner).collect())
    };
    let (contains, equals, prefix) = (words("contains"), words("equals"), words("prefix"));
    let regex = table.optional::<String>("regex", findings);
    let longer = table.optional::<i64>("longer_than", findings);
    if let Some(regex) = regex.as_ref().filter(|regex| regex.get_ref().len() > LONGEST_WORD) {
        findings.push(Raw::new(regex.span(), format!("an expression has up to {LONGEST_WORD} bytes")));
    }
    let longer = longer.and_then(|bytes| within(&bytes, 0..=i64::MAX, findings));
    let all = [
        contains.map(Pattern::Contains),
        equals.map(Pattern::Equals),
        prefix.map(Pattern::Prefix),
        regex.map(|regex| Pattern::Regex(regex.into_inner())),
        longer.map(|bytes| Pattern::LongerThan(bytes.unsigned_abs())),
    ];
    all.into_iter().flatten().next()
}

fn action(table: &mut Section<'_>, findings: &mut Vec<Raw>) -> Option<Action> {
    let refuse = table.optional::<i64>("refuse", findings);
    let log = table.optional::<bool>("log", findings);
    match (refuse, log.map(Spanned::into_inner)) {
        (Some(status), None | Some(false)) => {
            within(&status, 400..=599, findings).map(|status| Action::Refuse(status as u16))
        }
        (None, Some(true)) => Some(Action::Log),
        _ => {
            let help = Some("one of `refuse = 403` and `log = true`".to_owned());
            findings.push(Raw::new(table.at.clone(), "a rule refuses or logs").help(help));
            None
        }
    }
}

fn within(
    number: &Spanned<i64>,
    range: std::ops::RangeInclusive<i64>,
    findings: &mut Vec<Raw>,
) -> Option<i64> {
    if range.contains(number.get_ref()) {
        return Some(*number.get_ref());
    }
    let (start, end) = range.into_inner();
    findings.push(Raw::new(number.span(), format!("{} is not between {start} and {end}", number.get_ref())));
    None
}

/// A table that is taken apart key by key; what nobody asked for is unknown in the end.
struct Section<'i> {
    at: Range<usize>,
    table: DeTable<'i>,
    asked: Vec<&'static str>,
}

impl<'i> Section<'i> {
    fn new(at: Range<usize>, table: DeTable<'i>) -> Self {
        Self { at, table, asked: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.asked.push(key);
        self.table.remove(key)
    }

    fn optional<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        findings: &mut Vec<Raw>,
    ) -> Option<Spanned<T>> {
        typed(self.take(key)?, findings)
    }

    fn required<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        findings: &mut Vec<Raw>,
    ) -> Option<Spanned<T>> {
        match self.take(key) {
            Some(value) => typed(value, findings),
            None => self.missing(key, findings),
        }
    }

    /// A word or a list of words.
    fn optional_words(&mut self, key: &'static str, findings: &mut Vec<Raw>) -> Option<Vec<Spanned<String>>> {
        let value = self.take(key)?;
        let (span, before) = (value.span(), findings.len());
        let words: Vec<_> = match value.into_inner() {
            DeValue::Array(list) => list.into_iter().filter_map(|word| typed(word, findings)).collect(),
            word => typed(Spanned::new(span.clone(), word), findings).into_iter().collect(),
        };
        if words.is_empty() && findings.len() == before {
            findings.push(Raw::new(span, format!("`{key}` is empty")));
        }
        Some(words)
    }

    fn required_words(&mut self, key: &'static str, findings: &mut Vec<Raw>) -> Option<Vec<Spanned<String>>> {
        if self.table.contains_key(key) {
            return self.optional_words(key, findings);
        }
        self.asked.push(key);
        self.missing(key, findings)
    }

    /// `[[key]]`; absent is empty.
    fn tables(&mut self, key: &'static str, findings: &mut Vec<Raw>) -> Vec<Section<'i>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let not_a = |at, what: &str| Raw::new(at, format!("expected a {what}"));
        let span = value.span();
        let DeValue::Array(list) = value.into_inner() else {
            findings.push(not_a(span, "list of tables, written `[[rules]]`"));
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(list.len());
        for item in list {
            let at = item.span();
            match item.into_inner() {
                DeValue::Table(table) => tables.push(Section::new(at, table)),
                _ => findings.push(not_a(at, "table")),
            }
        }
        tables
    }

    fn missing<T>(&self, key: &str, findings: &mut Vec<Raw>) -> Option<T> {
        findings.push(Raw::new(self.at.clone(), format!("field `{key}` is missing")));
        None
    }

    /// Reports what nobody asked for.
    fn finish(&mut self, findings: &mut Vec<Raw>) {
        for (key, _) in std::mem::take(&mut self.table) {
            let unknown = Raw::new(key.span(), format!("unknown field `{}`", key.get_ref()));
            findings.push(unknown.help(help_for(key.get_ref(), self.asked.iter().copied())));
        }
    }
}

fn typed<T: DeserializeOwned>(value: Spanned<DeValue<'_>>, findings: &mut Vec<Raw>) -> Option<Spanned<T>> {
    let span = value.span();
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(value) => Some(Spanned::new(span, value)),
        Err(error) => {
            findings.push(raw_of(&error, span));
            None
        }
    }
}

fn raw_of(error: &toml::de::Error, otherwise: Range<usize>) -> Raw {
    // The parser's words, but for people who do not know Rust's types.
    let message =
        error.message().trim_end().replace('\n', ", ").replace("expected i64", "expected a whole number");
    Raw::new(error.span().unwrap_or(otherwise), message)
}
