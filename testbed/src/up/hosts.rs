//! The text of `hosts`: what the machine's own file says, and every public name on 127.0.0.1.

use std::fs;

/// Where clients look names up.
const OF_MACHINE: &str = "/etc/hosts";
/// The least such a file says.
const LOCALHOST: &str = "127.0.0.1 localhost\n::1 localhost\n";

/// What the machine's own file says; one without `localhost`, or without such a file, gets that much.
pub(super) fn of_machine() -> String {
    let text = fs::read(OF_MACHINE).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    text.unwrap_or_default()
}

/// The file. A line of the machine that claims one of the names is left out: the first line wins.
pub(super) fn file(machine: &str, names: &[String]) -> String {
    let mut text = String::new();
    if !machine.lines().any(|line| claims(line, "localhost")) {
        text.push_str(LOCALHOST);
    }
    for line in machine.lines().filter(|line| !names.iter().any(|name| claims(line, name))) {
        text.push_str(line);
        text.push('\n');
    }
    let ours = names.iter().map(|name| format!("127.0.0.1 {name}\n"));
    text.extend(ours);
    text
}

/// Does a line give an address to a name?
fn claims(line: &str, name: &str) -> bool {
    let said = line.split('#').next().unwrap_or_default();
    said.split_whitespace().skip(1).any(|word| word.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_keeps_its_names_and_the_cloud_gets_its_own() {
        let machine =
            "127.0.0.1\tlocalhost # identity.cloud.invalid\n10.0.0.7 lab Identity.cloud.invalid\n::1 ip6";
        let names = ["compute.cloud.invalid".to_owned(), "identity.cloud.invalid".to_owned()];
        assert_eq!(
            file(machine, &names),
            "127.0.0.1\tlocalhost # identity.cloud.invalid\n::1 ip6\n\
             127.0.0.1 compute.cloud.invalid\n127.0.0.1 identity.cloud.invalid\n"
        );
    }

    #[test]
    fn localhost_is_there_whatever_the_machine_says() {
        assert_eq!(
            file("# nothing\n127.0.0.2 localhost.localdomain", &[]),
            "127.0.0.1 localhost\n::1 localhost\n# nothing\n127.0.0.2 localhost.localdomain\n"
        );
    }
}
