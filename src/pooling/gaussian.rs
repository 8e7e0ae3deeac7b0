//! `gaussian`: weights `exp(-i^2 / f^2)`, `i = -f..=f`, normalised to sum 1; the first convention
//! drops the last of them.
//!
//! Bietti and Mairal, *Group invariance, stability to deformations, and complexity of deep
//! convolutional representations*, JMLR 20(25), 2019.

use super::taps::{PooledAxis, Taps};
use crate::convention::Convention;

pub(super) fn taps(along: &PooledAxis) -> Taps {
    let PooledAxis { poolfactor, convention, .. } = *along;
    let total = total(poolfactor);
    let count = match convention {
        Convention::Original | Convention::NeuralTangents => {
            poolfactor.saturating_mul(2).saturating_add(1)
        }
        Convention::First => poolfactor.saturating_mul(2),
    };
    let weights = (0..along.at_most(count)).map(|t| bell(t as f64 - poolfactor as f64, poolfactor));
    let weights = weights.map(|weight| weight / total).collect();
    Taps { start: 0, weights, outputs: along.outputs_less_one() }
}

fn bell(i: f64, width: usize) -> f64 {
    (-(i / width as f64).powi(2)).exp()
}

/// The largest width whose weights are summed one by one.
const LONGEST_SUM: usize = 1 << 16;

/// The sum of all weights.
fn total(width: usize) -> f64 {
    if width <= LONGEST_SUM {
        (0..=2 * width).map(|t| bell(t as f64 - width as f64, width)).sum()
    } else {
        integral(width as f64)
    }
}

/// The sum of all weights by the Euler-Maclaurin formula, whose error is below `1 / width^3`: the
/// integral of `exp(-x^2)` from -1 to 1, times the width, then half the two weights at the ends, then
/// what the slopes there add.
fn integral(width: f64) -> f64 {
    const INTEGRAL: f64 = 1.493_648_265_624_854;
    let end = (-1.0_f64).exp();
    width * INTEGRAL + end - end / (3.0 * width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_windows_have_the_sum_of_their_weights() {
        for width in [1 << 10, 1 << 14, LONGEST_SUM] {
            let (summed, integrated) = (total(width), integral(width as f64));
            assert!((summed / integrated - 1.0).abs() < 1e-12, "{summed} and {integrated}");
        }
    }

    /// A window far wider than the axis takes no memory for the weights that nothing reads.
    #[test]
    fn a_window_of_any_width_has_weights() {
        for poolfactor in [100, LONGEST_SUM + 1, usize::MAX] {
            let convention = Convention::Original;
            let along = PooledAxis { positions: 6, subsampling: 2, poolfactor, convention };
            let taps = taps(&along);
            assert_eq!((taps.weights.len(), taps.outputs), (6, 2));
            assert!(taps.weights.iter().all(|&weight| weight > 0.0), "{poolfactor}");
        }
    }
}
