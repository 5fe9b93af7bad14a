//! Which of several certificates carry a name. Pure; knows positions, no certificates.

use std::collections::HashMap;

/// Names, and the positions of the certificates that carry them.
#[derive(Debug, Default)]
pub(super) struct Names {
    exact: HashMap<String, Vec<usize>>,
    /// By what stands behind `*.`.
    wildcard: HashMap<String, Vec<usize>>,
}

impl Names {
    /// The certificate at `position` carries `name`, which may be `*.` and a name.
    pub(super) fn add(&mut self, name: &str, position: usize) {
        let name = plain(name);
        let holders = match name.strip_prefix("*.") {
            Some(parent) => self.wildcard.entry(parent.to_owned()),
            None => self.exact.entry(name),
        };
        holders.or_default().push(position);
    }

    /// Those that carry `name`: to the letter but for case first, then those whose wildcard stands for its first
    /// label; each in the order they were added.
    pub(super) fn carrying(&self, name: &str) -> Vec<usize> {
        let name = plain(name);
        let parent = name.split_once('.').map(|(_, parent)| parent);
        let wildcard = parent.and_then(|parent| self.wildcard.get(parent));
        self.exact.get(&name).into_iter().chain(wildcard).flatten().copied().collect()
    }
}

fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_names_come_before_wildcards_and_a_wildcard_is_one_label() {
        let mut names = Names::default();
        names.add("api.invalid", 0);
        names.add("*.API.invalid", 1);
        names.add("one.api.invalid", 2);
        names.add("api.invalid", 3);
        let table: [(&str, &[usize]); 11] = [
            ("api.invalid", &[0, 3]),
            ("API.Invalid", &[0, 3]),
            ("api.invalid.", &[0, 3]),
            ("one.api.invalid", &[2, 1]),
            ("two.api.invalid", &[1]),
            ("TWO.api.invalid", &[1]),
            ("deep.two.api.invalid", &[]),
            ("xapi.invalid", &[]),
            ("invalid", &[]),
            ("", &[]),
            (".", &[]),
        ];
        for (name, holders) in table {
            assert_eq!(names.carrying(name), holders, "{name}");
        }
    }
}
