//! What the tests share: random models and images, short ways to call the engine, and the naive
//! [`oracle`].

pub mod oracle;

use ckn_rs::engine::{self, Images, Job, Outputs};
use ckn_rs::error::Result;
use ckn_rs::kernel::Kernel;
use ckn_rs::model::{Layer, Model};
use ckn_rs::plan::{Plan, Shape};
use ckn_rs::pooling::Pooling;
use ckn_rs::simd::Real;
use ndarray::{Array2, ArrayView2};
use rand::{RngExt, SeedableRng, rngs::StdRng};

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

pub const fn shape(height: usize, width: usize, channels: usize) -> Shape {
    Shape { height, width, channels }
}

/// A layer with `poolfactor` equal to `subsampling`.
pub fn layer(kernel: Kernel, npatch: usize, subsampling: usize, pooling: Pooling) -> Layer {
    Layer { npatch, subsampling, poolfactor: subsampling, kernel, sigma: 0.7, pooling }
}

/// Two layers of 3x3 patches, pooled by 2: the shape of model that is most in use.
pub fn two_layers(kernel: Kernel) -> Model {
    Model::new(vec![layer(kernel, 3, 2, Pooling::Gaussian); 2]).unwrap()
}

fn pick<T: Copy>(rng: &mut StdRng, all: &[T]) -> T {
    all[rng.random_range(0..all.len())]
}

/// A random model of `depth` layers for images of `shape`, one of which has this kernel and this
/// pooling.
///
/// The first patch holds at least two values wherever it stands: with one, every cosine is 1 or
/// -1, where the slope of relu is singular and two correct programs differ.
pub fn random_plan(
    rng: &mut StdRng,
    shape: Shape,
    depth: usize,
    (kernel, pooling): (Kernel, Pooling),
    ntk: bool,
) -> (Model, Plan) {
    loop {
        let mut layers: Vec<Layer> = (0..depth)
            .map(|_| Layer {
                npatch: rng.random_range(1..=6),
                subsampling: rng.random_range(1..=3),
                poolfactor: rng.random_range(1..=4),
                kernel: pick(rng, &Kernel::ALL),
                sigma: rng.random_range(0.4..1.5),
                pooling: pick(rng, &Pooling::ALL),
            })
            .collect();
        let chosen = rng.random_range(0..depth);
        layers[chosen].kernel = kernel;
        layers[chosen].pooling = pooling;
        if shape.channels == 1 && layers[0].npatch < 3 {
            continue;
        }
        let model = Model::new(layers).unwrap();
        if let Ok(plan) = Plan::new(&model, shape, ntk) {
            return (model, plan);
        }
    }
}

/// Images with values in `[-0.5, 1)`, one a row.
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

/// What the engine calls a set of images, with nothing but the pixels.
pub fn set<F>(pixels: ArrayView2<'_, F>) -> Images<'_, F> {
    Images { name: "images", pixels, norms: None, inverses: None }
}

pub fn job() -> Job {
    Job::new(2, None).unwrap()
}

/// The matrix of `x` with `y`, or with itself.
pub fn gram<F: Real>(plan: &Plan, x: &Array2<F>, y: Option<&Array2<F>>) -> Array2<F> {
    try_gram(plan, x, y, &job()).unwrap()
}

pub fn try_gram<F: Real>(
    plan: &Plan,
    x: &Array2<F>,
    y: Option<&Array2<F>>,
    job: &Job,
) -> Result<Array2<F>> {
    let mut out = Array2::from_elem((x.nrows(), y.unwrap_or(x).nrows()), F::from_f64(f64::NAN));
    let outputs = Outputs { kernel: out.view_mut(), ckn: None };
    let right = y.map(|y| set(y.view()));
    engine::gram(plan, set(x.view()), right, outputs, job)?;
    Ok(out)
}

/// The NTK and the CKN beside it.
pub fn both<F: Real>(plan: &Plan, x: &Array2<F>, y: Option<&Array2<F>>) -> [Array2<F>; 2] {
    let shape = (x.nrows(), y.unwrap_or(x).nrows());
    let [mut ntk, mut ckn] = [(); 2].map(|()| Array2::from_elem(shape, F::from_f64(f64::NAN)));
    let outputs = Outputs { kernel: ntk.view_mut(), ckn: Some(ckn.view_mut()) };
    let right = y.map(|y| set(y.view()));
    engine::gram(plan, set(x.view()), right, outputs, &job()).unwrap();
    [ntk, ckn]
}

pub fn norms<F: Real>(plan: &Plan, x: &Array2<F>) -> Array2<F> {
    try_norms(plan, x, &job()).unwrap()
}

pub fn try_norms<F: Real>(plan: &Plan, x: &Array2<F>, job: &Job) -> Result<Array2<F>> {
    let mut out = Array2::from_elem((x.nrows(), plan.norms_len()), F::from_f64(f64::NAN));
    engine::norms(plan, x.view(), out.view_mut(), job)?;
    Ok(out)
}

pub fn largest(values: &Array2<f64>) -> f64 {
    values.iter().fold(0.0, |a: f64, b| a.max(b.abs()))
}

/// Every entry within `tolerance(row, column)` of the largest wanted entry.
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

/// Every entry within `tolerance` of the largest wanted entry.
#[track_caller]
pub fn assert_close<F: Real>(what: &str, got: &Array2<F>, wanted: &Array2<f64>, tolerance: f64) {
    assert_close_by(what, &widen(got), wanted, |_, _| tolerance);
}

/// The same bits, not just equal values; NaN never passes.
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
