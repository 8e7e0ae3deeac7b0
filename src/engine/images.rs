//! Sets of images, checked, with their patch norms.

use ndarray::ArrayView2;

use super::job::Job;
use super::norms::{Norms, check_pixels};
use super::pack::{Rows, Source};
use crate::error::{Result, bail};
use crate::plan::Plan;
use crate::simd::Real;

/// A set of images, one a row.
#[derive(Clone, Copy)]
pub struct Images<'a, F> {
    /// What error messages call the set.
    pub name: &'a str,
    /// Pixels, `(n, h * w * c)`, in standard layout.
    pub pixels: ArrayView2<'a, F>,
    /// Patch norms, `(n, layers * h * w)`, as [`norms`](super::norms()) gives them; computed
    /// unless given.
    pub norms: Option<ArrayView2<'a, F>>,
    /// `1 / max(norm, 1e-6)`, of the same shape; computed unless given.
    pub inverses: Option<ArrayView2<'a, F>>,
}

/// What is computed of a set of images when it is not given.
pub(super) struct Storage<F> {
    norms: Vec<F>,
    turns: Vec<F>,
}

impl<F> Storage<F> {
    pub fn new() -> Self {
        Self { norms: Vec::new(), turns: Vec::new() }
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
    let check = |name, given| check_norms(plan, count, name, given);
    let given = images.norms.map(|given| check("norms", given)).transpose()?;
    let inverses = images.inverses.map(|given| check("norms_inv", given)).transpose()?;

    // Given norms have no derivatives: these are computed with norms of their own.
    let (known, layers) = match (given, plan.gradients()) {
        (Some(_), 0) => (true, 1),
        _ => (false, plan.model.layers.len()),
    };
    storage.norms = vec![F::ZERO; count * len];
    storage.turns = vec![F::ZERO; count * len * plan.gradients()];
    let Storage { norms, turns } = storage;
    let task = Norms { plan, name: images.name, pixels, norms, turns, job, layers, counted: false };
    job.isa.run(task)?;
    let (norms, turns): (&'a [F], &'a [F]) = (norms, turns);
    let computed = Rows { data: norms, len };
    if let Some(given) = given {
        check_belonging(plan, images.name, given, inverses, computed)?;
    }
    let turns = Rows { data: turns, len: len * plan.gradients() };
    Ok(match given.filter(|_| known) {
        Some(norms) => Source { pixels, norms, turns: None },
        None => Source { pixels, norms: computed, turns: (plan.gradients() > 0).then_some(turns) },
    })
}

/// Given norms must be those of the images: they are compared in the first layer, where they are
/// soon computed. Others would give cosines beyond 1 and, silently, numbers without a meaning.
fn check_belonging<F: Real>(
    plan: &Plan,
    name: &str,
    given: Rows<F>,
    inverses: Option<Rows<F>>,
    computed: Rows<F>,
) -> Result<()> {
    let differs = |a: F, b: F| {
        let (a, b) = (a.to_f64(), b.to_f64());
        (a - b).abs() > 1e-3 * a.max(b) + 1e-6
    };
    let sites = plan.layer_stride();
    for (index, (given, computed)) in given.iter().zip(computed.iter()).enumerate() {
        let mut both = given[..sites].iter().zip(computed);
        if both.any(|(&given, &computed)| differs(given, computed)) {
            bail!(
                "{name}: the norms given for image {index} are not its own with this model; use \
                 those that compute_norms gives for the same images and layers"
            );
        }
    }
    let Some(inverses) = inverses else { return Ok(()) };
    let inverse_of = |norm: F| F::ONE / norm.max(F::NORM_FLOOR);
    let mut both = given.data.iter().zip(inverses.data);
    if both.any(|(&norm, &inverse)| norm > F::ZERO && differs(inverse, inverse_of(norm))) {
        bail!("{name}: norms_inv must be 1 / max(norms, 1e-6), as compute_norms gives them");
    }
    Ok(())
}

/// Norms that the caller gives must be of the right shape, contiguous and finite.
fn check_norms<'a, F: Real>(
    plan: &Plan,
    images: usize,
    name: &str,
    given: ArrayView2<'a, F>,
) -> Result<Rows<'a, F>> {
    let shape = (images, plan.norms_len());
    if given.dim() != shape {
        bail!(
            "{name} must be of shape {shape:?}, (n, layers * h * w) as compute_norms gives them, \
             got {:?}",
            given.dim()
        );
    }
    let Some(data) = given.to_slice() else {
        bail!("{name} must be contiguous in memory");
    };
    if !data.iter().all(|norm| norm.is_finite()) {
        bail!("{name} contain NaN or infinite values; use those that compute_norms gives");
    }
    Ok(Rows { data, len: shape.1 })
}
