//! The words of the house that more than one crate needs: one spelling for code, TOML, JSON and screen.
//!
//! Nothing here decides anything; each enum serialises to the exact word the documents use.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every value, in the order of the documents.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it stands in TOML, JSON and on screen.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.word()) }
        }
    };
}

words! {
    /// The four security domains of the `OpenStack` Security Guide ("security boundaries and threats").
    SecurityDomain {
        /// Reachable from the internet.
        Public = "public",
        /// Where tenants' virtual machines talk.
        Guest = "guest",
        /// Where services talk to each other.
        Management = "management",
        /// Where storage traffic flows.
        Data = "data",
    }
}

words! {
    /// What an attacker wants.
    Asset {
        /// A user's or a service's login secret.
        Password = "password",
        /// A Fernet token.
        Token = "token",
        /// What a caller sent in a request body.
        RequestBody = "request-body",
        /// What a service answered in a response body.
        ResponseBody = "response-body",
        /// A message on the queue.
        InternalMessage = "internal-message",
        /// The private key of a leaf certificate.
        CertificateKey = "certificate-key",
        /// The key that seals session tickets.
        TicketKey = "ticket-key",
        /// Names, sizes, addresses; no architecture hides it, reported apart.
        Metadata = "metadata",
        /// Attempts to be served at all; `sent` = attempts, `exposed` = attempts served.
        Reach = "reach",
    }
}

words! {
    /// Where an attacker stands.
    Vantage {
        /// Reads the public segment.
        PublicSniffer = "public-sniffer",
        /// Sits between two machines of the public segment.
        PublicInPath = "public-in-path",
        /// Reads the management segment.
        ManagementSniffer = "management-sniffer",
        /// Sits between two machines of the management segment.
        ManagementInPath = "management-in-path",
        /// A compute host after a guest broke out of its hypervisor.
        EscapedHost = "escaped-host",
        /// A virtual machine before any break-out.
        Guest = "guest",
        /// Another unprivileged user on an API host.
        ApiHostNeighbour = "api-host-neighbour",
        /// The compromised service process itself.
        ServiceProcess = "service-process",
        /// Root on an API host.
        ApiHostRoot = "api-host-root",
        /// Root on the proxy or load balancer.
        EdgeRoot = "edge-root",
        /// Someone holding a stolen certificate key.
        CertificateKeyHolder = "certificate-key-holder",
        /// Someone holding a stolen ticket key.
        TicketKeyHolder = "ticket-key-holder",
    }
}

words! {
    /// The part of a scenario a fact belongs to.
    Phase {
        /// Honest traffic only, before the attack.
        Baseline = "baseline",
        /// Honest traffic while the technique runs.
        Attack = "attack",
        /// Honest traffic after the technique was withdrawn.
        Recovery = "recovery",
    }
}

words! {
    /// Where an answer comes from.
    Method {
        /// Bytes on a crossing, or an answer from a real socket or kernel.
        Measured = "measured",
        /// Our own table, rule or host model said so.
        Modelled = "modelled",
    }
}

words! {
    /// Which way bytes go on a crossing.
    Direction {
        /// From the dialing side to the accepting side.
        ToAcceptor = "to-acceptor",
        /// From the accepting side to the dialing side.
        ToDialer = "to-dialer",
    }
}

words! {
    /// How a canary was written where it was found.
    Encoding {
        /// Byte for byte.
        Raw = "raw",
        /// Inside base64, at any of the three alignments.
        Base64 = "base64",
        /// Percent-encoded.
        Percent = "percent",
    }
}
