//! Random images, their norms, and short calls of the engine.

use ckn_rs::engine::{self, Compiled, Images, Job, Outputs};
use ckn_rs::plan::Plan;
use ndarray::{Array2, ArrayView2};
use rand::{RngExt, SeedableRng, rngs::StdRng};

/// `count` images for `plan`.
pub fn random<F: Compiled>(plan: &Plan, count: usize) -> Array2<F> {
    let mut rng = StdRng::seed_from_u64(1);
    let len = plan.shape.height * plan.shape.width * plan.shape.channels;
    Array2::from_shape_simple_fn((count, len), || F::from_f64(rng.random()))
}

/// The patch norms of images.
pub fn norms<F: Compiled>(plan: &Plan, pixels: ArrayView2<F>, job: &Job) -> Array2<F> {
    let mut norms = Array2::from_elem((pixels.nrows(), plan.norms_len()), F::ZERO);
    engine::norms(plan, pixels, norms.view_mut(), job).unwrap();
    norms
}

/// A set of images for the engine, with norms or without.
pub fn set<'a, F>(pixels: ArrayView2<'a, F>, norms: Option<ArrayView2<'a, F>>) -> Images<'a, F> {
    Images { name: "images", pixels, norms }
}

/// The Gram matrix of `left` and `right`, or of `left` alone.
pub fn gram<F: Compiled>(
    plan: &Plan,
    left: Images<F>,
    right: Option<Images<F>>,
    out: &mut Array2<F>,
    job: &Job,
) {
    let mut gradients = vec![out.clone(); plan.gradients()];
    let beside = gradients.iter_mut().map(|matrix| matrix.view_mut()).collect();
    let out = Outputs { kernel: out.view_mut(), beside };
    engine::gram(plan, left, right, out, job).unwrap();
}
