//! Two rows of left sites through one layer, against the right rows of a visit.
//!
//! For left rows `l` and `l + 1`, and all right rows in reach, the layer does this:
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
//! In a trace's layer, `M` is multiplied by its weights and summed, and nothing else follows. A map that
//! is not pooled is written to the output's ring at once. By displacements, a visit has one diagonal, and
//! `Q` is added to the output's ring at once, weighted for rows `l` and `r`: no ring of right rows is needed.
//!
//! Each part of this order has its reason:
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
use super::chunk::{Chunk, Site, Strip};
use super::map::{self, Results};
use super::patch::{PairRows, Products, Sums};
use super::pool::{
    PooledPair, PooledRow, RightWindow, pool_left_columns, pool_pairs, pool_right_columns,
    pool_rows,
};
use super::ring::Rings;
use super::scratch::{LayerScratch, Scratch};
use super::stage::Stage;
use super::trace::{take_sum, trace_block};
use crate::plan::{ROWS, Visit};
use crate::simd::{Context, Real, Simd};

/// A few rows of left sites of one layer.
pub struct LayerRows<'a, S: Simd, F: Real> {
    pub cx: Context<S, F>,
    pub stage: &'a Stage<'a, F>,
    pub visit: &'a Visit,
}

/// A left and a right row of sites; `slot` is the place of the left one in its visit.
#[derive(Clone, Copy)]
pub struct Meeting {
    pub slot: usize,
    pub left: usize,
    pub right: usize,
}

impl<S: Simd, F: Real> LayerRows<'_, S, F> {
    /// The maps that the layer gives.
    fn maps(&self) -> Range<usize> {
        0..self.stage.plan.gives
    }

    /// Compute the rows of the visit, and pool or trace them.
    pub fn run(&self, scratch: &mut Scratch<S, F>) {
        if let Some(displacement) = self.visit.displacement {
            let meetings = self.meetings(self.visit.rows.start as isize + displacement);
            self.meet(meetings, scratch);
            self.pool_meetings(meetings, scratch);
            self.add_shortcut(scratch);
            return;
        }
        for diagonal in self.diagonals() {
            let meetings = self.meetings(diagonal);
            if meetings.iter().any(Option::is_some) {
                self.meet(meetings, scratch);
            }
            self.pool_rows(diagonal, scratch);
        }
        self.add_shortcut(scratch);
    }

    /// The diagonals on which a left row meets a right one, and one more, on which all windows are
    /// complete. A diagonal is called after the right row that it has for the first left row.
    pub fn diagonals(&self) -> Range<isize> {
        let reach = self.visit.rows.clone().enumerate().map(|(slot, row)| {
            let reach = &self.stage.plan.rows.reach[row];
            reach.start as isize - slot as isize..reach.end as isize
        });
        reach.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0)
    }

    /// The pairs of rows on a diagonal.
    pub fn meetings(&self, diagonal: isize) -> [Option<Meeting>; ROWS] {
        let mut meetings = [None; ROWS];
        for (slot, left) in self.visit.rows.clone().enumerate() {
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
        let Self { cx, stage, visit } = *self;
        let rows = self.pair_rows(meetings);
        for chunk in &stage.chunks {
            for strip in &chunk.strips {
                self.sum_columns(chunk, strip, &rows, scratch);
                for meeting in meetings.iter().flatten() {
                    for block in &strip.blocks {
                        self.map(chunk, &block.sites, meeting, scratch);
                        self.pool_block(chunk, &block.sites, meeting, scratch);
                    }
                }
            }
        }
        if stage.is_unpooled {
            return;
        }
        for meeting in meetings.iter().flatten() {
            if stage.is_trace() {
                self.trace_shortcut(meeting, scratch);
                self.add_trace(meeting, scratch);
                continue;
            }
            let Meeting { slot, right, .. } = *meeting;
            let LayerScratch { pooled, across, .. } = &mut scratch.layers[visit.layer];
            for map in self.maps() {
                let across = stage.across_row(right, &mut across[slot][map]);
                cx.vectorize(
                    #[inline(always)]
                    || pool_left_columns(cx, stage, &pooled[slot][map], across),
                );
            }
        }
    }

    /// Add the traces of rows that met to the totals.
    #[inline(always)]
    pub fn add_trace(&self, meeting: &Meeting, scratch: &mut Scratch<S, F>) {
        let Self { cx, stage, visit } = *self;
        let Meeting { slot, left, right } = *meeting;
        for map in self.maps() {
            let sum = take_sum(cx, &mut scratch.layers[visit.layer].traces[slot][map]);
            scratch.totals[map].add(cx, sum, stage.row_trace[left][right]);
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
        strip: &Strip,
        rows: &PairRows,
        scratch: &mut Scratch<S, F>,
    ) {
        let Self { cx, stage, visit } = *self;
        let LayerScratch { columns, starts, .. } = &mut scratch.layers[visit.layer];
        let Some(above) = visit.layer.checked_sub(1) else {
            let products = Products {
                cx,
                left: &scratch.left.pixels,
                right: &scratch.right.pixels,
                start: stage.column_start(0),
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
        };
        for map in 0..stage.plan.reads {
            let rings = columns.each_mut().map(|maps| &mut maps[map][chunk.ring.clone()]);
            let begins = !starts.is_empty() && stage.column_start(map) != F::ZERO;
            let start = begins.then_some(&starts[..]);
            let sums = Sums { cx, stage, input: scratch.rings[above].map(map), rows, start };
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
        sites: &[Site],
        meeting: &Meeting,
        scratch: &mut Scratch<S, F>,
    ) {
        let Self { cx, stage, visit: &Visit { layer, .. } } = *self;
        let Meeting { slot, left, right } = *meeting;
        let LayerScratch { columns, values, jets, traces, .. } = &mut scratch.layers[layer];
        let width = stage.plan.cols.sites.len();
        let (values, first, row) = if stage.is_unpooled {
            let Rings { shape, maps } = &mut scratch.rings[layer];
            let site = sites[0].index * width + chunk.sites.start;
            (maps, shape.start(left, right) + site, width)
        } else {
            (values, 0, stage.values_row)
        };
        let right = right * width + chunk.sites.start..right * width + chunk.sites.end;
        let block = BlockInput {
            cx,
            kernel: &stage.kernel,
            maps: stage.maps(),
            scales: &stage.scales,
            traces_at_once: stage.traces_at_once,
            trace: &chunk.trace,
            sites,
            first,
            row,
            columns: ColumnRings { maps: &columns[slot], chunk: chunk.ring.clone() },
            left: scratch.left.norms[layer].at(left * width..(left + 1) * width),
            right: scratch.right.norms[layer].at(right),
        };
        map::evaluate(&block, Results { values, traces: &mut traces[slot], jets });
    }

    /// Pool a block along right columns, or add it to the trace, unless its patch kernels went to the ring
    /// or to the trace at once.
    pub fn pool_block(
        &self,
        chunk: &Chunk<F>,
        sites: &[Site],
        meeting: &Meeting,
        scratch: &mut Scratch<S, F>,
    ) {
        let Self { cx, stage, visit } = *self;
        if stage.is_unpooled || stage.traces_at_once {
            return;
        }
        let Meeting { slot, .. } = *meeting;
        let LayerScratch { values, pooled, traces, .. } = &mut scratch.layers[visit.layer];
        for map in self.maps() {
            let values = &values[map];
            cx.vectorize(
                #[inline(always)]
                || {
                    if stage.is_trace() {
                        trace_block(cx, stage, (chunk, sites), values, &mut traces[slot][map]);
                    } else {
                        pool_right_columns(cx, stage, chunk, sites, values, &mut pooled[slot][map]);
                    }
                },
            );
        }
    }

    /// Pool along right and left rows the windows of right rows that are complete by now.
    fn pool_rows(&self, diagonal: isize, scratch: &mut Scratch<S, F>) {
        let Self { stage, visit: &Visit { layer, .. }, .. } = *self;
        if stage.is_unpooled {
            return;
        }
        let (buffers, output) = (&mut scratch.layers[layer], &mut scratch.rings[layer]);
        for &index in self.complete(diagonal) {
            let right = RightWindow { index, is_blank: |_| false, reach: &stage.across_reach };
            self.pool_window(&right, |_| false, buffers, output);
        }
    }

    /// The windows of right rows that are complete after a diagonal.
    pub fn complete(&self, diagonal: isize) -> &[usize] {
        let row = usize::try_from(diagonal).ok();
        row.and_then(|row| self.stage.completes.get(row)).map_or(&[], |windows| windows)
    }

    /// Pool along right and left rows a window of right rows, for the left rows that are not blank. A left
    /// row is named by its place in the visit.
    pub fn pool_window(
        &self,
        right: &RightWindow<impl Fn(usize) -> bool>,
        is_blank: impl Fn(usize) -> bool,
        buffers: &mut LayerScratch<S, F>,
        output: &mut Rings<S, F>,
    ) {
        let Self { cx, stage, visit: Visit { rows, .. } } = *self;
        let LayerScratch { across, down, .. } = buffers;
        for map in self.maps() {
            let mut lefts = [None; ROWS];
            for (slot, (row, across)) in rows.clone().zip(&*across).enumerate() {
                let is_met = stage.plan.rows.site_window_reach[row].contains(&right.index);
                let needed = is_met && !is_blank(slot);
                lefts[slot] = needed.then_some(PooledRow { row, across: &across[map] });
            }
            cx.vectorize(
                #[inline(always)]
                || pool_rows(cx, stage, right, rows, lefts, down, (&mut *output, map)),
            );
        }
    }

    /// Pool along rows the pairs of rows that met on one displacement.
    fn pool_meetings(&self, meetings: [Option<Meeting>; ROWS], scratch: &mut Scratch<S, F>) {
        let Self { cx, stage, visit } = *self;
        if stage.is_unpooled || stage.is_trace() {
            return;
        }
        for map in self.maps() {
            let across = &scratch.layers[visit.layer].across;
            let pairs = meetings.map(|meeting| {
                meeting.map(|Meeting { slot, left, right }| PooledPair {
                    left,
                    right,
                    across: &across[slot][map],
                })
            });
            let output = (&mut scratch.rings[visit.layer], map);
            cx.vectorize(
                #[inline(always)]
                || pool_pairs(cx, stage, pairs, output),
            );
        }
    }
}
