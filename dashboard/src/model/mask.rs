//! Secrets are synthetic, and still masked until someone asks: screens are projected and recorded.

/// How many characters of a secret stay readable, at most.
const SHOWN: usize = 6;

/// The first few characters and `****`, or all of it when `reveal` is set.
pub fn mask(secret: &str, reveal: bool) -> String {
    if reveal {
        return secret.to_owned();
    }
    let shown = SHOWN.min(secret.chars().count() / 4);
    secret.chars().take(shown).chain("****".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_keeps_its_prefix_and_a_short_secret_nothing() {
        assert_eq!(mask("gAAAAABqTESTq8Yt0000000000", false), "gAAAAA****");
        assert_eq!(mask("abc", false), "****");
        assert_eq!(mask("tägliches-größtes", false), "tägl****", "counts characters, not bytes");
        assert_eq!(mask("abc", true), "abc");
    }
}
