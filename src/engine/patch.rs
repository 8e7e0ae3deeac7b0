//! Step 1: the vertical part of the patch sums, a few columns at a time.
//!
//! For a pair of rows `(y, y')`, left column `a` and right column `b`,
//!
//! ```text
//! first layer    V[a, b] = sum over dy, terms of x[y + dy, a, term] x'[y' + dy, b, term]
//! deeper layers  V[a, b] = sum over dy        of K[y + dy, a, y' + dy, b]
//! ```
//!
//! over the offsets `dy` for which both rows exist. When sites are sparse, the horizontal offsets
//! are terms of these sums too.

use std::ops::Range;

use super::stage::Stage;
use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector};

/// Left columns of a register tile.
const TILE: usize = 4;

/// The first layer: inner products of a left and a right row of the packed images.
pub(super) struct Products<'a, S: Simd, F: Real> {
    pub simd: S,
    pub stage: &'a Stage<'a, F>,
    pub left: &'a [Vector<S, F>],
    pub right: &'a [Vector<S, F>],
    /// The pairs of input rows under the patch.
    pub rows: &'a [(usize, usize)],
}

impl<S: Simd, F: Real> Products<'_, S, F> {
    /// Sum the columns `fresh`, the `k`-th one over `reaches[k]`, into the ring.
    #[inline(always)]
    pub fn run(
        &self,
        fresh: Range<usize>,
        reaches: &[Range<usize>],
        ring: &mut [Vector<S, F>],
    ) {
        for first in fresh.clone().step_by(TILE) {
            let count = TILE.min(fresh.end - first);
            let reaches = &reaches[first - fresh.start..][..count];
            let reach = crate::plan::hull(reaches.iter().cloned());
            match count {
                4 => self.strip::<4>(first, reach, ring),
                3 => self.strip::<3>(first, reach, ring),
                2 => self.strip::<2>(first, reach, ring),
                _ => self.strip::<1>(first, reach, ring),
            }
        }
    }

    /// `L` left columns by all right columns of `reach`, in tiles that fill the registers.
    #[inline(always)]
    fn strip<const L: usize>(
        &self,
        first: usize,
        reach: Range<usize>,
        ring: &mut [Vector<S, F>],
    ) {
        let mut column = reach.start;
        while column < reach.end {
            column += match reach.end - column {
                1 => self.tile::<L, 1>(first, column, ring),
                2 => self.tile::<L, 2>(first, column, ring),
                _ => self.tile::<L, 3>(first, column, ring),
            };
        }
    }

    #[inline(always)]
    fn tile<const L: usize, const R: usize>(
        &self,
        first: usize,
        column: usize,
        ring: &mut [Vector<S, F>],
    ) -> usize {
        let (width, depth) = (self.stage.ring.width, self.stage.depth);
        let row = width * depth;
        let mut sums = [[Vector::<S, F>::splat(self.simd, F::ZERO); R]; L];
        for &(left_row, right_row) in self.rows {
            let left = &self.left[left_row * row + first * depth..][..L * depth];
            let left: [&[Vector<S, F>]; L] = std::array::from_fn(|l| &left[l * depth..][..depth]);
            let right = &self.right[right_row * row..][..row];
            for (term, right) in right.chunks_exact(width).enumerate() {
                let right: [Vector<S, F>; R] = std::array::from_fn(|r| right[column + r]);
                for (sums, left) in sums.iter_mut().zip(&left) {
                    let left = left[term];
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = left.mul_add(right, *sum);
                    }
                }
            }
        }
        for (l, sums) in sums.iter().enumerate() {
            let start = self.stage.ring.start(first + l) + column;
            ring[start..start + R].copy_from_slice(sums);
        }
        R
    }
}

/// A deeper layer: sums of rows of the input map.
pub(super) struct Sums<'a, S: Simd, F: Real> {
    pub simd: S,
    pub stage: &'a Stage<'a, F>,
    /// The ring of input rows, each by `[left column][right row][right column]`.
    pub input: &'a [Vector<S, F>],
    /// The pairs of input rows under the patch.
    pub rows: &'a [(usize, usize)],
}

impl<S: Simd, F: Real> Sums<'_, S, F> {
    /// Sum the columns `fresh`, the `k`-th one over `reaches[k]`, into the ring.
    #[inline(always)]
    pub fn run(
        &self,
        fresh: Range<usize>,
        reaches: &[Range<usize>],
        ring: &mut [Vector<S, F>],
    ) {
        for (column, reach) in fresh.zip(reaches) {
            let start = self.stage.ring.start(column);
            let target = &mut ring[start + reach.start..start + reach.end];
            if self.stage.plan.is_folded() {
                self.folded(column, reach, target);
            } else {
                self.dense(column, reach, target);
            }
        }
    }

    /// The row of the input map for a left row and column and a right row.
    #[inline(always)]
    fn input(&self, left_row: usize, column: usize, right_row: usize) -> &[Vector<S, F>] {
        let plan = self.stage.plan;
        let (rows, cols) = (plan.rows.inputs.len(), plan.cols.inputs.len());
        let slot = left_row % plan.ring_rows;
        &self.input[((slot * cols + column) * rows + right_row) * cols..][..cols]
    }

    #[inline(always)]
    fn dense(&self, column: usize, reach: &Range<usize>, target: &mut [Vector<S, F>]) {
        let (&(left, right), rest) = self.rows.split_first().expect("offset 0 is inside");
        target.copy_from_slice(&self.input(left, column, right)[reach.clone()]);
        for &(left, right) in rest {
            let source = &self.input(left, column, right)[reach.clone()];
            for (target, source) in target.iter_mut().zip(source) {
                *target = *target + *source;
            }
        }
    }

    #[inline(always)]
    fn folded(&self, site: usize, reach: &Range<usize>, target: &mut [Vector<S, F>]) {
        target.fill(Vector::<S, F>::splat(self.simd, F::ZERO));
        for &(left, right) in self.rows {
            for taps in &self.stage.plan.cols.taps {
                let Some(column) = taps[site] else { continue };
                let source = self.input(left, column, right);
                for (target, tap) in target.iter_mut().zip(&taps[reach.clone()]) {
                    if let Some(tap) = *tap {
                        *target = *target + source[tap];
                    }
                }
            }
        }
    }
}
