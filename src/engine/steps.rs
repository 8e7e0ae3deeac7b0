//! Single steps of the first layer, for the benchmarks. In the time of a whole computation, a change
//! of one step is too small to be seen.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView2};

use super::batch;
use super::batch::layer::{LayerRows, Meeting};
use super::batch::pack::{PerImage, Role, Source, packed_length};
use super::batch::scratch::Scratch;
use super::batch::stage::{Stage, Stages};
use super::job::Job;
use super::norms::{self, check_pixels};
use crate::error::Result;
use crate::plan::{Order, Plan, ROWS, Visit};
use crate::simd::{Context, Isa, Real, Simd, Task};

/// One of the steps of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Packing a batch of right images with their norms.
    Pack,
    /// Vertical patch sums.
    PatchSums,
    /// Horizontal patch sums and the patch kernel.
    Map,
    /// Pooling along right columns, or a trace.
    Pool,
}

/// A batch of images.
pub struct Steps<'a, F> {
    plan: &'a Plan,
    pixels: PerImage<'a, F>,
    norms: Vec<F>,
    isa: Isa,
}

/// The time of a number of runs.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    /// All runs.
    pub elapsed: Duration,
    /// Entries of the map that one run gives, all lanes together; for [`Step::Pack`], the numbers that
    /// it packs.
    pub elements: u64,
}

/// [`Steps::new`] in any precision.
pub(super) fn prepare<'a, F: Real>(
    plan: &'a Plan,
    pixels: ArrayView2<'a, F>,
    job: &Job,
) -> Result<Steps<'a, F>> {
    let mut values = Array2::from_elem((pixels.nrows(), plan.norms_len()), F::ZERO);
    norms::compute(plan, pixels, values.view_mut(), job)?;
    let pixels = check_pixels(plan, "images", pixels)?;
    Ok(Steps { plan, pixels, norms: values.into_iter().collect(), isa: job.isa })
}

/// [`Steps::time`] in any precision.
pub(super) fn time<F: Real>(steps: &Steps<F>, step: Step, runs: u64) -> Timed {
    steps.isa.run(Run { steps, step, runs })
}

impl<F: Real> Steps<'_, F> {
    fn source(&self) -> Source<'_, F> {
        let norms = PerImage { data: &self.norms, len: self.plan.norms_len() };
        Source { pixels: self.pixels, norms, log_derivatives: None, supports: None }
    }
}

struct Run<'a, 's, F> {
    steps: &'a Steps<'s, F>,
    step: Step,
    runs: u64,
}

impl<F: Real> Task for Run<'_, '_, F> {
    type Output = Timed;

    fn run<S: Simd>(self, simd: S) -> Timed {
        let Self { steps, step, runs } = self;
        let Steps { plan, pixels, .. } = steps;
        let cx = Context::<S, F>::new(simd);
        let lanes = cx.lanes();
        let images: Vec<usize> = (0..lanes).map(|lane| lane % pixels.count()).collect();
        let stages = Stages::new(&plan.pair, plan.shape.channels);
        let stage = &stages.stages[0];
        let mut scratch = Scratch::new(cx, &stages);
        let pack = |scratch: &mut Scratch<S, F>, role, images: &[usize]| {
            batch::fill(scratch, cx, plan, &stages, (role, steps.source()), images);
        };
        pack(&mut scratch, Role::Left, &images[..1]);
        pack(&mut scratch, Role::Right, &images);

        // In the middle of an image patches are whole. The rows go through the layer once, so that
        // each step finds the numbers of a real computation.
        let middle = stage.plan.rows.sites.len() / 2;
        let rows = middle..(middle + ROWS).min(stage.plan.rows.sites.len());
        let by_displacements = plan.pair.order == Order::Displacements;
        let visit = Visit { layer: 0, rows, displacement: by_displacements.then_some(0) };
        let layer = LayerRows { cx, stage, visit: &visit };
        layer.run(&mut scratch);
        let meetings = layer.meetings(middle as isize);

        let begin = Instant::now();
        for _ in 0..runs {
            match step {
                Step::Pack => pack(&mut scratch, Role::Right, &images),
                _ => take(step, &layer, meetings, &mut scratch),
            }
            black_box(&mut scratch);
        }
        let elapsed = begin.elapsed();
        let vectors = match step {
            Step::Pack => packed_length(&stages, Role::Right),
            _ => entries(stage) * meetings.iter().flatten().count(),
        };
        Timed { elapsed, elements: (vectors * lanes) as u64 }
    }
}

/// A step of all blocks of rows that meet.
fn take<S: Simd, F: Real>(
    step: Step,
    layer: &LayerRows<S, F>,
    meetings: [Option<Meeting>; ROWS],
    scratch: &mut Scratch<S, F>,
) {
    let rows = layer.pair_rows(meetings);
    for chunk in &layer.stage.chunks {
        for strip in &chunk.strips {
            if step == Step::PatchSums {
                layer.sum_columns(chunk, strip, &rows, scratch);
                continue;
            }
            for meeting in meetings.iter().flatten() {
                for block in &strip.blocks {
                    match step {
                        Step::Map => layer.map(chunk, &block.sites, meeting, scratch),
                        _ => layer.pool_block(chunk, &block.sites, meeting, scratch),
                    }
                }
            }
        }
    }
}

/// Entries of the map of a pair of rows.
fn entries<F: Real>(stage: &Stage<F>) -> usize {
    stage.plan.cols.reach.iter().map(|reach| reach.len()).sum()
}
