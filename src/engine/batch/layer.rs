//! Two rows of left sites through one layer, against every right row in reach.
//!
//! For left rows `l` and `l + 1`, the layer does this:
//!
//! ```text
//! for each diagonal, from the first right row r that a left row meets to the last
//!     for each chunk of right columns, each strip of left columns
//!         V = sums of the input map along the rows of the patches, for (l, r) and (l + 1, r + 1)
//!         for (l, r), then (l + 1, r + 1); for each block of left sites that the strip completes
//!             S = sums of V along the columns of the patches
//!             M = patch kernel of S and the norms
//!             P = M, pooled along right columns
//!     for (l, r) and (l + 1, r + 1)
//!         Q = P, pooled along left columns, kept in a ring of right rows
//!     for each window of right rows that ends here
//!         add the window's sum of Q, weighted for left rows l and l + 1, to the output's ring
//! ```
//!
//! In a trace's layer, `M` is multiplied by its weights and summed, and nothing else follows. Each
//! part of this order has its reason:
//!
//! - *Two left rows on a diagonal.* The patches of `(l, r)` and of `(l + 1, r + 1)` lie over the same
//!   pairs of input rows, but for one row each. The shared rows are summed once: a patch of length 3
//!   takes two rows of multiply-adds a site instead of three.
//! - *Strips and chunks.* The sums of a strip stay in registers, and `V`, `M` and `P` of a chunk in
//!   the first-level cache. `V` is a ring of the last strips, as many as the patches of a block reach.
//! - *Left sites one by one.* What depends on the left site alone is computed before the loop over
//!   the right sites: for `exp`, the coefficients of its polynomial.
//! - *Columns before rows.* Pooling along columns follows at once and shrinks a pair of rows to the
//!   map's outputs. Only these wait for the other rows of their windows.

use std::ops::Range;

use super::block::{BlockInput, ColumnRings};
use super::chunk::{Block, Chunk, Strip};
use super::map;
use super::patch::{PairRows, Products, Sums};
use super::pool::{PooledRow, pool_left_columns, pool_right_columns, pool_rows, trace_block};
use super::scratch::{LayerScratch, Scratch};
use super::stage::Stage;
use crate::plan::{Axis, ROWS};
use crate::simd::{Context, Real, Simd, Vector};

/// A few rows of left sites of one layer.
pub struct LayerRows<'a, S: Simd, F: Real> {
    pub cx: Context<S, F>,
    pub stage: &'a Stage<'a, F>,
    pub layer: usize,
    pub rows: Range<usize>,
}

/// A left and a right row of sites; `slot` is the place of the left one in its visit.
#[derive(Clone, Copy)]
pub struct Meeting {
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

    /// The diagonals on which a left row meets a right one, and one more, on which all windows are
    /// complete. A diagonal is called after the right row that it has for the first left row.
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
        let Self { cx, stage, layer, .. } = *self;
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
                    let sum = take_sum(cx, &mut traces[slot][map]);
                    scratch.totals[map].add(cx, sum, stage.row_trace[left][right]);
                    continue;
                }
                let len = stage.plan.cols.windows.len().pow(2);
                let across = &mut across[slot][map][right % stage.held_rows * len..][..len];
                cx.vectorize(
                    #[inline(always)]
                    || pool_left_columns(cx, stage, &pooled[slot][map], across),
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
        let Self { cx, stage, layer, .. } = *self;
        let columns = &mut scratch.layers[layer].columns;
        if layer == 0 {
            let products = Products {
                cx,
                left: &scratch.left.pixels,
                right: &scratch.right.pixels,
                rows,
                depth: stage.depth,
                image_rows: stage.plan.rows.inputs.len(),
                are_apart: stage.plan.rows.step > 1,
            };
            let rings = columns.each_mut().map(|maps| &mut maps[0][chunk.ring.clone()]);
            cx.vectorize(
                #[inline(always)]
                || products.run(strip, rings),
            );
            return;
        }
        for map in 0..stage.plan.reads {
            let rings = columns.each_mut().map(|maps| &mut maps[map][chunk.ring.clone()]);
            let sums = Sums { cx, stage, input: &scratch.rings[layer][map], rows };
            cx.vectorize(
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
        let Self { cx, stage, layer, .. } = *self;
        let Meeting { slot, left, right } = *meeting;
        let LayerScratch { columns, values, jets, .. } = &mut scratch.layers[layer];
        let sites = stage.plan.cols.sites.len();
        let right = right * sites + chunk.sites.start..right * sites + chunk.sites.end;
        let block = BlockInput {
            cx,
            kernel: &stage.kernel,
            maps: stage.maps(),
            sites: &block.sites,
            row: stage.values_row,
            columns: ColumnRings { maps: &columns[slot], chunk: chunk.ring.clone() },
            left: scratch.left.norms[layer].at(left * sites..(left + 1) * sites),
            right: scratch.right.norms[layer].at(right),
        };
        map::evaluate(&block, values, jets);
    }

    /// Pool a block along right columns, or add it to the trace.
    pub fn pool_block(
        &self,
        chunk: &Chunk<F>,
        block: &Block<F>,
        meeting: &Meeting,
        scratch: &mut Scratch<S, F>,
    ) {
        let Self { cx, stage, layer, .. } = *self;
        let Meeting { slot, .. } = *meeting;
        let LayerScratch { values, pooled, traces, .. } = &mut scratch.layers[layer];
        for map in self.maps() {
            let values = &values[map];
            cx.vectorize(
                #[inline(always)]
                || {
                    if stage.is_trace() {
                        trace_block(cx, stage, block, values, &mut traces[slot][map]);
                    } else {
                        pool_right_columns(cx, stage, chunk, block, values, &mut pooled[slot][map]);
                    }
                },
            );
        }
    }

    /// Pool along right and left rows the windows of right rows that are complete by now.
    fn pool_rows(&self, diagonal: isize, scratch: &mut Scratch<S, F>) {
        let Self { cx, stage, layer, .. } = *self;
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
                cx.vectorize(
                    #[inline(always)]
                    || pool_rows(cx, stage, right, &self.rows, lefts, down, output),
                );
            }
        }
    }
}

/// Sum a row's traces by left site, and clear them.
fn take_sum<S: Simd, F: Real>(cx: Context<S, F>, traces: &mut [Vector<S, F>]) -> Vector<S, F> {
    let zero = cx.zero();
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
