//! The map before a block of layers, added to that of the block's last layer.

use std::ops::Range;

use super::chunk::Chunk;
use super::layer::{LayerRows, Meeting};
use super::ring::{MapRing, Rings};
use super::scratch::Scratch;
use crate::plan::Shortcut;
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

impl<S: Simd, F: Real> LayerRows<'_, S, F> {
    /// Add the map before the block to the rows of the output that the visit completes.
    pub fn add_shortcut(&self, scratch: &mut Scratch<S, F>) {
        let Self { stage, visit, .. } = *self;
        let Some(shortcut) = &stage.plan.shortcut else { return };
        let (before, after) = scratch.rings.split_at_mut(visit.layer);
        let (input, output) = (&before[shortcut.from - 1], &mut after[0]);
        let rows = &stage.plan.rows;
        let lefts = stage.tops[visit.rows.start].iter();
        for &left in lefts.filter(|&&left| visit.rows.contains(&rows.windows[left].first)) {
            let needed = &rows.window_reach[left];
            let Some(displacement) = visit.displacement else {
                for right in needed.clone() {
                    self.add_rows(shortcut, [left, right], (input, output));
                }
                continue;
            };
            let met = rows.windows[left].first.checked_add_signed(displacement);
            let rights = met.and_then(|row| stage.tops.get(row)).into_iter().flatten();
            for &right in rights.filter(|&&right| Some(rows.windows[right].first) == met) {
                if needed.contains(&right) {
                    self.add_rows(shortcut, [left, right], (input, output));
                }
            }
        }
    }

    /// Add the map before the block to a left and a right row of the output.
    fn add_rows(
        &self,
        shortcut: &Shortcut,
        [left, right]: [usize; 2],
        (input, output): (&Rings<S, F>, &mut Rings<S, F>),
    ) {
        let Self { cx, stage, .. } = *self;
        let width = stage.plan.cols.windows.len();
        for map in 0..shortcut.maps {
            let added = Added::new(shortcut, input.map(map), [left, right]);
            let target = output.pair_mut(map, left, right);
            cx.vectorize(
                #[inline(always)]
                || {
                    for (column, reach) in stage.plan.cols.window_reach.iter().enumerate() {
                        let target = &mut target[column * width..][reach.clone()];
                        added.add(cx, column, reach.clone(), target);
                    }
                },
            );
        }
    }

    /// Add the map before the block to the traces of rows that met.
    pub fn trace_shortcut(&self, meeting: &Meeting, scratch: &mut Scratch<S, F>) {
        let Self { cx, stage, visit } = *self;
        let Some(shortcut) = &stage.plan.shortcut else { return };
        let input = &scratch.rings[shortcut.from - 1];
        let Meeting { slot, left, right } = *meeting;
        for map in 0..shortcut.maps {
            let added = Added::new(shortcut, input.map(map), [left, right]);
            let sums = &mut scratch.layers[visit.layer].traces[slot][map];
            cx.vectorize(
                #[inline(always)]
                || {
                    for chunk in &stage.chunks {
                        added.trace(cx, chunk, sums);
                    }
                },
            );
        }
    }
}

/// A left and a right row of the map before a block.
struct Added<'a, S: Simd, F: Real> {
    /// The places of the columns.
    columns: &'a [usize],
    rows: [usize; 2],
    ring: MapRing<'a, S, F>,
    factor: F,
}

impl<'a, S: Simd, F: Real> Added<'a, S, F> {
    fn new(shortcut: &'a Shortcut, ring: MapRing<'a, S, F>, rows: [usize; 2]) -> Self {
        let [of_rows, columns] = &shortcut.places;
        let factor = F::from_f64(shortcut.factor);
        Self { columns, rows: rows.map(|row| of_rows[row]), ring, factor }
    }

    /// Add the values of a left column and of the right columns in `reach`.
    #[inline(always)]
    fn add(
        &self,
        cx: Context<S, F>,
        left: usize,
        reach: Range<usize>,
        target: &mut [Vector<S, F>],
    ) {
        let factor = cx.splat(self.factor);
        let row = self.ring.row(self.rows, self.columns[left]);
        let columns = &self.columns[reach];
        let [Some(&first), Some(&last)] = [columns.first(), columns.last()] else { return };
        if last - first + 1 == columns.len() {
            for (target, value) in target.iter_mut().zip(&row[first..=last]) {
                *target = value.mul_add(factor, *target);
            }
            return;
        }
        for (target, &column) in target.iter_mut().zip(columns) {
            *target = row[column].mul_add(factor, *target);
        }
    }

    /// Add the weighted values to the sum of each left site.
    #[inline(always)]
    fn trace(&self, cx: Context<S, F>, chunk: &Chunk<F>, sums: &mut [Vector<S, F>]) {
        let first = chunk.sites.start;
        let sites = chunk.strips.iter().flat_map(|strip| &strip.blocks);
        for site in sites.flat_map(|block| &block.sites) {
            let reach = first + site.reach.start..first + site.reach.end;
            let mut sum = sums[site.index];
            let row = self.ring.row(self.rows, self.columns[site.index]);
            for (&column, &weight) in self.columns[reach].iter().zip(&chunk.trace[site.trace..]) {
                sum = row[column].mul_add(cx.splat(weight * self.factor), sum);
            }
            sums[site.index] = sum;
        }
    }
}
