//! Every file in `bad_scenarios/` is wrong in its own way, and says so helpfully: the whole message is
//! the expectation.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use scenarios::catalog::parse;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_scenarios")
}

/// What the command line would print.
fn message(name: &str) -> String {
    let file = format!("{name}.toml");
    let source = std::fs::read_to_string(folder().join(&file)).unwrap();
    parse(&file, &source).unwrap_err().to_string()
}

macro_rules! corpus {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                insta::assert_snapshot!(stringify!($name), message(stringify!($name)));
            }
        )+

        const LISTED: &[&str] = &[$(stringify!($name)),+];
    };
}

corpus! {
    architecture_slips,
    architectures_choice,
    architectures_empty,
    asset_of_another_technique,
    bad_id,
    control_of_itself,
    control_slip,
    durations,
    empty,
    expect_elsewhere,
    expect_incomplete,
    expect_of_another_asset,
    flood_with_cells,
    missing_fields,
    no_control,
    no_published_ids,
    nothing_judged,
    published_ids,
    schema_unknown,
    syntax,
    tiny_missing,
    types,
    unknown_fields,
    unknown_words,
    vantage_and_technique,
    weakness_slip,
}

#[test]
fn every_file_of_the_folder_is_a_test() {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    assert_eq!(files, LISTED);
}
