use std::pin::pin;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    net::TcpStream,
};

use super::*;
use crate::{
    registry::{Admit, EntryId, Registry},
    transport::{
        Dial, Listen, Party,
        loopback::LoopbackIp,
        tcp::{TcpDialer, TcpListen},
    },
};

const IDLE: Duration = Duration::from_secs(30);

/// A client and a server with a relay between them: over pipes, or over sockets.
struct Scene<S> {
    client: S,
    front: S,
    back: S,
    server: S,
}

fn in_memory(front: usize, back: usize) -> Scene<tokio::io::DuplexStream> {
    let ((client, front), (back, server)) = (duplex(front), duplex(back));
    Scene { client, front, back, server }
}

async fn over_tcp() -> Scene<TcpStream> {
    let registry = Registry::new();
    let ((client, front), (back, server)) = (pair(&registry).await, pair(&registry).await);
    Scene { client, front, back, server }
}

async fn pair(registry: &Registry) -> (TcpStream, TcpStream) {
    let entry: EntryId = registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let source = registry.source(LoopbackIp::LOCALHOST);
    let dialer = TcpDialer::new(registry.clone(), source, Party(1), entry).unwrap();
    let mut listen = TcpListen::take(registry, entry).unwrap();
    let (dialled, accepted) = tokio::join!(dialer.dial(), listen.accept());
    (dialled.unwrap().0, accepted.unwrap().0)
}

fn counting(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|n| (n % 251) as u8).collect()
}

async fn one_way_ends_first<S: Stream>(scene: Scene<S>, question: Vec<u8>, answer: Vec<u8>) {
    let Scene { mut client, front, back, mut server } = scene;
    let story = async {
        client.write_all(&question).await.unwrap();
        client.shutdown().await.unwrap();
        // Read while the relay still writes it: the client hears only after it said all.
        let mut answered = Vec::new();
        client.read_to_end(&mut answered).await.unwrap();
        assert!(answered == answer);
    };
    let serving = async {
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await.unwrap();
        assert!(heard == question);
        server.write_all(&answer).await.unwrap();
        server.shutdown().await.unwrap();
    };
    let ((moved, outcome), (), ()) = tokio::join!(relay(front, back, IDLE), story, serving);
    outcome.unwrap();
    assert_eq!(moved, Moved { forth: question.len() as u64, back: answer.len() as u64 });
}

#[tokio::test(start_paused = true)]
async fn one_way_may_end_while_the_other_goes_on() {
    one_way_ends_first(in_memory(64, 64), b"question".to_vec(), b"a late answer".to_vec()).await;
}

#[tokio::test]
async fn over_sockets_too_however_much_is_said() {
    for (question, answer) in [(8, 13), (16 * 1024, 3_000_001), (5_000_000, 1)] {
        one_way_ends_first(over_tcp().await, counting(question), counting(answer)).await;
    }
}

async fn already_goes_first<S: Stream>(scene: Scene<S>, rest: Vec<u8>) {
    let Scene { mut client, front, back, mut server } = scene;
    let already = b"a beginning longer than the pipe".to_vec();
    let expected = [already.clone(), rest.clone()].concat();
    let saying = async {
        client.write_all(&rest).await.unwrap();
        client.shutdown().await.unwrap();
    };
    let hearing = async {
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await.unwrap();
        assert!(heard == expected);
        drop(server);
    };
    let ((moved, outcome), (), ()) = tokio::join!(relay_from(already, front, back, IDLE), saying, hearing);
    outcome.unwrap();
    assert_eq!(moved, Moved { forth: expected.len() as u64, back: 0 });
}

#[tokio::test(start_paused = true)]
async fn what_was_read_already_goes_first_and_nothing_else_changes() {
    already_goes_first(in_memory(64, 16), b" and the rest".to_vec()).await;
}

#[tokio::test]
async fn what_was_read_already_goes_first_over_sockets_too() {
    already_goes_first(over_tcp().await, counting(2_000_000)).await;
}

#[tokio::test(start_paused = true)]
async fn silence_ends_it_after_the_idle_time_counted_from_the_last_byte() {
    let Scene { mut client, front, back, mut server } = in_memory(64, 64);
    let began = Instant::now();
    let story = async {
        tokio::time::advance(Duration::from_secs(20)).await;
        client.write_all(b"x").await.unwrap();
        server.read_u8().await.unwrap();
    };
    let ((_, outcome), ()) = tokio::join!(relay(front, back, IDLE), story);
    assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_eq!(began.elapsed().as_secs(), 50);
}

/// A receiver that stops reading holds bytes in a pipe, and that is silence, too.
#[tokio::test]
async fn a_receiver_who_reads_no_more_is_silence_while_a_pipe_is_full() {
    let Scene { mut client, front, back, server: _unread } = over_tcp().await;
    let mut pump = Pump::new(Vec::new(), front, back, Duration::from_millis(200));
    let flood = async {
        let bytes = counting(1024 * 1024);
        while client.write_all(&bytes).await.is_ok() {}
    };
    let flood = pin!(flood);
    tokio::select! {
        outcome = &mut pump => assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::TimedOut),
        () = flood => panic!("the client was cut off before the relay ended"),
    }
    assert!(pump.forth.spliced() > 0);
}

#[tokio::test(start_paused = true)]
async fn more_than_every_buffer_passes_unchanged() {
    let Scene { mut client, front, back, mut server } = in_memory(1000, 777);
    let sent = counting(1_000_003);
    let expected = sent.clone();
    let write = async move {
        client.write_all(&sent).await.unwrap();
        client.shutdown().await.unwrap();
        client
    };
    let read = async move {
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await.unwrap();
        heard
    };
    let ((moved, outcome), _client, heard) = tokio::join!(relay(front, back, IDLE), write, read);
    outcome.unwrap();
    assert_eq!(moved.forth, 1_000_003);
    assert!(heard == expected);
}

/// Both ways at once, each larger than all that sockets and pipes hold.
#[tokio::test]
async fn large_amounts_between_sockets_pass_unchanged_and_inside_the_kernel() {
    let Scene { client, front, back, server } = over_tcp().await;
    let (forth, home) = (counting(20_000_003), counting(7_000_001));
    let talk = |stream: TcpStream, says: Vec<u8>| async move {
        let (mut reads, mut writes) = stream.into_split();
        let saying = async {
            writes.write_all(&says).await.unwrap();
            writes.shutdown().await.unwrap();
        };
        let mut heard = Vec::new();
        let ((), read) = tokio::join!(saying, reads.read_to_end(&mut heard));
        read.unwrap();
        heard
    };
    let mut pump = Pump::new(Vec::new(), front, back, IDLE);
    let (outcome, at_client, at_server) =
        tokio::join!(&mut pump, talk(client, home.clone()), talk(server, forth.clone()));
    outcome.unwrap();
    assert!(at_server == home && at_client == forth);
    assert_eq!((pump.forth.moved(), pump.home.moved()), (home.len() as u64, forth.len() as u64));
    if splice::Splice::AVAILABLE {
        assert!(pump.home.spliced() > forth.len() as u64 / 2, "{}", pump.home.spliced());
    }
}

#[tokio::test]
async fn small_messages_between_sockets_are_copied_and_so_they_are_again_after_large_ones() {
    let Scene { mut client, front, back, mut server } = over_tcp().await;
    let mut pump = Pump::new(Vec::new(), front, back, IDLE);
    let echo = async {
        let mut said = Vec::new();
        for bytes in [100, 200, 300, 3_000_000, 1_000, 1_000, 1_000] {
            let message = counting(bytes);
            said.resize(bytes, 0);
            let (written, read) = tokio::join!(client.write_all(&message), server.read_exact(&mut said));
            written.unwrap();
            read.unwrap();
            assert!(said == message);
        }
        client.shutdown().await.unwrap();
        server.shutdown().await.unwrap();
    };
    let (outcome, ()) = tokio::join!(&mut pump, echo);
    outcome.unwrap();
    if splice::Splice::AVAILABLE {
        // The large one but for its first buffer, and the small one that was met splicing.
        assert!((1..=3_001_000).contains(&pump.forth.spliced()), "{}", pump.forth.spliced());
    }
    assert_eq!(pump.forth.moved(), 3_003_600);
}

/// A stream somebody watches is copied through, whatever its size: every byte is seen.
#[tokio::test]
async fn nothing_passes_a_seam_unseen() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use crate::custody::{Custody, Seam};

    struct Count(Arc<AtomicUsize>);
    impl Seam for Count {
        fn read(&mut self, bytes: &[u8]) {
            self.0.fetch_add(bytes.len(), Ordering::Relaxed);
        }
        fn written(&mut self, _: &[u8]) {}
    }

    let Scene { mut client, front, back, mut server } = over_tcp().await;
    let seen = Arc::new(AtomicUsize::new(0));
    let watched = Custody::new(front, Some(Box::new(Count(seen.clone()))));
    let mut pump = Pump::new(Vec::new(), watched, back, IDLE);
    let talk = async {
        let sent = counting(3_000_000);
        let saying = async {
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
        };
        let mut heard = Vec::new();
        let ((), read) = tokio::join!(saying, server.read_to_end(&mut heard));
        read.unwrap();
        assert!(heard == sent);
        drop(server);
    };
    let (outcome, ()) = tokio::join!(&mut pump, talk);
    outcome.unwrap();
    assert_eq!((pump.forth.spliced(), seen.load(Ordering::Relaxed)), (0, 3_000_000));
}

/// What stands in a pipe when a connection breaks is lost with it: it must not turn up in the next one.
#[tokio::test]
async fn a_pipe_with_leftovers_is_never_lent_again() {
    let Scene { mut client, front, back, server } = over_tcp().await;
    {
        let mut pump = Pump::new(Vec::new(), front, back, Duration::from_millis(200));
        let flood = async {
            let bytes = vec![0xaa; 1024 * 1024];
            while client.write_all(&bytes).await.is_ok() {}
        };
        tokio::select! { _ = &mut pump => {} () = flood => {} }
        assert!(pump.forth.spliced() > 0);
    }
    drop(server);
    one_way_ends_first(over_tcp().await, counting(2_000_000), counting(2_000_000)).await;
}
