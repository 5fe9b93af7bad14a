//! `testbed proxy`: each component as a process of its own between a client and backends over real sockets.
#![allow(clippy::unwrap_used)]

#[path = "support/alone.rs"]
mod alone;
#[path = "support/programs.rs"]
mod programs;

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
};

use alone::{Backend, Files, NAME, Proxied};

#[test]
fn terminate_forwards_http_to_each_backend_in_turn() {
    let files = Files::new();
    let (one, two) = (Backend::tcp("one"), Backend::tcp("two"));
    let proxied = Proxied::start(&files, &["terminate"], &[&one.place(), &two.place()]);
    let mut answers: Vec<String> = (0..4).map(|_| files.get(proxied.port(), NAME).unwrap()).collect();
    answers.sort();
    assert_eq!(answers, ["one", "one", "two", "two"]);
    assert!(one.heard().starts_with("GET /it HTTP/1.1\r\n"), "{}", one.heard());
    proxied.end();
}

#[test]
fn terminate_reaches_a_unix_socket_and_several_threads_serve() {
    let files = Files::new();
    let unix = Backend::unix(files.folder(), "behind a file");
    let proxied = Proxied::start(&files, &["terminate", "--threads", "2"], &[&unix.place()]);
    for _ in 0..8 {
        assert_eq!(files.get(proxied.port(), NAME).unwrap(), "behind a file");
    }
    proxied.end();
}

#[test]
fn terminate_l4_passes_bytes_on_unread() {
    let files = Files::new();
    let backend = Backend::tcp("copied");
    let proxied = Proxied::start(&files, &["terminate-l4"], &[&backend.place()]);
    assert_eq!(files.get(proxied.port(), NAME).unwrap(), "copied");
    assert_eq!(backend.heard(), alone::request(NAME), "not a byte more or less");
    proxied.end();
}

#[test]
fn pass_through_goes_by_name_and_leaves_tls_to_the_backend() {
    let files = Files::new();
    let backend = Backend::tls(&files, NAME, "unopened");
    let route = format!("{NAME}={}", backend.place());
    let proxied = Proxied::start(&files, &["pass-through", "--sni", &route], &[]);
    assert_eq!(files.get(proxied.port(), NAME).unwrap(), "unopened");
    let refused = files.get(proxied.port(), "b.invalid").unwrap_err();
    assert!(refused.contains("UnrecognisedName"), "{refused}");
    proxied.end();
    // A name alone leads to the backends.
    let proxied = Proxied::start(&files, &["pass-through", "--sni", NAME], &[&backend.place()]);
    assert_eq!(files.get(proxied.port(), NAME).unwrap(), "unopened");
    proxied.end();
}

#[test]
fn re_encrypt_speaks_tls_again_and_checks_the_name() {
    let files = Files::new();
    let backend = Backend::tls(&files, "inner.invalid", "twice");
    let ca = files.path("ca.pem");
    let named = |name| ["re-encrypt", "--ca", &ca, "--backend-name", name];
    let proxied = Proxied::start(&files, &named("inner.invalid"), &[&backend.place()]);
    assert_eq!(files.get(proxied.port(), NAME).unwrap(), "twice");
    proxied.end();
    let proxied = Proxied::start(&files, &named("other.invalid"), &[&backend.place()]);
    let refused = files.get(proxied.port(), NAME).unwrap_err();
    assert!(refused.starts_with("HTTP/1.1 502"), "{refused}");
    proxied.end();
}

#[test]
fn curl_is_served_too() {
    let Some(curl) = programs::found("TESTBED_CURL", "curl") else { return };
    let files = Files::new();
    let backend = Backend::tcp("hello curl");
    let proxied = Proxied::start(&files, &["terminate"], &[&backend.place()]);
    let at = format!("{NAME}:{}:127.0.0.1", proxied.port());
    let url = format!("https://{NAME}:{}/it", proxied.port());
    let mut command = Command::new(curl);
    command.args(["--silent", "--show-error", "--noproxy", "*", "--resolve", &at]);
    let output = command.args(["--cacert", &files.path("ca.pem"), &url]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello curl", "{output:?}");
    proxied.end();
}

#[test]
fn a_request_in_progress_is_answered_after_sigterm() {
    let files = Files::new();
    let (backend, answer) = Backend::waiting("late, but whole");
    let proxied = Proxied::start(&files, &["terminate"], &[&backend.place()]);
    let mut client = files.connect(proxied.port(), NAME);
    client.write_all(alone::request(NAME).as_bytes()).unwrap();
    backend.asked();
    let port = proxied.port();
    let ending = proxied.ask_to_end();
    answer.send(()).unwrap();
    let mut heard = String::new();
    // The backend and the client close without a goodbye of TLS, which is not what this is about.
    let _ended = client.read_to_string(&mut heard);
    assert!(heard.ends_with("late, but whole"), "{heard}");
    ending.ended();
    assert!(alone::refused(port), "nobody listens any more");
}

#[test]
fn what_cannot_work_is_said_before_anything_runs() {
    let files = Files::new();
    let (cert, key) = (files.path("cert.pem"), files.path("key.pem"));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let good = ["--cert", &cert, "--key", &key, "--backend", "127.0.0.1:9"];
    let with = |words: &[&'static str]| [words, &["--mode", "terminate", "--listen", "127.0.0.1:0"]].concat();
    let table: [(Vec<&str>, i32, &str); 9] = [
        (
            [&["--mode", "terminate", "--listen", "192.0.2.1:80"], &good[..]].concat(),
            2,
            "not on this machine's loopback",
        ),
        (
            [&["--mode", "terminate", "--listen", "0.0.0.0:80"], &good[..]].concat(),
            2,
            "not on this machine's loopback",
        ),
        (
            [&["--mode", "terminate", "--listen", &taken], &good[..]].concat(),
            1,
            "is in use by another program",
        ),
        (
            [&with(&["--backend", "192.0.2.1:80"])[..], &good[..4]].concat(),
            2,
            "not on this machine's loopback",
        ),
        ([&with(&["--backend", "example.org:80"])[..], &good[..4]].concat(), 2, "names are not resolved"),
        ([&with(&[])[..], &good[..4]].concat(), 2, "terminate needs --backend"),
        ([&with(&[])[..], &good[4..]].concat(), 2, "terminate needs --cert and --key"),
        ([&with(&["--ca", "gone.pem"])[..], &good[..]].concat(), 2, "cannot read `gone.pem`"),
        ([&with(&[])[..], &["--cert", &key, "--key", &key], &good[4..]].concat(), 2, "holds no certificate"),
    ];
    for (words, code, why) in table {
        let mut command = Command::new(env!("CARGO_BIN_EXE_testbed"));
        let output = command.arg("proxy").args(&words).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
        assert!(said.contains(why) && output.stdout.is_empty(), "{words:?}: {said}");
    }
}
