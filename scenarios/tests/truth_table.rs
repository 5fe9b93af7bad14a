//! The expectations in the scenario files are the truth table of the requirements, written down a second time
//! here by hand: an edit of a file alone cannot move it.
//!
//! Columns in the order of the architectures; b = broken, h = held, - = not exercised. A line without an asset is
//! for every asset that has none of its own.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use scenarios::{
    catalog::{all, load},
    event::Verdict,
};
use testbed::architecture;

const TABLE: &str = "
scenario                       asset             0 N 1 2 2u 3 4 m
public-sniff                                     b h h h h h h h
public-in-path                                   b h h h h h h h
public-in-path-careless                          b b b b b b b b
management-sniff                                 b h b h h h h h
management-sniff               request-body      b - b - - h h h
management-sniff               response-body     b - b - - h h h
management-in-path                               b h b h h h h h
management-in-path             request-body      b - b - - h h h
management-in-path             response-body     b - b - - h h h
management-in-path-unverified                    b b b b b b b b
management-in-path-unverified  request-body      b - b - - h b b
management-in-path-unverified  response-body     b - b - - h b h
direct-connect                                   b - b h - h h h
guest-reach                                      h h h h h h h h
service-key                                      - b - h h h h b
edge-root                                        b - b - - h b b
edge-root                      certificate-key   - - b - - - b b
host-root                                        b b b b b b b b
neighbour-connect                                b h b b h b b b
neighbour-key                                    - h - h h h h h
escaped-host                                     b h b h h h h h
escaped-host                   request-body      b - b - - h h h
escaped-host                   response-body     b - b - - h h h
escaped-host                   reach             b b b b b b b h
";

/// Verdicts by (scenario, asset or nothing).
fn table() -> BTreeMap<(&'static str, &'static str), Vec<Verdict>> {
    let mut table = BTreeMap::new();
    for line in TABLE.lines().skip(2) {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        let verdicts = words.split_off(words.len() - architecture::names().len());
        let verdicts = verdicts.into_iter().map(|letter| match letter {
            "b" => Verdict::Broken,
            "h" => Verdict::Held,
            "-" => Verdict::NotExercised,
            other => panic!("{other} in {line}"),
        });
        let asset = words.get(1).copied().unwrap_or_default();
        table.insert((words[0], asset), verdicts.collect());
    }
    table
}

#[test]
fn every_expectation_of_a_shipped_scenario_is_in_the_table() {
    let table = table();
    for scenario in all().unwrap().iter().filter(|scenario| !scenario.technique.is_flood()) {
        for asset in &scenario.assets {
            let row = table.get(&(scenario.id.as_str(), asset.word()));
            let row = row.or_else(|| table.get(&(scenario.id.as_str(), "")));
            let row = row.unwrap_or_else(|| panic!("{} {asset} is not in the table", scenario.id));
            for (name, wanted) in architecture::names().zip(row) {
                assert_eq!(
                    scenario.expected(name, *asset),
                    Some(*wanted),
                    "{} {asset} on {name}",
                    scenario.id
                );
            }
        }
    }
}

#[test]
fn every_line_of_the_table_is_a_shipped_scenario_and_asset() {
    for (id, asset) in table().into_keys() {
        let scenario = load(id).unwrap();
        let known = asset.is_empty() || scenario.assets.iter().any(|known| known.word() == asset);
        assert!(known, "{id} {asset}");
    }
}
