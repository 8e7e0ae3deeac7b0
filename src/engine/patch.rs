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

use super::stage::{PatchRows, Stage, Strip};
use crate::plan::BLOCK;
use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector};

/// Right columns of a register tile: with its [`BLOCK`] left ones, 12 sums, 3 right operands and 1
/// left one fill the 16 registers of AVX2; AVX-512 has 32.
const TILE: usize = 3;
const WIDE_TILE: usize = 6;

/// Whether `S` has the registers for the wide tile.
fn is_wide<S: Simd, F: Real>() -> bool {
    size_of::<Vector<S, F>>() == 64
}

/// Right columns that [`Products`] sums at a time.
pub(super) fn tile<S: Simd, F: Real>() -> usize {
    if is_wide::<S, F>() { WIDE_TILE } else { TILE }
}

/// The first layer: inner products of the rows under a patch.
pub(super) struct Products<'a, S: Simd, F: Real> {
    pub simd: S,
    /// Rows of the packed images.
    pub left: &'a [Vector<S, F>],
    pub right: &'a [Vector<S, F>],
    pub rows: PatchRows,
    /// Terms of a row under the patch.
    pub depth: usize,
    /// Rows of a packed image.
    pub image_rows: usize,
}

impl<S: Simd, F: Real> Products<'_, S, F> {
    /// Sum `strips` into the ring.
    #[inline(always)]
    pub fn run(&self, strips: &[Strip], ring: &mut [Vector<S, F>]) {
        if is_wide::<S, F>() {
            self.strips::<WIDE_TILE>(strips, ring);
        } else {
            self.strips::<TILE>(strips, ring);
        }
    }

    #[inline(always)]
    fn strips<const R: usize>(&self, strips: &[Strip], ring: &mut [Vector<S, F>]) {
        let (left, _) = self.left.as_chunks::<BLOCK>();
        let (right, _) = self.right.as_chunks::<R>();
        let image = self.image_rows * self.depth;
        let terms = self.rows.count * self.depth;
        for strip in strips {
            let left = &left[strip.index * image + self.rows.left * self.depth..][..terms];
            for tile in strip.reach.start / R..strip.reach.end.div_ceil(R) {
                let right = &right[tile * image + self.rows.right * self.depth..][..terms];
                let sums = self.tile(left, right);
                for (l, sums) in sums.iter().enumerate() {
                    let start = strip.start + l * strip.stride + tile * R;
                    ring[start..start + R].copy_from_slice(sums);
                }
            }
        }
    }

    #[inline(always)]
    fn tile<const R: usize>(
        &self,
        left: &[[Vector<S, F>; BLOCK]],
        right: &[[Vector<S, F>; R]],
    ) -> [[Vector<S, F>; R]; BLOCK] {
        let mut sums = [[Vector::<S, F>::splat(self.simd, F::ZERO); R]; BLOCK];
        for (left, right) in left.iter().zip(right) {
            for (sums, left) in sums.iter_mut().zip(left) {
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = left.mul_add(*right, *sum);
                }
            }
        }
        sums
    }
}

/// A deeper layer: sums of rows of the input map.
pub(super) struct Sums<'a, S: Simd, F: Real> {
    pub simd: S,
    pub stage: &'a Stage<'a, F>,
    /// The ring of input rows, each by `[left column][right row][right column]`.
    pub input: &'a [Vector<S, F>],
    /// The input rows under the patch.
    pub rows: PatchRows,
}

impl<S: Simd, F: Real> Sums<'_, S, F> {
    /// Sum `strips` into the ring.
    #[inline(always)]
    pub fn run(&self, strips: &[Strip], ring: &mut [Vector<S, F>]) {
        let width = self.stage.columns.width;
        for Strip { index, start, stride, reach } in strips {
            for l in 0..BLOCK.min(width - index * BLOCK) {
                let start = start + l * stride;
                let target = &mut ring[start + reach.start..start + reach.end];
                if self.stage.plan.is_folded() {
                    self.folded(index * BLOCK + l, reach, target);
                } else {
                    self.dense(index * BLOCK + l, reach, target);
                }
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
        let PatchRows { left, right, count } = self.rows;
        target.copy_from_slice(&self.input(left, column, right)[reach.clone()]);
        for row in 1..count {
            let source = &self.input(left + row, column, right + row)[reach.clone()];
            for (target, source) in target.iter_mut().zip(source) {
                *target += *source;
            }
        }
    }

    #[inline(always)]
    fn folded(&self, site: usize, reach: &Range<usize>, target: &mut [Vector<S, F>]) {
        target.fill(Vector::<S, F>::splat(self.simd, F::ZERO));
        let PatchRows { left, right, count } = self.rows;
        for row in 0..count {
            for taps in &self.stage.plan.cols.taps {
                let Some(column) = taps[site] else { continue };
                let source = self.input(left + row, column, right + row);
                for (target, tap) in target.iter_mut().zip(&taps[reach.clone()]) {
                    if let Some(tap) = *tap {
                        *target += source[tap];
                    }
                }
            }
        }
    }
}
