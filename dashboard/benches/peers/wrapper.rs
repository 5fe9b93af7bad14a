//! A program for valgrind: TLS ends, bytes are copied to a backend, with or without the wrapper that could
//! observe the wire and here does not. It is not measured by a clock and ends with its standard input.

use std::{io::Read, net::SocketAddr, sync::Arc, time::Duration};

use proxies::{custody::Custody, relay::relay, stream::Stream};
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::{JoinSet, LocalSet},
};
use tokio_rustls::TlsAcceptor;

use crate::pki::Failed;

/// The argument that asks for it, followed by the folder with certificate and key, the backend's port, and
/// `with` or `bare`.
pub(crate) const WORD: &str = "--wrapper";

const IDLE: Duration = Duration::from_mins(5);

pub(crate) fn run(config: &Arc<ServerConfig>, backend: u16, wrapped: bool) -> Result<(), Failed> {
    let (end, ended) = oneshot::channel();
    std::thread::spawn(move || {
        // Whatever comes or fails, it is over then.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = end.send(());
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(LocalSet::new().run_until(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        let mut tasks = JoinSet::new();
        let accepting = async {
            loop {
                let (stream, _) = listener.accept().await?;
                let acceptor = TlsAcceptor::from(config.clone());
                if wrapped {
                    tasks.spawn_local(carry(acceptor, Custody::new(stream, None), backend));
                } else {
                    tasks.spawn_local(carry(acceptor, stream, backend));
                }
            }
        };
        tokio::select! {
            failed = accepting => failed,
            _ = ended => Ok(()),
        }
    }))
}

async fn carry<S: Stream>(acceptor: TlsAcceptor, stream: S, backend: u16) {
    let Ok(front) = acceptor.accept(stream).await else { return };
    let Ok(back) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], backend))).await else { return };
    let _ended = relay(front, back, IDLE).await;
}
