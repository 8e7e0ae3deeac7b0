//! Gram matrices: checked, split into tiles or batches, and dealt to threads.

use ndarray::{Array2, Dimension, Ix1, Ix2};

use super::batch::pack::Source;
use super::batch::stage::Stages;
use super::images::{Images, Storage, prepare};
use super::job::Job;
use super::memory::scratch_bytes;
use super::threads;
use super::tiles::{Outputs, Tile, tiles};
use super::worker::Worker;
use crate::error::{Result, bail};
use crate::plan::{Carried, Plan};
use crate::simd::{Context, Real, Simd, Task};

/// [`gram`](super::gram()) in any precision.
pub(super) fn compute<F: Real>(
    plan: &Plan,
    left: Images<F>,
    right: Option<Images<F>>,
    out: Outputs<F>,
    job: &Job,
) -> Result<()> {
    let columns = right.map_or(left.pixels.nrows(), |right| right.pixels.nrows());
    let shape = (left.pixels.nrows(), columns);
    check_outputs(plan, &out, Ix2(shape.0, shape.1))?;
    check_memory::<F>(plan, job)?;
    let mut storage = [Storage::new(), Storage::new()];
    let [left_storage, right_storage] = &mut storage;
    let left = prepare(plan, left, left_storage, job)?;
    let right = right.map(|right| prepare(plan, right, right_storage, job)).transpose()?;
    job.isa.for_few::<F>(shape.0 * shape.1).run(Gram { plan, left, right, out, job })
}

/// [`pairs`](super::pairs()) in any precision.
pub(super) fn compute_pairs<F: Real>(
    plan: &Plan,
    images: Images<F>,
    pairs: &[(usize, usize)],
    out: Outputs<F, Ix1>,
    job: &Job,
) -> Result<()> {
    check_outputs(plan, &out, Ix1(pairs.len()))?;
    check_memory::<F>(plan, job)?;
    let count = images.pixels.nrows();
    if let Some((left, right)) = pairs.iter().find(|(a, b)| *a.max(b) >= count) {
        bail!("pair ({left}, {right}) names an image beyond the {count} given");
    }
    let mut storage = Storage::new();
    let images = prepare(plan, images, &mut storage, job)?;
    job.isa.for_few::<F>(pairs.len()).run(Pairs { plan, images, pairs, out, job })
}

/// The most scratch memory of a thread, in bytes.
const MOST_SCRATCH: usize = 16 << 30;

/// An allocation that fails would end the process.
fn check_memory<F: Real>(plan: &Plan, job: &Job) -> Result<()> {
    let bytes = scratch_bytes::<F>(plan, job.isa);
    if bytes > MOST_SCRATCH {
        bail!(
            "model: each thread would need {:.0} GB of memory for images of shape {}, more than the \
             {} GB that are allowed; use narrower poolings, a larger \"subsampling\" or smaller images",
            bytes as f64 / 1e9,
            plan.shape,
            MOST_SCRATCH / 1_000_000_000,
        );
    }
    Ok(())
}

fn check_outputs<F: Real, D: Dimension>(plan: &Plan, out: &Outputs<F, D>, shape: D) -> Result<()> {
    let (wanted, given) = (plan.gradients(), out.beside.len());
    let fits = match plan.carried {
        Carried::Nothing => given == 0,
        Carried::Ntk => given <= 1,
        Carried::Gradients | Carried::NtkGradients => given == wanted,
    };
    if !fits {
        bail!(
            "there is a CKN beside an NTK, and a derivative for each of {wanted} parameters with \
             gradients, got {given} results beside the kernel"
        );
    }
    for view in std::iter::once(&out.kernel).chain(&out.beside) {
        let (got, wanted) = (view.shape(), shape.slice());
        if got != wanted {
            bail!("out must be of shape {wanted:?}, got {got:?}");
        }
    }
    Ok(())
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
        let cx = Context::new(simd);
        let stages = Stages::new(&plan.pair, plan.shape.channels);
        if job.threads > 1 && tiles.len() < job.threads * TILES_A_THREAD {
            return spread(cx, plan, &stages, (left, right), tiles, job);
        }
        threads::run(job, tiles, |queue| {
            let mut worker = Worker::new(cx, plan, &stages, (left, right), job, queue);
            while let Some(mut tile) = queue.next() {
                worker.tile(&mut tile);
            }
        })
    }
}

/// Deal the pairs of a few tiles to all threads, a batch at a time.
fn spread<S: Simd, F: Real>(
    cx: Context<S, F>,
    plan: &Plan,
    stages: &Stages<F>,
    sources: (Source<F>, Source<F>),
    tiles: Vec<Tile<F>>,
    job: &Job,
) -> Result<()> {
    let pairs: Vec<_> = tiles.iter().flat_map(Tile::pairs).collect();
    let values = batches(cx, plan, stages, sources, &pairs, job)?;
    let mut values = values.rows().into_iter();
    for mut tile in tiles {
        for (pair, values) in tile.pairs().collect::<Vec<_>>().into_iter().zip(&mut values) {
            tile.put(pair, values.to_slice().expect("a row of a matrix is contiguous"));
        }
    }
    Ok(())
}

/// Compute a list of pairs, a batch a task: the results of each, the kernel first.
fn batches<S: Simd, F: Real>(
    cx: Context<S, F>,
    plan: &Plan,
    stages: &Stages<F>,
    sources: (Source<F>, Source<F>),
    pairs: &[(usize, usize)],
    job: &Job,
) -> Result<Array2<F>> {
    let lanes = cx.lanes();
    let results = plan.results().len();
    let mut out = vec![F::ZERO; pairs.len() * results];
    let tasks: Vec<_> = pairs.chunks(lanes).zip(out.chunks_mut(lanes * results)).collect();
    threads::run(job, tasks, |queue| {
        let mut worker = Worker::new(cx, plan, stages, sources, job, queue);
        while let Some((pairs, out)) = queue.next() {
            worker.fill_pairs(pairs);
            let mut rows = out.chunks_exact_mut(results);
            worker.batch(pairs, |_, values| {
                if let Some(row) = rows.next() {
                    row.copy_from_slice(values);
                }
            });
        }
    })?;
    Ok(Array2::from_shape_vec((pairs.len(), results), out).expect("so many were computed"))
}

struct Pairs<'a, 'o, F> {
    plan: &'a Plan,
    images: Source<'a, F>,
    pairs: &'a [(usize, usize)],
    out: Outputs<'o, F, Ix1>,
    job: &'a Job,
}

impl<F: Real> Task for Pairs<'_, '_, F> {
    type Output = Result<()>;

    fn run<S: Simd>(self, simd: S) -> Result<()> {
        let Self { plan, images, pairs, out, job } = self;
        let cx = Context::new(simd);
        let stages = Stages::new(&plan.pair, plan.shape.channels);
        let values = batches(cx, plan, &stages, (images, images), pairs, job)?;
        let outputs = std::iter::once(out.kernel).chain(out.beside);
        for (mut out, values) in outputs.zip(values.columns()) {
            out.assign(&values);
        }
        Ok(())
    }
}
