//! Alerts: how an endpoint says that it refuses.

use std::fmt;

use crate::vocabulary::Direction;

/// An alert that crossed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Which way.
    pub direction: Direction,
    /// How bad the sender says it is; TLS 1.3 ends on every alert but `close_notify` whatever this says.
    pub level: AlertLevel,
    /// Why.
    pub description: AlertDescription,
    /// Whether it was in a protected record. One in clear text may come from anyone on the path.
    pub protected: bool,
    /// Number of the fed chunk that completed it, counted over both directions from 0.
    pub order: u64,
}

impl Alert {
    /// Reads the two bytes of an alert.
    pub(super) fn read(direction: Direction, body: &[u8], protected: bool, order: u64) -> Option<Self> {
        let &[level, description] = body else { return None };
        let level = match level {
            1 => AlertLevel::Warning,
            2 => AlertLevel::Fatal,
            _ => return None,
        };
        Some(Self { direction, level, description: AlertDescription(description), protected, order })
    }
}

/// An alert's level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertLevel {
    /// 1.
    Warning,
    /// 2.
    Fatal,
}

/// An alert's code; prints as the registry's name, for example `unknown_ca`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AlertDescription(pub u8);

impl AlertDescription {
    /// The sender closes and found nothing wrong.
    pub const CLOSE_NOTIFY: Self = Self(0);

    /// The name in IANA's TLS Alerts registry.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(code, _)| *code == self.0).map(|(_, name)| *name)
    }
}

impl fmt::Display for AlertDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "alert_{}", self.0),
        }
    }
}

/// IANA, "TLS Alerts" (RFC 8446 §6 and older).
const NAMES: [(u8, &str); 35] = [
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (52, "too_many_cids_requested"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (111, "certificate_unobtainable"),
    (112, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (114, "bad_certificate_hash_value"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_authority_has_its_registered_name() {
        let alert = Alert::read(Direction::ToAcceptor, &[2, 48], true, 4).unwrap();

        assert_eq!(alert.level, AlertLevel::Fatal);
        assert_eq!(alert.description.to_string(), "unknown_ca");
    }

    #[test]
    fn an_unregistered_code_is_shown_as_its_number() {
        assert_eq!(AlertDescription(255).to_string(), "alert_255");
    }

    #[test]
    fn only_two_bytes_with_a_known_level_are_an_alert() {
        for body in [&[][..], &[2], &[2, 48, 0], &[3, 48]] {
            assert!(Alert::read(Direction::ToDialer, body, false, 0).is_none(), "{body:?}");
        }
    }
}
