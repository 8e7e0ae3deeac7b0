//! `average`: `f` weights of `1 / f`; in the first convention `2 s` of `1 / (2 s + 1)`.
//! In that of `neural_tangents`, the far edge cuts no window.

use super::taps::{PooledAxis, Taps};
use crate::convention::Convention;

pub(super) fn taps(along: &PooledAxis) -> Taps {
    let (width, shares, outputs) = match along.convention {
        Convention::Original => {
            (along.poolfactor, along.poolfactor, along.positions / along.subsampling)
        }
        Convention::NeuralTangents => {
            let room = along.positions.checked_sub(along.poolfactor);
            let outputs = room.map_or(0, |room| room / along.subsampling + 1);
            (along.poolfactor, along.poolfactor, outputs)
        }
        Convention::First => {
            let width = 2 * along.subsampling;
            (width, width + 1, along.outputs_less_one())
        }
    };
    Taps { start: 0, weights: vec![1.0 / shares as f64; along.at_most(width)], outputs }
}
