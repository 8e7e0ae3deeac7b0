//! A batch: as many pairs as a vector has lanes, through all layers of a pipeline.
//!
//! Work goes by rows of the left images in the order of the plan's schedule. A row of a layer
//! meets every right row in reach; their pooled result goes into a ring of rows that the next
//! layer reads. No map is ever held whole.

use super::map::{BlockMap, Maps, Values};
use super::pack::{Packed, Side, Source};
use super::patch::{Products, Sums};
use super::pool::{Weighted, pool_columns, pool_left_row, pool_right_row, trace_block};
use super::stage::{Block, PatchRows, Stage, Stages};
use crate::plan::{BLOCK, Plan};
use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector, zeros};

/// The CKN's map and the NTK's: most buffers come in a pair, the second empty without NTK.
const MAPS: usize = 2;

/// Everything a thread writes to, allocated once.
pub(super) struct Scratch<S: Simd, F: Real> {
    pub left: Packed<S, F>,
    pub right: Packed<S, F>,
    layers: Vec<LayerScratch<S, F>>,
    /// `rings[l]` is the input of layer `l`; empty for the first layer.
    rings: Vec<[Vec<Vector<S, F>>; MAPS]>,
    /// The traces.
    pub totals: [Vector<S, F>; MAPS],
    /// The diagonal of the output, by `[row][column]`, for a pipeline that ends in it.
    pub diagonal: Vec<Vector<S, F>>,
}

struct LayerScratch<S: Simd, F: Real> {
    columns: [Vec<Vector<S, F>>; MAPS],
    block: [Vec<Values<S, F>>; MAPS],
    /// Of the block, by right window.
    pooled: Vec<Values<S, F>>,
    across: [Vec<Vector<S, F>>; MAPS],
    down: [Vec<Vector<S, F>>; MAPS],
}

impl<S: Simd, F: Real> LayerScratch<S, F> {
    fn new(simd: S, stage: &Stage<F>, ntk: bool, index: usize) -> Self {
        let (rows, cols) = (&stage.plan.rows, &stage.plan.cols);
        let both =
            |len: usize| [zeros::<S, F>(simd, len), zeros::<S, F>(simd, if ntk { len } else { 0 })];
        let zero = [Vector::<S, F>::splat(simd, F::ZERO); BLOCK];
        let tangent_columns = if ntk && index > 0 { stage.columns.len() } else { 0 };
        Self {
            columns: [
                zeros::<S, F>(simd, stage.columns.len()),
                zeros::<S, F>(simd, tangent_columns),
            ],
            block: [
                vec![zero; cols.sites.len()],
                vec![zero; if ntk { cols.sites.len() } else { 0 }],
            ],
            pooled: vec![zero; cols.windows.len()],
            across: both(cols.windows.len() * cols.windows.len()),
            down: both(cols.windows.len() * rows.windows.len() * cols.windows.len()),
        }
    }
}

impl<S: Simd, F: Real> Scratch<S, F> {
    /// Scratch for `stages`; `ntk` if the NTK's map is wanted too.
    pub fn new(simd: S, stages: &Stages<F>, ntk: bool) -> Self {
        let pipeline = stages.pipeline;
        let ring = |rows: usize, stage: &Stage<F>| {
            let len = rows * stage.output_row();
            [zeros::<S, F>(simd, len), zeros::<S, F>(simd, if ntk { len } else { 0 })]
        };
        let mut rings = vec![[Vec::new(), Vec::new()]];
        for (index, stage) in stages.stages.iter().enumerate() {
            let next = pipeline.layers.get(index + 1);
            rings.push(ring(next.map_or(pipeline.ring_rows, |next| next.ring_rows), stage));
        }
        let last = &stages.stages[stages.stages.len() - 1].plan;
        let layer = |(index, stage)| LayerScratch::new(simd, stage, ntk, index);
        Self {
            left: Packed::new(simd, stages, Side::Left),
            right: Packed::new(simd, stages, Side::Right),
            layers: stages.stages.iter().enumerate().map(layer).collect(),
            rings,
            totals: [Vector::<S, F>::splat(simd, F::ZERO); MAPS],
            diagonal: zeros::<S, F>(simd, last.rows.windows.len() * last.cols.windows.len()),
        }
    }

    /// Put one image a lane on the left.
    pub fn fill_left(
        &mut self,
        simd: S,
        plan: &Plan,
        stages: &Stages<F>,
        images: Source<F>,
        indices: &[usize],
    ) {
        simd.vectorize(
            #[inline(always)]
            || self.left.fill(simd, plan, stages, images, indices),
        );
    }

    /// Put one image a lane on the right.
    pub fn fill_right(
        &mut self,
        simd: S,
        plan: &Plan,
        stages: &Stages<F>,
        images: Source<F>,
        indices: &[usize],
    ) {
        simd.vectorize(
            #[inline(always)]
            || self.right.fill(simd, plan, stages, images, indices),
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

/// A row of right sites, and the input rows under its and the left row's patches.
#[derive(Clone, Copy)]
struct RightRow {
    row: usize,
    patch: PatchRows,
}

/// One row of left sites of one layer.
struct LayerRow<'a, S: Simd, F: Real> {
    simd: S,
    stage: &'a Stage<'a, F>,
    layer: usize,
    row: usize,
    ntk: bool,
}

impl<S: Simd, F: Real> LayerRow<'_, S, F> {
    fn maps(&self) -> std::ops::Range<usize> {
        0..if self.ntk { MAPS } else { 1 }
    }

    fn run(&self, scratch: &mut Scratch<S, F>) {
        let rows = &self.stage.plan.rows;
        for right_row in rows.reach[self.row].clone() {
            let right =
                RightRow { row: right_row, patch: self.stage.patch_rows(self.row, right_row) };
            if self.stage.is_trace() {
                self.trace(right, scratch);
            } else {
                self.pool(right, scratch);
            }
        }
        self.hand_on(scratch);
    }

    /// Add a pair of rows to the traces.
    fn trace(&self, right: RightRow, scratch: &mut Scratch<S, F>) {
        let zero = Vector::<S, F>::splat(self.simd, F::ZERO);
        let mut sums = [[zero; BLOCK]; MAPS];
        for block in &self.stage.blocks {
            self.evaluate(block, right, scratch);
            for map in self.maps() {
                let values = &scratch.layers[self.layer].block[map];
                self.simd.vectorize(
                    #[inline(always)]
                    || trace_block::<S, F>(block, values, &mut sums[map], self.simd),
                );
            }
        }
        let weight = F::from_f64(self.stage.plan.rows.trace[self.row][right.row]);
        let weight = Vector::<S, F>::splat(self.simd, weight);
        for map in self.maps() {
            let [a, b, c, d] = sums[map];
            let sum = (a + b) + (c + d);
            scratch.totals[map] = sum.mul_add(weight, scratch.totals[map]);
        }
    }

    /// Pool a pair of rows along both columns and the right rows.
    fn pool(&self, right: RightRow, scratch: &mut Scratch<S, F>) {
        for block in &self.stage.blocks {
            self.evaluate(block, right, scratch);
            let LayerScratch { block: values, pooled, across, .. } =
                &mut scratch.layers[self.layer];
            for map in self.maps() {
                self.simd.vectorize(
                    #[inline(always)]
                    || {
                        pool_columns(
                            self.simd,
                            self.stage,
                            block,
                            &values[map],
                            pooled,
                            &mut across[map],
                        )
                    },
                );
            }
        }
        let rows = &self.stage.plan.rows;
        let LayerScratch { across, down, .. } = &mut scratch.layers[self.layer];
        for (window, taps) in rows.windows_of(right.row) {
            if !rows.site_window_reach[self.row].contains(&window) {
                continue;
            }
            let weighted = Weighted {
                weight: F::from_f64(taps.weight(right.row)),
                begins: taps.first == right.row,
            };
            for map in self.maps() {
                self.simd.vectorize(
                    #[inline(always)]
                    || {
                        pool_right_row(
                            self.simd,
                            self.stage,
                            window,
                            weighted,
                            &across[map],
                            &mut down[map],
                        )
                    },
                );
            }
        }
    }

    /// Pool along left rows, into the next layer's ring.
    fn hand_on(&self, scratch: &mut Scratch<S, F>) {
        let rows = &self.stage.plan.rows;
        let len = self.stage.output_row();
        for (window, taps) in rows.windows_of(self.row) {
            let weighted = Weighted {
                weight: F::from_f64(taps.weight(self.row)),
                begins: taps.first == self.row,
            };
            for map in self.maps() {
                let ring = &mut scratch.rings[self.layer + 1][map];
                let slots = ring.len() / len;
                let output = &mut ring[window % slots * len..][..len];
                let down = &scratch.layers[self.layer].down[map];
                let rights = rows.window_reach[window].clone();
                self.simd.vectorize(
                    #[inline(always)]
                    || pool_left_row(self.simd, self.stage, rights, weighted, down, output),
                );
            }
        }
    }

    /// Patch sums and patch kernels of a block.
    fn evaluate(&self, block: &Block<F>, row: RightRow, scratch: &mut Scratch<S, F>) {
        self.sum_columns(block, row.patch, scratch);
        let Self { simd, stage, layer, .. } = *self;
        let left = &scratch.left.norms[layer];
        let right = &scratch.right.norms[layer];
        let stride = stage.site_stride();
        let at = self.row * stride + block.first;
        let sites = row.row * stride + block.reach.start..row.row * stride + block.reach.end;
        let LayerScratch { columns: [columns, tangent_columns], block: [values, tangents], .. } =
            &mut scratch.layers[layer];
        let map: BlockMap<'_, S, F> = BlockMap {
            simd,
            kernel: stage.plan.layer.kernel,
            sigma: stage.plan.layer.sigma,
            maps: Maps::of(self.ntk, layer),
            bases: &block.bases,
            columns: [columns, tangent_columns],
            reach: block.reach.clone(),
            left: (&left.norms[at..at + BLOCK], &left.inverses[at..at + BLOCK]),
            right: (&right.norms[sites.clone()], &right.inverses[sites]),
        };
        map.run(values, tangents);
    }

    /// The vertical sums that `block` is the first to read.
    fn sum_columns(&self, block: &Block<F>, rows: PatchRows, scratch: &mut Scratch<S, F>) {
        let Self { simd, stage, layer, .. } = *self;
        let columns = &mut scratch.layers[layer].columns;
        if layer == 0 {
            let products: Products<'_, S, F> = Products {
                simd,
                left: &scratch.left.pixels,
                right: &scratch.right.pixels,
                rows,
                depth: stage.depth,
                image_rows: stage.plan.rows.inputs.len(),
            };
            simd.vectorize(
                #[inline(always)]
                || products.run(&block.fresh, &mut columns[0]),
            );
            return;
        }
        for map in self.maps() {
            let sums = Sums { simd, stage, input: &scratch.rings[layer][map], rows };
            simd.vectorize(
                #[inline(always)]
                || sums.run(&block.fresh, &mut columns[map]),
            );
        }
    }
}
