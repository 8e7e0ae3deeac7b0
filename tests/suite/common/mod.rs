//! Code that the tests share: random models and images, short calls of the engine, and the naive
//! [`oracle`].

mod models;
pub mod oracle;

pub use models::*;

use ckn_rs::engine::{self, Compiled, Images, Job, Outputs};
use ckn_rs::error::Result;
use ckn_rs::plan::{Carried, Plan, Shape};
use ckn_rs::simd::Real;
use ndarray::{Array2, ArrayView2};
use rand::{RngExt, SeedableRng, rngs::StdRng};

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Random images with values in `[-0.5, 1)`, one in each row.
pub fn images(rng: &mut StdRng, count: usize, shape: Shape) -> Array2<f64> {
    let len = shape.height * shape.width * shape.channels;
    Array2::from_shape_simple_fn((count, len), || rng.random_range(-0.5..1.0))
}

pub fn cast<F: Real>(values: &Array2<f64>) -> Array2<F> {
    values.mapv(F::from_f64)
}

pub fn widen<F: Real>(values: &Array2<F>) -> Array2<f64> {
    values.mapv(Real::to_f64)
}

/// A set of images for the engine, without norms.
pub fn set<F>(pixels: ArrayView2<'_, F>) -> Images<'_, F> {
    Images { name: "images", pixels, norms: None }
}

pub fn job() -> Job {
    Job::new(2, None).unwrap()
}

/// The Gram matrix of `x` and `y`, or of `x` alone.
pub fn gram<F: Compiled>(plan: &Plan, x: &Array2<F>, y: Option<&Array2<F>>) -> Array2<F> {
    try_gram(plan, x, y, &job()).unwrap()
}

pub fn try_gram<F: Compiled>(
    plan: &Plan,
    x: &Array2<F>,
    y: Option<&Array2<F>>,
    job: &Job,
) -> Result<Array2<F>> {
    let beside = plan.gradients();
    Ok(matrices(plan, x, y, beside, job)?.remove(0))
}

/// The Gram matrix, and the matrices beside it: the CKN for an NTK, or the gradients.
pub fn all<F: Compiled>(plan: &Plan, x: &Array2<F>, y: Option<&Array2<F>>) -> Vec<Array2<F>> {
    try_all(plan, x, y, &job()).unwrap()
}

pub fn try_all<F: Compiled>(
    plan: &Plan,
    x: &Array2<F>,
    y: Option<&Array2<F>>,
    job: &Job,
) -> Result<Vec<Array2<F>>> {
    let beside = if plan.carried == Carried::Ntk { 1 } else { plan.gradients() };
    matrices(plan, x, y, beside, job)
}

fn matrices<F: Compiled>(
    plan: &Plan,
    x: &Array2<F>,
    y: Option<&Array2<F>>,
    beside: usize,
    job: &Job,
) -> Result<Vec<Array2<F>>> {
    let shape = (x.nrows(), y.unwrap_or(x).nrows());
    let mut out = vec![Array2::from_elem(shape, F::from_f64(f64::NAN)); 1 + beside];
    let right = y.map(|y| set(y.view()));
    engine::gram(plan, set(x.view()), right, outputs(&mut out), job)?;
    Ok(out)
}

/// The matrices that the engine fills: the kernel, and those beside it.
pub fn outputs<F>(out: &mut [Array2<F>]) -> Outputs<'_, F> {
    let mut views = out.iter_mut().map(|matrix| matrix.view_mut());
    Outputs { kernel: views.next().expect("there is a kernel"), beside: views.collect() }
}

/// The NTK and the CKN, from one pass.
pub fn both<F: Compiled>(plan: &Plan, x: &Array2<F>, y: Option<&Array2<F>>) -> [Array2<F>; 2] {
    all(plan, x, y).try_into().expect("a plan of an NTK has two")
}

pub fn norms<F: Compiled>(plan: &Plan, x: &Array2<F>) -> Array2<F> {
    try_norms(plan, x, &job()).unwrap()
}

pub fn try_norms<F: Compiled>(plan: &Plan, x: &Array2<F>, job: &Job) -> Result<Array2<F>> {
    let mut out = Array2::from_elem((x.nrows(), plan.norms_len()), F::from_f64(f64::NAN));
    engine::norms(plan, x.view(), out.view_mut(), job)?;
    Ok(out)
}

pub fn largest(values: &Array2<f64>) -> f64 {
    values.iter().fold(0.0, |a: f64, b| a.max(b.abs()))
}

/// Asserts that every error is at most `tolerance(row, column)`, relative to the largest wanted
/// entry.
#[track_caller]
pub fn assert_close_by(
    what: &str,
    got: &Array2<f64>,
    wanted: &Array2<f64>,
    tolerance: impl Fn(usize, usize) -> f64,
) {
    assert_eq!(got.dim(), wanted.dim(), "{what}");
    let largest = largest(wanted);
    for (((i, j), got), wanted) in got.indexed_iter().zip(wanted) {
        let error = (got - wanted).abs();
        assert!(
            error <= tolerance(i, j) * largest,
            "{what}: entry ({i}, {j}) is {got} for {wanted}, off by {:e} of the largest entry",
            error / largest
        );
    }
}

/// Asserts that every error is at most `tolerance`, relative to the largest wanted entry.
#[track_caller]
pub fn assert_close<F: Real>(what: &str, got: &Array2<F>, wanted: &Array2<f64>, tolerance: f64) {
    assert_close_by(what, &widen(got), wanted, |_, _| tolerance);
}

/// Asserts equal bits, not only equal values. A NaN always fails.
#[track_caller]
pub fn assert_same<F: Real>(what: &str, got: &Array2<F>, wanted: &Array2<F>) {
    assert_eq!(got.dim(), wanted.dim(), "{what}");
    for ((index, got), wanted) in got.indexed_iter().zip(wanted) {
        let (got, wanted) = (got.to_f64(), wanted.to_f64());
        assert!(
            got.to_bits() == wanted.to_bits() && !got.is_nan(),
            "{what}: entry {index:?} is {got:e}, not the same bits as {wanted:e}"
        );
    }
}
