//! Bodies pass whole or are seen to be cut, both ways.

use crate::{client::*, street::opened};

fn post(stream: u32, path: &str) -> Vec<u8> {
    headers(stream, END_HEADERS, &asking("POST", path, &[]))
}

#[tokio::test(start_paused = true)]
async fn a_body_and_its_trailers_pass() {
    let (mut client, street) = opened().await;
    client.say(post(1, "/x?y")).await;
    client.say(frame(DATA, 0, 1, b"one")).await;
    client.say(frame(DATA, 0, 1, b"two")).await;
    let heard = client.ask(headers(1, WHOLE, &[("x-sum", "6")])).await;
    assert_eq!((heard.status(1), &heard.answers[&1].body[..]), ("200", &b"ok"[..]));
    let asked = street.service.asked().remove(0);
    assert_eq!(
        (asked.line.as_str(), &asked.body[..], asked.end),
        ("POST /x?y", &b"onetwo"[..], Some("whole"))
    );
    assert_eq!(
        (asked.headers.len(), &asked.headers["host"], &asked.trailers["x-sum"]),
        (1, &"a.invalid".parse().unwrap(), &"6".parse().unwrap())
    );
}

/// The library takes a reset without an error for the end of a body.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_broken_off_never_looks_whole() {
    for code in [NO_ERROR, CANCEL, PROTOCOL_ERROR] {
        let (mut client, street) = opened().await;
        client.say([post(1, "/"), frame(DATA, 0, 1, b"half")].concat()).await;
        client.listen().await;
        client.ask(reset(1, code)).await;
        let asked = street.service.asked().remove(0);
        assert_eq!((&asked.body[..], asked.end), (&b"half"[..], Some("broken")), "{code}");
    }
    let (mut client, street) = opened().await;
    client.say([post(1, "/"), frame(DATA, 0, 1, b"half")].concat()).await;
    client.listen().await;
    client.hang_up().await;
    let service = street.service.clone();
    street.running.await.unwrap();
    assert_ne!(service.asked()[0].end, Some("whole"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_never_looks_whole() {
    let (mut client, _street) = opened().await;
    let heard = client.ask(headers(1, WHOLE, &asking("GET", "/cut", &[]))).await;
    assert!(!heard.answers.get(&1).is_some_and(|answer| answer.whole), "{heard:?}");
    assert!(heard.resets.contains_key(&1) && !heard.over, "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_have_trailers_and_many_windows() {
    let (mut client, _street) = opened().await;
    let heard = client.ask(headers(1, WHOLE, &asking("GET", "/trailers", &[]))).await;
    assert_eq!(heard.answers[&1].trailers, [("x-sum".to_owned(), "1".to_owned())]);
    let wanted = 61 * 16_384;
    client.say(headers(3, WHOLE, &asking("GET", &format!("/big?{wanted}"), &[]))).await;
    let mut given = 65_535;
    while !client.listen().await.answers[&3].whole {
        let had = client.heard.answers[&3].body.len();
        assert!(had <= given, "more than the window: {had} of {given}");
        client.say([window_update(0, 50_000), window_update(3, 50_000)].concat()).await;
        given += 50_000;
    }
    assert_eq!(client.heard.answers[&3].body.len(), wanted);
}

/// It is told that the rest of its body is not wanted.
#[tokio::test(start_paused = true)]
async fn an_early_answer_ends_the_upload() {
    let (mut client, _street) = opened().await;
    let heard = client.ask(post(1, "/early")).await;
    assert_eq!((heard.status(1), heard.resets.get(&1)), ("200", Some(&NO_ERROR)));
    assert_eq!(client.ask([frame(DATA, END_STREAM, 1, b"late"), get(3)].concat()).await.status(3), "200");
}

/// What one stream does not take is no other stream's trouble.
#[tokio::test(start_paused = true)]
async fn a_full_stream_does_not_stand_in_the_way_of_others() {
    let (mut client, _street) = opened().await;
    client.say(window_update(0, 1_000_000)).await;
    client.ask(headers(1, WHOLE, &asking("GET", "/big?1000000", &[]))).await;
    assert_eq!(client.heard.answers[&1].body.len(), 65_535);
    for stream in [3, 5, 7] {
        assert_eq!(client.ask(get(stream)).await.answers[&stream].body, b"ok");
    }
}
