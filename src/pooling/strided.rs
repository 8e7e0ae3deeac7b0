//! `strided`: every `s`-th position, as a strided convolution does; `poolfactor` is not used.

use super::taps::{PooledAxis, Taps};

pub(super) fn taps(along: &PooledAxis) -> Taps {
    Taps { start: along.subsampling, weights: vec![1.0], outputs: along.outputs_less_one() }
}
