//! Gram matrices: tiles of pairs, emptied into batches.
//!
//! In a tile, each left image meets the right images a batch at a time, so that a batch has one
//! left image in all its lanes. The pairs that fill no such batch (a last few right images, the
//! triangle on the diagonal of a symmetric matrix) are gathered, and lanes filled from the list.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use super::batch::Scratch;
use super::job::Job;
use super::norms::{Norms, check_pixels};
use super::pack::{Rows, Source};
use super::patch::tile;
use super::stage::Stages;
use super::workers::{self, Queue};
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

/// Where results go.
pub struct Outputs<'a, F> {
    /// The NTK if the plan asks for it, else the CKN.
    pub kernel: ArrayViewMut2<'a, F>,
    /// The CKN beside the NTK.
    pub ckn: Option<ArrayViewMut2<'a, F>>,
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

/// Pairs of a matrix that one thread computes in one go.
struct Tile<'a, F> {
    rows: Range<usize>,
    cols: Range<usize>,
    kernel: Cells<'a, F>,
    ckn: Option<Cells<'a, F>>,
}

/// A tile of a result, and its transpose in a symmetric matrix.
struct Cells<'a, F> {
    own: ArrayViewMut2<'a, F>,
    mirror: Mirror<'a, F>,
}

enum Mirror<'a, F> {
    /// Not symmetric.
    None,
    /// On the diagonal.
    Own,
    Other(ArrayViewMut2<'a, F>),
}

impl<F: Real> Cells<'_, F> {
    fn put(&mut self, row: usize, col: usize, value: F) {
        self.own[[row, col]] = value;
        match &mut self.mirror {
            Mirror::None => {}
            Mirror::Own => self.own[[col, row]] = value,
            Mirror::Other(mirror) => mirror[[col, row]] = value,
        }
    }
}

/// Least side of a tile, a multiple of every lane count.
const TILE: usize = 32;

/// Most tiles along a side: their bookkeeping stays small for any matrix.
const TILES: usize = 128;

fn tile_side(len: usize) -> usize {
    len.div_ceil(TILES).next_multiple_of(TILE).max(TILE)
}

/// Split a matrix into cells: all of them, or the upper triangle with its mirror images.
fn cells<F>(view: ArrayViewMut2<'_, F>, symmetric: bool) -> Vec<((usize, usize), Cells<'_, F>)> {
    let (rows, cols) = (tile_side(view.nrows()), tile_side(view.ncols()));
    let mut grid: Vec<Vec<Option<ArrayViewMut2<F>>>> = split(view, Axis(0), rows)
        .map(|band| split(band, Axis(1), cols).map(Some).collect())
        .collect();
    let mut cells = Vec::new();
    for i in 0..grid.len() {
        for j in if symmetric { i } else { 0 }..grid[i].len() {
            let own = grid[i][j].take().expect("each cell is taken once");
            let mirror = match (symmetric, i == j) {
                (false, _) => Mirror::None,
                (true, true) => Mirror::Own,
                (true, false) => Mirror::Other(grid[j][i].take().expect("each cell is taken once")),
            };
            cells.push(((i * rows, j * cols), Cells { own, mirror }));
        }
    }
    cells
}

fn split<F>(
    view: ArrayViewMut2<'_, F>,
    axis: Axis,
    side: usize,
) -> impl Iterator<Item = ArrayViewMut2<'_, F>> {
    let mut rest = Some(view);
    std::iter::from_fn(move || {
        let view = rest.take().filter(|view| view.len_of(axis) > 0)?;
        let at = side.min(view.len_of(axis));
        let (head, tail) = view.split_at(axis, at);
        rest = Some(tail);
        Some(head)
    })
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
        let mut ckn = out.ckn.map(|view| cells(view, symmetric).into_iter());
        let tiles: Vec<Tile<F>> = cells(out.kernel, symmetric)
            .into_iter()
            .map(|((row, col), kernel)| Tile {
                rows: row..row + kernel.own.nrows(),
                cols: col..col + kernel.own.ncols(),
                kernel,
                ckn: ckn.as_mut().and_then(|cells| cells.next()).map(|(_, cells)| cells),
            })
            .collect();
        let stages = Stages::new(&plan.pair, plan.shape.channels, tile::<S, F>());
        workers::run(job, tiles, |queue| {
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
        let triangle = matches!(tile.kernel.mirror, Mirror::Own);
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
            self.scratch.fill_right(self.simd, self.plan, self.stages, self.right, &cols);
            for row in full {
                self.scratch.fill_left(self.simd, self.plan, self.stages, self.left, &[row]);
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
        self.scratch.fill_left(self.simd, self.plan, self.stages, self.left, &rows);
        self.scratch.fill_right(self.simd, self.plan, self.stages, self.right, &cols);
    }

    /// Compute what the lanes hold and `put` each pair's values; false if the job was stopped.
    fn batch(&mut self, pairs: &[(usize, usize)], mut put: impl FnMut(usize, Values<F>)) -> bool {
        let queue = self.queue;
        self.scratch.run(self.simd, self.stages, self.plan.ntk, || queue.stopped());
        if queue.stopped() {
            return false;
        }
        for (index, &(row, col)) in pairs.iter().enumerate() {
            let [ckn, ntk] = self.scratch.totals.map(|total| total.as_slice()[index]);
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

impl<F: Real> Tile<'_, F> {
    /// Store a pair's kernel, and its CKN if that is wanted beside it.
    fn put(&mut self, (row, col): (usize, usize), Values { kernel, ckn }: Values<F>) {
        let (row, col) = (row - self.rows.start, col - self.cols.start);
        self.kernel.put(row, col, kernel);
        if let Some(cells) = &mut self.ckn {
            cells.put(row, col, ckn);
        }
    }
}

/// The results of a pair.
struct Values<F> {
    /// The NTK if the plan asks for it, else the CKN.
    kernel: F,
    ckn: F,
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
        workers::run(job, tasks, |queue| {
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
