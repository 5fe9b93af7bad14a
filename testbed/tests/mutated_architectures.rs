//! Whatever is done to a file, loading it ends in an architecture that holds together or in findings with
//! places inside the file; never in a panic.

use proptest::prelude::*;
use testbed::architecture::{Architecture, names, parse, source};

/// One edit of a text.
#[derive(Clone, Debug)]
enum Edit {
    Delete(usize, usize),
    Insert(usize, &'static str),
    SwapLines(usize, usize),
    CopyLine(usize, usize),
}

const FRAGMENTS: &[&str] = &[
    "\"",
    "[",
    "]",
    "{",
    "}",
    "=",
    ".",
    ",",
    "#",
    "\n",
    "\u{feff}",
    "\0",
    "é",
    "𝄞",
    "-1",
    "99999999999999999999",
    "1e9",
    "true",
    "local",
    "public",
    "off",
    "[[set]]\n",
    "[hosts.edge]\n",
    "'''",
    "\\u001b",
    "1979-05-27",
];

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        (at.clone(), 1..40usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        (at.clone(), prop::sample::select(FRAGMENTS)).prop_map(|(at, text)| Edit::Insert(at, text)),
        (at.clone(), at.clone()).prop_map(|(one, other)| Edit::SwapLines(one, other)),
        (at.clone(), at).prop_map(|(from, to)| Edit::CopyLine(from, to)),
    ]
}

fn apply(text: &str, edit: &Edit) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let cut = |at: usize| text.floor_char_boundary(at % (text.len() + 1));
    match *edit {
        Edit::Delete(at, length) => {
            let (start, end) = (cut(at), text.floor_char_boundary(cut(at) + length));
            return format!("{}{}", &text[..start], &text[end..]);
        }
        Edit::Insert(at, fragment) => {
            return format!("{}{fragment}{}", &text[..cut(at)], &text[cut(at)..]);
        }
        _ if lines.is_empty() => {}
        Edit::SwapLines(one, other) => {
            let count = lines.len();
            lines.swap(one % count, other % count);
        }
        Edit::CopyLine(from, to) => lines.insert(to % lines.len(), lines[from % lines.len()]),
    }
    lines.concat()
}

/// Every id leads somewhere and every chain ends.
fn walk(architecture: &Architecture) {
    for dial in architecture.dial_ids() {
        let link = architecture.link(dial);
        assert_eq!(link.matches('/').count(), 2, "{link}");
        if architecture.segment_of(dial).is_none() {
            let here = architecture[architecture[dial].process].host;
            assert_eq!(architecture.host_of(architecture[dial].to), here);
        }
    }
    for listener in architecture.listener_ids() {
        assert_eq!(architecture[architecture.end_of(listener)].forward, None);
    }
    for weakness in &architecture.weaknesses {
        assert!(architecture.with_weakness(&weakness.name).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn loading_never_panics(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec(edit(), 1..6),
    ) {
        let names: Vec<&str> = names().collect();
        let original = source(names[which.index(names.len())]).unwrap_or_default();
        let mutated = edits.iter().fold(original.to_owned(), |text, edit| apply(&text, edit));
        match parse("mutated.toml", &mutated) {
            Ok(architecture) => walk(&architecture),
            Err(diagnostics) => {
                prop_assert!(!diagnostics.findings().is_empty());
                prop_assert!(diagnostics.findings().iter().all(|finding| finding.span.end <= mutated.len()));
                prop_assert!(diagnostics.to_string().contains("mutated.toml:"));
            }
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        prop_assert!(parse("arbitrary.toml", &text).is_err());
    }
}
