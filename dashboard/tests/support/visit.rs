//! One visit of foreign clients to a cloud: `openstack` releases and `curl`, all at once, from one shell; and
//! what each of them said.
//!
//! The shell has the cloud's openrc: it sourced the file, or it is the command of `up --exec`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use super::{cloud::Cloud, programs};

/// What every release of the client is asked.
pub(crate) const COMMANDS: [&str; 4] = ["token issue", "catalog list", "endpoint list", "server list"];

/// `DIRECTORY CURL LABEL=CLIENT…`
const SCRIPT: &str = r#"
into=$1 curl=$2; shift 2
run() { name=$1; shift; "$@" >"$into/$name.out" 2>"$into/$name.err"; echo $? >"$into/$name.rc"; }
run env env
for pair in "$@"; do
  for command in "token issue" "catalog list" "endpoint list" "server list"; do
    run "${pair%%=*} $command" "${pair#*=}" $command -f json &
  done
done
for door in IDENTITY/v3 COMPUTE/v2.1 LOGIN_PAGE/auth/login/; do
  eval "url=\${TESTBED_URL_${door%%/*}-}"
  [ -n "$url" ] || continue
  run "bare ${door%%/*}" "$curl" -sSf "$url/${door#*/}"
  run "curl ${door%%/*}" "$curl" -sSf ${OS_CACERT:+--cacert "$OS_CACERT"} "$url/${door#*/}"
done
wait
"#;

/// The programs of a visit.
pub(crate) struct Visitors {
    curl: PathBuf,
    /// Releases of the client by label; the first is the current one.
    clients: Vec<(&'static str, PathBuf)>,
}

impl Visitors {
    /// The current client and `curl`, or nothing.
    pub(crate) fn found() -> Option<Self> {
        let client = programs::found("TESTBED_OPENSTACK", "openstack");
        let curl = programs::found("TESTBED_CURL", "curl");
        Some(Self { clients: vec![("current", client?)], curl: curl? })
    }

    /// With an older release beside it, if there is one.
    pub(crate) fn and_an_older_one(mut self) -> Self {
        match programs::named("TESTBED_OPENSTACK_OLD") {
            Some(old) => self.clients.push(("older", old)),
            None => programs::skipped("no TESTBED_OPENSTACK_OLD: no older release of the client was tried"),
        }
        self
    }

    /// The labels of the releases.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &'static str> {
        self.clients.iter().map(|(label, _)| *label)
    }

    /// The current release.
    pub(crate) fn client(&self) -> &Path {
        &self.clients[0].1
    }

    /// Visits a cloud that is up, as `localhost`.
    pub(crate) fn visit(&self, cloud: &Cloud, into: &Path) -> Answers {
        fs::create_dir(into).unwrap();
        let words = self.words(into);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = cloud.with_openrc("", Path::new("sh"), &words);
        assert!(output.status.success(), "{output:?}");
        Answers { into: into.to_owned() }
    }

    /// Visits an architecture by name, as the command of `up --exec`.
    pub(crate) fn visit_by_name(&self, architecture: &str, into: &Path) -> (Answers, Output) {
        fs::create_dir(into).unwrap();
        let mut up = Command::new(env!("CARGO_BIN_EXE_testbed"));
        up.args(["--quiet", "up", architecture, "--exec", "sh"]).args(self.words(into));
        // A login of whoever runs the tests, which must not win.
        up.env("OS_TOKEN", "old").env("OS_CLOUD", "production").env("HOME", "/nonexistent");
        let output = up.output().unwrap();
        assert!(output.status.success(), "{architecture}: {output:?}");
        (Answers { into: into.to_owned() }, output)
    }

    fn words(&self, into: &Path) -> Vec<String> {
        let mut words = vec!["-c".to_owned(), SCRIPT.to_owned(), "sh".to_owned()];
        words.extend([into, &self.curl].map(|path| path.to_str().unwrap().to_owned()));
        words.extend(self.clients.iter().map(|(label, path)| format!("{label}={}", path.display())));
        words
    }
}

/// What everyone said.
pub(crate) struct Answers {
    into: PathBuf,
}

impl Answers {
    /// Where the cloud said everything is: `IDENTITY`, `COMPUTE` and, where there is one, `LOGIN_PAGE`.
    pub(crate) fn urls(&self) -> BTreeMap<String, String> {
        let environment = self.read("env", "out");
        let pairs = environment.lines().filter_map(|line| line.strip_prefix("TESTBED_URL_")?.split_once('='));
        pairs.map(|(service, url)| (service.to_owned(), url.to_owned())).collect()
    }

    /// Its exit code and what it said to stderr.
    pub(crate) fn failure(&self, name: &str) -> (i32, String) {
        (self.read(name, "rc").trim().parse().unwrap(), self.read(name, "err"))
    }

    /// The stdout of one that succeeded.
    pub(crate) fn text(&self, name: &str) -> String {
        let (code, said) = self.failure(name);
        assert_eq!(code, 0, "{name}: {said}");
        self.read(name, "out")
    }

    /// The same, as JSON.
    pub(crate) fn json(&self, name: &str) -> Value {
        let text = self.text(name);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}: {text}"))
    }

    fn read(&self, name: &str, what: &str) -> String {
        let path = self.into.join(format!("{name}.{what}"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}
