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

use super::stage::{ColumnRing, Fresh, Stage, Strip};
use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector};

/// Right columns of a register tile: with [`BLOCK`](crate::plan::BLOCK) left ones, 12 sums, 3 right
/// operands and 1 left one fill the 16 registers of AVX2.
const RIGHT: usize = 3;

/// The input rows under a patch, which are consecutive in both images.
#[derive(Clone, Copy)]
pub(super) struct PatchRows {
    pub left: usize,
    pub right: usize,
    pub count: usize,
}

/// The first layer: inner products of left and right rows of the packed images.
pub(super) struct Products<'a, S: Simd, F: Real> {
    pub simd: S,
    pub ring: &'a ColumnRing,
    /// The rows under the patch, `[row][term][column]`, from the first one on.
    pub left: &'a [Vector<S, F>],
    pub right: &'a [Vector<S, F>],
}

impl<S: Simd, F: Real> Products<'_, S, F> {
    /// Sum the columns `fresh` into the ring.
    #[inline(always)]
    pub fn run(&self, fresh: &Fresh, ring: &mut [Vector<S, F>]) {
        for strip in &fresh.strips {
            let starts = &strip.starts;
            match *starts.as_slice() {
                [a, b, c, d] => self.strip(strip, [a, b, c, d], ring),
                [a, b, c] => self.strip(strip, [a, b, c], ring),
                [a, b] => self.strip(strip, [a, b], ring),
                [a] => self.strip(strip, [a], ring),
                _ => unreachable!("a strip has 1 to 4 columns"),
            }
        }
    }

    /// `L` left columns by the right columns in reach, in tiles that fill the registers.
    #[inline(always)]
    fn strip<const L: usize>(
        &self,
        strip: &Strip,
        starts: [usize; L],
        ring: &mut [Vector<S, F>],
    ) {
        let mut column = strip.reach.start;
        while column + RIGHT <= strip.reach.end {
            self.tile::<L, RIGHT>(strip.first, column, starts, ring);
            column += RIGHT;
        }
        match strip.reach.end - column {
            2 => self.tile::<L, 2>(strip.first, column, starts, ring),
            1 => self.tile::<L, 1>(strip.first, column, starts, ring),
            _ => {}
        }
    }

    #[inline(always)]
    fn tile<const L: usize, const R: usize>(
        &self,
        first: usize,
        column: usize,
        starts: [usize; L],
        ring: &mut [Vector<S, F>],
    ) {
        let mut sums = [[Vector::<S, F>::splat(self.simd, F::ZERO); R]; L];
        let mut lefts = self.left[first..].chunks(self.ring.width);
        let mut rights = self.right[column..].chunks(self.ring.width);
        while let (Some(left), Some(right)) = (lefts.next(), rights.next()) {
            let (left, right) = (&left[..L], &right[..R]);
            for (sums, left) in sums.iter_mut().zip(left) {
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = left.mul_add(*right, *sum);
                }
            }
        }
        for (start, sums) in starts.iter().zip(sums) {
            ring[start + column..][..R].copy_from_slice(&sums);
        }
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
    /// Sum the columns `fresh` into the ring.
    #[inline(always)]
    pub fn run(&self, fresh: &Fresh, ring: &mut [Vector<S, F>]) {
        for strip in &fresh.strips {
            for (column, start) in (strip.first..).zip(&strip.starts) {
                let target = &mut ring[start + strip.reach.start..start + strip.reach.end];
                if self.stage.plan.is_folded() {
                    self.folded(column, &strip.reach, target);
                } else {
                    self.dense(column, &strip.reach, target);
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
                *target = *target + *source;
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
                        *target = *target + source[tap];
                    }
                }
            }
        }
    }
}
