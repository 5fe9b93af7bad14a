//! Between a victim and where it was going: copies both ways, and overhears.
//!
//! An end is passed on in its direction alone (half-close). When the far side closes or fails before a
//! byte of answer, the victim gets invented ones: one to a request, and as many as it takes to a victim that
//! talks to a message queue. No tasks: everything runs in the caller's and ends with it.

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

/// Hears a victim out and invents the answers. An error is a victim that left before a byte.
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
    loop {
        let invented = locked(ear).invent();
        if !invented.bytes.is_empty()
            && (to_victim.write_all(&invented.bytes).await.is_err() || to_victim.flush().await.is_err())
        {
            // A victim that left meanwhile has said what it had to say.
            return Ok(());
        }
        if invented.last {
            let _ = to_victim.shutdown().await;
            return Ok(());
        }
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
}

fn failure(error: Option<io::Error>) -> HandshakeFailure {
    error.map_or(HandshakeFailure::Closed, |error| call::refusal_of(&error))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use tokio::{io::DuplexStream, sync::mpsc, time::timeout};

    use super::*;
    use crate::loot::Step;

    /// Relays between a victim and a far side that play their parts; a deadlock fails after an hour of
    /// paused time.
    async fn between<V, F>(
        victim: impl FnOnce(DuplexStream) -> V,
        far: impl FnOnce(DuplexStream) -> F,
    ) -> (Result<(), HandshakeFailure>, V::Output, F::Output)
    where
        V: Future,
        F: Future,
    {
        let step = Step { technique: "test", attack_id: "T1557" };
        let ear = Mutex::new(Ear::new(step, 1, mpsc::unbounded_channel().0));
        let (victims, ours) = tokio::io::duplex(8);
        let (far_ours, fars) = tokio::io::duplex(8);
        let all = async { tokio::join!(relay(ours, far_ours, &ear), victim(victims), far(fars)) };
        timeout(Duration::from_hours(1), all).await.unwrap()
    }

    async fn rest(stream: &mut DuplexStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test(start_paused = true)]
    async fn a_far_side_that_waits_for_the_end_gets_it_and_its_answer_comes_back() {
        let victim = async |mut stream: DuplexStream| {
            stream.write_all(b"a question longer than the pipe").await.unwrap();
            stream.shutdown().await.unwrap();
            rest(&mut stream).await
        };
        let far = async |mut stream: DuplexStream| {
            let asked = rest(&mut stream).await;
            stream.write_all(b"an answer longer than the pipe").await.unwrap();
            asked
        };
        let (_, answer, asked) = between(victim, far).await;
        assert_eq!(asked, "a question longer than the pipe");
        assert_eq!(answer, "an answer longer than the pipe");
    }

    #[tokio::test(start_paused = true)]
    async fn a_victim_may_go_on_after_the_far_side_has_finished() {
        let victim = async |mut stream: DuplexStream| {
            let told = rest(&mut stream).await;
            stream.write_all(b"and another thing").await.unwrap();
            drop(stream);
            told
        };
        let far = async |mut stream: DuplexStream| {
            stream.write_all(b"that is all").await.unwrap();
            stream.shutdown().await.unwrap();
            rest(&mut stream).await
        };
        let (_, told, heard) = between(victim, far).await;
        assert_eq!((told.as_str(), heard.as_str()), ("that is all", "and another thing"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_victim_that_leaves_without_a_word_is_told_from_one_that_spoke() {
        let mute = async |stream: DuplexStream| drop(stream);
        let hold = async |mut stream: DuplexStream| rest(&mut stream).await;
        assert_eq!(between(mute, hold).await.0, Err(HandshakeFailure::Closed));
        let brief = async |mut stream: DuplexStream| stream.write_all(b"x").await.unwrap();
        assert_eq!(between(brief, hold).await.0, Ok(()));
    }
}
