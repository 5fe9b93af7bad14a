//! `list`: names and one line each, to stdout.

use std::fmt::Write;

use crate::{
    cli::list::What,
    engine::{Entry, Shelf, Topic},
    exit::{Exit, Failure},
    output,
    tui::{keys, theme::ThemeName},
};

/// Every topic, in the order printed.
const ALL: [What; 5] = [What::Architectures, What::Scenarios, What::Techniques, What::Keys, What::Themes];

pub(super) fn list(shelf: &impl Shelf, what: Option<What>) -> Result<Exit, Failure> {
    let text = if let Some(what) = what {
        table(&entries(shelf, what)?, 0)
    } else {
        let blocks =
            ALL.iter().map(|what| Ok(format!("{}\n{}", heading(*what), table(&entries(shelf, *what)?, 2))));
        blocks.collect::<Result<Vec<_>, Failure>>()?.join("\n")
    };
    output::result(&text)?;
    Ok(Exit::Expected)
}

fn entries(shelf: &impl Shelf, what: What) -> Result<Vec<Entry>, Failure> {
    match what {
        What::Architectures => shelf.list(Topic::Architectures),
        What::Scenarios => shelf.list(Topic::Scenarios),
        What::Techniques => shelf.list(Topic::Techniques),
        What::Keys => {
            Ok(keys::help().into_iter().map(|(name, title)| Entry { name, title: title.into() }).collect())
        }
        What::Themes => Ok(ThemeName::ALL
            .iter()
            .map(|theme| Entry { name: theme.word().into(), title: theme.title().into() })
            .collect()),
    }
}

const fn heading(what: What) -> &'static str {
    match what {
        What::Architectures => "architectures",
        What::Scenarios => "scenarios",
        What::Techniques => "techniques",
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
