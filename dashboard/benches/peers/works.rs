//! What is measured, and what the targets are (ours ÷ HAProxy 2.6 with OpenSSL 3.0, one thread).

use crate::client::Ask;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Terminate,
    TerminateL4,
    PassThrough,
    ReEncrypt,
}

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::TerminateL4 => "terminate-l4",
            Self::PassThrough => "pass-through",
            Self::ReEncrypt => "re-encrypt",
        }
    }
}

/// What stands behind the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    Tcp,
    Unix,
    Tls,
}

/// What is read off a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// CPU time of the proxy per request, µs; the sum with client and backend is printed beside it.
    Cpu,
    /// p99 of large and of small requests side by side, µs.
    Tail,
    /// Memory per idle connection, KiB.
    Memory,
}

pub(crate) struct Work {
    pub(crate) name: &'static str,
    pub(crate) mode: Mode,
    pub(crate) behind: Behind,
    pub(crate) reading: Reading,
    /// Closed loops, by what they ask.
    pub(crate) loops: &'static [(Ask, usize)],
    /// Firm and stretch.
    pub(crate) targets: Option<(f64, f64)>,
}

const SMALL: &[(Ask, usize)] = &[(Ask::Small, 32)];
const LARGE: &[(Ask, usize)] = &[(Ask::Large, 8)];
const CONNECT: &[(Ask, usize)] = &[(Ask::Connect, 16)];
/// Eight that take all they can get, and four that ask for little beside them.
const GREEDY: &[(Ask, usize)] = &[(Ask::Large, 8), (Ask::Small, 4)];

/// Connections that say nothing.
pub(crate) const IDLE: usize = 2_000;

const fn cpu(
    name: &'static str,
    (mode, behind): (Mode, Behind),
    loops: &'static [(Ask, usize)],
    targets: Option<(f64, f64)>,
) -> Work {
    Work { name, mode, behind, reading: Reading::Cpu, loops, targets }
}

use Behind::{Tcp, Tls, Unix};
use Mode::{PassThrough, ReEncrypt, Terminate, TerminateL4};

pub(crate) const WORKS: [Work; 15] = [
    cpu("terminate-small", (Terminate, Tcp), SMALL, Some((0.85, 0.70))),
    cpu("terminate-small-unix", (Terminate, Unix), SMALL, Some((0.85, 0.70))),
    cpu("re-encrypt-small", (ReEncrypt, Tls), SMALL, Some((0.80, 0.70))),
    cpu("terminate-handshake", (Terminate, Tcp), CONNECT, Some((0.60, 0.48))),
    cpu("re-encrypt-handshake", (ReEncrypt, Tls), CONNECT, Some((0.60, 0.48))),
    cpu("terminate-large", (Terminate, Tcp), LARGE, Some((0.80, 0.70))),
    cpu("re-encrypt-large", (ReEncrypt, Tls), LARGE, Some((0.80, 0.70))),
    cpu("terminate-l4-small", (TerminateL4, Tcp), SMALL, None),
    cpu("terminate-l4-handshake", (TerminateL4, Tcp), CONNECT, None),
    cpu("terminate-l4-large", (TerminateL4, Tcp), LARGE, None),
    cpu("pass-through-small", (PassThrough, Tls), SMALL, Some((1.00, 0.92))),
    cpu("pass-through-large", (PassThrough, Tls), LARGE, Some((0.90, 0.78))),
    cpu("pass-through-connect", (PassThrough, Tls), CONNECT, None),
    Work {
        name: "terminate-memory",
        mode: Terminate,
        behind: Tcp,
        reading: Reading::Memory,
        loops: &[],
        targets: Some((1.1, 0.7)),
    },
    Work {
        name: "terminate-tail",
        mode: Terminate,
        behind: Tcp,
        reading: Reading::Tail,
        loops: GREEDY,
        targets: Some((1.15, 1.0)),
    },
];
