//! Checks as lines for people and as JSON.

use std::fmt::Write;

use super::{Check, Report, State, usable};

/// One line each, and a next step below where there is one.
pub fn text(checks: &[Check]) -> String {
    let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let word = match check.state {
            State::Ok => "ok",
            State::Note => "note",
            State::Problem => "problem",
        };
        let _ = writeln!(text, "{word:7}  {:width$}  {}", check.name, check.found);
        if let Some(step) = &check.next_step {
            let _ = writeln!(text, "{:7}  {:width$}  > {step}", "", "");
        }
    }
    text += if usable(checks) {
        "\nEverything essential is there.\n"
    } else {
        "\nSomething essential is missing.\n"
    };
    text
}

/// As [`super::schema`] describes it.
pub fn json(checks: &[Check]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Report { schema_version: 1, usable: usable(checks), checks })
        .map(|json| json + "\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::doctor::{Facts, judge, judge::tests::good, schema};

    #[test]
    fn the_page_is_as_reviewed() {
        let some = Facts { descriptors: Some(500), loopback: Err("refused".into()), ..good() };
        insta::assert_snapshot!(text(&judge(&some)));
    }

    #[test]
    fn json_is_as_its_schema_says_and_says_the_same() {
        let checks = judge(&Facts { root: false, ..good() });
        let printed: serde_json::Value = serde_json::from_str(&json(&checks).unwrap()).unwrap();
        let validator = jsonschema::draft202012::new(&schema()).unwrap();
        assert!(validator.is_valid(&printed), "{printed}");
        assert_eq!(printed["usable"], true);
        let odd = printed["checks"].as_array().unwrap().iter().find(|check| check["name"] == "user").unwrap();
        assert_eq!(odd["state"], "note");
        assert!(!validator.is_valid(&serde_json::json!({ "usable": true })));
    }
}
