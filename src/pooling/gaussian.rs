//! `gaussian`: weights `exp(-i^2 / f^2)`, `i = -f..=f`, normalised to sum 1.
//!
//! Bietti and Mairal, *Group invariance, stability to deformations, and complexity of deep
//! convolutional representations*, JMLR 20(25), 2019.

use super::Taps;

pub(super) fn taps(_subsampling: usize, poolfactor: usize) -> Taps {
    let width = poolfactor as f64;
    let bell = |i: f64| (-(i / width).powi(2)).exp();
    let mut weights: Vec<f64> = (0..=2 * poolfactor).map(|t| bell(t as f64 - width)).collect();
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    Taps { start: 0, weights, dropped_outputs: 1 }
}
