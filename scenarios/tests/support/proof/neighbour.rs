//! This very test binary as the child that is another user of an API host.

use testbed::Helper;

const ROLE: &str = "TESTBED_NEIGHBOUR_CHILD";

/// Starts this binary with [`child_that_is_another_user`] as its only test.
pub(crate) fn helper() -> Helper {
    let child = concat!(module_path!(), "::child_that_is_another_user");
    // A test is named without its crate.
    let name = child.split_once("::").unwrap().1;
    Helper {
        program: std::env::current_exe().unwrap(),
        args: ["--exact", name].map(Into::into).to_vec(),
        env: vec![(ROLE.into(), "1".into())],
    }
}

/// May this process become other users? Says loudly if not.
#[allow(dead_code, reason = "not every test that runs scenarios looks at these rows alone")]
pub(crate) fn possible() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: only root can become other users\n");
    }
    root
}

/// Not a test of its own: the child that [`helper`] starts.
#[test]
fn child_that_is_another_user() {
    if std::env::var_os(ROLE).is_some() {
        testbed::obey_parent().unwrap();
    }
}
