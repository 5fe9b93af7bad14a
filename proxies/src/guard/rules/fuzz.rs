//! A plain function that takes any bytes and checks what must hold of them; it panics where it does not.

use std::sync::Arc;

use super::{Head, Rules};

/// What [`Rules::read`] promises of these bytes as a file: findings with places, or rules that judge, the same however
/// a body is cut.
pub fn fuzz_rules(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let rules = match Rules::read("fuzzed.toml", &text) {
        Ok(rules) => Arc::new(rules),
        Err(bad) => {
            let lines = text.split('\n').count();
            assert!(!bad.findings.is_empty(), "refused without a reason");
            assert!(bad.findings.iter().all(|finding| (1..=lines).contains(&finding.line)));
            assert!(!bad.to_string().contains('\u{1b}'));
            return;
        }
    };
    let head = Head { method: b"GET", target: bytes, fields: [(&b"name"[..], bytes)] };
    let known = rules.rules().len();
    assert!(rules.judge_head(&head).iter().all(|rule| rule < known));
    let (mut whole, mut cut) = (rules.judge_body(), rules.judge_body());
    whole.feed(bytes);
    bytes.chunks(3).for_each(|piece| {
        cut.feed(piece);
    });
    assert_eq!(whole.end(), cut.end(), "a cut matters");
}
