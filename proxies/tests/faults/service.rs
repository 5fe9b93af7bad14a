//! A service with a fault.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use proxies::{
    codec::FrontCodec,
    stream::{BoxStream, Stream},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::sleep,
};

use crate::{
    fault::Fault,
    plan::{Hang, Kind, Plan},
};

/// What it is and what it saw.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) fault: Fault,
    pub(crate) plan: Arc<Plan>,
    pub(crate) codec: FrontCodec,
    /// Request heads, over all connections.
    pub(crate) asked: Arc<AtomicUsize>,
}

impl Service {
    /// One connection, from accept to its bad end.
    pub(crate) async fn serve<S: Stream>(self, wire: S) {
        if self.fault == Fault::Hangs && self.plan.hang == Hang::ShakingHands {
            let _held = wire;
            return pending().await;
        }
        let Ok(accepted) = self.codec.accept(wire, Duration::from_secs(5)).await else { return };
        let mut stream = accepted.stream;
        // Whoever hangs up meanwhile will not see what is answered.
        let _gone = self.exchange(&mut stream).await;
    }

    async fn exchange(&self, stream: &mut BoxStream) -> std::io::Result<()> {
        let head_only = match self.fault {
            Fault::AnswersEarly => true,
            Fault::ResetsBeforeHead => !self.plan.patient,
            _ => false,
        };
        self.read_request(stream, head_only).await?;
        match self.fault {
            Fault::Hangs => pending().await,
            Fault::ResetsBeforeHead => return Ok(()),
            Fault::Trickles => {
                for byte in &self.plan.answer {
                    stream.write_all(&[*byte]).await?;
                    stream.flush().await?;
                    sleep(Duration::from_secs(1)).await;
                }
            }
            _ => {
                for (piece, wait) in self.plan.answer_pieces() {
                    stream.write_all(&self.plan.answer[piece]).await?;
                    stream.flush().await?;
                    sleep(wait).await;
                }
            }
        }
        if !self.fault.resets() && self.fault != Fault::ClosesInBody {
            stream.shutdown().await?;
        }
        Ok(())
    }

    /// All of it, or its head. A proxy may have written it anew; how it is framed stays.
    async fn read_request(&self, stream: &mut BoxStream, head_only: bool) -> std::io::Result<()> {
        let (mut bytes, mut head) = (Vec::new(), None);
        loop {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if head.is_none() {
                head = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
                self.asked.fetch_add(usize::from(head.is_some()), Ordering::Relaxed);
            }
            let Some(head) = head else { continue };
            let body = self.plan.request.len() - self.plan.request_head;
            let whole = match self.plan.kind {
                Kind::Get | Kind::Head => true,
                Kind::Sized => bytes.len() >= head + body,
                Kind::Chunked => bytes.ends_with(b"0\r\n\r\n"),
            };
            if head_only || whole {
                return Ok(());
            }
        }
    }
}
