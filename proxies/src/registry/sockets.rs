//! The bind side of sockets: loopback only, never `SO_REUSEADDR`, so that no other program can slip in.

use std::{
    io,
    net::{SocketAddrV4, TcpListener},
};

use socket2::{Domain, Protocol, Socket, Type};

use super::RegistryError;
use crate::transport::loopback::{Loopback, LoopbackIp};

/// Pending connections the kernel may queue: Linux's own default ceiling (`somaxconn`).
const BACKLOG: i32 = 4096;

pub(super) fn address(ip: LoopbackIp, port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(ip.to_ip(), port)
}

pub(super) fn bound(at: SocketAddrV4) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&at.into())?;
    Ok(socket)
}

/// Bound, so that nobody else of ours is, and open to one who listens with `SO_REUSEADDR`.
pub(super) fn kept(at: SocketAddrV4) -> io::Result<Socket> {
    // Reusing alone would share an address somebody keeps already.
    drop(bound(at)?);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    Ok(socket)
}

pub(super) fn listening(at: SocketAddrV4, grouped: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    if grouped {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&at.into())?;
    // Inherited by accepted sockets: without it a server that says nothing after its flight meets the
    // client's delayed ACK.
    socket.set_tcp_nodelay(true)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

pub(super) fn bound_at(listener: &TcpListener) -> Result<Loopback, RegistryError> {
    checked(listener.local_addr())
}

pub(super) fn reserved_at(socket: &Socket) -> Result<Loopback, RegistryError> {
    checked(socket.local_addr().and_then(|at| at.as_socket().ok_or(io::ErrorKind::Unsupported.into())))
}

pub(super) fn explain(at: SocketAddrV4, source: io::Error) -> RegistryError {
    match source.kind() {
        io::ErrorKind::AddrInUse => RegistryError::InUse { address: at.to_string() },
        _ => RegistryError::Bind { address: at.to_string(), source },
    }
}

fn checked(local: io::Result<std::net::SocketAddr>) -> Result<Loopback, RegistryError> {
    let local =
        local.map_err(|source| RegistryError::Bind { address: "a socket just bound".to_owned(), source })?;
    Loopback::checked(local).ok_or_else(|| RegistryError::Bind {
        address: local.to_string(),
        source: io::Error::other("bound outside 127.0.0.0/8"),
    })
}
