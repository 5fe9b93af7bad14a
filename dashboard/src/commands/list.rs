//! `list`: names and one line each, to stdout.

use std::fmt::Write;

use scenarios::rows::{self, Row, Status};
use serde_json::{Map, Value, json};

use crate::{
    cli::list::{List, ListFormat, What},
    engine::{Entry, Shelf, Topic},
    exit::{Exit, Failure},
    output,
    tui::{keys, theme::ThemeName},
};

/// Every topic, in the order printed.
const ALL: [What; 6] =
    [What::Architectures, What::Scenarios, What::Techniques, What::Rows, What::Keys, What::Themes];
/// Version of the JSON.
const SCHEMA_VERSION: u32 = 1;

pub(super) fn list(shelf: &impl Shelf, options: &List) -> Result<Exit, Failure> {
    let text = match (options.format, options.what) {
        (ListFormat::Json, what) => json(shelf, what.as_ref().map_or(&ALL, std::slice::from_ref))?,
        (ListFormat::Text, Some(What::Rows)) => table_of_rows(&requirements()?),
        (ListFormat::Text, Some(what)) => table(&entries(shelf, what)?, 0),
        (ListFormat::Text, None) => {
            let blocks = ALL
                .iter()
                .map(|what| Ok(format!("{}\n{}", heading(*what), table(&entries(shelf, *what)?, 2))));
            blocks.collect::<Result<Vec<_>, Failure>>()?.join("\n")
        }
    };
    output::result(&text)?;
    Ok(Exit::Expected)
}

fn entries(shelf: &impl Shelf, what: What) -> Result<Vec<Entry>, Failure> {
    match what {
        What::Architectures => shelf.list(Topic::Architectures),
        What::Scenarios => shelf.list(Topic::Scenarios),
        What::Techniques => shelf.list(Topic::Techniques),
        What::Rows => Ok(requirements()?
            .into_iter()
            .map(|row| Entry { title: format!("{} [{}]", row.claim, row.status().word()), name: row.id })
            .collect()),
        What::Keys => {
            Ok(keys::help().into_iter().map(|(name, title)| Entry { name, title: title.into() }).collect())
        }
        What::Themes => Ok(ThemeName::ALL
            .iter()
            .map(|theme| Entry { name: theme.word().into(), title: theme.title().into() })
            .collect()),
    }
}

fn requirements() -> Result<Vec<Row>, Failure> {
    rows::all().map_err(|error| Failure::runtime(error.to_string()))
}

const fn heading(what: What) -> &'static str {
    match what {
        What::Architectures => "architectures",
        What::Scenarios => "scenarios",
        What::Techniques => "techniques",
        What::Rows => "rows",
        What::Keys => "keys",
        What::Themes => "themes",
    }
}

fn table(entries: &[Entry], indent: usize) -> String {
    let width = entries.iter().map(|entry| entry.name.chars().count()).max().unwrap_or(0);
    entries.iter().fold(String::new(), |mut text, entry| {
        let _ = writeln!(text, "{:indent$}{:width$}  {}", "", entry.name, entry.title);
        text
    })
}

/// A row and its claim; below, what shows it and what is missing.
fn table_of_rows(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let status = row.status();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:4} {}", row.id, row.claim);
        let shown: Vec<String> = row
            .scenarios
            .iter()
            .cloned()
            .chain(row.commands.iter().map(|command| format!("`{command}`")))
            .collect();
        if status != Status::NotExercised {
            let _ = writeln!(text, "     {}: {}", status.word(), shown.join(", "));
        }
        if let Some(missing) = &row.missing {
            let word = if status == Status::NotExercised { status.word() } else { "missing" };
            let _ = writeln!(text, "     {word}: {missing}");
        }
    }
    let count = |status| rows.iter().filter(|row| row.status() == status).count();
    let [shown, partly, not] = [Status::Shown, Status::Partly, Status::NotExercised].map(count);
    let _ = writeln!(text, "\n{} rows: {shown} shown, {partly} partly, {not} not_exercised", rows.len());
    text
}

fn json(shelf: &impl Shelf, topics: &[What]) -> Result<String, Failure> {
    let mut all = Map::from_iter([("schema_version".to_owned(), json!(SCHEMA_VERSION))]);
    for what in topics {
        let listed: Vec<Value> = if *what == What::Rows {
            requirements()?.iter().map(requirement).collect()
        } else {
            let entries = entries(shelf, *what)?.into_iter();
            entries.map(|entry| json!({ "name": entry.name, "title": entry.title })).collect()
        };
        all.insert(heading(*what).to_owned(), listed.into());
    }
    let text = serde_json::to_string_pretty(&all).map_err(|error| Failure::runtime(error.to_string()))?;
    Ok(format!("{text}\n"))
}

fn requirement(row: &Row) -> Value {
    let Row { id, claim, scenarios, commands, missing } = row;
    json!({ "id": id, "claim": claim, "status": row.status(), "scenarios": scenarios, "commands": commands,
            "missing": missing })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_that_shows_a_row_parses() {
        let commands: Vec<String> =
            requirements().unwrap().into_iter().flat_map(|row| row.commands).collect();
        assert!(!commands.is_empty());
        for command in commands {
            assert!(Cli::try_parse_from(command.split_whitespace()).is_ok(), "{command}");
        }
    }

    #[test]
    fn a_row_says_what_shows_it_and_what_does_not() {
        let row = |scenarios: &[&str], missing: Option<&str>| Row {
            id: "A1".into(),
            claim: "A claim".into(),
            scenarios: scenarios.iter().map(ToString::to_string).collect(),
            commands: Vec::new(),
            missing: missing.map(str::to_owned),
        };
        let text = table_of_rows(&[
            row(&["one", "two"], None),
            row(&["one"], Some("the rest")),
            row(&[], Some("nobody built it")),
        ]);
        assert_eq!(
            text,
            "A1   A claim\n     shown: one, two\n\
             A1   A claim\n     partly: one\n     missing: the rest\n\
             A1   A claim\n     not_exercised: nobody built it\n\
             \n3 rows: 1 shown, 1 partly, 1 not_exercised\n"
        );
    }
}
