//! One message over the pair of sockets between parent and child, with what was opened beside it.
//!
//! Messages keep their boundaries (`SOCK_SEQPACKET`) and are small; one that is too long is an error.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Serialize, de::DeserializeOwned};

/// The longest message: a path of the file system and some words.
const LONGEST: usize = 8 * 1024;

/// The two ends.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?)
}

pub(super) fn send(
    link: impl AsFd,
    message: &impl Serialize,
    opened: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let text = serde_json::to_vec(message)?;
    if text.len() > LONGEST {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if let Some(opened) = &opened
        && !beside.push(SendAncillaryMessage::ScmRights(std::slice::from_ref(opened)))
    {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    sendmsg(link, &[IoSlice::new(&text)], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// `None` when the other side hung up.
pub(super) fn receive<T: DeserializeOwned>(link: BorrowedFd<'_>) -> io::Result<Option<(T, Option<OwnedFd>)>> {
    let mut text = vec![0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let read = recvmsg(link, &mut [IoSliceMut::new(&mut text)], &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    let opened = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut opened) => opened.next(),
        _ => None,
    });
    if read.bytes == 0 {
        return Ok(None);
    }
    if read.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(Some((serde_json::from_slice(text.get(..read.bytes).unwrap_or_default())?, opened)))
}
