//! Gram matrices: checked, split into tiles or batches, and dealt to threads.

use ndarray::ArrayView2;

use super::job::Job;
use super::norms::{Norms, check_pixels};
use super::pack::{Rows, Source};
use super::patch::tile;
use super::stage::Stages;
use super::threads;
use super::tiles::{Outputs, Tile, Values, tiles};
use super::worker::Worker;
use crate::error::{Result, bail};
use crate::plan::Plan;
use crate::simd::{Real, Simd, SimdBase, Task, Vector};

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

/// Compute `K[i, j]` for all `left` and `right` images; for `left` with itself if `right` is none,
/// each pair once.
///
/// # Errors
/// [`Error::Value`] for wrong shapes, for an image with a value that is not finite and for values
/// that overflow; [`Error::Interrupted`].
pub fn gram<F: Real>(
    plan: &Plan,
    left: Images<F>,
    right: Option<Images<F>>,
    out: Outputs<F>,
    job: &Job,
) -> Result<()> {
    let columns = right.map_or(left.pixels.nrows(), |right| right.pixels.nrows());
    let shape = (left.pixels.nrows(), columns);
    check_outputs(plan, &out, shape)?;
    let mut storage = [None, None];
    let [left_norms, right_norms] = &mut storage;
    let left = prepare(plan, left, left_norms, job)?;
    let right = match right {
        Some(right) => Some(prepare(plan, right, right_norms, job)?),
        None => None,
    };
    job.isa.for_few::<F>(shape.0 * shape.1).run(Gram { plan, left, right, out, job })
}

/// Compute the kernel of `images[left]` and `images[right]` for each `(left, right)` of `pairs`.
///
/// # Errors
/// As [`gram`].
pub fn pairs<F: Real>(
    plan: &Plan,
    images: Images<F>,
    pairs: &[(usize, usize)],
    out: &mut [F],
    job: &Job,
) -> Result<()> {
    if out.len() != pairs.len() {
        bail!("out must have one entry a pair, {}, got {}", pairs.len(), out.len());
    }
    let count = images.pixels.nrows();
    if let Some((left, right)) = pairs.iter().find(|(a, b)| *a.max(b) >= count) {
        bail!("pair ({left}, {right}) names an image beyond the {count} given");
    }
    let mut storage = None;
    let images = prepare(plan, images, &mut storage, job)?;
    job.isa.for_few::<F>(pairs.len()).run(Pairs { plan, images, pairs, out, job })
}

fn check_outputs<F: Real>(plan: &Plan, out: &Outputs<F>, shape: (usize, usize)) -> Result<()> {
    if out.ckn.is_some() && !plan.ntk {
        bail!("the CKN beside the NTK is only there with ntk=True");
    }
    let views = [Some(out.kernel.dim()), out.ckn.as_ref().map(|view| view.dim())];
    for dim in views.into_iter().flatten() {
        if dim != shape {
            bail!("out must be of shape {shape:?}, got {dim:?}");
        }
    }
    Ok(())
}

/// Check a set of images, and compute its norms if need be.
fn prepare<'a, 'i: 'a, F: Real>(
    plan: &Plan,
    images: Images<'i, F>,
    storage: &'a mut Option<Vec<F>>,
    job: &Job,
) -> Result<Source<'a, F>> {
    let pixels = check_pixels(plan, images.name, images.pixels)?;
    let check = |name, given| check_norms(plan, pixels.count(), name, given);
    let inverses = images.inverses.map(|given| check("norms_inv", given)).transpose()?;
    let compute = |layers, storage: &'a mut Option<Vec<F>>| {
        let len = plan.norms_len();
        let out = storage.insert(vec![F::ZERO; pixels.count() * len]);
        let name = images.name;
        job.isa.run(Norms { plan, name, pixels, out, job, layers, counted: false })?;
        Ok(Rows { data: &*out, len })
    };
    let norms = match images.norms {
        Some(given) => {
            let norms = check("norms", given)?;
            check_belonging(plan, images.name, norms, inverses, compute(1, storage)?)?;
            norms
        }
        None => compute(plan.layers.len(), storage)?,
    };
    Ok(Source { pixels, norms, inverses })
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

/// With fewer tiles for each thread than this, batches are dealt one by one.
const TILES_A_THREAD: usize = 8;

struct Gram<'a, 'o, F> {
    plan: &'a Plan,
    left: Source<'a, F>,
    right: Option<Source<'a, F>>,
    out: Outputs<'o, F>,
    job: &'a Job,
}

impl<F: Real> Task for Gram<'_, '_, F> {
    type Output = Result<()>;

    fn run<S: Simd>(self, simd: S) -> Result<()> {
        let Self { plan, left, right, out, job } = self;
        let symmetric = right.is_none();
        let right = right.unwrap_or(left);
        let tiles = tiles(out, symmetric);
        let stages = Stages::new(&plan.pair, plan.shape.channels, tile::<S, F>());
        if job.threads > 1 && tiles.len() < job.threads * TILES_A_THREAD {
            return spread(simd, plan, &stages, (left, right), tiles, job);
        }
        threads::run(job, tiles, |queue| {
            let mut worker = Worker::new(simd, plan, &stages, (left, right), job, queue);
            while let Some(mut tile) = queue.next() {
                worker.tile(&mut tile);
            }
        })
    }
}

/// Deal the pairs of a few tiles to all threads, a batch at a time.
fn spread<S: Simd, F: Real>(
    simd: S,
    plan: &Plan,
    stages: &Stages<F>,
    sources: (Source<F>, Source<F>),
    tiles: Vec<Tile<F>>,
    job: &Job,
) -> Result<()> {
    let pairs: Vec<_> = tiles.iter().flat_map(Tile::pairs).collect();
    let mut values = vec![Values { kernel: F::ZERO, ckn: F::ZERO }; pairs.len()];
    batches(simd, plan, stages, sources, (&pairs, &mut values), job)?;
    let mut values = values.into_iter();
    for mut tile in tiles {
        for (pair, values) in tile.pairs().collect::<Vec<_>>().into_iter().zip(&mut values) {
            tile.put(pair, values);
        }
    }
    Ok(())
}

/// Compute a list of pairs, a batch a task.
fn batches<S: Simd, F: Real>(
    simd: S,
    plan: &Plan,
    stages: &Stages<F>,
    sources: (Source<F>, Source<F>),
    (pairs, out): (&[(usize, usize)], &mut [Values<F>]),
    job: &Job,
) -> Result<()> {
    let lanes = Vector::<S, F>::LEN;
    let tasks: Vec<_> = pairs.chunks(lanes).zip(out.chunks_mut(lanes)).collect();
    threads::run(job, tasks, |queue| {
        let mut worker = Worker::new(simd, plan, stages, sources, job, queue);
        while let Some((pairs, out)) = queue.next() {
            worker.fill(pairs);
            worker.batch(pairs, |index, values| out[index] = values);
        }
    })
}

struct Pairs<'a, F> {
    plan: &'a Plan,
    images: Source<'a, F>,
    pairs: &'a [(usize, usize)],
    out: &'a mut [F],
    job: &'a Job,
}

impl<F: Real> Task for Pairs<'_, F> {
    type Output = Result<()>;

    fn run<S: Simd>(self, simd: S) -> Result<()> {
        let Self { plan, images, pairs, out, job } = self;
        let stages = Stages::new(&plan.pair, plan.shape.channels, tile::<S, F>());
        let mut values = vec![Values { kernel: F::ZERO, ckn: F::ZERO }; pairs.len()];
        batches(simd, plan, &stages, (images, images), (pairs, &mut values), job)?;
        for (out, values) in out.iter_mut().zip(values) {
            *out = values.kernel;
        }
        Ok(())
    }
}
