//! Ratios of paired repetitions and how sure they are. Pure.

use std::fmt;

/// The least, the middle and the greatest of some repetitions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) middle: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let sorted = sorted(values);
        Some(Self { least: *sorted.first()?, middle: median(&sorted)?, most: *sorted.last()? })
    }

    /// Of ours ÷ theirs, repetition by repetition: what drifts with the machine falls out.
    pub(crate) fn of_ratios(ours: &[f64], theirs: &[f64]) -> Option<Self> {
        Self::of(&ratios(ours, theirs))
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.middle < 10.0 { 2 } else { 1 };
        write!(f, "{:.digits$}–{:.digits$}–{:.digits$}", self.least, self.middle, self.most)
    }
}

pub(crate) fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
    let ratios = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs);
    ratios.filter(|ratio| ratio.is_finite()).collect()
}

/// Between which two of the values the true median lies, with at least 95 % of confidence whatever their
/// distribution: from the binomial distribution of values below it. `None` for fewer than six.
pub(crate) fn interval(values: &[f64]) -> Option<(f64, f64)> {
    let sorted = sorted(values);
    let n = sorted.len();
    let (mut below, mut term, mut rank) = (0.0, 0.5_f64.powf(n as f64), 0);
    while rank < n / 2 && below + term <= 0.025 {
        below += term;
        term *= (n - rank) as f64 / (rank + 1) as f64;
        rank += 1;
    }
    (rank > 0).then(|| (sorted[rank - 1], sorted[n - rank]))
}

/// The value below which a share of all lies.
pub(crate) fn percentile(values: &mut [u32], share: f64) -> Option<f64> {
    values.sort_unstable();
    let at = ((values.len() as f64 * share).ceil() as usize).checked_sub(1)?;
    values.get(at).map(|value| f64::from(*value))
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn median(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[half - 1], upper) })
}
