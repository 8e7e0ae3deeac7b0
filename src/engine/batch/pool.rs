//! Steps 3 and 4: pooling, an axis at a time.
//!
//! The axes come in the order right columns, left columns, right rows, left rows. Each pass leaves
//! less work for the next one. By displacements, both axes of rows are pooled in one pass: see
//! [`pool_pairs`].

use std::ops::Range;

use super::chunk::{Chunk, Cut, Site};
use super::ring::Rings;
use super::rows::weigh_rows;
use super::stage::Stage;
use crate::plan::ROWS;
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

/// Pool a block of `M`, by `[left site][right site of the chunk]`, along right columns into
/// `pooled`, by `[left site][right window]`.
#[inline(always)]
pub fn pool_right_columns<S: Simd, F: Real>(
    cx: Context<S, F>,
    stage: &Stage<F>,
    chunk: &Chunk<F>,
    sites: &[Site],
    values: &[Vector<S, F>],
    pooled: &mut [Vector<S, F>],
) {
    let pooling = RightColumns {
        cx,
        weights: &stage.col_weights,
        width: stage.plan.cols.windows.len(),
        row: stage.values_row,
        chunk,
    };
    match (chunk.step, stage.col_weights.as_slice()) {
        (Some(2), &[a, b, c, d, e]) => {
            pooling.regular::<2, 5, 3>([a, b, c, d, e], sites, values, pooled);
        }
        (Some(1), &[a, b, c, d, e]) => {
            pooling.regular::<1, 5, 5>([a, b, c, d, e], sites, values, pooled);
        }
        (Some(1), &[a, b, c]) => pooling.regular::<1, 3, 3>([a, b, c], sites, values, pooled),
        (Some(2), &[a, b]) => pooling.regular::<2, 2, 1>([a, b], sites, values, pooled),
        _ => pooling.any(sites, values, pooled),
    }
}

struct RightColumns<'a, S: Simd, F: Real> {
    cx: Context<S, F>,
    weights: &'a [F],
    /// Right windows.
    width: usize,
    /// Length of a row of values.
    row: usize,
    chunk: &'a Chunk<F>,
}

impl<S: Simd, F: Real> RightColumns<'_, S, F> {
    /// Windows of `N` taps every `STEP` sites, each inside `SPAN` steps.
    #[inline(always)]
    fn regular<const STEP: usize, const N: usize, const SPAN: usize>(
        &self,
        weights: [F; N],
        sites: &[Site],
        values: &[Vector<S, F>],
        pooled: &mut [Vector<S, F>],
    ) {
        let mut scales = [self.cx.zero(); N];
        for (scale, weight) in scales.iter_mut().zip(weights) {
            *scale = self.cx.splat(weight);
        }
        for (site, values) in sites.iter().zip(values.chunks_exact(self.row)) {
            let pooled = &mut pooled[site.index * self.width..][..self.width];
            let windows = self.chunk.windows_of(site);
            if !windows.is_empty() {
                let first = self.chunk.firsts[windows.start - self.chunk.whole.start];
                let (steps, _) = values[first..].as_chunks::<STEP>();
                for (pooled, steps) in pooled[windows].iter_mut().zip(steps.windows(SPAN)) {
                    let taps = steps.as_flattened();
                    let mut sum = taps[0] * scales[0];
                    for k in 1..N {
                        sum = taps[k].mul_add(scales[k], sum);
                    }
                    *pooled = sum;
                }
            }
            self.cut(site, values, pooled);
        }
    }

    #[inline(always)]
    fn any(&self, sites: &[Site], values: &[Vector<S, F>], pooled: &mut [Vector<S, F>]) {
        for (site, values) in sites.iter().zip(values.chunks_exact(self.row)) {
            let pooled = &mut pooled[site.index * self.width..][..self.width];
            let windows = self.chunk.windows_of(site);
            for window in windows {
                let first = self.chunk.firsts[window - self.chunk.whole.start];
                pooled[window] = self.taps(None, &values[first..], self.weights);
            }
            self.cut(site, values, pooled);
        }
    }

    /// Windows that the chunk's ends or the far edge cut. They continue the sum of the chunk before.
    #[inline(always)]
    fn cut(&self, site: &Site, values: &[Vector<S, F>], pooled: &mut [Vector<S, F>]) {
        for Cut { window, first, taps } in &self.chunk.cut {
            if site.windows.contains(window) {
                let before = (taps.start > 0).then(|| pooled[*window]);
                let weights = &self.weights[taps.clone()];
                pooled[*window] = self.taps(before, &values[*first..], weights);
            }
        }
    }

    #[inline(always)]
    fn taps(
        &self,
        before: Option<Vector<S, F>>,
        values: &[Vector<S, F>],
        weights: &[F],
    ) -> Vector<S, F> {
        let mut sum = before.unwrap_or(self.cx.zero());
        for (value, &weight) in values.iter().zip(weights) {
            sum = value.mul_add(self.cx.splat(weight), sum);
        }
        sum
    }
}

/// Pool along left columns, into a row of `[left window][right window]`.
#[inline(always)]
pub fn pool_left_columns<S: Simd, F: Real>(
    cx: Context<S, F>,
    stage: &Stage<F>,
    pooled: &[Vector<S, F>],
    across: &mut [Vector<S, F>],
) {
    let cols = &stage.plan.cols;
    let width = cols.windows.len();
    for (left, (window, reach)) in cols.windows.iter().zip(&cols.window_reach).enumerate() {
        let sites = pooled[window.first * width..].chunks_exact(width).take(window.weights.len());
        let rows = sites.map(|row| &row[reach.clone()]);
        let target = &mut across[left * width..][reach.clone()];
        weigh_rows(cx, stage.col_weights.iter().copied().zip(rows), false, target);
    }
}

/// A left row whose columns are pooled, for all right rows of a window.
#[derive(Clone, Copy)]
pub struct PooledRow<'a, V> {
    pub row: usize,
    /// A ring over the right rows, each by `[left column window][right column window]`.
    pub across: &'a [V],
}

/// A window of right rows. Around blank patches, some of what it covers is left out.
pub struct RightWindow<'a, B> {
    pub index: usize,
    /// Whether a right row is left out.
    pub is_blank: B,
    /// The runs of entries that are computed.
    pub reach: &'a [Range<usize>],
}

/// Pool along right rows, in the window `right`, and then along left rows, and add the result to a map of
/// `output`. Of the left rows `pair`, `lefts` has those that the window needs.
#[inline(always)]
pub fn pool_rows<S: Simd, F: Real>(
    cx: Context<S, F>,
    stage: &Stage<F>,
    right: &RightWindow<impl Fn(usize) -> bool>,
    pair: &Range<usize>,
    lefts: [Option<PooledRow<Vector<S, F>>>; ROWS],
    down: &mut [Vector<S, F>],
    (output, map): (&mut Rings<S, F>, usize),
) {
    let rows = &stage.plan.rows;
    let area = stage.plan.cols.windows.len().pow(2);
    let window = &rows.windows[right.index];
    for reach in right.reach {
        for (left, down) in lefts.iter().zip(down.chunks_exact_mut(area)) {
            let Some(left) = left else { continue };
            let taps = stage.row_weights.iter().copied().zip(window.sites());
            let weighted = taps.filter(|(_, row)| !(right.is_blank)(*row)).map(|(weight, row)| {
                (weight, &left.across[row % stage.held_rows * area..][reach.clone()])
            });
            weigh_rows(cx, weighted, false, &mut down[reach.clone()]);
        }
        for &top in &stage.tops[pair.start] {
            if !rows.window_reach[top].contains(&right.index) {
                continue;
            }
            let window = &rows.windows[top];
            let target = &mut output.pair_mut(map, top, right.index)[reach.clone()];
            let weighted = lefts.iter().zip(down.chunks_exact(area)).filter_map(|(left, down)| {
                let tap = left.as_ref()?.row.checked_sub(window.first)?;
                (tap < window.weights.len()).then(|| (stage.row_weights[tap], &down[reach.clone()]))
            });
            weigh_rows(cx, weighted, window.first < pair.start, target);
        }
    }
}

/// A left and a right row whose columns are pooled.
#[derive(Clone, Copy)]
pub struct PooledPair<'a, V> {
    pub left: usize,
    pub right: usize,
    /// By `[left column window][right column window]`.
    pub across: &'a [V],
}

/// Pool pairs of rows on one displacement along both axes of rows at once, and add the result to a map of
/// `output`.
#[inline(always)]
pub fn pool_pairs<S: Simd, F: Real>(
    cx: Context<S, F>,
    stage: &Stage<F>,
    pairs: [Option<PooledPair<Vector<S, F>>>; ROWS],
    (output, map): (&mut Rings<S, F>, usize),
) {
    let rows = &stage.plan.rows;
    let Some(first) = pairs.iter().flatten().next() else { return };
    for &left in &stage.tops[first.left] {
        for &right in &stage.tops[first.right] {
            if !rows.window_reach[left].contains(&right) {
                continue;
            }
            let (top, bottom) = (rows.windows[left].sites(), rows.windows[right].sites());
            let inside =
                |pair: &&PooledPair<_>| top.contains(&pair.left) && bottom.contains(&pair.right);
            let inside = || pairs.iter().flatten().filter(inside);
            // The first pair of rows under two windows is on the smallest displacement.
            let is_first =
                |pair: &PooledPair<_>| [pair.left + 1, pair.right] == [top.end, bottom.start];
            let adds = !inside().any(is_first);
            if inside().next().is_none() {
                continue;
            }
            let weight = |pair: &PooledPair<_>| {
                stage.row_weights[pair.left - top.start]
                    * stage.row_weights[pair.right - bottom.start]
            };
            let target = output.pair_mut(map, left, right);
            for reach in &stage.across_reach {
                let weighted = inside().map(|pair| (weight(pair), &pair.across[reach.clone()]));
                weigh_rows(cx, weighted, adds, &mut target[reach.clone()]);
            }
        }
    }
}
