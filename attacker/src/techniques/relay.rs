//! Between a victim and where it was going: copies both ways, and overhears.
//!
//! An end is passed on in its direction alone (half-close). When the far side closes or fails before a
//! byte of answer, the victim gets an invented one once its request was heard. No tasks: everything runs in
//! the caller's and ends with it.

use std::{
    future::Future,
    io,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use testbed::{foothold::HandshakeFailure, vocabulary::Direction};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};

use super::ear::Ear;
use crate::call;

const INVENTED: &str =
    r#"{"error":{"code":503,"title":"Service Unavailable","message":"The service is unavailable."}}"#;
const BUFFER: usize = 16 * 1024;

/// Relays until both directions ended or one failed. An error is a victim that left before a byte.
pub(super) async fn relay<V, F>(victim: V, far: F, ear: &Mutex<Ear>) -> Result<(), HandshakeFailure>
where
    V: AsyncRead + AsyncWrite,
    F: AsyncRead + AsyncWrite,
{
    let (mut from_victim, mut to_victim) = split(victim);
    let (mut from_far, mut to_far) = split(far);
    let over = {
        let up = pump(&mut from_victim, &mut to_far, Direction::ToAcceptor, ear);
        let down = pump(&mut from_far, &mut to_victim, Direction::ToDialer, ear);
        both(up, down).await
    };
    match over {
        Over::Done => Ok(()),
        Over::Left(error) => Err(failure(error)),
        Over::Mute => invent(from_victim, to_victim, ear).await,
    }
}

/// Hears a victim's request out and invents the answer. An error is a victim that left before a byte.
pub(super) async fn answer_alone<V>(victim: V, ear: &Mutex<Ear>) -> Result<(), HandshakeFailure>
where
    V: AsyncRead + AsyncWrite,
{
    let (from_victim, to_victim) = split(victim);
    invent(from_victim, to_victim, ear).await
}

/// The ear, whatever became of whoever held it last.
pub(super) fn locked(ear: &Mutex<Ear>) -> MutexGuard<'_, Ear> {
    ear.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How one direction ended.
enum End {
    /// Closed after something was said; passed on.
    Passed,
    /// Closed or failed before a byte; not passed on.
    Silent(Option<io::Error>),
    /// Reading failed in the middle.
    ReadFailed,
    /// Writing failed.
    WriteFailed,
}

/// How a relay ended.
enum Over {
    /// There is nothing more to do.
    Done,
    /// The victim left before a byte.
    Left(Option<io::Error>),
    /// The far side will never answer.
    Mute,
}

async fn both(up: impl Future<Output = End>, down: impl Future<Output = End>) -> Over {
    let (mut up, mut down) = (pin!(up), pin!(down));
    let answered = tokio::select! {
        end = &mut up => match end {
            End::Silent(error) => return Over::Left(error),
            End::ReadFailed => return Over::Done,
            End::Passed | End::WriteFailed => down.await,
        },
        end = &mut down => {
            if matches!(end, End::Passed) {
                up.await;
            }
            end
        }
    };
    if matches!(answered, End::Silent(_)) { Over::Mute } else { Over::Done }
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    direction: Direction,
    ear: &Mutex<Ear>,
) -> End {
    let mut buffer = vec![0; BUFFER];
    let mut spoke = false;
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) if !spoke => return End::Silent(None),
            Err(error) if !spoke => return End::Silent(Some(error)),
            Ok(0) => break,
            Err(_) => return End::ReadFailed,
            Ok(read) => read,
        };
        spoke = true;
        let bytes = buffer.get(..read).unwrap_or_default();
        locked(ear).hear(direction, bytes);
        if to.write_all(bytes).await.is_err() || to.flush().await.is_err() {
            return End::WriteFailed;
        }
    }
    if to.shutdown().await.is_ok() { End::Passed } else { End::WriteFailed }
}

async fn invent<V: AsyncRead + AsyncWrite>(
    mut from_victim: ReadHalf<V>,
    mut to_victim: WriteHalf<V>,
    ear: &Mutex<Ear>,
) -> Result<(), HandshakeFailure> {
    let mut buffer = vec![0; BUFFER];
    while !locked(ear).heard_a_request() {
        let left = match from_victim.read(&mut buffer).await {
            Ok(0) => None,
            Err(error) => Some(error),
            Ok(read) => {
                locked(ear).hear(Direction::ToAcceptor, buffer.get(..read).unwrap_or_default());
                continue;
            }
        };
        return if locked(ear).heard_the_victim() { Ok(()) } else { Err(failure(left)) };
    }
    let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close";
    let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{INVENTED}", INVENTED.len());
    // A victim that left meanwhile has said what it had to say.
    let _ = to_victim.write_all(answer.as_bytes()).await;
    let _ = to_victim.shutdown().await;
    Ok(())
}

fn failure(error: Option<io::Error>) -> HandshakeFailure {
    error.map_or(HandshakeFailure::Closed, |error| call::refusal_of(&error))
}
