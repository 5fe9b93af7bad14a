//! What a field's name means to a forwarder.

/// Names that are not merely passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// `Host`.
    Host,
    /// `Content-Length`.
    ContentLength,
    /// `Transfer-Encoding`.
    TransferEncoding,
    /// `Connection`.
    Connection,
    /// `Upgrade`.
    Upgrade,
    /// `Trailer`.
    Trailer,
    /// `Expect`.
    Expect,
    /// `Cookie`.
    Cookie,
    /// `Date`.
    Date,
    /// `Client-Cert` and `Client-Cert-Chain`.
    ClientCert,
    /// `Forwarded`, every `X-Forwarded-…`, `X-Real-IP`.
    Forwarded,
    /// Others that concern one connection only: `Keep-Alive`, `Proxy-Connection`, `TE`, `HTTP2-Settings`.
    OneConnection,
    /// One of the above but for `_` in place of `-`, which many services cannot tell apart.
    LookAlike,
    /// Any other.
    Other,
}

impl Name {
    /// Of a field.
    pub fn of(name: &str) -> Self {
        let name = name.as_bytes();
        let meant = meant(name);
        match meant {
            Self::Other => meant,
            _ if name.contains(&b'_') => Self::LookAlike,
            _ => meant,
        }
    }

    /// May a field of this name follow a body? Nothing a service might act on as if it had been in the head.
    pub fn may_trail(name: &str) -> bool {
        const NEVER: [&str; 14] = [
            "authorization",
            "cache-control",
            "content-encoding",
            "content-range",
            "content-type",
            "if-match",
            "if-none-match",
            "location",
            "max-forwards",
            "proxy-authorization",
            "range",
            "set-cookie",
            "x-auth-token",
            "x-subject-token",
        ];
        Self::of(name) == Self::Other && !NEVER.iter().any(|never| reads_as(name.as_bytes(), never))
    }
}

fn meant(name: &[u8]) -> Name {
    let is = |wanted: &str| reads_as(name, wanted);
    match name.len() {
        2 if is("te") => Name::OneConnection,
        4 if is("host") => Name::Host,
        4 if is("date") => Name::Date,
        6 if is("cookie") => Name::Cookie,
        6 if is("expect") => Name::Expect,
        7 if is("trailer") => Name::Trailer,
        7 if is("upgrade") => Name::Upgrade,
        9 if is("forwarded") || is("x-real-ip") => Name::Forwarded,
        10 if is("connection") => Name::Connection,
        10 if is("keep-alive") => Name::OneConnection,
        11 if is("client-cert") => Name::ClientCert,
        14 if is("content-length") => Name::ContentLength,
        14 if is("http2-settings") => Name::OneConnection,
        16 if is("proxy-connection") => Name::OneConnection,
        17 if is("client-cert-chain") => Name::ClientCert,
        17 if is("transfer-encoding") => Name::TransferEncoding,
        13.. if reads_as(&name[..12], "x-forwarded-") => Name::Forwarded,
        _ => Name::Other,
    }
}

/// `wanted` is in lower case.
fn reads_as(name: &[u8], wanted: &str) -> bool {
    name.len() == wanted.len()
        && name.iter().zip(wanted.as_bytes()).all(|(byte, wanted)| {
            let byte = if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
            byte == *wanted
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_the_same_in_any_case_and_their_look_alikes_nothing() {
        for (name, meant) in [
            ("HOST", Name::Host),
            ("transfer-Encoding", Name::TransferEncoding),
            ("Transfer_Encoding", Name::LookAlike),
            ("content_length", Name::LookAlike),
            ("Client-Cert", Name::ClientCert),
            ("client-cert_chain", Name::LookAlike),
            ("X-Forwarded-Whatever", Name::Forwarded),
            ("x_forwarded_for", Name::LookAlike),
            ("X-Real-IP", Name::Forwarded),
            ("x-forwarded-", Name::Other),
            ("X-Auth-Token", Name::Other),
            ("x_auth_token", Name::Other),
            ("TE", Name::OneConnection),
        ] {
            assert_eq!(Name::of(name), meant, "{name}");
        }
    }

    #[test]
    fn what_a_service_acts_on_does_not_trail() {
        let trail = ["checksum", "Host", "content-length", "Client_Cert", "Authorization", "x_auth_token"];
        assert_eq!(trail.map(Name::may_trail), [true, false, false, false, false, false]);
    }
}
