//! Steps 3 and 4: pooling, an axis at a time, and the trace.
//!
//! Right columns, left columns, right rows, left rows: each step shrinks what the next one sees.
//! The first contribution to an entry overwrites what an earlier row left there.

use std::ops::Range;

use super::map::Values;
use super::stage::{Block, Pooled, Stage};
use crate::plan::BLOCK;
use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector};

/// Pool a block of `M` along right columns into `pooled`, then along left columns into `across`,
/// which is by `[left window][right window]`.
#[inline(always)]
pub(super) fn pool_columns<S: Simd, F: Real>(
    simd: S,
    stage: &Stage<F>,
    block: &Block<F>,
    values: &[Values<S, F>],
    pooled: &mut [Values<S, F>],
    across: &mut [Vector<S, F>],
) {
    let width = stage.firsts.len();
    let whole = block.pooled_reach.start..block.pooled_reach.end.min(stage.whole);
    let cut = whole.end.max(whole.start)..block.pooled_reach.end;
    let start = block.reach.start;
    let firsts = &stage.firsts[whole.clone()];
    match *stage.weights.as_slice() {
        [a, b, c] => pool_whole(simd, [a, b, c], firsts, start, values, &mut pooled[whole]),
        [a, b, c, d, e] => {
            pool_whole(simd, [a, b, c, d, e], firsts, start, values, &mut pooled[whole]);
        }
        _ => {
            for (pooled, first) in pooled[whole].iter_mut().zip(firsts) {
                *pooled = pool_taps(simd, &stage.weights, &values[first - start..]);
            }
        }
    }
    for right in cut {
        let first = stage.firsts[right];
        let values = &values[first - start..block.reach.len()];
        pooled[right] = pool_taps(simd, &stage.weights, values);
    }
    for left in &block.pooled {
        let pooled = &pooled[left.reach.clone()];
        if pooled.is_empty() {
            continue;
        }
        let across = &mut across[left.window * width..][left.reach.clone()];
        match *left.weights.as_slice() {
            [a] => pool_sites(simd, left, [a], pooled, across),
            [a, b] => pool_sites(simd, left, [a, b], pooled, across),
            [a, b, c] => pool_sites(simd, left, [a, b, c], pooled, across),
            [a, b, c, d] => pool_sites(simd, left, [a, b, c, d], pooled, across),
            _ => unreachable!("a block has {BLOCK} sites"),
        }
    }
}

/// Windows of `N` taps that no edge cuts.
#[inline(always)]
fn pool_whole<S: Simd, F: Real, const N: usize>(
    simd: S,
    weights: [F; N],
    firsts: &[usize],
    start: usize,
    values: &[Values<S, F>],
    pooled: &mut [Values<S, F>],
) {
    for (first, pooled) in firsts.iter().zip(pooled) {
        *pooled = pool_taps(simd, &weights, &values[first - start..][..N]);
    }
}

/// The sum of `values`, as many as there are weights and values.
#[inline(always)]
fn pool_taps<S: Simd, F: Real>(simd: S, weights: &[F], values: &[Values<S, F>]) -> Values<S, F> {
    let mut sums = [Vector::<S, F>::splat(simd, F::ZERO); BLOCK];
    for (values, &weight) in values.iter().zip(weights) {
        let weight = Vector::<S, F>::splat(simd, weight);
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = value.mul_add(weight, *sum);
        }
    }
    sums
}

/// Add `N` sites of a block, from `left.first` on, to a left window.
#[inline(always)]
fn pool_sites<S: Simd, F: Real, const N: usize>(
    simd: S,
    left: &Pooled<F>,
    weights: [F; N],
    pooled: &[Values<S, F>],
    across: &mut [Vector<S, F>],
) {
    let weights = weights.map(|weight| Vector::<S, F>::splat(simd, weight));
    let pooled = pooled.as_flattened()[left.first..].chunks(BLOCK);
    let add = |sum: Vector<S, F>, pooled: &[Vector<S, F>]| {
        let values = pooled[..N].iter().zip(weights);
        values.fold(sum, |sum, (value, weight)| value.mul_add(weight, sum))
    };
    if left.begins {
        let zero = Vector::<S, F>::splat(simd, F::ZERO);
        for (pooled, across) in pooled.zip(across) {
            *across = add(zero, pooled);
        }
    } else {
        for (pooled, across) in pooled.zip(across) {
            *across = add(*across, pooled);
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
