//! Weights that the user gives, with windows as `average` has them.

use super::taps::{PooledAxis, Taps};

pub(super) fn taps(along: &PooledAxis, weights: &[f64]) -> Taps {
    let outputs = along.positions / along.subsampling;
    Taps { start: 0, weights: weights[..along.at_most(weights.len())].to_vec(), outputs }
}
