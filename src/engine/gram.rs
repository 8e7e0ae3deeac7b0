//! Gram matrices: tiles of pairs, emptied into batches.
//!
//! In a tile, each left image meets the right images a batch at a time, so that a batch has one
//! left image in all its lanes. The pairs that fill no such batch (a last few right images, the
//! triangle on the diagonal of a symmetric matrix) are gathered, and lanes filled from the list.

use ndarray::ArrayView2;

use super::job::Job;
use super::norms::{Norms, check_pixels};
use super::pack::{Rows, Side, Source};
use super::patch::tile;
use super::scratch::Scratch;
use super::stage::Stages;
use super::threads::{self, Queue};
use super::tiles::{Outputs, Tile, Values, tiles};
use crate::error::{Error, Result, bail};
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
    job.isa.run(Gram { plan, left, right, out, job })
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
    job.isa.run(Pairs { plan, images, pairs, out, job })
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
    let norms = match images.norms {
        Some(given) => check("norms", given)?,
        None => {
            let len = plan.norms_len();
            let storage = storage.insert(vec![F::ZERO; pixels.count() * len]);
            job.isa.run(Norms {
                plan,
                name: images.name,
                pixels,
                out: storage,
                job,
                counted: false,
            })?;
            Rows { data: storage, len }
        }
    };
    Ok(Source { pixels, norms, inverses })
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
        threads::run(job, tiles, |queue| {
            let scratch = Scratch::new(simd, &stages, plan.ntk);
            let mut worker =
                Worker { simd, plan, stages: &stages, left, right, job, queue, scratch };
            while let Some(mut tile) = queue.next() {
                worker.tile(&mut tile);
            }
        })
    }
}

/// What a thread needs to compute pairs.
struct Worker<'a, S: Simd, F: Real, T> {
    simd: S,
    plan: &'a Plan,
    stages: &'a Stages<'a, F>,
    left: Source<'a, F>,
    right: Source<'a, F>,
    job: &'a Job,
    queue: &'a Queue<'a, T>,
    scratch: Scratch<S, F>,
}

impl<S: Simd, F: Real, T> Worker<'_, S, F, T> {
    fn tile(&mut self, tile: &mut Tile<F>) {
        let lanes = Vector::<S, F>::LEN;
        let triangle = tile.is_triangle();
        let mut odd = Vec::new();
        for first in tile.cols.clone().step_by(lanes) {
            let cols: Vec<usize> = (first..tile.cols.end.min(first + lanes)).collect();
            // In a triangle the batch is full for the rows up to its first column.
            let full = match (cols.len() == lanes, triangle) {
                (true, true) => tile.rows.start..first + 1,
                (true, false) => tile.rows.clone(),
                (false, _) => tile.rows.start..tile.rows.start,
            };
            for row in full.end..tile.rows.end {
                odd.extend(
                    cols.iter().filter(|&&col| !triangle || col >= row).map(|&col| (row, col)),
                );
            }
            if full.is_empty() {
                continue;
            }
            self.scratch.fill(Side::Right, self.simd, self.plan, self.stages, self.right, &cols);
            for row in full {
                self.scratch.fill(Side::Left, self.simd, self.plan, self.stages, self.left, &[row]);
                let pairs: Vec<_> = cols.iter().map(|&col| (row, col)).collect();
                if !self.batch(&pairs, |index, values| tile.put(pairs[index], values)) {
                    return;
                }
            }
        }
        for pairs in odd.chunks(lanes) {
            self.fill(pairs);
            if !self.batch(pairs, |index, values| tile.put(pairs[index], values)) {
                return;
            }
        }
    }

    /// Fill both sides from a list of pairs.
    fn fill(&mut self, pairs: &[(usize, usize)]) {
        let (rows, cols): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        self.scratch.fill(Side::Left, self.simd, self.plan, self.stages, self.left, &rows);
        self.scratch.fill(Side::Right, self.simd, self.plan, self.stages, self.right, &cols);
    }

    /// Compute what the lanes hold and `put` each pair's values; false if the job was stopped.
    fn batch(&mut self, pairs: &[(usize, usize)], mut put: impl FnMut(usize, Values<F>)) -> bool {
        let queue = self.queue;
        self.scratch.run(self.simd, self.stages, self.plan.ntk, || queue.stopped());
        if queue.stopped() {
            return false;
        }
        for (index, &(row, col)) in pairs.iter().enumerate() {
            let [ckn, ntk] = self.scratch.totals.each_ref().map(|total| total.value()[index]);
            let kernel = if self.plan.ntk { ntk } else { ckn };
            if !(kernel.is_finite() && ckn.is_finite()) {
                queue.fail(Error::Value(format!(
                    "the kernel of images {row} and {col} overflows; scale the images down{}",
                    super::wider::<F>(),
                )));
                return false;
            }
            put(index, Values { kernel, ckn });
        }
        self.job.advance(pairs.len());
        true
    }
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
        let lanes = Vector::<S, F>::LEN;
        let stages = Stages::new(&plan.pair, plan.shape.channels, tile::<S, F>());
        let tasks: Vec<_> = pairs.chunks(lanes).zip(out.chunks_mut(lanes)).collect();
        threads::run(job, tasks, |queue| {
            let scratch = Scratch::new(simd, &stages, plan.ntk);
            let (left, right) = (images, images);
            let mut worker =
                Worker { simd, plan, stages: &stages, left, right, job, queue, scratch };
            while let Some((pairs, out)) = queue.next() {
                worker.fill(pairs);
                worker.batch(pairs, |index, values| out[index] = values.kernel);
            }
        })
    }
}
