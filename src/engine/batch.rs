//! A batch: as many pairs as a vector has lanes, through all layers of a pipeline.
//!
//! Work goes by pairs of rows of the left images, in the order of the plan's schedule. They meet
//! every right row in reach; the pooled result goes into a ring of rows that the next
//! layer reads. No map is ever held whole.

use std::ops::Range;

use super::layer::LayerRows;
use super::pack::{Side, Source};
use super::scratch::{Scratch, Total};
use super::stage::{Stage, Stages};
use crate::plan::Plan;
use crate::simd::{Real, Simd};

impl<S: Simd, F: Real> Scratch<S, F> {
    /// Put image `indices[k]` in lane `k` of one side; the last one fills the lanes left over.
    pub fn fill(
        &mut self,
        side: Side,
        simd: S,
        plan: &Plan,
        stages: &Stages<F>,
        images: Source<F>,
        indices: &[usize],
    ) {
        let packed = match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        };
        simd.vectorize(
            #[inline(always)]
            || packed.fill(simd, plan, stages, images, indices),
        );
    }

    /// Run the pairs of `left` and `right` through the pipeline; stop early if `stop` says so.
    pub fn run(&mut self, simd: S, stages: &Stages<F>, stop: impl Fn() -> bool) {
        self.totals.fill(Total::new(simd));
        for step in &stages.pipeline.schedule {
            if stop() {
                return;
            }
            let stage = &stages.stages[step.layer];
            let rows = step.rows.clone();
            LayerRows { simd, stage, layer: step.layer, rows: rows.clone() }.run(self);
            if step.layer + 1 == stages.stages.len() && !stage.is_trace() {
                self.read_diagonal(stage, rows, stages.pipeline.ring_rows);
            }
        }
    }

    /// Copy the diagonal of the output rows that `completed` completes.
    fn read_diagonal(&mut self, stage: &Stage<F>, completed: Range<usize>, ring_rows: usize) {
        let cols = stage.plan.cols.windows.len();
        for (y, window) in stage.plan.rows.windows.iter().enumerate() {
            if completed.contains(&(window.sites().end - 1)) {
                let slot = y % ring_rows;
                let maps = &self.rings[self.rings.len() - 1];
                for (ring, diagonal) in maps.iter().zip(&mut self.diagonal) {
                    let row = &ring[slot * stage.output_row()..];
                    for x in 0..cols {
                        diagonal[y * cols + x] = row[(y * cols + x) * cols + x];
                    }
                }
            }
        }
    }
}
