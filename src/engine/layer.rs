//! Two rows of left sites through a layer, against every right row in reach.
//!
//! The pair walks down its diagonals: left rows `l`, `l + 1` meet right rows `r`, `r + 1`, so that
//! two patches share all of their rows but one each.

use std::ops::Range;

use super::chunk::{Block, Chunk, Strip};
use super::map::{BlockMap, Rings};
use super::patch::{PairRows, Products, Sums};
use super::pool::{PooledRow, pool_left_columns, pool_right_columns, pool_rows, trace_block};
use super::scratch::{LayerScratch, Scratch};
use super::stage::Stage;
use crate::plan::{Axis, ROWS};
use crate::simd::{Real, Simd, SimdBase, Vector};

/// A few rows of left sites of one layer.
pub(super) struct LayerRows<'a, S: Simd, F: Real> {
    pub simd: S,
    pub stage: &'a Stage<'a, F>,
    pub layer: usize,
    pub rows: Range<usize>,
}

/// A pair of rows of sites, `slot` being the place of the left one in its step.
#[derive(Clone, Copy)]
pub(super) struct Meeting {
    slot: usize,
    left: usize,
    right: usize,
}

impl<S: Simd, F: Real> LayerRows<'_, S, F> {
    /// The maps that the layer gives.
    fn maps(&self) -> Range<usize> {
        0..self.stage.plan.gives
    }

    /// Meet every right row in reach, and hand the result on.
    pub fn run(&self, scratch: &mut Scratch<S, F>) {
        for diagonal in self.diagonals() {
            let meetings = self.meetings(diagonal);
            if meetings.iter().any(Option::is_some) {
                self.meet(meetings, scratch);
            }
            self.pool_rows(diagonal, scratch);
        }
    }

    /// The right rows that the first left row meets as any of them meets its own, and one more,
    /// when all windows are complete.
    fn diagonals(&self) -> Range<isize> {
        let reach = self.rows.clone().enumerate().map(|(slot, row)| {
            let reach = &self.stage.plan.rows.reach[row];
            reach.start as isize - slot as isize..reach.end as isize
        });
        reach.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0)
    }

    /// The pairs of rows on a diagonal.
    pub fn meetings(&self, diagonal: isize) -> [Option<Meeting>; ROWS] {
        let mut meetings = [None; ROWS];
        for (slot, left) in self.rows.clone().enumerate() {
            let right = usize::try_from(diagonal + slot as isize).ok();
            let reach = &self.stage.plan.rows.reach[left];
            meetings[slot] = right.filter(|right| reach.contains(right)).map(|right| Meeting {
                slot,
                left,
                right,
            });
        }
        meetings
    }

    /// Evaluate pairs of rows on one diagonal, and pool their columns or trace them.
    fn meet(&self, meetings: [Option<Meeting>; ROWS], scratch: &mut Scratch<S, F>) {
        let Self { simd, stage, layer, .. } = *self;
        let rows = self.pair_rows(meetings);
        for chunk in &stage.chunks {
            for strip in &chunk.strips {
                self.sum_columns(chunk, strip, &rows, scratch);
                for meeting in meetings.iter().flatten() {
                    for block in &strip.blocks {
                        self.map(chunk, block, meeting, scratch);
                        self.pool_block(chunk, block, meeting, scratch);
                    }
                }
            }
        }
        for meeting in meetings.iter().flatten() {
            let Meeting { slot, left, right } = *meeting;
            let LayerScratch { pooled, across, traces, .. } = &mut scratch.layers[layer];
            for map in self.maps() {
                if stage.is_trace() {
                    let sum = sum_of::<S, F>(simd, &mut traces[slot][map]);
                    scratch.totals[map].add(simd, sum, stage.row_trace[left][right]);
                    continue;
                }
                let len = stage.plan.cols.windows.len().pow(2);
                let across = &mut across[slot][map][right % stage.held_rows * len..][..len];
                simd.vectorize(
                    #[inline(always)]
                    || pool_left_columns(simd, stage, &pooled[slot][map], across),
                );
            }
        }
    }

    /// The input rows under the patches of rows that meet.
    pub fn pair_rows(&self, meetings: [Option<Meeting>; ROWS]) -> PairRows {
        let patch_rows = |meeting: Meeting| self.stage.patch_rows(meeting.left, meeting.right);
        PairRows::new(meetings.map(|meeting| meeting.map(patch_rows)))
    }

    /// The vertical sums that `strip` adds to the rings.
    pub fn sum_columns(
        &self,
        chunk: &Chunk<F>,
        strip: &Strip<F>,
        rows: &PairRows,
        scratch: &mut Scratch<S, F>,
    ) {
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
                are_apart: stage.plan.rows.step > 1,
            };
            let rings = columns.each_mut().map(|maps| &mut maps[0][chunk.ring.clone()]);
            simd.vectorize(
                #[inline(always)]
                || products.run(strip, rings),
            );
            return;
        }
        for map in 0..stage.plan.reads {
            let rings = columns.each_mut().map(|maps| &mut maps[map][chunk.ring.clone()]);
            let sums = Sums { simd, stage, input: &scratch.rings[layer][map], rows };
            simd.vectorize(
                #[inline(always)]
                || sums.run(strip, rings),
            );
        }
    }

    /// The patch kernels of a block.
    pub fn map(
        &self,
        chunk: &Chunk<F>,
        block: &Block<F>,
        meeting: &Meeting,
        scratch: &mut Scratch<S, F>,
    ) {
        let Self { simd, stage, layer, .. } = *self;
        let Meeting { slot, left, right } = *meeting;
        let LayerScratch { columns, values, jets, .. } = &mut scratch.layers[layer];
        let sites = stage.plan.cols.sites.len();
        let right = right * sites + chunk.sites.start..right * sites + chunk.sites.end;
        let map: BlockMap<'_, S, F> = BlockMap {
            simd,
            kernel: &stage.kernel,
            maps: stage.maps(),
            sites: &block.sites,
            row: stage.values_row,
            columns: Rings { maps: &columns[slot], chunk: chunk.ring.clone() },
            left: scratch.left.norms[layer].at(left * sites..(left + 1) * sites),
            right: scratch.right.norms[layer].at(right),
        };
        map.run(values, jets);
    }

    /// Pool them along right columns, or trace them.
    pub fn pool_block(
        &self,
        chunk: &Chunk<F>,
        block: &Block<F>,
        meeting: &Meeting,
        scratch: &mut Scratch<S, F>,
    ) {
        let Self { simd, stage, layer, .. } = *self;
        let Meeting { slot, .. } = *meeting;
        let LayerScratch { values, pooled, traces, .. } = &mut scratch.layers[layer];
        for map in self.maps() {
            let values = &values[map];
            simd.vectorize(
                #[inline(always)]
                || {
                    if stage.is_trace() {
                        trace_block(simd, stage, block, values, &mut traces[slot][map]);
                    } else {
                        pool_right_columns(
                            simd,
                            stage,
                            chunk,
                            block,
                            values,
                            &mut pooled[slot][map],
                        );
                    }
                },
            );
        }
    }

    /// Pool along right and left rows the windows of right rows that are complete by now.
    fn pool_rows(&self, diagonal: isize, scratch: &mut Scratch<S, F>) {
        let Self { simd, stage, layer, .. } = *self;
        let Some(complete) =
            usize::try_from(diagonal).ok().and_then(|row| stage.completes.get(row))
        else {
            return;
        };
        let Axis { site_window_reach, .. } = &stage.plan.rows;
        for &right in complete {
            for map in self.maps() {
                let LayerScratch { across, down, .. } = &mut scratch.layers[layer];
                let mut lefts = [None; ROWS];
                for ((left, row), across) in lefts.iter_mut().zip(self.rows.clone()).zip(across) {
                    if site_window_reach[row].contains(&right) {
                        *left = Some(PooledRow { row, across: &across[map] });
                    }
                }
                let output = &mut scratch.rings[layer + 1][map];
                simd.vectorize(
                    #[inline(always)]
                    || pool_rows(simd, stage, right, &self.rows, lefts, down, output),
                );
            }
        }
    }
}

/// The sum of a row's traces by left site, which are cleared.
fn sum_of<S: Simd, F: Real>(simd: S, traces: &mut [Vector<S, F>]) -> Vector<S, F> {
    let zero = Vector::<S, F>::splat(simd, F::ZERO);
    // Eight sums side by side, so that rounding errors do not pile up along a wide image.
    let mut sums = [zero; 8];
    for group in traces.chunks_mut(sums.len()) {
        for (sum, trace) in sums.iter_mut().zip(group) {
            *sum += std::mem::replace(trace, zero);
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}
