//! A thread's work: a tile's pairs, a batch at a time.
//!
//! In a tile, each left image meets the right images a batch at a time, so that a batch has one left
//! image in all its lanes. The pairs that fill no such batch are gathered in a list, and batches are
//! filled from it: pairs of the last few right images, and of the triangle on the diagonal of a
//! symmetric matrix.

use super::batch;
use super::batch::pack::{Role, Source};
use super::batch::scratch::Scratch;
use super::batch::stage::Stages;
use super::job::Job;
use super::overflow::overflow;
use super::threads::Queue;
use super::tiles::Tile;
use super::top::Top;
use crate::plan::{Plan, ResultOf};
use crate::simd::{Context, Real, Simd};

/// All that a thread needs to compute pairs.
pub(super) struct Worker<'a, S: Simd, F: Real, T> {
    cx: Context<S, F>,
    plan: &'a Plan,
    stages: &'a Stages<'a, F>,
    left: Source<'a, F>,
    right: Source<'a, F>,
    job: &'a Job,
    queue: &'a Queue<'a, T>,
    scratch: Scratch<S, F>,
    /// Where each result comes from, and the map of the kernel among them.
    results: Vec<ResultOf>,
    kernel: usize,
    top: Top<F>,
}

impl<'a, S: Simd, F: Real, T> Worker<'a, S, F, T> {
    /// Images of `left` meet those of `right`.
    pub fn new(
        cx: Context<S, F>,
        plan: &'a Plan,
        stages: &'a Stages<'a, F>,
        (left, right): (Source<'a, F>, Source<'a, F>),
        job: &'a Job,
        queue: &'a Queue<'a, T>,
    ) -> Self {
        let scratch = Scratch::new(cx, stages);
        let (results, kernel, top) = (plan.results(), plan.kernel_map(), Top::new(plan));
        Self { cx, plan, stages, left, right, job, queue, scratch, results, kernel, top }
    }

    /// Compute a tile's pairs.
    pub fn tile(&mut self, tile: &mut Tile<F>) {
        let lanes = self.cx.lanes();
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
            self.fill(Role::Right, &cols);
            for row in full {
                self.fill(Role::Left, &[row]);
                let pairs: Vec<_> = cols.iter().map(|&col| (row, col)).collect();
                if !self.batch(&pairs, |index, values| tile.put(pairs[index], values)) {
                    return;
                }
            }
        }
        for pairs in odd.chunks(lanes) {
            self.fill_pairs(pairs);
            if !self.batch(pairs, |index, values| tile.put(pairs[index], values)) {
                return;
            }
        }
    }

    fn fill(&mut self, role: Role, indices: &[usize]) {
        let images = match role {
            Role::Left => self.left,
            Role::Right => self.right,
        };
        batch::fill(&mut self.scratch, self.cx, self.plan, self.stages, (role, images), indices);
    }

    /// Fill the lanes from a list of pairs.
    pub fn fill_pairs(&mut self, pairs: &[(usize, usize)]) {
        let (rows, cols): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        self.fill(Role::Left, &rows);
        self.fill(Role::Right, &cols);
    }

    /// Compute the pairs that the lanes hold and `put` each pair's results, the kernel first; false
    /// if the job was stopped.
    pub fn batch(&mut self, pairs: &[(usize, usize)], mut put: impl FnMut(usize, &[F])) -> bool {
        let queue = self.queue;
        batch::run(&mut self.scratch, self.cx, self.stages, || queue.stopped());
        if queue.stopped() {
            return false;
        }
        let mut values = Vec::with_capacity(self.results.len());
        for (index, &(row, col)) in pairs.iter().enumerate() {
            values.clear();
            let total = |map: usize| self.scratch.totals[map].value()[index];
            let kernel = total(self.kernel);
            let results = self.results.iter();
            values.extend(results.map(|&result| self.top.result(result, kernel, total)));
            if !values.iter().all(|value| value.is_finite()) {
                let what = format_args!("the kernel of images {row} and {col} overflows");
                queue.fail(overflow::<F>(what));
                return false;
            }
            put(index, &values);
        }
        self.job.advance(pairs.len());
        true
    }
}
