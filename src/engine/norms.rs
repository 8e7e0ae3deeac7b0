//! Patch norms of every image at every layer: what makes cosines of patch sums.
//!
//! `n[p] = sqrt(S[p, p])` needs only the diagonal of the layer's input map, and that only a band of
//! the maps before it; a [`Plan`] has a pipeline for each. With gradients, the derivatives of that
//! diagonal come along, and give those of the norms' logarithms, *turns*:
//! `d log n[p] = dS[p, p] / (2 n[p]^2)`.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::compiled::Compiled;
use super::job::Job;
use super::pack::{Rows, Side, Source};
use super::patch::tile;
use super::scratch::Scratch;
use super::stage::Stages;
use super::threads::{self, Queue};
use crate::error::{Error, Result, bail};
use crate::plan::{Placement, Plan};
use crate::simd::{Real, Simd, SimdBase, SimdFloat, Task, Vector};

/// Compute the patch norms of `pixels`, `(n, h * w * c)`, into `out`, `(n, layers * h * w)`.
///
/// Both are in standard layout. Layer `l` begins at `l * h * w`; the entries that it does not use
/// are zero.
///
/// # Errors
/// [`Error::Value`] for wrong shapes, for an image with a value that is not finite and for one
/// whose norms overflow; [`Error::Interrupted`].
pub fn norms<F: Compiled>(
    plan: &Plan,
    pixels: ArrayView2<F>,
    out: ArrayViewMut2<F>,
    job: &Job,
) -> Result<()> {
    F::norms(plan, pixels, out, job)
}

pub(super) fn compute<F: Real>(
    plan: &Plan,
    pixels: ArrayView2<F>,
    mut out: ArrayViewMut2<F>,
    job: &Job,
) -> Result<()> {
    let name = "images";
    let pixels = check_pixels(plan, name, pixels)?;
    let shape = (pixels.count(), plan.norms_len());
    if out.dim() != shape {
        bail!("out must be of shape {shape:?}, got {:?}", out.dim());
    }
    let Some(out) = out.as_slice_mut() else {
        bail!("out must be contiguous in memory");
    };
    let layers = plan.model.layers.len();
    // Turns are no one's business outside the engine.
    let turns = &mut vec![F::ZERO; shape.0 * shape.1 * plan.gradients()];
    job.isa.run(Norms { plan, name, pixels, norms: out, turns, job, layers, counted: true })
}

/// Images must be of the plan's size, contiguous and finite.
pub(super) fn check_pixels<'a, F: Real>(
    plan: &Plan,
    name: &str,
    pixels: ArrayView2<'a, F>,
) -> Result<Rows<'a, F>> {
    let shape = plan.shape;
    let len = shape.height * shape.width * shape.channels;
    if pixels.ncols() != len {
        bail!("{name}: images of shape {shape} have {len} values, got {}", pixels.ncols());
    }
    let Some(data) = pixels.to_slice() else {
        bail!("{name} must be contiguous in memory");
    };
    let rows = Rows { data, len };
    for (index, image) in rows.iter().enumerate() {
        if !image.iter().all(|x| x.is_finite()) {
            bail!(
                "{name}: image {index} contains NaN or infinite values; remove or replace them first"
            );
        }
    }
    Ok(rows)
}

/// The norms of checked images.
pub(super) struct Norms<'a, F> {
    pub plan: &'a Plan,
    pub name: &'a str,
    pub pixels: Rows<'a, F>,
    pub norms: &'a mut [F],
    /// As many for each derivative, none without gradients.
    pub turns: &'a mut [F],
    pub job: &'a Job,
    /// The first layers, to which they are limited.
    pub layers: usize,
    /// Whether they are what the job's progress counts.
    pub counted: bool,
}

impl<F: Real> Task for Norms<'_, F> {
    type Output = Result<()>;

    fn run<S: Simd>(self, simd: S) -> Result<()> {
        let Self { plan, name, pixels, norms, turns, job, layers, counted } = self;
        let channels = plan.shape.channels;
        let stages: Vec<Stages<F>> = plan.norms[..layers - 1]
            .iter()
            .map(|pipeline| Stages::new(pipeline, channels, tile::<S, F>()))
            .collect();
        let lanes = Vector::<S, F>::LEN;
        let mut turns = turns.chunks_mut((lanes * plan.norms_len() * plan.gradients()).max(1));
        let groups: Vec<_> = pixels
            .data
            .chunks(lanes * pixels.len)
            .zip(norms.chunks_mut(lanes * plan.norms_len()))
            .enumerate()
            .map(|(index, (data, norms))| Group {
                first: index * lanes,
                pixels: Rows { data, len: pixels.len },
                norms,
                turns: turns.next().unwrap_or(&mut []),
            })
            .collect();
        threads::run(job, groups, |queue| {
            let mut scratches: Vec<_> =
                stages.iter().map(|stages| Scratch::new(simd, stages)).collect();
            while let Some(mut group) = queue.next() {
                group.norms.fill(F::ZERO);
                group.turns.fill(F::ZERO);
                simd.vectorize(
                    #[inline(always)]
                    || group.first_layer(simd, plan),
                );
                for (stages, scratch) in stages.iter().zip(&mut scratches) {
                    group.next_layer(simd, plan, stages, scratch, queue);
                }
                if let Err(error) = group.check(plan, name) {
                    queue.fail(error);
                }
                if counted {
                    job.advance(group.pixels.count());
                }
            }
        })
    }
}

/// As many images as there are lanes.
struct Group<'a, F> {
    /// Index of the first one.
    first: usize,
    pixels: Rows<'a, F>,
    norms: &'a mut [F],
    turns: &'a mut [F],
}

impl<F: Real> Group<'_, F> {
    #[inline(always)]
    fn first_layer<S: Simd>(&mut self, simd: S, plan: &Plan) {
        let (width, channels) = (plan.shape.width, plan.shape.channels);
        let pixels = self.pixels;
        let lane = |lane: usize| lane.min(pixels.count() - 1);
        let scale = F::from_f64(plan.pixel_scale);
        // A patch's pixels are in many others: each is gathered once.
        let gathered: Vec<_> = (0..plan.shape.height * width * channels)
            .map(|at| Vector::<S, F>::from_fn(simd, |k| pixels.row(lane(k))[at] * scale))
            .collect();
        let squares = |sum, y, x| {
            let pixel = &gathered[(y * width + x) * channels..][..channels];
            pixel.iter().fold(sum, |sum: Vector<S, F>, value| value.mul_add(*value, sum))
        };
        patch_sums::<S, F>(simd, plan, 0, squares, |at, sum| self.put_norm(simd, plan, at, sum));
    }

    fn next_layer<S: Simd>(
        &mut self,
        simd: S,
        plan: &Plan,
        stages: &Stages<F>,
        scratch: &mut Scratch<S, F>,
        queue: &Queue<Self>,
    ) {
        let layer = stages.stages.len();
        let len = plan.norms_len();
        let norms = Rows { data: &*self.norms, len };
        let turns = Rows { data: &*self.turns, len: len * plan.gradients() };
        let turns = (plan.gradients() > 0).then_some(turns);
        let source = Source { pixels: self.pixels, norms, turns };
        let images: Vec<usize> = (0..self.pixels.count()).collect();
        scratch.fill(Side::Left, simd, plan, stages, source, &images);
        scratch.fill(Side::Right, simd, plan, stages, source, &images);
        scratch.run(simd, stages, || queue.stopped());
        let width = plan.sizes[layer].1;
        for (map, diagonal) in scratch.diagonal.iter().enumerate() {
            let add = |sum: Vector<S, F>, y: usize, x: usize| sum + diagonal[y * width + x];
            simd.vectorize(
                #[inline(always)]
                || {
                    patch_sums::<S, F>(simd, plan, layer, add, |at, sum| {
                        match map.checked_sub(1) {
                            None => self.put_norm(simd, plan, at, sum),
                            Some(derivative) => self.put_turn::<S>(plan, derivative, at, sum),
                        }
                    });
                },
            );
        }
    }

    /// Store the norms whose squares are `sum`.
    #[inline(always)]
    fn put_norm<S: Simd>(&mut self, simd: S, plan: &Plan, at: usize, sum: Vector<S, F>) {
        // Rounding can leave a blank patch's sum below zero.
        let norm = sum.max(Vector::<S, F>::splat(simd, F::ZERO)).sqrt();
        for (norms, &norm) in self.norms.chunks_exact_mut(plan.norms_len()).zip(norm.as_slice()) {
            norms[at] = norm;
        }
    }

    /// Store the turns of norms, whose squares' derivatives are `sum`; a blank patch stays blank.
    #[inline(always)]
    fn put_turn<S: Simd>(&mut self, plan: &Plan, derivative: usize, at: usize, sum: Vector<S, F>) {
        let len = plan.norms_len();
        let images = self.turns.chunks_exact_mut(len * plan.gradients());
        for ((turns, norms), &sum) in
            images.zip(self.norms.chunks_exact(len)).zip((sum * F::HALF).as_slice())
        {
            let norm = norms[at];
            if norm > F::ZERO {
                turns[derivative * len + at] = sum / norm / norm;
            }
        }
    }

    fn check(&self, plan: &Plan, name: &str) -> Result<()> {
        for (index, norms) in self.norms.chunks_exact(plan.norms_len()).enumerate() {
            if !norms.iter().all(|norm| norm.is_finite()) {
                return Err(Error::Value(format!(
                    "{name}: the patch norms of image {} overflow; scale the images down{}",
                    self.first + index,
                    super::wider::<F>(),
                )));
            }
        }
        Ok(())
    }
}

/// For each patch of a layer, give `put` its place among norms and the sum over it, where
/// `add(sum, y, x)` adds a position's value; in the order in which the engine sums a patch.
#[inline(always)]
fn patch_sums<S: Simd, F: Real>(
    simd: S,
    plan: &Plan,
    layer: usize,
    add: impl Fn(Vector<S, F>, usize, usize) -> Vector<S, F>,
    mut put: impl FnMut(usize, Vector<S, F>),
) {
    let [rows, cols] = &plan.placements[layer];
    let width = plan.sizes[layer].1;
    let zero = Vector::<S, F>::splat(simd, F::ZERO);
    let under = |placement: &Placement| -> Vec<Vec<usize>> {
        (0..placement.patches).map(|patch| placement.under(patch).collect()).collect()
    };
    let (rows_under, cols_under) = (under(rows), under(cols));
    let mut vertical = vec![zero; width];
    for (y, under) in rows_under.iter().enumerate() {
        for (x, vertical) in vertical.iter_mut().enumerate() {
            *vertical = under.iter().fold(zero, |sum, y| add(sum, *y, x));
        }
        for (x, under) in cols_under.iter().enumerate() {
            let sum = under.iter().fold(zero, |sum, x| sum + vertical[*x]);
            put(layer * plan.layer_stride() + y * cols.patches + x, sum);
        }
    }
}
