//! Blank patches are left out, and no bit changes.
//!
//! A lane with an image that is nowhere blank makes its whole batch be computed in full. So the same
//! pairs are computed twice: alone, and with pairs of such images between them.

use crate::common::{
    Wanted, all, assert_same, cast, images, job, layer, outputs, pick, rng, set, shape,
    unusual_models,
};
use ckn_rs::convention::Convention;
use ckn_rs::engine::{self, Compiled, Images, Outputs};
use ckn_rs::kernel::Kernel;
use ckn_rs::model::{Layer, Model, Padding, Readout};
use ckn_rs::plan::{Carried, Plan, Shape};
use ckn_rs::pooling::Pooling;
use ndarray::{Array1, Array2, Axis, concatenate, s};
use rand::{RngExt, rngs::StdRng};

/// Images that are 0 outside of a rectangle. The first one is 0 everywhere, the second one nowhere.
fn pictures(rng: &mut StdRng, count: usize, shape: Shape) -> Array2<f64> {
    let mut pictures = images(rng, count, shape);
    for (index, mut picture) in pictures.rows_mut().into_iter().enumerate() {
        let mut part = |length: usize| {
            let start = rng.random_range(0..length);
            start..rng.random_range(start..length) + 1
        };
        let (rows, cols) = (part(shape.height), part(shape.width));
        for (at, value) in picture.iter_mut().enumerate() {
            let (y, x) = (at / shape.channels / shape.width, at / shape.channels % shape.width);
            if index == 0 || index > 1 && !(rows.contains(&y) && cols.contains(&x)) {
                *value = if at % 2 == 0 { 0.0 } else { -0.0 };
            }
        }
    }
    pictures
}

/// The results of all pairs of `x` and `y`, each between two pairs of `dense` images.
fn in_full<F: Compiled>(
    plan: &Plan,
    x: &Array2<F>,
    y: &Array2<F>,
    dense: &Array2<F>,
) -> Vec<Array2<F>> {
    let everything = concatenate![Axis(0), *x, *y, *dense];
    let (n, m) = (x.nrows(), y.nrows());
    let pairs: Vec<_> =
        (0..n * m).flat_map(|k| [(k / m, n + k % m), (n + m + k % dense.nrows(), n + m)]).collect();
    let beside = if plan.carried == Carried::Ntk { 1 } else { plan.gradients() };
    let mut values = vec![Array1::from_elem(pairs.len(), F::ZERO); 1 + beside];
    let mut views = values.iter_mut().map(|values| values.view_mut());
    let out = Outputs { kernel: views.next().unwrap(), beside: views.collect() };
    engine::pairs(plan, set(everything.view()), &pairs, out, &job()).unwrap();
    let matrix = |values: Array1<F>| {
        values.slice(s![..;2]).to_owned().into_shape_with_order((n, m)).unwrap()
    };
    values.into_iter().map(matrix).collect()
}

fn check_in<F: Compiled>(plan: &Plan, seed: u64) {
    let mut rng = rng(seed);
    // Full batches of one left image, and mixed ones.
    let x = cast::<F>(&pictures(&mut rng, 5, plan.shape));
    let y = cast::<F>(&pictures(&mut rng, 19, plan.shape));
    let dense = cast::<F>(&images(&mut rng, 2, plan.shape));
    let wanted = in_full(plan, &x, &y, &dense);
    for (got, wanted) in all(plan, &x, Some(&y)).iter().zip(&wanted) {
        assert_same(&format!("{} {:?}", plan.shape, plan.model.layers), got, wanted);
    }
}

fn check(model: &Model, shape: Shape) {
    for carried in Carried::ALL {
        // A kernel without a slope has only a CKN.
        let Ok(plan) = Plan::new(model, shape, carried) else { continue };
        for seed in 60..63 {
            check_in::<f32>(&plan, seed);
            check_in::<f64>(&plan, seed);
        }
    }
}

#[test]
fn every_kernel_keeps_its_bits() {
    for kernel in Kernel::ALL {
        let usual = [2, 1].map(|s| layer(kernel, 3, s, &Pooling::Gaussian));
        check(&Model::new(usual.to_vec()).unwrap(), shape(14, 13, 2));
        let mixed = [kernel, Kernel::Exp, Kernel::Relu].map(|k| layer(k, 2, 2, &Pooling::Average));
        check(&Model::new(mixed.to_vec()).unwrap(), shape(17, 16, 1));
    }
}

#[test]
fn every_geometry_keeps_its_bits() {
    for model in unusual_models() {
        check(&model, shape(11, 15, 2));
    }
    for pooling in Pooling::ALL {
        for padding in Padding::ALL {
            let layers =
                [3, 2].map(|npatch| Layer { padding, ..layer(Kernel::Exp, npatch, 2, &pooling) });
            check(&Model::new(layers.to_vec()).unwrap(), shape(16, 15, 1));
        }
    }
}

/// Random models have all sorts of layers after each other.
#[test]
fn random_models_keep_their_bits() {
    let mut rng = rng(64);
    for index in 0..60 {
        let wanted = Wanted {
            kernel: pick(&mut rng, &[Kernel::Exp, Kernel::Relu, Kernel::Gelu, Kernel::Sin]),
            pooling: pick(&mut rng, &Pooling::ALL),
            padding: Padding::ALL[index % Padding::ALL.len()],
            convention: Convention::Original,
            readout: pick(&mut rng, &[Readout::Trace, Readout::Mean]),
        };
        let shape = shape(rng.random_range(8..16), rng.random_range(8..40), 2);
        let carried = pick(&mut rng, &Carried::ALL);
        let model = wanted.model(&mut rng, shape, 1 + index % 3, carried);
        let plan = Plan::new(&model, shape, carried).unwrap();
        check_in::<f32>(&plan, 65 + index as u64);
    }
}

#[test]
fn negative_weights_keep_their_bits() {
    let weighted = layer(Kernel::Linear, 3, 1, &Pooling::Weights(vec![-0.5, -0.25]));
    let layers = vec![weighted, layer(Kernel::Relu, 3, 2, &Pooling::Gaussian)];
    check(&Model::new(layers).unwrap(), shape(12, 12, 1));
}

/// A wide map is divided into chunks of right sites; the first and the last one may be blank.
#[test]
fn wide_images_keep_their_bits() {
    let layers = [2, 3].map(|s| layer(Kernel::Exp, 3, s, &Pooling::Gaussian));
    check(&Model::new(layers.to_vec()).unwrap(), shape(9, 75, 1));
    let wide = Layer { poolfactor: [1, 20], ..layer(Kernel::Relu, 3, 1, &Pooling::Gaussian) };
    check(&Model::new(vec![wide, layers[0].clone()]).unwrap(), shape(5, 80, 1));
}

/// Norms that are given may be greater than 0 where a patch is blank: nothing is left out there.
#[test]
fn given_norms_count() {
    let layers = [2, 1].map(|s| layer(Kernel::Exp, 3, s, &Pooling::Gaussian));
    let plan = Plan::new(&Model::new(layers.to_vec()).unwrap(), shape(12, 12, 1), Carried::Nothing);
    let plan = plan.unwrap();
    let mut rng = rng(63);
    let x = cast::<f32>(&pictures(&mut rng, 20, plan.shape));
    let dense = cast::<f32>(&images(&mut rng, 20, plan.shape));
    let run = |x: &Array2<f32>, part: std::ops::Range<usize>| {
        let mut norms = crate::common::norms(&plan, x);
        norms.mapv_inplace(|norm| norm + 4e-7);
        let whole = Images { name: "images", pixels: x.view(), norms: Some(norms.view()) };
        let rows = s![part, ..];
        let (pixels, norms) = (x.slice(rows), norms.slice(rows));
        let left = Images { name: "images", pixels, norms: Some(norms) };
        let mut out = vec![Array2::zeros((left.pixels.nrows(), x.nrows()))];
        engine::gram(&plan, left, Some(whole), outputs(&mut out), &job()).unwrap();
        out.remove(0)
    };
    // Every second image is nowhere blank.
    let between = Array2::from_shape_fn((40, x.ncols()), |(i, j)| {
        if i % 2 == 0 { x[[i / 2, j]] } else { dense[[i / 2, j]] }
    });
    let wanted = run(&between, 0..40).slice(s![..;2, ..;2]).to_owned();
    assert_same("norms given", &run(&x, 0..20), &wanted);
}
