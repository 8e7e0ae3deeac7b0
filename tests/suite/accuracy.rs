//! float32 results compared with float64 results, on smooth images of many sizes.

use crate::common::{carried, cast, gram, largest, layer, rng, shape, widen};
use ckn_rs::kernel::Kernel;
use ckn_rs::model::{Layer, Model};
use ckn_rs::plan::{Plan, Shape};
use ckn_rs::pooling::Pooling;
use ndarray::Array2;
use rand::RngExt;
use std::f64::consts::TAU;

/// README's bound on errors, relative to the largest entry.
const PROMISED: f64 = 2e-6;
/// A narrower bound, for every size of images. The largest error seen is less than half of it.
const KEPT: f64 = 6e-7;

/// The `sigma` of README's models. `relu` ignores it.
const SIGMA: f64 = 0.65;

/// Images with values in `[0, 1]`. Each channel is a sum of three waves, with up to two periods in
/// an image.
fn smooth_images(count: usize, shape: Shape) -> Array2<f64> {
    let Shape { height, width, channels } = shape;
    let mut rng = rng(41);
    let mut images = Array2::zeros((count, height * width * channels));
    for mut image in images.rows_mut() {
        for channel in 0..channels {
            let waves: [[f64; 3]; 3] = std::array::from_fn(|_| {
                let mut frequency = || rng.random_range(-2.0..2.0);
                [frequency(), frequency(), rng.random_range(0.0..TAU)]
            });
            for y in 0..height {
                for x in 0..width {
                    let (v, u) = (y as f64 / height as f64, x as f64 / width as f64);
                    let wave = |[a, b, phase]: [f64; 3]| (TAU * (a * v + b * u) + phase).sin();
                    let sum: f64 = waves.map(wave).iter().sum();
                    image[(y * width + x) * channels + channel] = 0.5 + sum / 6.0;
                }
            }
        }
    }
    images
}

/// The largest error of a symmetric matrix in float32, relative to the largest entry in float64.
///
/// The NTK of relu is compared without its diagonal. There the cosine is 1, where the slope of relu
/// has an infinite derivative: see section 4 of `DESIGN.md`.
fn error(kernel: Kernel, ntk: bool, subsamplings: [usize; 2], shape: Shape) -> f64 {
    let layer = |s| Layer { sigma: SIGMA, ..layer(kernel, 3, s, &Pooling::Gaussian) };
    let model = Model::new(subsamplings.map(layer).to_vec()).unwrap();
    let plan = Plan::new(&model, shape, carried(ntk)).unwrap();
    // Both precisions get the same pixels.
    let single = cast::<f32>(&smooth_images(4, shape));
    let wanted = gram(&plan, &widen(&single), None);
    let mut errors = widen(&gram(&plan, &single, None)) - &wanted;
    if ntk && kernel == Kernel::Relu {
        errors.diag_mut().fill(0.0);
    }
    largest(&errors) / largest(&wanted)
}

fn check(subsamplings: [usize; 2], shape: Shape, bound: f64) {
    for kernel in [Kernel::Exp, Kernel::Relu] {
        for ntk in [false, true] {
            let error = error(kernel, ntk, subsamplings, shape);
            assert!(error <= bound, "{kernel:?}, ntk: {ntk}, {shape}: off by {error:e}");
        }
    }
}

#[test]
fn readme_models_keep_to_double_precision() {
    check([2, 5], shape(32, 32, 3), PROMISED);
}

/// A larger image has longer sums. The trace is summed with compensation, so its error does not
/// grow.
#[test]
fn errors_do_not_grow_with_the_image() {
    for side in [8, 16, 32, 64] {
        check([2, 1], shape(side, side, 1), KEPT);
    }
}
