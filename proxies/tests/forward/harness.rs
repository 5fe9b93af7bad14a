//! A proxy between two hands that write and read plain text.

use std::{sync::Arc, time::Duration};

use proxies::{
    balance::Group,
    codec::{BackCodec, FrontCodec},
    forward::{ClientCert, Forwarded, Names, Rules},
    proxy::{Forward, Proxy},
    serve::{Drained, Tally},
    stream::BoxStream,
    transport::{
        Dial, Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

pub(crate) const SOON: Duration = Duration::from_secs(5);
/// Longer than any deadline, so that a story that waits in vain fails.
const LONG: Duration = Duration::from_hours(1);
pub(crate) const GET: &str = "GET /v3 HTTP/1.1\r\nHost: a.invalid:5000\r\n\r\n";
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A running proxy; what is in front of it and behind it.
pub(crate) struct Street {
    pub(crate) callers: MemoryDialer,
    pub(crate) service: MemoryListen,
    pub(crate) tally: Arc<Tally>,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<Drained>,
}

/// Clear on both sides, believing nobody.
pub(crate) fn clear() -> Street {
    street(FrontCodec::clear(), BackCodec::clear(), &[])
}

/// Certificates are told of, and nothing else of callers.
pub(crate) fn street(front: FrontCodec, back: BackCodec, accept_from: &[&str]) -> Street {
    let accept_from = accept_from.iter().map(|name| (*name).to_owned()).collect();
    let client_cert = Some(ClientCert { accept_from });
    let forwarded = Forwarded { set: false, accept_from: Vec::new() };
    let names = Names { checked: false, also: Vec::new() };
    let rules = Rules { client_cert, forwarded, names, ..Rules::default() };
    built(front, back, rules, |_| {})
}

/// A proxy under some rules, changed before it runs.
pub(crate) fn built(
    front: FrontCodec,
    back: BackCodec,
    rules: Rules,
    change: impl FnOnce(&mut Proxy<MemoryDialer>),
) -> Street {
    let (callers, at_proxy) = memory::pair(Party(1));
    let (dial, service) = memory::pair(Party(2));
    let group = Group::of_one("service", dial, back);
    let mut proxy = Proxy::new(front, group, Forward::Http(rules));
    change(&mut proxy);
    let (tally, stop) = (proxy.tally.clone(), CancellationToken::new());
    // Its own stop ends it, or the test's runtime.
    #[allow(clippy::disallowed_methods)]
    let running = tokio::spawn(proxy.run(at_proxy, stop.clone()));
    Street { callers, service, tally, stop, running }
}

impl Street {
    pub(crate) async fn call(&self) -> BoxStream {
        Box::new(self.callers.dial().await.unwrap().0)
    }

    pub(crate) async fn answer(&mut self) -> BoxStream {
        let dialled = tokio::time::timeout(LONG, self.service.accept()).await;
        Box::new(dialled.expect("nobody dialled the service").unwrap().0)
    }
}

/// Writes, and does not mind that nobody may be there to read it any more.
pub(crate) async fn say(stream: &mut BoxStream, text: impl AsRef<[u8]>) {
    let _gone = stream.write_all(text.as_ref()).await;
    let _gone = stream.flush().await;
}

/// Reads up to and including `end`.
pub(crate) async fn hear(stream: &mut BoxStream, end: &str) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(end.as_bytes()) {
        let heard_so_far = String::from_utf8_lossy(&heard).into_owned();
        let byte = tokio::time::timeout(LONG, stream.read_u8()).await;
        heard.push(
            byte.unwrap_or_else(|_| panic!("nothing after {heard_so_far:?} while waiting for {end:?}"))
                .unwrap_or_else(|error| panic!("{error} after {heard_so_far:?} while waiting for {end:?}")),
        );
    }
    String::from_utf8(heard).unwrap()
}

/// A head, with its field lines in order.
pub(crate) async fn head(stream: &mut BoxStream) -> Vec<String> {
    let head = hear(stream, "\r\n\r\n").await;
    let mut lines: Vec<_> = head.trim_end().split("\r\n").map(str::to_owned).collect();
    lines[1..].sort_unstable();
    lines
}

/// Everything until the other side ends; the error, if it did not end in order.
pub(crate) async fn rest(stream: &mut BoxStream) -> (String, Option<std::io::ErrorKind>) {
    let mut heard = Vec::new();
    let ended = stream.read_to_end(&mut heard).await;
    (String::from_utf8(heard).unwrap(), ended.err().map(|error| error.kind()))
}

/// The part of an answer that a story is about: status line and body.
pub(crate) async fn reply(stream: &mut BoxStream) -> (String, String) {
    let head = head(stream).await;
    let length =
        head.iter().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    (head[0].clone(), String::from_utf8(body).unwrap())
}
