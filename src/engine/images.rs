//! Sets of images, checked, with their patch norms.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::ArrayView2;

use super::batch::finder::{Finder, support_words};
use super::batch::pack::{PerImage, Source};
use super::job::Job;
use super::norms::{ComputeNorms, check_pixels};
use super::threads;
use crate::error::{Result, bail};
use crate::plan::Plan;
use crate::simd::Real;

/// A set of images, one a row.
#[derive(Clone, Copy)]
pub struct Images<'a, F> {
    /// The name of the set in error messages.
    pub name: &'a str,
    /// Pixels, `(n, h * w * c)`, in standard layout.
    pub pixels: ArrayView2<'a, F>,
    /// Patch norms, `(n, layers * h * w)`, as [`norms`](super::norms()) gives them; they are computed
    /// unless given. A plan with gradients computes them always, with their derivatives.
    pub norms: Option<ArrayView2<'a, F>>,
}

/// The norms of a set of images that came without, and the derivatives of their logarithms.
pub(super) struct Storage<F> {
    norms: Vec<F>,
    log_derivatives: Vec<F>,
    supports: Option<Vec<u64>>,
}

impl<F> Storage<F> {
    pub fn new() -> Self {
        Self { norms: Vec::new(), log_derivatives: Vec::new(), supports: None }
    }
}

/// Check a set of images, and compute its norms if need be.
pub(super) fn prepare<'a, 'i: 'a, F: Real>(
    plan: &Plan,
    images: Images<'i, F>,
    storage: &'a mut Storage<F>,
    job: &Job,
) -> Result<Source<'a, F>> {
    let pixels = check_pixels(plan, images.name, images.pixels)?;
    let (count, len) = (pixels.count(), plan.norms_len());
    let given = images.norms.map(|given| check_norms(plan, count, given)).transpose()?;
    if given.is_some() && plan.carried.has_gradients() {
        bail!(
            "{}: gradients need the derivatives of norms, so that no norms can be given",
            images.name
        );
    }
    // Given norms are compared with computed ones in the first layer.
    let layers = if given.is_some() { 1 } else { plan.model.layers.len() };
    storage.norms = vec![F::ZERO; count * len];
    storage.log_derivatives = vec![F::ZERO; count * len * plan.derivatives()];
    let Storage { norms, log_derivatives, supports: words } = storage;
    let name = images.name;
    let task =
        ComputeNorms { plan, name, pixels, norms, log_derivatives, job, layers, counted: false };
    job.isa.run(task)?;
    let computed = PerImage { data: &*norms, len };
    if let Some(norms) = given {
        check_belonging(plan, name, norms, computed)?;
    }
    let norms = given.unwrap_or(computed);
    *words = find_supports(plan, pixels, norms, job)?;
    let supports = words.as_deref().map(|data| PerImage { data, len: support_words(plan) });
    let derivatives = PerImage { data: &*log_derivatives, len: len * plan.derivatives() };
    let log_derivatives = (plan.derivatives() > 0).then_some(derivatives);
    Ok(Source { pixels, norms, log_derivatives, supports })
}

/// The supports of all images, as [`Finder::find`] writes them; none if nothing can be left out.
fn find_supports<F: Real>(
    plan: &Plan,
    pixels: PerImage<F>,
    norms: PerImage<F>,
    job: &Job,
) -> Result<Option<Vec<u64>>> {
    /// Images of a task: a millisecond's work.
    const GROUP: usize = 64;
    let Some(finder) = Finder::new(plan, pixels) else { return Ok(None) };
    let mut words = vec![0; pixels.count() * support_words(plan)];
    let groups = words
        .chunks_mut(GROUP * support_words(plan))
        .zip(pixels.data.chunks(GROUP * pixels.len))
        .zip(norms.data.chunks(GROUP * norms.len))
        .collect();
    let any_blank = AtomicBool::new(false);
    threads::run(job, groups, |queue| {
        while let Some(((words, data), norm_data)) = queue.next() {
            let pixels = PerImage { data, len: pixels.len };
            let norms = PerImage { data: norm_data, len: norms.len };
            any_blank.fetch_or(finder.find(pixels, norms, words), Ordering::Relaxed);
        }
    })?;
    Ok(any_blank.into_inner().then_some(words))
}

/// Given norms must be those of the images. Others would give cosines beyond 1 and, silently,
/// numbers without a meaning.
fn check_belonging<F: Real>(
    plan: &Plan,
    name: &str,
    given: PerImage<F>,
    computed: PerImage<F>,
) -> Result<()> {
    let differs = |a: F, b: F| {
        let (a, b) = (a.to_f64(), b.to_f64());
        (a - b).abs() > 1e-3 * a.max(b) + 1e-6
    };
    let first_layer = plan.layer_stride();
    for (index, (given, computed)) in given.iter().zip(computed.iter()).enumerate() {
        let mut both = given[..first_layer].iter().zip(computed);
        if both.any(|(&given, &computed)| differs(given, computed)) {
            bail!(
                "{name}: the norms given for image {index} are not its own with this model; use \
                 those that compute_norms gives for the same images and layers"
            );
        }
    }
    Ok(())
}

/// Norms that the caller gives must be of the right shape, contiguous and finite.
fn check_norms<'a, F: Real>(
    plan: &Plan,
    images: usize,
    given: ArrayView2<'a, F>,
) -> Result<PerImage<'a, F>> {
    let shape = (images, plan.norms_len());
    if given.dim() != shape {
        bail!(
            "norms must be of shape {shape:?}, (n, layers * h * w) as compute_norms gives them, got \
             {:?}",
            given.dim()
        );
    }
    let Some(data) = given.to_slice() else {
        bail!("norms must be contiguous in memory");
    };
    if !data.iter().all(|norm| norm.is_finite()) {
        bail!("norms contain NaN or infinite values; use those that compute_norms gives");
    }
    Ok(PerImage { data, len: shape.1 })
}
