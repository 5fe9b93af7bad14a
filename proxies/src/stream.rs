//! The byte stream every part of the data plane is generic over, and its boxed form.
//!
//! A stream may be a TCP socket, an in-memory pipe, a tapped wrapper of either, or a TLS session on
//! top of any of them. Code here never learns which, but for one question: is it a socket and nothing else?

use std::any::Any;

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// Anything bytes can be read from and written to by one owner.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The TCP socket it is, boxed or not; `None` for whatever stands in front of one. Bytes that nobody else
    /// is to see may then take a shorter way. The type decides, so that no wrapper can forget to say no.
    fn as_plain(&self) -> Option<&TcpStream>;
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {
    fn as_plain(&self) -> Option<&TcpStream> {
        let this: &dyn Any = self;
        this.downcast_ref()
            .or_else(|| this.downcast_ref::<BoxStream>().and_then(|inner| (**inner).as_plain()))
    }
}

/// A stream whose concrete type no longer matters.
pub type BoxStream = Box<dyn Stream>;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        custody::{Custody, Seam},
        registry::{Admit, Registry},
        transport::{Dial, Party, loopback::LoopbackIp, tcp::TcpDialer},
    };

    struct Blind;
    impl Seam for Blind {
        fn read(&mut self, _: &[u8]) {}
        fn written(&mut self, _: &[u8]) {}
    }

    async fn socket(registry: &Registry) -> TcpStream {
        let entry = registry.hold(LoopbackIp::LOCALHOST, None, 1, Admit::Anyone).unwrap();
        let source = registry.source(LoopbackIp::LOCALHOST);
        TcpDialer::new(registry.clone(), source, Party(1), entry).unwrap().dial().await.unwrap().0
    }

    #[tokio::test]
    async fn a_socket_is_plain_in_any_number_of_boxes() {
        let registry = Registry::new();
        let socket = socket(&registry).await;
        let name = socket.local_addr().unwrap();
        assert!(socket.as_plain().is_some());
        let boxed: BoxStream = Box::new(socket);
        let twice: BoxStream = Box::new(boxed);
        assert_eq!(twice.as_plain().unwrap().local_addr().unwrap(), name);
    }

    #[tokio::test]
    async fn nothing_that_watches_or_changes_bytes_is_plain() {
        let registry = Registry::new();
        let watched = Custody::new(socket(&registry).await, Some(Box::new(Blind)));
        assert!(watched.as_plain().is_none());
        let boxed: BoxStream = Box::new(watched);
        assert!(boxed.as_plain().is_none());
        let inside: BoxStream = Box::new(socket(&registry).await);
        assert!(Custody::new(inside, None).as_plain().is_none());
        assert!(tokio::io::join(tokio::io::empty(), tokio::io::sink()).as_plain().is_none());
        assert!(tokio::io::duplex(1).0.as_plain().is_none());
    }
}
