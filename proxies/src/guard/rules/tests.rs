#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

type Fields = &'static [(&'static str, &'static str)];

/// A request as one writes it.
#[derive(Clone, Copy)]
struct Asked {
    method: &'static str,
    target: &'static str,
    fields: Fields,
    body: &'static str,
}

const PLAIN: Asked = Asked { method: "GET", target: "/v3", fields: &[], body: "" };

fn get(target: &'static str) -> Asked {
    Asked { target, ..PLAIN }
}

fn post(body: &'static str) -> Asked {
    Asked { method: "POST", body, ..PLAIN }
}

fn with(fields: Fields) -> Asked {
    Asked { fields, ..PLAIN }
}

/// The ids of all rules that match, the body in pieces of `step`.
fn matching(rules: &Arc<Rules>, asked: Asked, step: usize) -> Vec<String> {
    let fields = asked.fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let head = Head { method: asked.method.as_bytes(), target: asked.target.as_bytes(), fields };
    let mut body = rules.judge_body();
    asked.body.as_bytes().chunks(step).for_each(|piece| {
        body.feed(piece);
    });
    let numbers = rules.judge_head(&head).iter().chain(body.end().iter()).collect::<Vec<_>>();
    numbers.into_iter().map(|number| rules.rules()[number].id.clone()).collect()
}

fn built_in() -> Arc<Rules> {
    Rules::built_in().unwrap_or_else(|bad| panic!("{bad}"))
}

fn of(text: &str) -> Arc<Rules> {
    Arc::new(Rules::read("test.toml", text).unwrap_or_else(|bad| panic!("{bad}")))
}

/// One rule around a pattern.
fn rule(place: &str, rest: &str) -> Arc<Rules> {
    of(&format!(
        "schema = 1\n[[rules]]\nid = \"r\"\ndescription = \"d\"\nwhere = \"{place}\"\n{rest}\nlog = true"
    ))
}

fn long(length: usize) -> &'static str {
    format!("/{}", "a".repeat(length - 1)).leak()
}

/// A rule, what it is for in more than one spelling, and what looks like it and is harmless.
type Spellings = (&'static str, Vec<Asked>, Vec<Asked>);

fn of_targets() -> Vec<Spellings> {
    let odd = |method| Asked { method, ..PLAIN };
    vec![
        ("odd-method", vec![odd("TRACE"), odd("CONNECT")], vec![odd("PATCH"), odd("TRACES"), odd("trac")]),
        ("long-path", vec![get(long(2049))], vec![get(long(2048))]),
        (
            "long-query",
            vec![get(format!("/a?{}", "q".repeat(8193)).leak())],
            vec![get(format!("/a?{}", "q".repeat(8192)).leak())],
        ),
        (
            "path-traversal",
            vec![
                get("/a/../b"),
                get("/a/.."),
                get("/%2e%2E/b"),
                get("/..%5cb"),
                get("/%252e%252e%252fb"),
                get("/a?f=../b"),
            ],
            vec![get("/a..b/c"), get("/v2.1/..."), get("/a?range=1..5"), get("/.../x")],
        ),
        (
            "line-break",
            vec![get("/a?b=%0d%0aSet-Cookie:x"), get("/%250a")],
            vec![get("/a?b=0d0a"), get("/%20a")],
        ),
        ("null-byte", vec![get("/a%00.png"), get("/a?b=%2500")], vec![get("/a%20b"), get("/a?b=00")]),
        (
            "hidden-file",
            vec![get("/.git/config"), get("/x/.ENV"), get("/%2egit/HEAD")],
            vec![get("/git/config"), get("/environment"), get("/v3.git")],
        ),
    ]
}

fn of_contents() -> Vec<Spellings> {
    vec![
        (
            "system-file",
            vec![get("/a?f=/etc/passwd"), get("/a?f=%2Fetc%2fshadow"), post("file=/ETC/passwd")],
            vec![get("/a?f=/etc/hosts"), post("/etc/password")],
        ),
        (
            "sql-probe",
            vec![
                get("/a?id=1+UNION+ALL+SELECT+1"),
                get("/a?id=1/**/union/**/select/**/2"),
                get("/a?id=%27%20or%201=1"),
                get("/a?id=1;drop%20table%20x"),
                post("{\"name\": \"x' OR '1'='1\"}"),
                post("q=sleep(5)"),
            ],
            vec![
                get("/a?name=union+station"),
                post("{\"text\": \"We select a reunion.\"}"),
                post("it's or was"),
                post("sleep well (5)"),
            ],
        ),
        (
            "script-tag",
            vec![get("/a?x=%3CScript%3E"), post("< script src=x>"), get("/javascript:alert(1)")],
            vec![post("a transcript"), post("<scripture>"), get("/a?lang=javascript")],
        ),
        (
            "shell-probe",
            vec![get("/a?x=1;cat+/tmp"), get("/a?x=$(id)"), get("/a?x=%60/bin/sh%60")],
            vec![get("/a?x=catalog"), get("/a?x=1;category=2"), post("a; cat b")],
        ),
        (
            "lookup-string",
            vec![
                with(&[("User-Agent", "${JNDI:ldap://x}")]),
                get("/a?x=%24%7Bjndi:x%7D"),
                post("${${::-j}ndi:x}"),
            ],
            vec![with(&[("user-agent", "jndi: $ {")]), post("${name}")],
        ),
        (
            "xml-entity",
            vec![post("<!DOCTYPE x [<!ENTITY y SYSTEM 'file:'>]>")],
            vec![post("<?xml version='1.0'?><entity/>")],
        ),
        (
            "instance-metadata",
            vec![get("/a?url=http://169.254.169.254/latest"), post("http://Metadata.google.internal")],
            vec![get("/a?url=http://169.254.1.1")],
        ),
        (
            "scanner",
            vec![with(&[("USER-AGENT", "Mozilla sqlmap/1.7")])],
            vec![with(&[("user-agent", "curl/8")]), with(&[("x-tool", "sqlmap")])],
        ),
    ]
}

#[test]
fn every_built_in_rule_hits_what_it_is_for_and_nothing_that_looks_like_it() {
    let (rules, table) = (built_in(), [of_targets(), of_contents()].concat());
    let named: Vec<_> = table.iter().map(|(id, ..)| *id).collect();
    assert_eq!(rules.rules().iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), named);
    for (id, hits, misses) in table {
        for hit in hits {
            for step in [1, 3, usize::MAX] {
                let found = matching(&rules, hit, step);
                assert!(
                    found.iter().any(|found| found == id),
                    "{id}: {} {}: {found:?}",
                    hit.target,
                    hit.body
                );
            }
        }
        for miss in misses {
            let found = matching(&rules, miss, usize::MAX);
            assert_eq!(found, Vec::<String>::new(), "{id}: {} {} {:?}", miss.target, miss.body, miss.fields);
        }
    }
}

/// What the services of a run are really asked.
#[test]
fn ordinary_requests_match_nothing() {
    let rules = built_in();
    let ordinary = [
        get("/v3/auth/tokens"),
        get("/v2.1/servers/detail?limit=10&marker=7f3c-22"),
        get("/v3/services?name=compute%20api&type="),
        post(
            r#"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"o'brien","domain":{"id":"default"},"password":"S3cret-%+ ;x"}}}}}"#,
        ),
        post("csrf=abc%2B%2F&username=demo+user&password=it%27s"),
        with(&[("x-auth-token", "gAAAAABl_-=="), ("user-agent", "openstacksdk/1.0"), ("accept", "*/*")]),
    ];
    for asked in ordinary {
        assert_eq!(matching(&rules, asked, 7), Vec::<String>::new(), "{} {}", asked.target, asked.body);
    }
}

/// Where the expressions of a place do not fit into one table they have one each, and find the same.
#[test]
fn expressions_that_do_not_fit_together_are_looked_for_one_by_one() {
    let rule = |number: usize| {
        format!(
            "[[rules]]\nid = \"r{number}\"\ndescription = \"\"\nwhere = \"body\"\nregex = 'a{number}.{{9}}b'\nlog = true\n"
        )
    };
    let literal =
        "[[rules]]\nid = \"l\"\ndescription = \"\"\nwhere = \"body\"\ncontains = \"cd\"\nlog = true\n";
    let rules = of(&format!("schema = 1\n{literal}{}", (0..6).map(rule).collect::<String>()));
    assert_eq!(rules.searches.len(), 7);
    assert_eq!(matching(&rules, post("a3a4xxxxxxxb xbcda0123456789b"), 2), ["l", "r0", "r3"]);
    assert_eq!(built_in().searches.iter().filter(|search| search.is_about(&Place::Body)).count(), 1);
}

#[test]
fn the_first_rule_of_the_file_that_refuses_decides_and_logging_ones_only_tell() {
    let rules = of(r#"
        schema = 1
        rules = [
            { id = "tells", description = "", where = "path", contains = "b", log = true },
            { id = "one", description = "", where = "path", prefix = "/ab", refuse = 404 },
            { id = "other", description = "", where = "path", equals = "/abc", refuse = 403 },
        ]"#);
    let judged = |target: &'static str| {
        let head = Head { method: b"GET", target: target.as_bytes(), fields: [] };
        let matches = rules.judge_head(&head);
        (matches.iter().collect::<Vec<_>>(), rules.verdict(&matches))
    };
    assert_eq!(judged("/abc"), (vec![0, 1, 2], Verdict::Refuse { rule: 1, status: 404 }));
    assert_eq!(judged("/abd"), (vec![0, 1], Verdict::Refuse { rule: 1, status: 404 }));
    assert_eq!(judged("/xb?/abc"), (vec![0], Verdict::Pass));
    assert_eq!(judged("/"), (vec![], Verdict::Pass));
}

#[test]
fn a_match_is_found_with_the_piece_it_ends_in_before_that_is_sent_on() {
    let literal = rule("body", "contains = \"attack\"");
    let mut body = literal.judge_body();
    assert_eq!(body.feed(b"an atta").iter().count(), 0);
    assert_eq!(body.feed(b"c").iter().count(), 0);
    assert_eq!(body.feed(b"k").iter().count(), 1);
    // What depends on the next byte waits for it.
    let word = rule("body", r"regex = '\battack\b'");
    let (mut goes_on, mut ends) = (word.judge_body(), word.judge_body());
    assert_eq!((goes_on.feed(b"attack").iter().count(), ends.feed(b"attack").iter().count()), (0, 0));
    assert_eq!(goes_on.feed(b"er").iter().count(), 0);
    assert_eq!((goes_on.end().iter().count(), ends.end().iter().count()), (0, 1));
    let last = rule("body", r"regex = 'attack\z'");
    let mut body = last.judge_body();
    assert_eq!((body.feed(b"attack").iter().count(), body.feed(b"!").iter().count()), (0, 0));
    assert_eq!(body.end().iter().count(), 0);
}

#[test]
fn a_body_is_looked_at_up_to_its_limit_and_not_a_byte_further() {
    let rules = of(
        "schema = 1\nbody = 10\n[[rules]]\nid = \"r\"\ndescription = \"d\"\nwhere = \"body\"\ncontains = \"end\"\nlog = true",
    );
    for (body, found) in [("1234567end", 1), ("12345678end", 0), ("1234567890end", 0)] {
        for step in [1, 4, 100] {
            let mut judge = rules.judge_body();
            body.as_bytes().chunks(step).for_each(|piece| {
                judge.feed(piece);
            });
            assert_eq!(judge.end().iter().count(), found, "{body} by {step}");
        }
    }
}

/// What a body costs while it passes does not grow with it.
#[test]
fn a_body_in_passing_takes_no_memory() {
    let rules = built_in();
    let mut body = rules.judge_body();
    let before = body.memory();
    (0..2_000).for_each(|_| {
        body.feed(b"something of a body that goes on and on %25");
    });
    assert_eq!(body.memory(), before);
    assert!(before <= 1024, "{before} bytes");
}

#[test]
fn everything_wrong_with_a_file_is_said_at_once_with_its_place() {
    let text = r#"schema = 2
colour = "red"

[[rules]]
id = "One"
descripton = "a slip"
where = ["pth", "header:a b"]
contains = ""
normalise = "lowr"
refuse = 200

[[rules]]
id = "two"
description = "é"
where = "body"
regex = "a("
log = true
refuse = 403

[[rules]]
id = "two"
description = "twice"
where = []
contains = "x"
prefix = "y"
log = "yes"
"#;
    let bad = Rules::read("my.toml", text).unwrap_err();
    let expected = "\
my.toml:1:10: schema 2 is not known; this version reads `schema = 1`
my.toml:2:1: unknown field `colour`; known here: `schema`, `body`, `rules`
my.toml:4:1: field `description` is missing
my.toml:5:6: an id is made of a to z, 0 to 9 and `-`
my.toml:6:1: unknown field `descripton`; did you mean `description`?
my.toml:7:10: a request has no `pth`; did you mean `path`?
my.toml:7:17: `a b` is no name of a header field
my.toml:8:12: a word has 1 to 1024 bytes
my.toml:9:13: no normal form is called `lowr`; did you mean `lower`?
my.toml:10:10: 200 is not between 400 and 599
my.toml:12:1: a rule refuses or logs; one of `refuse = 403` and `log = true`
my.toml:20:1: a rule has exactly one of `contains`, `equals`, `prefix`, `regex`, `longer_than`
my.toml:20:1: a rule refuses or logs; one of `refuse = 403` and `log = true`
my.toml:21:6: another rule is called `two`
my.toml:23:9: `where` is empty
my.toml:26:7: invalid type: string \"yes\", expected a boolean";
    assert_eq!(bad.to_string(), expected);
}

#[test]
fn rules_that_can_not_be_are_refused_when_they_are_read() {
    let cases = [
        ("path", "regex = 'a('", "not a regular expression: unclosed group"),
        ("path", "regex = '[a-c]*'", "matches nothing at all, and so everything"),
        ("path", r"regex = 'a.{900}b'", "takes a table of more than 1024 KiB"),
        ("path", r"regex = '(?:a{500}){500}'", "takes a table of more than 1024 KiB"),
        ("path", r"regex = '\p{Greek}'", "not a regular expression"),
        ("path", "contains = \"A\"\nnormalise = \"lower\"", "looks for capitals in what is in lower case"),
        ("body", "longer_than = 131072", "counts more bytes of a body than are looked at"),
        ("path", "longer_than = -1", "-1 is not between 0"),
    ];
    for (place, rest, expected) in cases {
        let text = format!(
            "schema = 1\n[[rules]]\nid = \"r\"\ndescription = \"d\"\nwhere = \"{place}\"\n{rest}\nlog = true"
        );
        let said = Rules::read("test.toml", &text).unwrap_err().to_string();
        assert!(said.contains(expected), "{rest}: {said}");
    }
    let endless = format!("schema = 1\n#{}", "x".repeat(LONGEST_FILE));
    assert!(Rules::read("test.toml", &endless).unwrap_err().to_string().contains("longer than 256 KiB"));
    assert!(Rules::read("test.toml", "").unwrap_err().to_string().contains("`schema` is missing"));
}

/// A file of hopeless expressions is given up, not worked through.
#[test]
fn a_file_takes_a_bounded_time_to_read() {
    let rule = |number: usize| {
        format!(
            "[[rules]]\nid = \"r{number}\"\ndescription = \"\"\nwhere = \"path\"\nregex = 'a.{{900}}b'\nlog = true\n"
        )
    };
    let text = format!("schema = 1\n{}", (0..MOST_RULES).map(rule).collect::<String>());
    let bad = Rules::read("f", &text).unwrap_err();
    let count = |part: &str| bad.findings.iter().filter(|finding| finding.message.contains(part)).count();
    assert_eq!((count("write it simpler"), count("together")), (16, MOST_RULES - 16));
}

#[test]
fn what_a_file_says_never_reaches_a_terminal_as_an_escape() {
    let bad = Rules::read("\u{1b}[2J", "schema = 1\n\"\\u001b[2J\" = 1").unwrap_err();
    assert!(!bad.to_string().contains('\u{1b}'), "{bad}");
}

proptest! {
    /// However a body is cut, the same rules match: literals, expressions, decoding and all.
    #[test]
    fn cuts_do_not_matter(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "union", " ", "+", "select", "%2", "0", "%2520", "<", "%3c", "script", "/etc/", "passwd", "x", "'", "or", "1=1",
            ]),
            0..24,
        ),
        cuts in proptest::collection::vec(1_usize..9, 1..60),
    ) {
        let rules = built_in();
        let body = words.concat().into_bytes();
        let mut whole = rules.judge_body();
        whole.feed(&body);
        let (mut cut, mut rest) = (rules.judge_body(), &body[..]);
        for length in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at(length.min(rest.len()));
            cut.feed(piece);
            rest = more;
        }
        prop_assert_eq!(cut.end(), whole.end());
    }

    /// Garbage is never a panic, and never silently no rules.
    #[test]
    fn any_text_is_rules_or_findings_with_a_place(
        lines in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(vec![
                    "schema = 1", "body = 9", "[[rules]]", "[rules]", "id = \"a\"", "description = \"\"", "where = \"path\"",
                    "where = [\"query\", 1]", "contains = \"x\"", "regex = '(a|b)*c'", "regex = '\\'", "refuse = 403",
                    "log = true", "normalise = [\"lower\", \"percent\"]", "longer_than = 5", "rules = 1", "prefix = []",
                ]).prop_map(str::to_owned),
                "\\PC{0,20}",
            ],
            0..14,
        ),
    ) {
        let text = lines.join("\n");
        fuzz::fuzz_rules(text.as_bytes());
    }
}
