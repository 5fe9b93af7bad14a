//! What a launch needs of the machine before anything is launched: addresses of its own, and ports nobody
//! else draws from.
//!
//! It listens on nothing and connects nowhere; what it takes to look, it gives back at once.

use std::{fs, ops::Range};

use proxies::registry::Registry;

/// Addresses of 127.0.0.0/8 that are tried.
const TRIED: usize = 8;

/// Takes a few addresses as a launch would, and gives them back. `Err` says which one the kernel refused.
pub fn loopback() -> Result<usize, String> {
    let registry = Registry::new();
    for _ in 0..TRIED {
        let entry = registry.reserve(registry.draw_ip(), None).map_err(|error| error.to_string())?;
        registry.release(entry);
    }
    Ok(TRIED)
}

/// Ports a launch draws from.
pub fn drawn_ports() -> Range<u16> {
    Registry::new().ports()
}

/// Ports the kernel draws from for outgoing connections; `None` where it does not say.
pub fn ephemeral_ports() -> Option<Range<u32>> {
    range(&fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?)
}

/// `32768 60999`: both ends included.
fn range(text: &str) -> Option<Range<u32>> {
    let mut ends = text.split_whitespace().map(str::parse);
    let (first, last): (u32, u32) = (ends.next()?.ok()?, ends.next()?.ok()?);
    Some(first..last.checked_add(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_two_ends() {
        assert_eq!(range("32768\t60999\n"), Some(32_768..61_000));
        assert_eq!(range("32768"), None);
        assert_eq!(range("no range"), None);
    }

    #[test]
    fn this_machine_can_run_the_tests_it_runs() {
        assert_eq!(loopback(), Ok(TRIED));
        assert!(drawn_ports().start >= 1024);
    }
}
