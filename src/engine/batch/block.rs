//! A block of left sites on its way through the patch kernel.

use std::ops::Range;

use super::chunk::Site;
use super::rows::sum_rows;
use super::stage::Maps;
use crate::kernel::{Patch, Prepared};
use crate::simd::{Context, Real, Simd, Vector};

/// The left sites of a block, the right sites of a chunk, and all that their patch kernels depend on.
pub struct BlockInput<'a, S: Simd, F: Real> {
    pub cx: Context<S, F>,
    pub kernel: &'a Prepared<F>,
    pub maps: Maps,
    /// The derivatives of patch sums by the layer's own scales.
    pub scales: &'a [[F; 2]],
    /// Whether the patch kernels are traced while they are in registers.
    pub traces_at_once: bool,
    /// Weights of the trace.
    pub trace: &'a [F],
    pub sites: &'a [Site],
    /// The place of the first site's results, and from there to the next one's.
    pub first: usize,
    pub row: usize,
    pub columns: ColumnRings<'a, S, F>,
    /// Norms at all left sites of the row.
    pub left: RowNorms<'a, S, F>,
    /// Norms at the right sites of the chunk.
    pub right: RowNorms<'a, S, F>,
}

impl<S: Simd, F: Real> BlockInput<'_, S, F> {
    /// The place of a site's results; `index` counts the sites of the block.
    #[inline(always)]
    pub fn place(&self, index: usize, site: &Site) -> Range<usize> {
        let first = self.first + index * self.row;
        first + site.reach.start..first + site.reach.end
    }
}

/// Patch norms at a run of sites of a row.
pub struct RowNorms<'a, S: Simd, F: Real> {
    pub norms: &'a [Vector<S, F>],
    pub inverses: &'a [Vector<S, F>],
    /// Derivatives of the norms' logarithms, by map; each for all sites of the layer.
    pub log_derivatives: &'a [Vec<Vector<S, F>>],
    /// The run, among all sites of the layer.
    pub sites: Range<usize>,
}

impl<S: Simd, F: Real> RowNorms<'_, S, F> {
    /// The patch at a site, which is counted from the first of the run.
    #[inline(always)]
    pub fn patch(&self, site: usize) -> Patch<S, F> {
        Patch { norm: self.norms[site], inverse: self.inverses[site] }
    }

    /// Derivatives of the norms' logarithms at the run, for one map.
    #[inline(always)]
    pub fn log_derivatives(&self, map: usize) -> &[Vector<S, F>] {
        &self.log_derivatives[map][self.sites.clone()]
    }
}

/// The rings of columns of all maps; each has a part for every chunk.
pub struct ColumnRings<'a, S: Simd, F: Real> {
    pub maps: &'a [Vec<Vector<S, F>>],
    /// The part of the chunk at hand.
    pub chunk: Range<usize>,
}

impl<'a, S: Simd, F: Real> ColumnRings<'a, S, F> {
    /// The chunk's columns of a map. They are empty for a map that the layer does not read.
    #[inline(always)]
    pub fn of(&self, map: usize) -> ColumnRing<'a, S, F> {
        ColumnRing(self.maps.get(map).map_or(&[], |ring| &ring[self.chunk.clone()]))
    }
}

/// A chunk's ring of columns: vertical patch sums by left column and right column.
#[derive(Clone, Copy)]
pub struct ColumnRing<'a, S: Simd, F: Real>(&'a [Vector<S, F>]);

impl<'a, S: Simd, F: Real> ColumnRing<'a, S, F> {
    /// The right columns that the patches of `site` read at an offset.
    #[inline(always)]
    pub fn columns(&self, site: &Site, offset: usize) -> &'a [Vector<S, F>] {
        &self.0[site.bases[offset]..][..site.reach.len()]
    }

    /// The patch sums of `site`.
    #[inline(always)]
    pub fn sum(&self, cx: Context<S, F>, site: &Site, sums: &mut [Vector<S, F>]) {
        let offsets = (0..site.bases.len()).map(|offset| self.columns(site, offset));
        sum_rows(cx, offsets, false, sums);
    }

    /// [`Self::sum`] in a function that is compiled once, for all kernels.
    #[inline(never)]
    pub fn sum_by_call(&self, cx: Context<S, F>, site: &Site, sums: &mut [Vector<S, F>]) {
        cx.vectorize(
            #[inline(always)]
            || self.sum(cx, site, sums),
        );
    }
}
