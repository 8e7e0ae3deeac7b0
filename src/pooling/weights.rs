//! Weights that the user gives, with windows as `average` has them.

use super::taps::{Along, Taps};

pub(super) fn taps(along: &Along, weights: &[f64]) -> Taps {
    let outputs = along.positions / along.subsampling;
    Taps { start: 0, weights: weights[..along.at_most(weights.len())].to_vec(), outputs }
}
