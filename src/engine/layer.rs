//! One row of left sites through a layer: against every right row in reach, block by block.

use super::map::{BlockMap, Maps};
use super::patch::{Products, Sums};
use super::pool::{Weighted, pool_columns, pool_left_row, pool_right_row, trace_block};
use super::scratch::{LayerScratch, MAPS, Scratch};
use super::stage::{Block, PatchRows, Stage};
use crate::plan::BLOCK;
use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector};

/// A row of right sites, and the input rows under its and the left row's patches.
#[derive(Clone, Copy)]
struct RightRow {
    row: usize,
    patch: PatchRows,
}

/// One row of left sites of one layer.
pub(super) struct LayerRow<'a, S: Simd, F: Real> {
    pub simd: S,
    pub stage: &'a Stage<'a, F>,
    pub layer: usize,
    pub row: usize,
    pub ntk: bool,
}

impl<S: Simd, F: Real> LayerRow<'_, S, F> {
    fn maps(&self) -> std::ops::Range<usize> {
        0..if self.ntk { MAPS } else { 1 }
    }

    /// Meet every right row in reach, and hand the result on.
    pub fn run(&self, scratch: &mut Scratch<S, F>) {
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
            left: left.at(at..at + BLOCK),
            right: right.at(sites),
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
