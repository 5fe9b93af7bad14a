//! "Did you mean": the nearest of the words that would have been right.
//!
//! Pure. It never guesses on its own: a suggestion is only ever printed.

/// Longer words are never compared: the distance takes the product of both lengths in time and space.
const LONGEST: usize = 100;

/// The candidate nearest to `wanted`, if one is near enough to be a slip of the finger.
pub fn did_you_mean<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = wanted.chars().count();
    if length > LONGEST {
        return None;
    }
    // A third of the letters may differ; one always may, or short words would never be corrected.
    let most = (length / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != wanted && candidate.chars().count().abs_diff(length) <= most)
        .map(|candidate| (strsim::damerau_levenshtein(wanted, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The candidate that differs from `wanted` by one slip (a letter more, less, other, or two swapped). For
/// places where an unknown word may be right, so that only an obvious slip is held against it.
pub fn one_slip_away<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |candidate: &str| wanted.len() <= LONGEST && candidate.len().abs_diff(wanted.len()) <= 4;
    candidates
        .into_iter()
        .find(|candidate| near(candidate) && strsim::damerau_levenshtein(wanted, candidate) == 1)
}

/// The help line for an unknown word: the nearest right one, or all of them when they are few.
pub fn help_for(wanted: &str, candidates: &[&str]) -> Option<String> {
    const FEW: usize = 8;
    match did_you_mean(wanted, candidates.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if candidates.is_empty() || candidates.len() > FEW => None,
        None => Some(format!("known here: {}", quoted_list(candidates))),
    }
}

/// `` `a`, `b`, `c` ``
pub fn quoted_list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_corrected_and_a_different_word_is_not() {
        let words = ["management", "public", "guest"];
        assert_eq!(did_you_mean("managment", words), Some("management"));
        assert_eq!(did_you_mean("pbulic", words), Some("public"));
        assert_eq!(did_you_mean("storage", words), None);
    }

    #[test]
    fn a_word_is_never_suggested_for_itself() {
        assert_eq!(did_you_mean("guest", ["guest"]), None);
    }

    /// Comparing two words of a megabyte would take a terabyte.
    #[test]
    fn endless_words_are_not_compared() {
        let (long, longer) = ("a".repeat(1 << 20), "a".repeat((1 << 20) + 1));
        assert_eq!(did_you_mean(&long, [longer.as_str()]), None);
        assert_eq!(one_slip_away(&long, [longer.as_str()]), None);
    }

    #[test]
    fn one_slip_is_one_letter() {
        assert_eq!(one_slip_away("plaintxt", ["plaintext"]), Some("plaintext"));
        assert_eq!(one_slip_away("plaintext-2", ["plaintext"]), None);
        assert_eq!(one_slip_away("plaintext", ["plaintext"]), None);
    }

    #[test]
    fn without_a_near_word_few_candidates_are_listed_and_many_are_not() {
        assert_eq!(
            help_for("storage", &["public", "guest"]).as_deref(),
            Some("known here: `public`, `guest`")
        );
        assert_eq!(help_for("storage", &["a"; 9]), None);
        assert_eq!(help_for("storage", &[]), None);
    }
}
