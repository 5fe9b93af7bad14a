//! Is that listener really the child's? The kernel's tables decide, not the child's word.
//!
//! Linux only: `/proc/net/tcp` gives the listening socket's inode, `/proc/PID/fd` who holds it.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddrV4},
};

/// State code of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// True when `pid` holds a listening socket at `at`.
pub(super) fn listens(pid: u32, at: SocketAddrV4) -> io::Result<bool> {
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp"))?;
    let Some(inode) = table.lines().skip(1).find_map(|line| listening_inode(line, at)) else {
        return Ok(false);
    };
    let wanted = format!("socket:[{inode}]");
    for descriptor in fs::read_dir(format!("/proc/{pid}/fd"))? {
        // A descriptor may be closed while we look.
        let Ok(link) = descriptor.and_then(|found| fs::read_link(found.path())) else { continue };
        if link.as_os_str() == wanted.as_str() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn listening_inode(line: &str, at: SocketAddrV4) -> Option<u64> {
    let mut columns = line.split_whitespace().skip(1);
    let (local, _remote, state) = (columns.next()?, columns.next()?, columns.next()?);
    let (ip, port) = local.split_once(':')?;
    // The table prints the address as the machine's own integer.
    let ip = Ipv4Addr::from(u32::from_str_radix(ip, 16).ok()?.to_ne_bytes());
    let port = u16::from_str_radix(port, 16).ok()?;
    if state != LISTEN || SocketAddrV4::new(ip, port) != at {
        return None;
    }
    columns.nth(5)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read_as_the_kernel_prints_it() {
        let line = "   1: 0203047F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0 0 10 0";
        let at = SocketAddrV4::new(Ipv4Addr::new(127, 4, 3, 2), 8080);
        assert_eq!(listening_inode(line, at), Some(4711));
        assert_eq!(listening_inode(line, SocketAddrV4::new(Ipv4Addr::new(127, 4, 3, 2), 8081)), None);
        assert_eq!(
            listening_inode(&line.replace(" 0A ", " 01 "), at),
            None,
            "an open connection is no listener"
        );
    }
}
