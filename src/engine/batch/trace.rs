//! The trace: the weighted sum of a layer's map.
//!
//! Each left site has a sum of its own. For the usual patches and kernels, values are added to it while they
//! are in registers. Additions to one sum wait for each other, and the patch kernels fill that time.

use super::block::{ColumnRing, RowNorms};
use super::chunk::{Chunk, Site};
use super::stage::{Maps, Stage};
use crate::kernel::{Patch, SiteKernel};
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

/// Values of the maps that a layer gives; of the second one only if there is one.
type Both<V> = [V; 2];

/// A left site of a trace's layer against the right ones in its reach, with patches of `OFFSETS` columns. `MAPS` indexes
/// [`Maps::FUSED`].
pub struct TracedSite<'a, S: Simd, F: Real, K, const MAPS: usize, const OFFSETS: usize> {
    cx: Context<S, F>,
    at: K,
    rows: Rows<&'a [Vector<S, F>], OFFSETS>,
}

/// What the patch kernels of a left site read: for each map the columns under their patches, and the norms.
#[derive(Clone, Copy)]
struct Rows<T, const OFFSETS: usize> {
    columns: Both<[T; OFFSETS]>,
    norms: T,
    inverses: T,
}

impl<T: Copy, const OFFSETS: usize> Rows<T, OFFSETS> {
    #[inline(always)]
    fn map<U>(&self, part: impl Fn(T) -> U) -> Rows<U, OFFSETS> {
        Rows {
            columns: self.columns.map(|rows| rows.map(&part)),
            norms: part(self.norms),
            inverses: part(self.inverses),
        }
    }
}

impl<'a, S: Simd, F: Real, K: SiteKernel<S, F>, const MAPS: usize, const OFFSETS: usize>
    TracedSite<'a, S, F, K, MAPS, OFFSETS>
{
    /// How many maps there are.
    const GIVEN: usize = if MAPS == 0 { 1 } else { 2 };

    /// The right sites in reach of `site`.
    #[inline(always)]
    pub fn new(
        cx: Context<S, F>,
        at: K,
        rings: Both<ColumnRing<'a, S, F>>,
        site: &Site,
        right: &'a RowNorms<S, F>,
    ) -> Self {
        let columns = rings.map(|ring| {
            let mut columns = [&[][..]; OFFSETS];
            for (offset, column) in columns.iter_mut().enumerate() {
                *column = ring.columns(site, offset);
            }
            columns
        });
        let [norms, inverses] = [right.norms, right.inverses].map(|row| &row[site.reach.clone()]);
        // Of one length, so that loops over them have no bounds to check.
        let len = site.reach.len();
        Self { cx, at, rows: Rows { columns, norms, inverses }.map(|row| &row[..len]) }
    }

    /// The patch kernels of what `rows` has at one right site.
    #[inline(always)]
    fn results(&self, rows: Rows<Vector<S, F>, OFFSETS>) -> Both<Vector<S, F>> {
        let Self { cx, at, .. } = *self;
        let sum = |columns: [Vector<S, F>; OFFSETS]| {
            let mut sum = columns[0];
            for column in &columns[1..] {
                sum += *column;
            }
            sum
        };
        let right = Patch { norm: rows.norms, inverse: rows.inverses };
        let sums = rows.columns.map(sum);
        if MAPS == 0 {
            return [at.value(cx, sums[0], right), cx.zero()];
        }
        let [value, slope] = at.value_and_slope(cx, sums[0], right);
        let tangent = if Maps::FUSED[MAPS] == Maps::Ntk { sums[1] } else { sums[0] };
        [value, slope.mul_add(tangent, value)]
    }

    /// Add the weighted patch kernels to the sum of each map.
    #[inline(always)]
    pub fn add(&self, weights: &[F], sums: &mut Both<Vector<S, F>>) {
        let len = self.rows.norms.len();
        let rows = self.rows.map(|row| &row[..len]);
        for (index, &weight) in weights[..len].iter().enumerate() {
            let weight = self.cx.splat(weight);
            let results = self.results(rows.map(|row| row[index]));
            for (sum, result) in sums.iter_mut().zip(results).take(Self::GIVEN) {
                *sum = result.mul_add(weight, *sum);
            }
        }
    }
}

/// Add a block's part of the trace to the sum of each left site.
#[inline(always)]
pub fn trace_block<S: Simd, F: Real>(
    cx: Context<S, F>,
    stage: &Stage<F>,
    (chunk, sites): (&Chunk<F>, &[Site]),
    values: &[Vector<S, F>],
    sums: &mut [Vector<S, F>],
) {
    for (site, values) in sites.iter().zip(values.chunks_exact(stage.values_row)) {
        let weighted = values[site.reach.clone()].iter().zip(&chunk.trace[site.trace..]);
        sums[site.index] = weighted
            .fold(sums[site.index], |sum, (value, &weight)| value.mul_add(cx.splat(weight), sum));
    }
}

/// Sum a row's traces by left site, and clear them.
pub fn take_sum<S: Simd, F: Real>(cx: Context<S, F>, traces: &mut [Vector<S, F>]) -> Vector<S, F> {
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
