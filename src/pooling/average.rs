//! `average`: `f` weights of `1 / f`.

use super::Taps;

pub(super) fn taps(_subsampling: usize, poolfactor: usize) -> Taps {
    Taps { start: 0, weights: vec![1.0 / poolfactor as f64; poolfactor], dropped_outputs: 0 }
}
