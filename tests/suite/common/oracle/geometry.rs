//! Tables over the positions of an axis: the positions of each patch, and the pooling matrix.

use ckn_rs::convention::Convention;
use ckn_rs::model::{Layer, Model, Padding};
use ckn_rs::pooling::Pooling;
use ndarray::Array2;

/// For each patch along axis `side` of `n` positions, the positions that it reads. A position
/// outside the map is `None`.
pub fn patches(model: &Model, layer: &Layer, side: usize, n: usize) -> Vec<Vec<Option<usize>>> {
    let [k, d, t] = [layer.npatch, layer.dilation, layer.stride].map(|sides| sides[side] as i64);
    let n = n as i64;
    // The original negates its offsets, so a patch of even length reaches one position further back
    // than forward. Its first release does not negate them.
    let offsets: Vec<i64> = match model.convention {
        Convention::Original => (-((k - 1) / 2)..=k / 2).map(|o| -o).rev().collect(),
        Convention::First | Convention::NeuralTangents => (-((k - 1) / 2)..=k / 2).collect(),
    };
    let (first, count) = match layer.padding {
        Padding::Valid => (-d * offsets[0], (n - d * (k - 1) - 1) / t + 1),
        Padding::Same | Padding::Circular if model.convention == Convention::NeuralTangents => {
            // XLA pads to a whole number of strides, and one more at the far side if that is odd.
            let count = (n + t - 1) / t;
            let low = ((count - 1) * t + d * (k - 1) + 1 - n).max(0) / 2;
            (-low - d * offsets[0], count)
        }
        Padding::Same | Padding::Circular => (0, (n + t - 1) / t),
    };
    let read = |position: i64| match layer.padding {
        Padding::Circular => Some(position.rem_euclid(n) as usize),
        _ => (0..n).contains(&position).then_some(position as usize),
    };
    let patch = |i: i64| offsets.iter().map(|o| read(first + t * i + d * o)).collect();
    (0..count).map(patch).collect()
}

/// The pooling matrix `A[P, p]` along axis `side` of `n` patches.
pub fn pooling(model: &Model, layer: &Layer, side: usize, n: usize) -> Array2<f64> {
    let (s, f) = (layer.subsampling[side], layer.poolfactor[side]);
    let less_one = (n / s).saturating_sub(1);
    let (start, weights, outputs) = match (&layer.poolings[side], model.convention) {
        (Pooling::Global, _) => (0, vec![1.0 / n as f64; n], 1),
        (Pooling::None, _) => (0, vec![1.0], n),
        (Pooling::Weights(weights), _) => (0, weights.clone(), n / s),
        (Pooling::Gaussian, Convention::Original | Convention::NeuralTangents) => {
            (0, bell(f), less_one)
        }
        (Pooling::Average, Convention::NeuralTangents) => {
            (0, vec![1.0 / f as f64; f], if f > n { 0 } else { (n - f) / s + 1 })
        }
        (Pooling::Average, Convention::Original) => (0, vec![1.0 / f as f64; f], n / s),
        (Pooling::Strided, Convention::Original | Convention::NeuralTangents) => {
            (s, vec![1.0], less_one)
        }
        (named, Convention::First) => {
            // There are 2 s + 1 weights, and the last one is dropped.
            let mut weights = match named {
                Pooling::Gaussian => bell(s),
                Pooling::Average => vec![1.0 / (2 * s + 1) as f64; 2 * s + 1],
                _ => (0..=2 * s).map(|t| f64::from(u8::from(t == s))).collect(),
            };
            weights.pop();
            (0, weights, less_one)
        }
    };
    let mut matrix = Array2::zeros((outputs, n));
    for output in 0..outputs {
        for (tap, &weight) in weights.iter().enumerate() {
            let position = s * output + start + tap;
            if position < n {
                matrix[[output, position]] = weight;
            }
        }
    }
    matrix
}

/// The weights `exp(-i^2 / f^2)` for `i = -f ..= f`, divided by their sum.
fn bell(f: usize) -> Vec<f64> {
    let bell = |i: isize| (-((i * i) as f64) / ((f * f) as f64)).exp();
    let f_signed = f as isize;
    let total: f64 = (-f_signed..=f_signed).map(bell).sum();
    (-f_signed..=f_signed).map(|i| bell(i) / total).collect()
}
