//! The definition of the kernels, in dense float64 loops.
//!
//! It shares nothing with the crate except the types that describe a model. A map is a whole matrix
//! `K[p, q]` over pairs of positions: `p = row * width + column` in the left image, and `q` in the
//! right one. So images must be small. The formulas are those of section 1 of `DESIGN.md`.

mod geometry;
mod kernels;

use ckn_rs::convention::Convention;
use ckn_rs::model::{Layer, Model, Readout};
use ckn_rs::plan::Shape;
use ndarray::{Array2, ArrayView1};

use kernels::patch_kernel;

/// The CKN and the NTK of one pair.
pub struct Kernels {
    pub ckn: f64,
    pub ntk: f64,
}

/// The Gram matrices of the CKN and of the NTK, of the images of `x` and `y`.
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
    let mut ckn_map = pixels(model, shape, x, y);
    let mut ntk_map = ckn_map.clone();
    let mut inputs = Vec::new();
    for (l, layer) in model.layers.iter().enumerate() {
        inputs.push((ckn_map.clone(), ntk_map.clone()));
        let (sums, grid) = patch_sums(model, layer, size, &ckn_map);
        let (ntk_sums, _) = patch_sums(model, layer, size, &ntk_map);
        let mut values = sums.clone();
        let mut ntk_values = sums.clone();
        for ((p, q), &sum) in sums.indexed_iter() {
            let (value, slope) = patch_kernel(layer, sum, left[l][p], right[l][q]);
            let factor = factor(model, layer);
            let (value, slope) = (factor * value, factor * slope);
            values[[p, q]] = value;
            ntk_values[[p, q]] = slope * ntk_sums[[p, q]] + value;
        }
        let (pooling, pooled) = pooling_matrix(model, layer, grid);
        ckn_map = pooling.dot(&values).dot(&pooling.t());
        ntk_map = pooling.dot(&ntk_values).dot(&pooling.t());
        if layer.shortcut > 0 {
            let (ckn, ntk) = &inputs[l + 1 - layer.shortcut];
            ckn_map += ckn;
            ntk_map += ntk;
        }
        size = pooled;
    }
    let read = |map: Array2<f64>| {
        let number = match (model.readout, model.convention) {
            (Readout::Trace, Convention::NeuralTangents) => map.diag().mean().unwrap(),
            (Readout::Trace, _) => map.diag().sum(),
            (Readout::Mean, _) => map.sum() / map.len() as f64,
        };
        match model.dense {
            Some(dense) => dense.weight_std.powi(2) * number + dense.bias_std.powi(2),
            None => number,
        }
    };
    Kernels { ckn: read(ckn_map), ntk: read(ntk_map) }
}

/// `neural_tangents` has expectations of products of activations. Some patch kernels are twice that.
fn factor(model: &Model, layer: &Layer) -> f64 {
    let is_doubled = ["relu", "abrelu", "step", "arccos2"].contains(&layer.kernel.name());
    if is_doubled && model.convention == Convention::NeuralTangents { 0.5 } else { 1.0 }
}

/// The patch norms of one image: for each layer, one norm for each patch.
pub fn norms(model: &Model, shape: Shape, x: ArrayView1<f64>) -> Vec<Vec<f64>> {
    let mut size = (shape.height, shape.width);
    let mut map = pixels(model, shape, x, x);
    let (mut all, mut inputs) = (Vec::new(), Vec::new());
    for (l, layer) in model.layers.iter().enumerate() {
        inputs.push(map.clone());
        let (mut values, grid) = patch_sums(model, layer, size, &map);
        let norms: Vec<f64> = values.diag().iter().map(|sum| sum.max(0.0).sqrt()).collect();
        for ((p, q), value) in values.indexed_iter_mut() {
            *value = factor(model, layer) * patch_kernel(layer, *value, norms[p], norms[q]).0;
        }
        let (pooling, pooled) = pooling_matrix(model, layer, grid);
        map = pooling.dot(&values).dot(&pooling.t());
        if layer.shortcut > 0 {
            map += &inputs[l + 1 - layer.shortcut];
        }
        size = pooled;
        all.push(norms);
    }
    all
}

/// The model with each `sigma` in units of this image's patch norms.
///
/// With a very different `sigma`, a kernel that is not homogeneous is 0, or an exponential of large
/// numbers that cancel.
pub fn suited(mut model: Model, shape: Shape, x: ArrayView1<f64>) -> Model {
    for index in 0..model.layers.len() {
        let norms = &norms(&model, shape, x)[index];
        let size = norms.iter().fold(0.0_f64, |most, norm| most.max(*norm));
        let layer = &mut model.layers[index];
        match layer.kernel.name() {
            _ if size == 0.0 => {}
            "rbf" => layer.sigma *= size,
            "sin" | "cos" | "erf" | "gelu" => layer.sigma /= size,
            _ => {}
        }
    }
    model
}

/// `K[p, q] = <x[p], y[q]>`, a mean over channels in `neural_tangents`.
fn pixels(model: &Model, shape: Shape, x: ArrayView1<f64>, y: ArrayView1<f64>) -> Array2<f64> {
    let matrix = |image: ArrayView1<f64>| {
        Array2::from_shape_vec((shape.height * shape.width, shape.channels), image.to_vec())
            .unwrap()
    };
    let products = matrix(x).dot(&matrix(y).t());
    match model.convention {
        Convention::NeuralTangents => products / shape.channels as f64,
        _ => products,
    }
}

/// A layer's patch sums `S[p, q]`, with weights and biases, and the height and width of its grid of patches.
fn patch_sums(
    model: &Model,
    layer: &Layer,
    (height, width): (usize, usize),
    map: &Array2<f64>,
) -> (Array2<f64>, (usize, usize)) {
    let rows = geometry::patches(model, layer, 0, height);
    let cols = geometry::patches(model, layer, 1, width);
    let grid = (rows.len(), cols.len());
    // The positions that a patch reads, row by row.
    let positions = |patch: usize| -> Vec<Option<usize>> {
        let (y, x) = (&rows[patch / grid.1], &cols[patch % grid.1]);
        y.iter().flat_map(|&y| x.iter().map(move |&x| Some(y? * width + x?))).collect()
    };
    let patches: Vec<_> = (0..grid.0 * grid.1).map(positions).collect();
    let divisor = match model.convention {
        Convention::Original => 1,
        Convention::First | Convention::NeuralTangents => layer.npatch[0] * layer.npatch[1],
    };
    let sum = |(p, q): (usize, usize)| {
        let terms = patches[p].iter().zip(&patches[q]).map(|(p, q)| Some(map[[(*p)?, (*q)?]]));
        let mean = terms.flatten().sum::<f64>() / divisor as f64;
        layer.weight_std.powi(2) * mean + layer.bias_std.powi(2)
    };
    (Array2::from_shape_fn((patches.len(), patches.len()), sum), grid)
}

/// The pooling matrix `A[P, p]` of a whole map, and the height and width of the pooled map.
fn pooling_matrix(
    model: &Model,
    layer: &Layer,
    (height, width): (usize, usize),
) -> (Array2<f64>, (usize, usize)) {
    let rows = geometry::pooling(model, layer, 0, height);
    let cols = geometry::pooling(model, layer, 1, width);
    let pooled = (rows.nrows(), cols.nrows());
    let weight =
        |(to, from)| rows[[to / pooled.1, from / width]] * cols[[to % pooled.1, from % width]];
    (Array2::from_shape_fn((pooled.0 * pooled.1, height * width), weight), pooled)
}
