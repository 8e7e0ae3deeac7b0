//! `gaussian`: weights `exp(-i^2 / f^2)`, `i = -f..=f`, normalised to sum 1; the first convention
//! drops the last of them.
//!
//! Bietti and Mairal, *Group invariance, stability to deformations, and complexity of deep
//! convolutional representations*, JMLR 20(25), 2019.

use super::{Along, Taps};
use crate::convention::Convention;

pub(super) fn taps(along: &Along) -> Taps {
    let width = along.poolfactor as f64;
    let bell = |i: f64| (-(i / width).powi(2)).exp();
    let mut weights: Vec<f64> =
        (0..=2 * along.poolfactor).map(|t| bell(t as f64 - width)).collect();
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    if along.convention == Convention::First {
        weights.pop();
    }
    Taps { start: 0, weights, outputs: along.outputs_less_one() }
}
