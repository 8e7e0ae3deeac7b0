//! A thread's work: a tile's pairs, a batch at a time.
//!
//! In a tile, each left image meets the right images a batch at a time, so that a batch has one
//! left image in all its lanes. The pairs that fill no such batch (a last few right images, the
//! triangle on the diagonal of a symmetric matrix) are gathered, and lanes filled from the list.

use super::job::Job;
use super::pack::{Side, Source};
use super::scratch::Scratch;
use super::stage::Stages;
use super::threads::Queue;
use super::tiles::Tile;
use crate::error::Error;
use crate::plan::{Carried, Plan};
use crate::simd::{Real, Simd, SimdBase, Vector};

/// What a thread needs to compute pairs.
pub(super) struct Worker<'a, S: Simd, F: Real, T> {
    simd: S,
    plan: &'a Plan,
    stages: &'a Stages<'a, F>,
    left: Source<'a, F>,
    right: Source<'a, F>,
    job: &'a Job,
    queue: &'a Queue<'a, T>,
    scratch: Scratch<S, F>,
}

impl<'a, S: Simd, F: Real, T> Worker<'a, S, F, T> {
    /// Images of `left` meet those of `right`.
    pub fn new(
        simd: S,
        plan: &'a Plan,
        stages: &'a Stages<'a, F>,
        (left, right): (Source<'a, F>, Source<'a, F>),
        job: &'a Job,
        queue: &'a Queue<'a, T>,
    ) -> Self {
        let scratch = Scratch::new(simd, stages);
        Self { simd, plan, stages, left, right, job, queue, scratch }
    }

    /// Compute a tile's pairs.
    pub fn tile(&mut self, tile: &mut Tile<F>) {
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
                if !self
                    .batch(&pairs, |index, values| tile.put(pairs[index], values.iter().copied()))
                {
                    return;
                }
            }
        }
        for pairs in odd.chunks(lanes) {
            self.fill(pairs);
            if !self.batch(pairs, |index, values| tile.put(pairs[index], values.iter().copied())) {
                return;
            }
        }
    }

    /// Fill both sides from a list of pairs.
    pub fn fill(&mut self, pairs: &[(usize, usize)]) {
        let (rows, cols): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        self.scratch.fill(Side::Left, self.simd, self.plan, self.stages, self.left, &rows);
        self.scratch.fill(Side::Right, self.simd, self.plan, self.stages, self.right, &cols);
    }

    /// Compute what the lanes hold and `put` each pair's results, the kernel first; false if the job
    /// was stopped.
    pub fn batch(&mut self, pairs: &[(usize, usize)], mut put: impl FnMut(usize, &[F])) -> bool {
        let queue = self.queue;
        self.scratch.run(self.simd, self.stages, || queue.stopped());
        if queue.stopped() {
            return false;
        }
        let mut values = Vec::new();
        for (index, &(row, col)) in pairs.iter().enumerate() {
            values.clear();
            values.extend(self.scratch.totals.iter().map(|total| total.value()[index]));
            if self.plan.carried == Carried::Ntk {
                values.reverse();
            }
            if !values.iter().all(|value| value.is_finite()) {
                queue.fail(Error::Value(format!(
                    "the kernel of images {row} and {col} overflows; scale the images down{}",
                    super::wider::<F>(),
                )));
                return false;
            }
            put(index, &values);
        }
        self.job.advance(pairs.len());
        true
    }
}
