//! Five ways to put a proxy before a service; the only place that makes one.

use std::{collections::BTreeMap, sync::Arc};

use proxies::{
    balance::{Backend, Group, Policy},
    codec::{BackCodec, FrontCodec},
    forward::Rules,
    guard::Entrance,
    limits::Limits,
    pass_through::PassThrough,
    proxy::{Forward, Proxy},
    routes::{Route, Routes},
    serve::Drained,
    tls::Verification,
    transport::{Dial, Listen},
};
use tokio_util::sync::CancellationToken;

use crate::support::Authority;

const NAME: &str = "a.invalid";

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// TLS ends, messages are forwarded.
    Terminate,
    /// TLS ends, bytes are copied.
    TerminateL4,
    /// TLS ends and begins again, messages are forwarded.
    ReEncrypt,
    /// TLS ends and begins again, bytes are copied.
    ReEncryptL4,
    /// TLS goes on as it is.
    PassThrough,
}

impl Mode {
    /// It understands HTTP, and may answer for the service.
    pub(crate) const fn is_l7(self) -> bool {
        matches!(self, Self::Terminate | Self::ReEncrypt)
    }

    /// The proxy itself shakes hands with the service.
    pub(crate) const fn re_encrypts(self) -> bool {
        matches!(self, Self::ReEncrypt | Self::ReEncryptL4)
    }

    /// The service speaks TLS.
    pub(crate) const fn is_sealed_behind(self) -> bool {
        self.re_encrypts() || matches!(self, Self::PassThrough)
    }
}

/// The codecs of a mode: of the caller, of the proxy and of the service; made once for many exchanges.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) mode: Mode,
    pub(crate) caller: BackCodec,
    pub(crate) service: FrontCodec,
    front: FrontCodec,
    back: BackCodec,
}

impl Place {
    pub(crate) fn of(mode: Mode) -> Self {
        let (public, internal) = (Authority::new(), Authority::new());
        let ends_tls = || FrontCodec::terminate(public.server(NAME));
        let internal_tls = || FrontCodec::terminate(internal.server("b.invalid"));
        let originate = || BackCodec::originate(internal.client("b.invalid", Verification::Name));
        let (front, back, service) = match mode {
            Mode::Terminate | Mode::TerminateL4 => (ends_tls(), BackCodec::clear(), FrontCodec::clear()),
            Mode::ReEncrypt | Mode::ReEncryptL4 => (ends_tls(), originate(), internal_tls()),
            Mode::PassThrough => (FrontCodec::clear(), BackCodec::clear(), ends_tls()),
        };
        let caller = BackCodec::originate(public.client(NAME, Verification::Name));
        Self { mode, caller, service, front, back }
    }

    /// Serves until `stop`, with the limits that are on by default.
    pub(crate) async fn run<L: Listen, D: Dial>(
        self,
        listen: L,
        dial: D,
        stop: CancellationToken,
    ) -> Drained {
        let limits = Limits::default();
        if self.mode == Mode::PassThrough {
            let place = Backend { name: NAME.to_owned(), dial, back: self.back, header: None };
            let to = Group::new(vec![place], Policy::RoundRobin);
            let routes = Routes::new(vec![Route { name: NAME.to_owned(), to }], &BTreeMap::new()).unwrap();
            let proxy = PassThrough {
                entrance: Entrance::default(),
                front: self.front,
                routes: Arc::new(routes),
                limits,
                tally: Arc::default(),
            };
            return proxy.run(listen, stop).await;
        }
        let forward = if self.mode.is_l7() { Forward::Http(Rules::default()) } else { Forward::Bytes };
        let group = Group::of_one("service", dial, self.back);
        Proxy::new(self.front, group, forward).run(listen, stop).await
    }
}
