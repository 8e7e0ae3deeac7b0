//! The map before a block of layers, added to that of the block's last layer.

use super::chunk::Chunk;
use super::layer::{LayerRows, Meeting};
use super::ring::MapRing;
use super::scratch::Scratch;
use crate::plan::Shortcut;
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

impl<S: Simd, F: Real> LayerRows<'_, S, F> {
    /// Add the map before the block to the rows of the output that the visit completes.
    pub fn add_shortcut(&self, scratch: &mut Scratch<S, F>) {
        let Self { cx, stage, visit } = *self;
        let Some(shortcut) = &stage.plan.shortcut else { return };
        let (before, after) = scratch.rings.split_at_mut(visit.layer);
        let (input, output) = (&before[shortcut.from - 1], &mut after[0]);
        let rows = &stage.plan.rows;
        for (left, window) in rows.windows.iter().enumerate() {
            for right in rows.window_reach[left].clone() {
                if window.weights.is_empty() || !visit.completes(window, &rows.windows[right]) {
                    continue;
                }
                for map in 0..shortcut.maps {
                    let added = Added::new(shortcut, input.map(map), [left, right]);
                    let target = output.pair_mut(map, left, right);
                    cx.vectorize(
                        #[inline(always)]
                        || {
                            for (column, reach) in stage.plan.cols.window_reach.iter().enumerate() {
                                let width = stage.plan.cols.windows.len();
                                let target = &mut target[column * width..][reach.clone()];
                                let values = added.values(column, reach.clone());
                                let factor = cx.splat(added.factor);
                                for (target, value) in target.iter_mut().zip(values) {
                                    *target = value.mul_add(factor, *target);
                                }
                            }
                        },
                    );
                }
            }
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

    /// The values of a left column and of the right columns in `reach`.
    #[inline(always)]
    fn values(
        &self,
        left: usize,
        reach: std::ops::Range<usize>,
    ) -> impl Iterator<Item = Vector<S, F>> {
        let row = self.ring.row(self.rows, self.columns[left]);
        self.columns[reach].iter().map(|&column| row[column])
    }

    /// Add the weighted values to the sum of each left site.
    #[inline(always)]
    fn trace(&self, cx: Context<S, F>, chunk: &Chunk<F>, sums: &mut [Vector<S, F>]) {
        let first = chunk.sites.start;
        let sites = chunk.strips.iter().flat_map(|strip| &strip.blocks);
        for site in sites.flat_map(|block| &block.sites) {
            let reach = first + site.reach.start..first + site.reach.end;
            let mut sum = sums[site.index];
            for (value, &weight) in self.values(site.index, reach).zip(&chunk.trace[site.trace..]) {
                sum = value.mul_add(cx.splat(weight * self.factor), sum);
            }
            sums[site.index] = sum;
        }
    }
}
