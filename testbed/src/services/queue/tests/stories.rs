//! One queue, several connections: who gets what, and who is shown the door.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::Instant,
};

use super::{
    super::{
        LOGIN_DEADLINE, MAX_PACKET, MAX_WAITING, QueueCounts, QueueError, WRITE_DEADLINE,
        client::Channel,
        packet::{Packet, Publish, Welcome},
        wire::Wire,
    },
    hall::{Hall, introduction, until},
};

/// Publishes and waits for the acknowledgement.
async fn publish(sender: &mut Channel, topic: &str, body: &str) {
    let body = Bytes::copy_from_slice(body.as_bytes());
    sender.publish(topic, body, false, Arc::new(|| ())).await.unwrap();
}

/// The next message, acknowledged.
async fn take(reader: &mut Wire) -> Publish {
    let Some(Packet::Publish(message)) = reader.read().await.unwrap() else { panic!("no message") };
    reader.write(&Packet::Puback(message.id.unwrap())).await.unwrap();
    message
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_refused_and_the_connection_ends() {
    let hall = Hall::new();
    for (name, password) in [("nova", "one-password"), ("nobody", ""), ("nova", "")] {
        let (mut wire, answer) = hall.greet(name, password, 1024).await;
        assert_eq!(answer, Some(Packet::Connack { code: Welcome::Refused, session: false }), "{name}");
        assert_eq!(wire.read().await.unwrap(), None);
    }
    assert_eq!(hall.broker.counts(), QueueCounts { refused: 3, ..QueueCounts::default() });
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_to_whoever_does_not_log_in_first() {
    let hall = Hall::new();
    let mut stranger = Wire::new(Box::new(hall.enter(1024)));
    stranger.write(&Packet::Subscribe { id: 1, topics: vec!["compute.c1".into()] }).await.unwrap();
    assert_eq!(stranger.read().await.unwrap(), None);
    assert_eq!(hall.broker.counts(), QueueCounts::default());
}

#[tokio::test(start_paused = true)]
async fn every_reader_of_a_topic_gets_its_messages_and_nobody_else() {
    let hall = Hall::new();
    let mut one = hall.reader("one", &["compute.c1"], 1024).await;
    let mut two = hall.reader("two", &["compute.c2", "compute.c1"], 1024).await;
    let mut sender = hall.sender().await;
    publish(&mut sender, "compute.c1", "for both").await;
    publish(&mut sender, "compute.c2", "for two").await;
    assert_eq!(take(&mut one).await.body, "for both");
    assert_eq!(take(&mut two).await.body, "for both");
    assert_eq!(take(&mut two).await.body, "for two");
    until(|| hall.broker.counts().delivered == 3).await;
    one.write(&Packet::Ping).await.unwrap();
    assert_eq!(one.read().await.unwrap(), Some(Packet::Pong), "no further message for one");
    let counts = hall.broker.counts();
    assert_eq!((counts.logins, counts.published, counts.dropped, counts.denied), (3, 2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pattern_is_not_granted_and_publishing_to_one_costs_the_connection() {
    let hall = Hall::new();
    let (mut wire, _) = hall.greet("one", "one-password", 1024).await;
    let topics = vec!["#".into(), "compute.+".into(), "compute.c1".into()];
    wire.write(&Packet::Subscribe { id: 3, topics }).await.unwrap();
    let granted = vec![false, false, true];
    assert_eq!(wire.read().await.unwrap(), Some(Packet::Suback { id: 3, granted }));

    let mut raw = hall.enter(1024);
    raw.write_all(&introduction("two", "two-password").bytes().unwrap()).await.unwrap();
    raw.write_all(&[0x30, 4, 0, 1, b'#', b'x']).await.unwrap();
    let mut told = Vec::new();
    raw.read_to_end(&mut told).await.unwrap();
    assert_eq!(told, [0x20, 2, 0, 0], "logged in, then shown the door");
    assert_eq!(hall.broker.counts().denied, 3);
}

#[tokio::test(start_paused = true)]
async fn a_packet_over_the_limit_costs_its_sender_only() {
    let hall = Hall::new();
    let mut reader = hall.reader("one", &["compute.c1"], 1024).await;
    let mut sender = hall.sender().await;
    let body = |size: usize| Bytes::from(vec![b'x'; size]);
    let (topic, heads) = ("compute.c1", 4 + 2 + "compute.c1".len() + 2);
    let hook = || Arc::new(|| ());
    sender.publish(topic, body(MAX_PACKET - heads), false, hook()).await.unwrap();
    assert_eq!(take(&mut reader).await.body.len(), MAX_PACKET - heads);
    let refused = sender.publish(topic, body(MAX_PACKET - heads + 1), false, hook()).await;
    assert!(matches!(refused, Err(QueueError::Closed)), "{refused:?}");
    publish(&mut hall.sender().await, topic, "still open").await;
    assert_eq!(take(&mut reader).await.body, "still open");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_takes_nothing_loses_the_oldest_and_holds_up_nobody() {
    let hall = Hall::new();
    let slow = hall.reader("one", &["compute.c1"], 16).await;
    let mut quick = hall.reader("two", &["compute.c1"], 1024).await;
    let mut sender = hall.sender().await;
    let start = Instant::now();
    for number in 0..MAX_WAITING + 50 {
        publish(&mut sender, "compute.c1", &number.to_string()).await;
        assert_eq!(take(&mut quick).await.body, number.to_string());
    }
    assert_eq!(start.elapsed(), Duration::ZERO, "nobody waited");
    // The first one is stuck in the pipe, the others wait, and there is no room for all of them.
    assert_eq!(hall.broker.counts().dropped, 49);
    tokio::time::advance(WRITE_DEADLINE).await;
    // Given up: the one in the pipe waits again, and is the oldest.
    until(|| hall.broker.counts().dropped == 50).await;
    drop(slow);
    let (mut back, _) = hall.greet("one", "one-password", 1024).await;
    assert_eq!(take(&mut back).await.body, "50");
    assert_eq!(take(&mut back).await.body, "51");
}

#[tokio::test(start_paused = true)]
async fn silence_costs_the_connection_before_and_after_the_login() {
    let hall = Hall::new();
    let start = Instant::now();
    let mut mute = hall.enter(1024);
    mute.write_all(&[0x10]).await.unwrap();
    assert_eq!(mute.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    assert_eq!(start.elapsed(), LOGIN_DEADLINE);

    let (mut wire, _) = hall.greet("one", "one-password", 1024).await;
    let start = Instant::now();
    tokio::time::sleep(Duration::from_secs(14)).await;
    wire.write(&Packet::Ping).await.unwrap();
    assert_eq!(wire.read().await.unwrap(), Some(Packet::Pong));
    assert_eq!(wire.read().await.unwrap(), None);
    assert_eq!(
        start.elapsed(),
        Duration::from_secs(14 + 15),
        "one and a half keep-alives after the last word"
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_a_reader_that_comes_late_or_comes_back() {
    let hall = Hall::new();
    let mut sender = hall.sender().await;
    publish(&mut sender, "compute.c1", "before anybody read").await;
    let (mut reader, _) = hall.greet("one", "one-password", 1024).await;
    reader.write(&Packet::Subscribe { id: 1, topics: vec!["compute.c1".into()] }).await.unwrap();
    assert!(matches!(reader.read().await.unwrap(), Some(Packet::Suback { .. })));
    assert_eq!(take(&mut reader).await.body, "before anybody read");
    reader.write(&Packet::Disconnect).await.unwrap();
    assert_eq!(reader.read().await.unwrap(), None);
    publish(&mut sender, "compute.c1", "while away").await;
    let (mut reader, answer) = hall.greet("one", "one-password", 1024).await;
    assert_eq!(answer, Some(Packet::Connack { code: Welcome::Accepted, session: true }));
    let message = take(&mut reader).await;
    assert_eq!((&message.body[..], message.again), (&b"while away"[..], false));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_acknowledged_comes_again_to_the_next_connection() {
    let hall = Hall::new();
    let mut reader = hall.reader("one", &["compute.c1"], 1024).await;
    publish(&mut hall.sender().await, "compute.c1", "once or twice").await;
    assert!(matches!(reader.read().await.unwrap(), Some(Packet::Publish(first)) if !first.again));
    drop(reader);
    let (mut reader, _) = hall.greet("one", "one-password", 1024).await;
    let second = take(&mut reader).await;
    assert_eq!((&second.body[..], second.again), (&b"once or twice"[..], true));
    until(|| hall.broker.counts().delivered == 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_newer_connection_takes_the_session_and_the_older_one_is_closed() {
    let hall = Hall::new();
    let mut older = hall.reader("one", &["compute.c1"], 1024).await;
    let (mut newer, answer) = hall.greet("one", "one-password", 1024).await;
    assert_eq!(answer, Some(Packet::Connack { code: Welcome::Accepted, session: true }));
    assert_eq!(older.read().await.unwrap(), None);
    publish(&mut hall.sender().await, "compute.c1", "to the newer").await;
    assert_eq!(take(&mut newer).await.body, "to the newer");
}

#[tokio::test(start_paused = true)]
async fn clients_without_a_name_do_not_take_each_others_place() {
    let hall = Hall::new();
    let caller = hall.caller("one");
    let mut first = caller.open(String::new(), true, 10).await.unwrap();
    let mut second = caller.open(String::new(), true, 10).await.unwrap();
    for channel in [&mut first, &mut second] {
        channel.write(&Packet::Ping).await.unwrap();
        assert_eq!(channel.read().await.unwrap(), Packet::Pong);
    }
}

#[tokio::test(start_paused = true)]
async fn draining_closes_every_connection() {
    let hall = Hall::new();
    let mut reader = hall.reader("one", &["compute.c1"], 1024).await;
    hall.cut();
    assert_eq!(reader.read().await.unwrap(), None);
}
