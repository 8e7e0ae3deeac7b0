//! Steps 3 and 4: pooling, an axis at a time, and the trace.
//!
//! Right columns, left columns, right rows, left rows: each step shrinks what the next one sees.
//! The first contribution to an entry overwrites what an earlier row left there.

use std::ops::Range;

use super::map::Values;
use super::stage::{Block, Stage};
use crate::plan::BLOCK;
use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector};

/// Pool a block of `M` along right columns, then along left columns into `across`, which is by
/// `[left window][right window]`.
#[inline(always)]
pub(super) fn pool_columns<S: Simd, F: Real>(
    simd: S,
    stage: &Stage<F>,
    block: &Block<F>,
    values: &[Values<S, F>],
    across: &mut [Vector<S, F>],
) {
    let windows = &stage.plan.cols.windows;
    for right in block.pooled_reach.clone() {
        let weights = &stage.weights[right];
        let first = windows[right].first - block.reach.start;
        let values = &values[first..first + weights.len()];
        let mut pooled = [Vector::<S, F>::splat(simd, F::ZERO); BLOCK];
        for (values, &weight) in values.iter().zip(weights) {
            let weight = Vector::<S, F>::splat(simd, weight);
            for (pooled, value) in pooled.iter_mut().zip(values) {
                *pooled = value.mul_add(weight, *pooled);
            }
        }
        for left in &block.pooled {
            if !left.reach.contains(&right) {
                continue;
            }
            let entry = &mut across[left.window * windows.len() + right];
            let mut sum = if left.begins { Vector::<S, F>::splat(simd, F::ZERO) } else { *entry };
            for (pooled, weight) in pooled.iter().zip(left.weights) {
                sum = pooled.mul_add(Vector::<S, F>::splat(simd, weight), sum);
            }
            *entry = sum;
        }
    }
}

/// Where rows of a pooled map stand and come from.
#[derive(Clone, Copy)]
pub(super) struct Weighted<F> {
    pub weight: F,
    /// Whether this is the first contribution.
    pub begins: bool,
}

/// `target = weight source`, added to the target unless it is the first contribution.
#[inline(always)]
fn accumulate<S: Simd, F: Real>(
    simd: S,
    weighted: Weighted<F>,
    source: &[Vector<S, F>],
    target: &mut [Vector<S, F>],
) {
    let weight = Vector::<S, F>::splat(simd, weighted.weight);
    if weighted.begins {
        for (target, source) in target.iter_mut().zip(source) {
            *target = *source * weight;
        }
    } else {
        for (target, source) in target.iter_mut().zip(source) {
            *target = source.mul_add(weight, *target);
        }
    }
}

/// Add `across` to right window `right` of `down`, which is by
/// `[left column window][right row window][right column window]`.
#[inline(always)]
pub(super) fn pool_right_row<S: Simd, F: Real>(
    simd: S,
    stage: &Stage<F>,
    right: usize,
    weighted: Weighted<F>,
    across: &[Vector<S, F>],
    down: &mut [Vector<S, F>],
) {
    let (rows, cols) = (stage.plan.rows.windows.len(), stage.plan.cols.windows.len());
    for (left, reach) in stage.plan.cols.window_reach.iter().enumerate() {
        let source = &across[left * cols..][reach.clone()];
        let target = &mut down[(left * rows + right) * cols..][reach.clone()];
        accumulate(simd, weighted, source, target);
    }
}

/// Add `down` to a row of the pooled map, for the right row windows `rights`.
#[inline(always)]
pub(super) fn pool_left_row<S: Simd, F: Real>(
    simd: S,
    stage: &Stage<F>,
    rights: Range<usize>,
    weighted: Weighted<F>,
    down: &[Vector<S, F>],
    output: &mut [Vector<S, F>],
) {
    let (rows, cols) = (stage.plan.rows.windows.len(), stage.plan.cols.windows.len());
    for (left, reach) in stage.plan.cols.window_reach.iter().enumerate() {
        for right in rights.clone() {
            let start = (left * rows + right) * cols;
            let range = start + reach.start..start + reach.end;
            accumulate(simd, weighted, &down[range.clone()], &mut output[range]);
        }
    }
}

/// The block's part of the trace, for one pair of rows.
#[inline(always)]
pub(super) fn trace_block<S: Simd, F: Real>(
    block: &Block<F>,
    values: &[Values<S, F>],
    sums: &mut Values<S, F>,
    simd: S,
) {
    for (values, weights) in values.iter().zip(&block.trace) {
        for ((sum, value), &weight) in sums.iter_mut().zip(values).zip(weights) {
            *sum = value.mul_add(Vector::<S, F>::splat(simd, weight), *sum);
        }
    }
}
