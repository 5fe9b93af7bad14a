//! The format example of `architectures/README.md` uses exactly the fields that exist.
#![allow(clippy::unwrap_used)]

use testbed::architecture::parse;

/// The example is no whole architecture (its far sides are missing), but every field in it is known.
#[test]
fn the_example_has_no_unknown_missing_or_mistyped_field() {
    let readme = include_str!("../architectures/README.md");
    let example = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let findings = parse("README.md", example).unwrap_err();
    let messages: Vec<_> = findings.findings().iter().map(|finding| finding.message.as_str()).collect();
    assert!(!messages.is_empty());
    for message in messages {
        let of_the_reader = ["unknown field", "field `", "invalid type", "expected a "];
        assert!(!of_the_reader.iter().any(|start| message.starts_with(start)), "{message}");
    }
}
