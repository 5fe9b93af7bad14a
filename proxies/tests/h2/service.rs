//! An HTTP/1.1 service that takes requests apart by hand and writes down what it got, byte for byte; and the front
//! before it.

use std::sync::{Arc, Mutex};

use proxies::{
    balance::Group,
    caller::Caller,
    codec::BackCodec,
    forward::{
        Hooks, Rules, Site,
        h2::{self, Ended},
    },
    limits::Limits,
    transport::{
        Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// A request that came whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Got {
    pub(crate) line: String,
    pub(crate) fields: Vec<String>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<String>,
}

#[derive(Clone, Default)]
pub(crate) struct Record {
    pub(crate) got: Arc<Mutex<Vec<Got>>>,
    /// What was left on connections when they ended.
    pub(crate) leftovers: Arc<Mutex<Vec<String>>>,
}

impl Record {
    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// A front, what it reaches, and what that got.
pub(crate) struct Town {
    pub(crate) site: Arc<Site<MemoryDialer>>,
    pub(crate) record: Record,
    pub(crate) group: Arc<Group<MemoryDialer>>,
    _serving: JoinSet<()>,
}

pub(crate) fn town(rules: Rules) -> Town {
    let (dial, listen) = memory::pair(Party(2));
    let record = Record::default();
    let mut serving = JoinSet::new();
    serving.spawn(serve(listen, record.clone()));
    let group = Group::of_one("service", dial, BackCodec::clear());
    let site = Site::new(vec![group.clone()], rules, Limits::default(), Hooks::default(), Arc::default());
    Town { site: Arc::new(site), record, group, _serving: serving }
}

impl Town {
    /// A caller's end of a new connection.
    pub(crate) fn call(&self, caller: Caller) -> (DuplexStream, JoinHandle<Ended>) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let visit = Arc::new(self.site.visit(caller));
        let work = async move { h2::forward(far, visit, &Limits::default(), CancellationToken::new()).await };
        // The caller ends it, or the test's runtime.
        #[allow(clippy::disallowed_methods)]
        let running = tokio::spawn(work);
        (near, running)
    }
}

async fn serve(mut listen: MemoryListen, record: Record) {
    let mut connections = JoinSet::new();
    while let Ok((wire, _)) = listen.accept().await {
        connections.spawn(connection(wire, record.clone()));
    }
}

async fn connection(mut wire: DuplexStream, record: Record) {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 16 * 1024]);
    while let Ok(read @ 1..) = wire.read(&mut buffer).await {
        bytes.extend(&buffer[..read]);
        while let Some((got, used)) = take(&bytes) {
            bytes.drain(..used);
            let size =
                got.line.split(['?', ' ']).nth(2).and_then(|size| size.parse().ok()).unwrap_or(2_usize);
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {size}\r\nconnection: x-once\r\nx-once: 1\r\n\r\n"
            );
            let body = if got.line.starts_with("HEAD") { vec![] } else { vec![b'k'; size] };
            record.got.lock().unwrap().push(got);
            let _gone = wire.write_all(&[head.into_bytes(), body].concat()).await;
        }
    }
    if !bytes.is_empty() {
        record.leftovers.lock().unwrap().push(String::from_utf8_lossy(&bytes).into_owned());
    }
}

/// The first whole request of these bytes, and where it ends. It reads lines as they stand, so that whatever is in one that
/// should not be shows.
fn take(bytes: &[u8]) -> Option<(Got, usize)> {
    let mut at = 0;
    let head = lines(bytes, &mut at)?;
    let (line, fields) = head.split_first()?;
    let mut got = Got { line: line.clone(), fields: fields.to_vec(), ..Got::default() };
    let field = |name: &str| fields.iter().find_map(|field| field.strip_prefix(&format!("{name}: ")));
    if field("transfer-encoding") == Some("chunked") {
        loop {
            let end = at + bytes[at..].windows(2).position(|two| two == b"\r\n")?;
            let size = usize::from_str_radix(std::str::from_utf8(&bytes[at..end]).unwrap(), 16).unwrap();
            at = end + 2;
            if size == 0 {
                got.trailers = lines(bytes, &mut at)?;
                break;
            }
            got.body.extend(bytes.get(at..at + size)?);
            assert_eq!(bytes.get(at + size..at + size + 2)?, b"\r\n");
            at += size + 2;
        }
    } else if let Some(length) = field("content-length") {
        let length: usize = length.parse().unwrap();
        got.body.extend(bytes.get(at..at + length)?);
        at += length;
    }
    Some((got, at))
}

/// Lines up to an empty one.
fn lines(bytes: &[u8], at: &mut usize) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let end = *at + bytes[*at..].windows(2).position(|two| two == b"\r\n")?;
        let line = String::from_utf8_lossy(&bytes[*at..end]).into_owned();
        *at = end + 2;
        if line.is_empty() {
            return Some(lines);
        }
        lines.push(line);
    }
}
