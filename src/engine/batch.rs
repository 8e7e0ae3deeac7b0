//! A batch: as many pairs as a vector has lanes, through all layers of a pipeline.
//!
//! Work goes by rows of the left images in the order of the plan's schedule. A row of a layer
//! meets every right row in reach; their pooled result goes into a ring of rows that the next
//! layer reads. No map is ever held whole.

use super::layer::LayerRow;
use super::pack::{Side, Source};
use super::scratch::{MAPS, Scratch};
use super::stage::{Stage, Stages};
use crate::plan::Plan;
use crate::simd::{Real, Simd, SimdBase, Vector};

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
    pub fn run(&mut self, simd: S, stages: &Stages<F>, ntk: bool, stop: impl Fn() -> bool) {
        self.totals = [Vector::<S, F>::splat(simd, F::ZERO); MAPS];
        for step in &stages.pipeline.schedule {
            if stop() {
                return;
            }
            let stage = &stages.stages[step.layer];
            let row = LayerRow { simd, stage, layer: step.layer, row: step.row, ntk };
            row.run(self);
            if step.layer + 1 == stages.stages.len() && !stage.is_trace() {
                self.read_diagonal(stage, step.row, stages.pipeline.ring_rows);
            }
        }
    }

    /// Copy the diagonal of the output rows that `row` completes.
    fn read_diagonal(&mut self, stage: &Stage<F>, row: usize, ring_rows: usize) {
        let (rows, cols) = (stage.plan.rows.windows.len(), stage.plan.cols.windows.len());
        for (y, window) in stage.plan.rows.windows_of(row) {
            if window.sites().end == row + 1 {
                let slot = y % ring_rows;
                let ring = &self.rings[self.rings.len() - 1][0][slot * stage.output_row()..];
                for x in 0..cols {
                    self.diagonal[y * cols + x] = ring[(x * rows + y) * cols + x];
                }
            }
        }
    }
}
