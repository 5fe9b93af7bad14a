//! From facts to checks. Pure: what is essential, what is only missed, and the next step for each.

use super::{Check, Facts, Program, State, Terminal};

/// Descriptors below which not even one architecture comes up with its users.
const LEAST_DESCRIPTORS: u64 = 256;
/// Source ports below which a flood may use up all there are.
const ENOUGH_PORTS: u32 = 16_384;
/// What the dashboard is drawn for.
const SCREEN: (u16, u16) = (80, 24);

/// Every check, in the order printed.
pub fn judge(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![
        loopback(facts),
        descriptors(facts),
        ephemeral(facts),
        processors(facts),
        namespaces(facts),
        user(facts),
        screen(&facts.terminal),
        colours(&facts.terminal),
        characters(&facts.terminal),
    ];
    checks.extend(facts.programs.iter().map(|(program, path)| optional(*program, path.as_deref())));
    checks
}

fn check(name: &str, state: State, found: impl Into<String>, next_step: &str) -> Check {
    let next_step = (state != State::Ok).then(|| next_step.to_owned());
    Check { name: name.to_owned(), state, found: found.into(), next_step }
}

fn loopback(facts: &Facts) -> Check {
    match &facts.loopback {
        Ok(count) => {
            check("loopback", State::Ok, format!("{count} addresses of 127.0.0.0/8 taken and given back"), "")
        }
        Err(why) => {
            let next = "bring the interface `lo` up with all of 127.0.0.0/8; in a container, use one with a \
                        network of its own";
            check("loopback", State::Problem, why.clone(), next)
        }
    }
}

fn descriptors(facts: &Facts) -> Check {
    let Some(limit) = facts.descriptors else { return check("descriptors", State::Ok, "no limit", "") };
    let needs = facts.flood_needs;
    let state = match limit {
        ..LEAST_DESCRIPTORS => State::Problem,
        limit if limit < needs => State::Note,
        _ => State::Ok,
    };
    let found = match state {
        State::Ok => format!("{limit} may be open, a flood needs {needs}"),
        State::Note => format!("{limit} may be open, a flood needs {needs}: floods are invalid here"),
        State::Problem => format!("{limit} may be open, a launch needs {LEAST_DESCRIPTORS}"),
    };
    let raised = facts.descriptors_most.is_none_or(|most| most >= needs);
    let next = if raised {
        "run `ulimit -n 1024` first"
    } else {
        "have the hard limit raised (`LimitNOFILE`, limits.conf), or leave floods out with --skip-floods"
    };
    check("descriptors", state, found, next)
}

fn ephemeral(facts: &Facts) -> Check {
    let Some((first, last)) = facts.ephemeral else {
        let next = "mount /proc to have it looked at";
        return check("ephemeral range", State::Note, "the kernel does not say", next);
    };
    let (drawn_first, drawn_last) = facts.drawn;
    let found = format!("{first} to {last}");
    if first <= drawn_last && drawn_first <= last {
        let found = format!(
            "{found}, and launches draw from {drawn_first} to {drawn_last}: a launch may find \
                             what it drew taken"
        );
        let next = "set `net.ipv4.ip_local_port_range` to `32768 60999`";
        return check("ephemeral range", State::Note, found, next);
    }
    let state = if last - first + 1 < ENOUGH_PORTS { State::Note } else { State::Ok };
    let next = "widen `net.ipv4.ip_local_port_range`: a flood may use all of them up";
    check("ephemeral range", state, found, next)
}

fn processors(facts: &Facts) -> Check {
    let state = if facts.processors < 2 { State::Note } else { State::Ok };
    let next = "read figures of this machine with care: users and servers share one processor";
    check("processors", state, facts.processors.to_string(), next)
}

fn namespaces(facts: &Facts) -> Check {
    match &facts.namespaces {
        Ok(()) => check("namespaces", State::Ok, "a user and mount namespace can be made", ""),
        Err(why) => {
            let next = "allow unprivileged user namespaces (`user.max_user_namespaces`, AppArmor, the \
                        container's profile); without them row F14 is not exercised";
            check("namespaces", State::Note, why.clone(), next)
        }
    }
}

/// Rows that ask what another user of a host may do need one: only root can become somebody else.
fn user(facts: &Facts) -> Check {
    if facts.root {
        return check("user", State::Ok, "root: other users of a host can be real (rows B5, C3, C5)", "");
    }
    let found =
        "not root: other users of a host cannot be real, rows B5, C3 and C5 are not exercised for them";
    let next = "for these rows run as root in a machine or container of its own; nothing else needs it";
    check("user", State::Note, found, next)
}

fn screen(terminal: &Terminal) -> Check {
    if !terminal.there {
        let next = "run it on a terminal to see the dashboard; reports need none";
        return check("terminal", State::Note, "stdin or stdout is none", next);
    }
    match terminal.size {
        Some((columns, rows)) => {
            let small = columns < SCREEN.0 || rows < SCREEN.1;
            let state = if small { State::Note } else { State::Ok };
            check("terminal", state, format!("{columns} by {rows}"), "enlarge it to 80 by 24 or more")
        }
        None => check("terminal", State::Note, "it does not say its size", "use another terminal"),
    }
}

fn colours(terminal: &Terminal) -> Check {
    let next = "use `--theme mono`, or a terminal with colours";
    match (terminal.kind.as_str(), terminal.colours.as_str()) {
        ("", _) => check("colours", State::Note, "`TERM` is not set", next),
        ("dumb", _) => check("colours", State::Note, "`TERM` is `dumb`", next),
        (_, "truecolor" | "24bit") => check("colours", State::Ok, "16 million", ""),
        (kind, _) if kind.contains("256color") => check("colours", State::Ok, "256", ""),
        _ => check("colours", State::Ok, "at least 8", ""),
    }
}

fn characters(terminal: &Terminal) -> Check {
    let locale = terminal.locale.to_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") {
        return check("characters", State::Ok, "Unicode", "");
    }
    let found = if terminal.locale.is_empty() {
        "no locale is set".to_owned()
    } else {
        format!("the locale `{}` is not UTF-8", terminal.locale)
    };
    check("characters", State::Note, found, "draw with `--ascii`, or set `LC_ALL` to a UTF-8 locale")
}

fn optional(program: Program, path: Option<&str>) -> Check {
    let state = if path.is_some() { State::Ok } else { State::Note };
    check(program.name, state, path.unwrap_or("not installed"), &format!("install it {}", program.purpose))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::doctor::usable;

    /// A machine with everything.
    pub(crate) fn good() -> Facts {
        Facts {
            descriptors: Some(1024),
            descriptors_most: Some(4096),
            flood_needs: 768,
            loopback: Ok(8),
            ephemeral: Some((32_768, 60_999)),
            drawn: (22_223, 24_799),
            namespaces: Ok(()),
            root: true,
            processors: 4,
            terminal: Terminal {
                there: true,
                size: Some((120, 40)),
                kind: "xterm-256color".into(),
                colours: "truecolor".into(),
                locale: "en_GB.UTF-8".into(),
            },
            programs: vec![(
                Program { name: "tshark", purpose: "to read captures" },
                Some("/bin/tshark".into()),
            )],
        }
    }

    fn states(facts: &Facts) -> Vec<(String, State)> {
        let odd = judge(facts).into_iter().filter(|check| check.state != State::Ok);
        odd.map(|check| (check.name, check.state)).collect()
    }

    #[test]
    fn a_good_machine_has_nothing_to_do() {
        assert_eq!(states(&good()), []);
        assert!(judge(&good()).iter().all(|check| check.next_step.is_none()));
    }

    #[test]
    fn whatever_is_missing_is_named_with_a_next_step() {
        let bad = Facts {
            descriptors: Some(500),
            ephemeral: Some((1024, 65_535)),
            namespaces: Err("not permitted".into()),
            root: false,
            processors: 1,
            terminal: Terminal {
                there: true,
                size: Some((40, 10)),
                kind: "dumb".into(),
                colours: String::new(),
                locale: "C".into(),
            },
            programs: vec![(Program { name: "tshark", purpose: "to read captures" }, None)],
            ..good()
        };
        let odd = states(&bad);
        let names: Vec<&str> = odd.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "descriptors",
            "ephemeral range",
            "processors",
            "namespaces",
            "user",
            "terminal",
            "colours",
            "characters",
            "tshark",
        ];
        assert_eq!(names, expected);
        assert!(usable(&judge(&bad)), "nothing of this keeps anything from running");
        for check in judge(&bad) {
            assert_eq!(check.next_step.is_some(), check.state != State::Ok, "{check:?}");
        }
    }

    #[test]
    fn without_loopback_or_descriptors_nothing_runs() {
        let refused = Facts { loopback: Err("cannot bind 127.9.8.7".into()), ..good() };
        assert_eq!(states(&refused), [("loopback".into(), State::Problem)]);
        let few = Facts { descriptors: Some(64), ..good() };
        assert_eq!(states(&few), [("descriptors".into(), State::Problem)]);
        assert!(!usable(&judge(&refused)) && !usable(&judge(&few)));
    }

    #[test]
    fn the_step_for_descriptors_is_one_the_user_can_take() {
        let step = |facts: &Facts| descriptors(facts).next_step.unwrap_or_default();
        let soft = Facts { descriptors: Some(500), ..good() };
        assert!(step(&soft).contains("ulimit -n"));
        let hard = Facts { descriptors: Some(500), descriptors_most: Some(500), ..good() };
        assert!(step(&hard).contains("--skip-floods"));
        let endless = Facts { descriptors: None, ..good() };
        assert_eq!(descriptors(&endless).state, State::Ok);
    }

    #[test]
    fn few_source_ports_and_overlapping_ones_are_told_apart() {
        let few = Facts { ephemeral: Some((60_000, 60_999)), ..good() };
        assert!(ephemeral(&few).next_step.is_some_and(|step| step.contains("widen")));
        let touching = Facts { ephemeral: Some((24_799, 60_999)), ..good() };
        assert!(ephemeral(&touching).found.contains("taken"));
        let apart = Facts { ephemeral: Some((24_800, 60_999)), ..good() };
        assert_eq!(ephemeral(&apart).state, State::Ok);
    }
}
