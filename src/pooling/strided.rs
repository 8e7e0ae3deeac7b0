//! `strided`: every `s`-th position, as a strided convolution does; `poolfactor` is not used.

use super::Taps;

pub(super) fn taps(subsampling: usize, _poolfactor: usize) -> Taps {
    Taps { start: subsampling, weights: vec![1.0], dropped_outputs: 1 }
}
