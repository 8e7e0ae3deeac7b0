//! Single steps of the first layer, for the benchmarks: what a change of one of them does is lost in
//! a whole computation.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView2};

use super::compiled::Compiled;
use super::job::Job;
use super::layer::{LayerRows, Meeting};
use super::norms::{check_pixels, norms};
use super::pack::{Rows, Side, Source, packed_length};
use super::patch::tile;
use super::scratch::Scratch;
use super::stage::{Stage, Stages};
use crate::error::Result;
use crate::plan::{Plan, ROWS};
use crate::simd::{Isa, Real, Simd, SimdBase, Task, Vector};

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
    pixels: Rows<'a, F>,
    norms: Vec<F>,
    isa: Isa,
}

/// What a number of runs took.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    /// All runs.
    pub elapsed: Duration,
    /// Entries of the map that one run gives, all lanes together; of [`Step::Pack`] the numbers that
    /// it packs.
    pub elements: u64,
}

impl<'a, F: Compiled> Steps<'a, F> {
    /// The first of `pixels`, `(n, h * w * c)` with `n` at least 1, meets as many as there are lanes,
    /// over and over if there are fewer.
    ///
    /// # Errors
    /// As [`norms`].
    pub fn new(plan: &'a Plan, pixels: ArrayView2<'a, F>, job: &Job) -> Result<Self> {
        let mut values = Array2::from_elem((pixels.nrows(), plan.norms_len()), F::ZERO);
        norms(plan, pixels, values.view_mut(), job)?;
        let pixels = check_pixels(plan, "images", pixels)?;
        Ok(Self { plan, pixels, norms: values.into_iter().collect(), isa: job.isa })
    }

    /// Take a step of a pair of rows `runs` times.
    pub fn time(&self, step: Step, runs: u64) -> Timed {
        F::time(self, step, runs)
    }
}

pub(super) fn time<F: Real>(steps: &Steps<F>, step: Step, runs: u64) -> Timed {
    steps.isa.run(Run { steps, step, runs })
}

impl<F: Real> Steps<'_, F> {
    fn source(&self) -> Source<'_, F> {
        let norms = Rows { data: &self.norms, len: self.plan.norms_len() };
        Source { pixels: self.pixels, norms, turns: None }
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
        let lanes = Vector::<S, F>::LEN;
        let images: Vec<usize> = (0..lanes).map(|lane| lane % pixels.count()).collect();
        let stages = Stages::new(&plan.pair, plan.shape.channels, tile::<S, F>());
        let stage = &stages.stages[0];
        let mut scratch = Scratch::new(simd, &stages);
        let pack = |scratch: &mut Scratch<S, F>, side, images: &[usize]| {
            scratch.fill(side, simd, plan, &stages, steps.source(), images);
        };
        pack(&mut scratch, Side::Left, &images[..1]);
        pack(&mut scratch, Side::Right, &images);

        // In the middle of an image, where patches are whole. Whole rows go first, so that every
        // step finds what it would.
        let middle = stage.plan.rows.sites.len() / 2;
        let rows = middle..(middle + ROWS).min(stage.plan.rows.sites.len());
        let layer = LayerRows { simd, stage, layer: 0, rows };
        layer.run(&mut scratch);
        let meetings = layer.meetings(middle as isize);

        let begin = Instant::now();
        for _ in 0..runs {
            match step {
                Step::Pack => pack(&mut scratch, Side::Right, &images),
                _ => take(step, &layer, meetings, &mut scratch),
            }
            black_box(&mut scratch);
        }
        let elapsed = begin.elapsed();
        let vectors = match step {
            Step::Pack => packed_length(&stages, Side::Right),
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
                        Step::Map => layer.map(chunk, block, meeting, scratch),
                        _ => layer.pool_block(chunk, block, meeting, scratch),
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
