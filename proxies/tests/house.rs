//! A loopback address cannot be made from text, configuration or outside values.
#![allow(clippy::unwrap_used)]

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
    str::FromStr,
};

use proxies::transport::loopback::{Loopback, LoopbackIp};
use serde::{Deserialize, Serialize};

/// Does a type implement a trait? An inherent constant, there only if it does, wins over the trait's.
macro_rules! implements {
    ($type:ty: $($bound:tt)+) => {{
        #[allow(dead_code)]
        trait Otherwise {
            const YES: bool = false;
        }
        struct Probe<T>(std::marker::PhantomData<T>);
        impl<T> Otherwise for Probe<T> {}
        #[allow(dead_code)]
        impl<T: $($bound)+> Probe<T> {
            const YES: bool = true;
        }
        Probe::<$type>::YES
    }};
}

/// Ways to make a `$type` from something one could read somewhere. `TryFrom` includes `From`.
macro_rules! ways_in {
    ($type:ty) => {
        [
            ("FromStr", implements!($type: FromStr)),
            ("TryFrom<&str>", implements!($type: TryFrom<&'static str>)),
            ("TryFrom<String>", implements!($type: TryFrom<String>)),
            ("TryFrom<SocketAddr>", implements!($type: TryFrom<SocketAddr>)),
            ("TryFrom<SocketAddrV4>", implements!($type: TryFrom<SocketAddrV4>)),
            ("TryFrom<IpAddr>", implements!($type: TryFrom<IpAddr>)),
            ("TryFrom<Ipv4Addr>", implements!($type: TryFrom<Ipv4Addr>)),
            ("TryFrom<(Ipv4Addr, u16)>", implements!($type: TryFrom<(Ipv4Addr, u16)>)),
            ("TryFrom<[u8; 4]>", implements!($type: TryFrom<[u8; 4]>)),
            ("TryFrom<u32>", implements!($type: TryFrom<u32>)),
            ("Deserialize", implements!($type: Deserialize<'static>)),
            ("Default", implements!($type: Default)),
        ]
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(way, _)| way)
        .collect::<Vec<_>>()
    };
}

/// Made nowhere but after a bind or an accept, or by a registry's draw.
#[test]
fn a_loopback_address_cannot_be_parsed_converted_or_read() {
    assert_eq!(ways_in!(Loopback), Vec::<&str>::new());
    assert_eq!(ways_in!(LoopbackIp), Vec::<&str>::new());
}

/// What leaves a process is an entry's number, never its address.
#[test]
fn a_loopback_address_cannot_be_written_into_a_plan() {
    assert!(!implements!(Loopback: Serialize));
    assert!(!implements!(LoopbackIp: Serialize));
    assert!(implements!(proxies::registry::EntryId: Serialize));
}

#[test]
fn the_search_finds_the_ways_into_an_ordinary_address() {
    let found = ways_in!(Ipv4Addr);
    for way in ["FromStr", "TryFrom<[u8; 4]>", "TryFrom<u32>", "Deserialize"] {
        assert!(found.contains(&way), "{way} not in {found:?}");
    }
    assert!(ways_in!(SocketAddr).contains(&"TryFrom<SocketAddrV4>"));
}
