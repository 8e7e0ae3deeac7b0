//! The definition of the kernels, in dense float64 loops.
//!
//! It shares nothing with the crate but the words of a model. A map is a matrix over pairs of
//! positions, held whole: `K[p, q]`, `p = row * width + column` in the left image, `q` in the right
//! one. Small images only. The formulas are those of section 1 of `DESIGN.md`.

use std::f64::consts::PI;

use ckn_rs::model::{Layer, Model};
use ckn_rs::plan::Shape;
use ndarray::{Array2, ArrayView1};

/// Below this a patch norm counts as this when a cosine is formed.
const FLOOR: f64 = 1e-6;

/// The CKN and the NTK of one pair.
pub struct Kernels {
    pub ckn: f64,
    pub ntk: f64,
}

/// Matrices of the CKN and of the NTK of each image of `x` with each of `y`.
pub fn gram(
    model: &Model,
    shape: Shape,
    x: &Array2<f64>,
    y: &Array2<f64>,
) -> (Array2<f64>, Array2<f64>) {
    let norms = |images: &Array2<f64>| -> Vec<_> {
        let rows = images.rows().into_iter();
        rows.map(|image| norms(model, shape, image)).collect()
    };
    let (left, right) = (norms(x), norms(y));
    let mut ckn = Array2::zeros((x.nrows(), y.nrows()));
    let mut ntk = ckn.clone();
    for i in 0..x.nrows() {
        for j in 0..y.nrows() {
            let norms = (left[i].as_slice(), right[j].as_slice());
            let pair = kernels(model, shape, (x.row(i), y.row(j)), norms);
            ckn[[i, j]] = pair.ckn;
            ntk[[i, j]] = pair.ntk;
        }
    }
    (ckn, ntk)
}

/// The kernels of a pair, from the patch norms of its images.
fn kernels(
    model: &Model,
    shape: Shape,
    (x, y): (ArrayView1<f64>, ArrayView1<f64>),
    (left, right): (&[Vec<f64>], &[Vec<f64>]),
) -> Kernels {
    let mut size = (shape.height, shape.width);
    let mut ckn_map = pixels(shape, x, y);
    let mut ntk_map = ckn_map.clone();
    for (l, layer) in model.layers.iter().enumerate() {
        let sums = patch_sums(layer, size, &ckn_map);
        let ntk_sums = patch_sums(layer, size, &ntk_map);
        let mut values = sums.clone();
        let mut ntk_values = sums.clone();
        for ((p, q), &sum) in sums.indexed_iter() {
            let (value, slope) = patch_kernel(layer, sum, left[l][p], right[l][q]);
            values[[p, q]] = value;
            ntk_values[[p, q]] = slope * ntk_sums[[p, q]] + value;
        }
        let (pooling, pooled) = pooling_matrix(layer, size);
        ckn_map = pooling.dot(&values).dot(&pooling.t());
        ntk_map = pooling.dot(&ntk_values).dot(&pooling.t());
        size = pooled;
    }
    Kernels { ckn: ckn_map.diag().sum(), ntk: ntk_map.diag().sum() }
}

/// The patch norms of one image at each layer, by position.
pub fn norms(model: &Model, shape: Shape, x: ArrayView1<f64>) -> Vec<Vec<f64>> {
    let mut size = (shape.height, shape.width);
    let mut map = pixels(shape, x, x);
    let mut all = Vec::new();
    for layer in &model.layers {
        let mut values = patch_sums(layer, size, &map);
        let norms: Vec<f64> = values.diag().iter().map(|sum| sum.max(0.0).sqrt()).collect();
        for ((p, q), value) in values.indexed_iter_mut() {
            *value = patch_kernel(layer, *value, norms[p], norms[q]).0;
        }
        let (pooling, pooled) = pooling_matrix(layer, size);
        map = pooling.dot(&values).dot(&pooling.t());
        size = pooled;
        all.push(norms);
    }
    all
}

/// `K[p, q] = <x[p], y[q]>`.
fn pixels(shape: Shape, x: ArrayView1<f64>, y: ArrayView1<f64>) -> Array2<f64> {
    let matrix = |image: ArrayView1<f64>| {
        Array2::from_shape_vec((shape.height * shape.width, shape.channels), image.to_vec())
            .unwrap()
    };
    matrix(x).dot(&matrix(y).t())
}

/// `S[p, q] = sum over patch offsets o of K[p + o, q + o]`, terms outside either image dropped.
fn patch_sums(layer: &Layer, (height, width): (usize, usize), map: &Array2<f64>) -> Array2<f64> {
    let k = layer.npatch as isize;
    let moved = |position: usize, dy: isize, dx: isize| {
        let (y, x) = ((position / width) as isize, (position % width) as isize);
        let (y, x) = (y + dy, x + dx);
        let inside = (0..height as isize).contains(&y) && (0..width as isize).contains(&x);
        inside.then(|| y as usize * width + x as usize)
    };
    let mut sums = Array2::zeros(map.dim());
    for dy in -((k - 1) / 2)..=k / 2 {
        for dx in -((k - 1) / 2)..=k / 2 {
            // The original negates its offsets: an even patch reaches further back.
            let moved: Vec<_> = (0..height * width).map(|p| moved(p, -dy, -dx)).collect();
            for ((p, q), sum) in sums.indexed_iter_mut() {
                if let (Some(p), Some(q)) = (moved[p], moved[q]) {
                    *sum += map[[p, q]];
                }
            }
        }
    }
    sums
}

/// `M` and `dM/dS`, from the patch sum and the norms of the two patches.
fn patch_kernel(layer: &Layer, sum: f64, left: f64, right: f64) -> (f64, f64) {
    let norms = left * right;
    let u = (sum / (left.max(FLOOR) * right.max(FLOOR))).clamp(-1.0, 1.0);
    let sigma = layer.sigma;
    match layer.kernel.name() {
        "exp" => {
            let exp = ((u - 1.0) / (sigma * sigma)).exp();
            (norms * exp, exp / (sigma * sigma))
        }
        "relu" => {
            let angle = PI - u.acos();
            let value = ((1.0 - u * u).sqrt() + u * angle) / PI;
            (norms * value, angle / PI)
        }
        "linear" => (norms * sigma * u, sigma),
        "poly2" => (norms * u.powi(2), 2.0 * u),
        "poly3" => (norms * u.powi(3), 3.0 * u.powi(2)),
        "poly4" => (norms * u.powi(4), 4.0 * u.powi(3)),
        "square" => ((norms * u).powi(2), 2.0 * norms * u),
        name => panic!("write the formula of {name} here"),
    }
}

/// The pooling of a whole map, `A[P, p]`, and the height and width of what is left.
fn pooling_matrix(layer: &Layer, (height, width): (usize, usize)) -> (Array2<f64>, (usize, usize)) {
    let (rows, cols) = (pooling_axis(layer, height), pooling_axis(layer, width));
    let (pooled_height, pooled_width) = (rows.nrows(), cols.nrows());
    let matrix =
        Array2::from_shape_fn((pooled_height * pooled_width, height * width), |(to, from)| {
            rows[[to / pooled_width, from / width]] * cols[[to % pooled_width, from % width]]
        });
    (matrix, (pooled_height, pooled_width))
}

/// The pooling along an axis of `n` positions, `A[P, p]`.
fn pooling_axis(layer: &Layer, n: usize) -> Array2<f64> {
    let (s, f) = (layer.subsampling, layer.poolfactor);
    let (start, weights, outputs) = match layer.pooling.name() {
        "gaussian" => {
            let bell = |i: isize| (-((i * i) as f64) / ((f * f) as f64)).exp();
            let f = f as isize;
            let total: f64 = (-f..=f).map(bell).sum();
            let weights: Vec<f64> = (-f..=f).map(|i| bell(i) / total).collect();
            (0, weights, (n / s).saturating_sub(1))
        }
        "average" => (0, vec![1.0 / f as f64; f], n / s),
        "strided" => (s, vec![1.0], (n / s).saturating_sub(1)),
        name => panic!("write the definition of {name} here"),
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
