//! The parent's handle on a child: what it may be asked, and what came of it.
//!
//! Before the first order the kernel's own table must show the child without a right beyond its user's.
//! Dropping the handle ends the child and waits for it.

use std::{
    fs::{self, File},
    io,
    net::SocketAddrV4,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    process::{Child, Command, Stdio},
};

use socket2::Socket;
use tokio::{
    io::Interest,
    net::{TcpStream, UnixStream},
    sync::Mutex,
    time::timeout,
};

use super::{Asked, DEADLINE, Helper, Order, Outcome, Told, link};
use crate::{
    registry::{EntryId, Registry, SourceId},
    stream::BoxStream,
    transport::{Party, Wire, loopback::Loopback},
};

/// A child of ours that is another user.
pub struct Neighbour {
    registry: Registry,
    child: Child,
    /// For waiting only: what passes over it are messages, not a stream.
    link: UnixStream,
    /// Held while an order is out: the child serves one at a time.
    asked: Mutex<u64>,
}

impl Neighbour {
    /// Starts a child that is `user` and may touch files below `directory` and entries of `registry`.
    pub async fn start(
        helper: &Helper,
        user: u32,
        directory: &Path,
        registry: &Registry,
    ) -> io::Result<Self> {
        let (ours, theirs) = link::pair()?;
        rustix::io::ioctl_fionbio(&ours, true)?;
        let child = Command::new(&helper.program)
            .args(&helper.args)
            .env_clear()
            .envs(helper.env.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let started = match UnixStream::from_std(ours.into()) {
            Ok(link) => Self { registry: registry.clone(), child, link, asked: Mutex::new(0) },
            Err(error) => return Err(end(child, error)),
        };
        started.order(Order::Become { user, directory: directory.to_owned() }).await?;
        has_no_rights(started.child.id(), user)?;
        Ok(started)
    }

    /// Connects to an entry as that user; over TCP from `source`, announced as `party`. The error is the
    /// kernel's answer to the child.
    pub async fn connect(&self, entry: EntryId, source: SourceId, party: Party) -> io::Result<BoxStream> {
        if let Some(path) = self.registry.unix_path(entry) {
            let socket = Socket::from(self.opened(Order::Connect { path }).await?);
            socket.set_nonblocking(true)?;
            return Ok(Box::new(UnixStream::from_std(socket.into())?));
        }
        let missing = || io::Error::new(io::ErrorKind::NotFound, "no such registry entry");
        let target = self.registry.at(entry).ok_or_else(missing)?;
        let source = self.registry.source_ip(source).ok_or_else(missing)?;
        let from = SocketAddrV4::new(source.to_ip(), 0);
        let socket = Socket::from(self.opened(Order::Dial { from, to: target.to_socket_addr() }).await?);
        let (near, far) = (socket.local_addr()?.as_socket(), socket.peer_addr()?.as_socket());
        let dialer = near.and_then(Loopback::checked).filter(|dialer| dialer.ip() == source);
        match dialer {
            Some(dialer) if far.and_then(Loopback::checked) == Some(target) => {
                self.registry.announcements().announce(Wire { dialer, acceptor: target }, party);
            }
            _ => return Err(io::Error::other("the child connected something else")),
        }
        socket.set_nonblocking(true)?;
        Ok(Box::new(TcpStream::from_std(socket.into())?))
    }

    /// Opens a file for reading as that user. The error is the kernel's answer to the child.
    pub async fn open(&self, path: &Path) -> io::Result<File> {
        Ok(self.opened(Order::Open { path: path.to_owned() }).await?.into())
    }

    async fn opened(&self, order: Order) -> io::Result<OwnedFd> {
        let nothing = || io::Error::other("the child said it was done and handed over nothing");
        self.order(order).await?.ok_or_else(nothing)
    }

    async fn order(&self, order: Order) -> io::Result<Option<OwnedFd>> {
        let mut asked = self.asked.lock().await;
        *asked += 1;
        let message = Asked { number: *asked, order };
        let exchange = async {
            let send = || link::send(&self.link, &message, None);
            self.link.async_io(Interest::WRITABLE, send).await?;
            loop {
                let receive = || link::receive::<Told>(self.link.as_fd());
                let heard = self.link.async_io(Interest::READABLE, receive).await?;
                let gone = || io::Error::new(io::ErrorKind::UnexpectedEof, "the child is gone");
                let (told, opened) = heard.ok_or_else(gone)?;
                // What an order that was given up left behind is closed here.
                if told.number == message.number {
                    return match told.outcome {
                        Outcome::Done => Ok(opened),
                        Outcome::Errno(errno) => Err(io::Error::from_raw_os_error(errno)),
                        Outcome::NotObeyed(why) => Err(io::Error::other(why)),
                    };
                }
            }
        };
        timeout(DEADLINE * 2, exchange).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn end(mut child: Child, error: io::Error) -> io::Error {
    let _ = child.kill();
    let _ = child.wait();
    error
}

/// The kernel's own word that a process is that user, with no further group and no capability.
fn has_no_rights(pid: u32, user: u32) -> io::Result<()> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    if rights_are_none(&status, user) {
        return Ok(());
    }
    Err(io::Error::other(format!("process {pid} is not user {user} without rights")))
}

fn rights_are_none(status: &str, user: u32) -> bool {
    let line = |name: &str| {
        let of = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        of.map(|values| values.split_whitespace().collect::<Vec<_>>())
    };
    let user = user.to_string();
    let four = |name| line(name).is_some_and(|ids| ids.len() == 4 && ids.iter().all(|id| **id == user));
    let none =
        |name| line(name).is_some_and(|set| set.iter().all(|set| set.bytes().all(|digit| digit == b'0')));
    four("Uid")
        && four("Gid")
        && line("Groups").is_some_and(|groups| groups.is_empty())
        && ["CapPrm", "CapEff", "CapAmb"].into_iter().all(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: &str = "Name:\tx\nUid:\t62001\t62001\t62001\t62001\nGid:\t62001\t62001\t62001\t62001\n\
        Groups:\t \nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n";

    #[test]
    fn a_user_without_rights_is_told_from_one_with_any() {
        assert!(rights_are_none(NOBODY, 62001));
        assert!(!rights_are_none(NOBODY, 62002));
        for (clean, spoilt) in [
            ("Groups:\t ", "Groups:\t0 "),
            ("CapEff:\t0000000000000000", "CapEff:\t0000000000000004"),
            ("Uid:\t62001\t62001\t62001", "Uid:\t62001\t62001\t0"),
            ("CapAmb:\t0000000000000000\n", ""),
        ] {
            assert!(!rights_are_none(&NOBODY.replace(clean, spoilt), 62001), "{spoilt}");
        }
    }
}
