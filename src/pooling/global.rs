//! `global`: the mean of all positions; a stride means nothing to it.

use super::taps::{PooledAxis, Taps};

pub(super) fn taps(along: &PooledAxis) -> Taps {
    let weights = vec![1.0 / along.positions as f64; along.positions];
    Taps { start: 0, weights, outputs: 1 }
}
