//! Children of this run: what they listen on, what they opened. The kernel's tables decide, not a child's word.
//!
//! Linux only: `/proc/net/tcp` gives a socket's inode, `/proc/PID/fd` who holds it. A child is a process tree: what
//! its workers hold is its own. It opens nothing and remembers nothing.

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    net::{Ipv4Addr, SocketAddrV4},
};

use super::Child;
use crate::transport::{Party, Wire};

/// State code of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// Whose connection the kernel says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// A child's.
    Child(Party),
    /// The dialing end is gone: nobody holds it any more.
    Gone,
    /// Somebody else's.
    Other,
}

/// A process and everything it started, itself first; empty once it is gone.
pub fn process_tree(pid: u32) -> Vec<u32> {
    let mut tree = Vec::new();
    let mut open = vec![pid];
    while let Some(next) = open.pop() {
        let Ok(threads) = fs::read_dir(format!("/proc/{next}/task")) else { continue };
        if tree.contains(&next) {
            continue;
        }
        tree.push(next);
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            open.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
        }
    }
    tree
}

/// True when `pid`, or a process it started, holds a listening socket at `at`.
pub(super) fn listens(pid: u32, at: SocketAddrV4) -> io::Result<bool> {
    let table = fs::read_to_string("/proc/self/net/tcp")?;
    let Some(inode) = table.lines().skip(1).find_map(|line| listening_inode(line, at)) else {
        return Ok(false);
    };
    Ok(held_by(pid).contains(&inode))
}

/// Who opened some connections, in their order. Only a child that says it dials from the wire's address is asked.
pub(super) fn whose(children: &[Child], wires: &[Wire]) -> Vec<Whose> {
    let Ok(table) = fs::read_to_string("/proc/self/net/tcp") else { return vec![Whose::Other; wires.len()] };
    let inodes: HashMap<(SocketAddrV4, SocketAddrV4), u64> =
        table.lines().skip(1).filter_map(connection).collect();
    let mut held: HashMap<u32, BTreeSet<u64>> = HashMap::new();
    let answer = |wire: &Wire| {
        let ends = (wire.dialer.to_socket_addr(), wire.acceptor.to_socket_addr());
        // A socket that was closed has no inode, whatever is still on its way.
        let Some(inode) = inodes.get(&ends).filter(|inode| **inode != 0) else { return Whose::Gone };
        let mut asked = children.iter().filter(|child| child.sources.contains(&wire.dialer.ip()));
        let child =
            asked.find(|child| held.entry(child.pid).or_insert_with(|| held_by(child.pid)).contains(inode));
        child.map_or(Whose::Other, |child| Whose::Child(child.party))
    };
    wires.iter().map(answer).collect()
}

/// Inodes of every socket a process tree holds.
fn held_by(pid: u32) -> BTreeSet<u64> {
    let descriptors =
        process_tree(pid).into_iter().filter_map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).ok());
    // A descriptor may be closed while we look.
    let links = descriptors.flatten().filter_map(|found| fs::read_link(found.ok()?.path()).ok());
    links
        .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

fn listening_inode(line: &str, wanted: SocketAddrV4) -> Option<u64> {
    let Line { local, state, inode, .. } = read(line)?;
    (state == LISTEN && local == wanted).then_some(inode)
}

fn connection(line: &str) -> Option<((SocketAddrV4, SocketAddrV4), u64)> {
    let Line { local, remote, state, inode } = read(line)?;
    (state != LISTEN).then_some(((local, remote), inode))
}

struct Line<'a> {
    local: SocketAddrV4,
    remote: SocketAddrV4,
    state: &'a str,
    inode: u64,
}

fn read(line: &str) -> Option<Line<'_>> {
    let mut columns = line.split_whitespace().skip(1);
    let (local, remote) = (address(columns.next()?)?, address(columns.next()?)?);
    let state = columns.next()?;
    Some(Line { local, remote, state, inode: columns.nth(5)?.parse().ok()? })
}

fn address(column: &str) -> Option<SocketAddrV4> {
    let (ip, port) = column.split_once(':')?;
    // The table prints the address as the machine's own integer.
    let ip = Ipv4Addr::from(u32::from_str_radix(ip, 16).ok()?.to_ne_bytes());
    Some(SocketAddrV4::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LINE: &str = "   1: 0203047F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0";

    #[test]
    fn a_line_of_the_table_is_read_as_the_kernel_prints_it() {
        let at = SocketAddrV4::new(Ipv4Addr::new(127, 4, 3, 2), 8080);
        assert_eq!(listening_inode(LINE, at), Some(4711));
        assert_eq!(listening_inode(LINE, SocketAddrV4::new(Ipv4Addr::new(127, 4, 3, 2), 8081)), None);
        let open = LINE.replace(" 0A ", " 01 ").replace("00000000:0000 01", "0100007F:0050 01");
        assert_eq!(listening_inode(&open, at), None, "an open connection is no listener");
        let web = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
        assert_eq!(connection(&open), Some(((at, web), 4711)));
        assert_eq!(connection(LINE), None, "a listener is no connection");
    }

    #[test]
    fn a_tree_begins_with_its_root_and_has_what_it_started() {
        let me = std::process::id();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let tree = process_tree(me);
        assert!(tree[0] == me && tree.contains(&child.id()), "{tree:?}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(process_tree(child.id()), Vec::<u32>::new());
    }
}
