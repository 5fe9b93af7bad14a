//! Groups a key exchange may use.

use rustls::{
    NamedGroup,
    crypto::{SupportedKxGroup, aws_lc_rs::kx_group},
};
use serde::{Deserialize, Serialize};

use super::TlsError;

/// A group of the key exchange, written as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Group {
    /// X25519 beside ML-KEM-768: what is recorded today stays closed to the quantum computer of tomorrow. TLS 1.3
    /// only.
    #[serde(rename = "X25519MLKEM768")]
    X25519MlKem768,
    /// Curve25519.
    X25519,
    /// NIST P-256.
    #[serde(rename = "secp256r1")]
    Secp256r1,
    /// NIST P-384.
    #[serde(rename = "secp384r1")]
    Secp384r1,
}

impl Group {
    const ALL: [Self; 4] = [Self::X25519MlKem768, Self::X25519, Self::Secp256r1, Self::Secp384r1];

    /// What is taken where nobody says otherwise, the one preferred first.
    pub fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    /// The one of this name.
    pub(crate) fn of(name: NamedGroup) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.supported().name() == name)
    }

    fn supported(self) -> &'static dyn SupportedKxGroup {
        match self {
            Self::X25519MlKem768 => kx_group::X25519MLKEM768,
            Self::X25519 => kx_group::X25519,
            Self::Secp256r1 => kx_group::SECP256R1,
            Self::Secp384r1 => kx_group::SECP384R1,
        }
    }
}

/// The groups as rustls wants them.
pub(super) fn supported(groups: &[Group]) -> Result<Vec<&'static dyn SupportedKxGroup>, TlsError> {
    if groups.is_empty() {
        return Err(TlsError::Settings("no group is allowed for the key exchange".to_owned()));
    }
    Ok(groups.iter().map(|group| group.supported()).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_written_as_people_write_them() {
        let written = r#"["X25519MLKEM768","X25519","secp256r1","secp384r1"]"#;
        assert_eq!(serde_json::to_string(&Group::all()).unwrap(), written);
        assert_eq!(serde_json::from_str::<Vec<Group>>(written).unwrap(), Group::all());
        assert!(serde_json::from_str::<Group>(r#""secp521r1""#).is_err());
    }

    #[test]
    fn each_is_found_by_the_name_it_has_on_the_wire() {
        for group in Group::ALL {
            assert_eq!(Group::of(group.supported().name()), Some(group));
        }
        assert_eq!(Group::of(NamedGroup::FFDHE2048), None);
    }
}
