//! An honest caller: sends one request, reads what comes, and says whether that is a whole answer.

use proxies::stream::BoxStream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

use crate::plan::{Kind, Plan};

/// What a caller makes of what it read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A message that says of itself that it is whole.
    Whole { status: u16, body: Vec<u8> },
    /// Nothing, no HTTP, or a message that broke off.
    Broken,
}

/// One request and what comes back, up to a whole answer or the end of the connection.
pub(crate) async fn ask(stream: BoxStream, plan: &Plan) -> Answer {
    let (mut reading, mut writing) = tokio::io::split(stream);
    let write = async {
        for (piece, wait) in plan.request_pieces() {
            sleep(wait).await;
            // Nobody reads any more; what was answered counts all the same.
            if writing.write_all(&plan.request[piece]).await.is_err() || writing.flush().await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let read = async {
        let mut bytes = Vec::with_capacity(64 * 1024);
        let mut searched = 0;
        loop {
            let ended = match reading.read_buf(&mut bytes).await {
                Ok(0) => Some(true),
                Ok(_) => None,
                Err(_) => Some(false),
            };
            let begins = bytes.starts_with(&START[..bytes.len().min(START.len())]);
            let head = ends_head(&bytes[searched..]);
            if head.is_none() {
                searched = bytes.len().saturating_sub(3);
            }
            match head.and_then(|_| judge(&bytes, plan.kind == Kind::Head, ended == Some(true))) {
                Some(answer) => return answer,
                None if ended.is_some() || !begins => return Answer::Broken,
                None => {}
            }
        }
    };
    tokio::select! {
        answer = read => answer,
        () = write => Answer::Broken,
    }
}

const START: &[u8] = b"HTTP/1.1 ";

/// Where a head's empty line begins.
fn ends_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n")
}

/// `None` while more may come; `goodbye`: nothing does, and the other side said so.
fn judge(bytes: &[u8], to_head: bool, goodbye: bool) -> Option<Answer> {
    let end = ends_head(bytes)?;
    let (head, body) = (str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase(), &bytes[end + 4..]);
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let field = |name: &str| {
        head.split("\r\n").skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    let whole = |body: Vec<u8>| Some(Answer::Whole { status, body });
    if status < 200 {
        return judge(body, to_head, goodbye);
    }
    if to_head || status == 204 || status == 304 {
        return whole(Vec::new());
    }
    if field("transfer-encoding").is_some() {
        return match unchunked(body) {
            Ok(Some(body)) => whole(body),
            Ok(None) => None,
            Err(()) => Some(Answer::Broken),
        };
    }
    match field("content-length") {
        Some(length) => {
            let length: usize = length.parse().ok()?;
            body.get(..length).and_then(|body| whole(body.to_vec()))
        }
        None if goodbye => whole(body.to_vec()),
        None => None,
    }
}

/// The body behind chunks, once they are all there; an error where they are none.
fn unchunked(mut rest: &[u8]) -> Result<Option<Vec<u8>>, ()> {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else { return Ok(None) };
        let line = str::from_utf8(&rest[..end]).map_err(drop)?;
        if line.is_empty() || !line.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(());
        }
        let size = usize::from_str_radix(line, 16).map_err(drop)?;
        let Some(after) = rest.get(end + 2..) else { return Ok(None) };
        if size == 0 {
            return Ok(after.starts_with(b"\r\n").then_some(body));
        }
        let Some((chunk, after)) = after.split_at_checked(size) else { return Ok(None) };
        body.extend(chunk);
        match after {
            [b'\r', b'\n', after @ ..] => rest = after,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(()),
        }
    }
}
