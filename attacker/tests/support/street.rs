//! Targets that can be dialled, each behind a door of its own kind.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
};

use testbed::foothold::{Answer, Dialed, Reach, ReachBackend, Target, TargetId};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_util::task::TaskTracker;

use super::{target, tls};

/// What stands behind an address.
#[derive(Clone, Copy)]
pub(crate) enum Door {
    /// Nobody listens.
    Refused,
    /// The position cannot name it.
    NoRoute,
    /// Accepts and says nothing.
    Silent,
    /// Accepts, hears a byte and closes.
    Closed,
    /// HTTP in clear: the answer to a request's head.
    Clear(fn(&str) -> String),
    /// The same over TLS.
    Tls(fn(&str) -> String),
    /// Shakes hands and closes: what a server that wants a client certificate does.
    TlsMute,
}

/// A row of doors that remembers every request.
pub(crate) struct Street {
    doors: Vec<(Target, Door)>,
    asked: Arc<Mutex<Vec<String>>>,
    tasks: TaskTracker,
}

impl Street {
    /// Doors are numbered from 1 in their order.
    pub(crate) fn new(doors: &[(&str, Door)]) -> Arc<Self> {
        let numbered = doors.iter().zip(1..).map(|((name, door), id)| (target(id, name), *door)).collect();
        Arc::new(Self { doors: numbered, asked: Arc::default(), tasks: TaskTracker::new() })
    }

    pub(crate) fn reach(self: &Arc<Self>) -> Reach {
        Reach::new(Arc::clone(self) as Arc<dyn ReachBackend>)
    }

    /// Requests so far: `name: first line [token]`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl ReachBackend for Street {
    fn targets(&self) -> Vec<Target> {
        self.doors.iter().map(|(target, _)| target.clone()).collect()
    }

    fn dial(&self, id: TargetId) -> Pin<Box<dyn Future<Output = Dialed> + Send + '_>> {
        let (target, door) = self.doors.iter().find(|(target, _)| target.id == id).unwrap().clone();
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        match door {
            Door::Refused => return Box::pin(async { Dialed::Answered(Answer::Refused) }),
            Door::NoRoute => return Box::pin(async { Dialed::Answered(Answer::NoRoute) }),
            _ => self.tasks.spawn(serve(theirs, target, door, Arc::clone(&self.asked))),
        };
        Box::pin(async move { Dialed::Open(Box::new(ours)) })
    }
}

async fn serve(mut stream: DuplexStream, target: Target, door: Door, asked: Arc<Mutex<Vec<String>>>) {
    let site = match door {
        Door::Refused | Door::NoRoute => return,
        Door::Closed => {
            let _ = stream.read_u8().await;
            return;
        }
        Door::Silent => {
            // Holds the connection until the far side gives up.
            let _ = stream.read_to_end(&mut Vec::new()).await;
            return;
        }
        Door::TlsMute => {
            tls::serve(&mut stream, &target.server_name).await;
            return;
        }
        Door::Clear(site) => site,
        Door::Tls(site) => {
            if !tls::serve(&mut stream, &target.server_name).await {
                return;
            }
            site
        }
    };
    let Some(head) = head(&mut stream).await else { return };
    let first = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1");
    let token = head.lines().find_map(|line| line.strip_prefix("X-Auth-Token: ")).unwrap_or("-");
    let name = target.label.trim_start_matches("host/");
    asked.lock().unwrap().push(format!("{name}: {first} [{token}]"));
    let _ = stream.write_all(site(&head).as_bytes()).await;
    let _ = stream.shutdown().await;
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

/// A request's head, its body (if it says how long) read and dropped.
async fn head(stream: &mut DuplexStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(text)
}

/// A response.
pub(crate) fn response(status: u16, lines: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{lines}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// An identity service that tells anybody its versions.
pub(crate) fn identity(head: &str) -> String {
    if head.starts_with("GET /v3 ") {
        return response(200, "", r#"{"version":{"id":"v3.14"}}"#);
    }
    response(300, "", r#"{"versions":[]}"#)
}

/// A compute service with one server, for whoever has the token `tok`.
pub(crate) fn compute(head: &str) -> String {
    if head.starts_with("GET / ") {
        return response(200, "", r#"{"versions":[]}"#);
    }
    if !head.contains("X-Auth-Token: tok\r\n") {
        return response(401, "", r#"{"error":{"code":401}}"#);
    }
    if head.starts_with("DELETE /v2.1/servers/s-old ") {
        return response(204, "x-openstack-request-id: req-7\r\n", "");
    }
    if head.starts_with("DELETE ") || head.starts_with("GET /v3 ") {
        return response(404, "", "{}");
    }
    response(200, "", r#"{"servers":[{"id":"s-old","name":"found by calling","created":"2026-01-01"}]}"#)
}
