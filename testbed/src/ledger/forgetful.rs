//! A plant for a cloud nobody judges: gives values, remembers none.

use rand::distr::{Alphanumeric, SampleString};

use crate::{services::plant::Plant, vocabulary::Asset};

/// What every value begins with, so that whoever finds one knows what it is.
const PREFIX: &str = "testbed-";
/// Random characters after it: 142 bits.
const RANDOM: usize = 24;

/// Gives fresh values, registers nothing.
pub struct Forgetful;

impl Plant for Forgetful {
    fn plant(&self, _: Asset) -> String {
        format!("{PREFIX}{}", Alphanumeric.sample_string(&mut rand::rng(), RANDOM))
    }

    fn adopt_token(&self, _: &str) {}

    fn sent(&self, _: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_recognisable_different_and_safe_in_a_shell() {
        let [one, two] = [0; 2].map(|_| Forgetful.plant(Asset::Password));
        assert_ne!(one, two);
        assert!(one.starts_with("testbed-") && one.len() == 32, "{one}");
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{one}");
    }
}
