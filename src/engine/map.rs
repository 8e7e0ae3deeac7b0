//! Step 2: patch sums to patch kernels, for a block of left sites against the right sites of a
//! chunk.
//!
//! ```text
//! S[i, j] = sum over dx of V[i + dx, j + dx]
//! M[i, j] = n[i] n'[j] kappa(S[i, j] / (n[i] n'[j]))
//! NTK:  T[i, j] = (dM/dS)[i, j] S_T[i, j] + M[i, j]
//! ```
//!
//! Derivatives have a file of their own, [`gradient`](super::gradient).

use std::ops::Range;

use super::chunk::Site;
use super::rows::sum_rows;
use crate::kernel::{Patch, PatchKernel, Prepared, SiteKernel, Visitor};
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

/// Which maps go in and come out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Maps {
    /// The CKN's alone.
    Ckn,
    /// The CKN's and the NTK's; the patch sums of the first layer are the same for both.
    FirstNtk,
    /// The CKN's and the NTK's.
    Ntk,
    /// The CKN's and its derivatives.
    Gradients,
}

impl Maps {
    /// Those that one pass over the patch sums serves.
    const FUSED: [Self; 3] = [Self::Ckn, Self::FirstNtk, Self::Ntk];
}

/// Patch norms at some sites, and their inverses.
pub(super) struct Norms<'a, S: Simd, F: Real> {
    pub norms: &'a [Vector<S, F>],
    pub inverses: &'a [Vector<S, F>],
    /// Derivatives of the norms' logarithms, by map, at `sites`.
    pub turns: &'a [Vec<Vector<S, F>>],
    pub sites: Range<usize>,
}

impl<S: Simd, F: Real> Norms<'_, S, F> {
    /// The patch of a site.
    #[inline(always)]
    pub fn patch(&self, site: usize) -> Patch<S, F> {
        Patch { norm: self.norms[site], inverse: self.inverses[site] }
    }
}

/// Rings of columns, by map, and where a chunk has its own in each.
pub(super) struct Rings<'a, S: Simd, F: Real> {
    pub maps: &'a [Vec<Vector<S, F>>],
    pub chunk: Range<usize>,
}

impl<'a, S: Simd, F: Real> Rings<'a, S, F> {
    /// The ring of a map; none of one that there is not.
    #[inline(always)]
    pub fn of(&self, map: usize) -> Ring<'a, S, F> {
        Ring(self.maps.get(map).map_or(&[], |ring| &ring[self.chunk.clone()]))
    }
}

/// A ring of columns.
#[derive(Clone, Copy)]
pub(super) struct Ring<'a, S: Simd, F: Real>(&'a [Vector<S, F>]);

impl<'a, S: Simd, F: Real> Ring<'a, S, F> {
    /// The columns of `site` at an offset.
    #[inline(always)]
    fn columns(&self, site: &Site<F>, offset: usize) -> &'a [Vector<S, F>] {
        &self.0[site.bases[offset]..][..site.reach.len()]
    }

    /// Patch sums of `site`.
    #[inline(always)]
    fn sum(&self, simd: S, site: &Site<F>, sums: &mut [Vector<S, F>]) {
        let offsets = (0..site.bases.len()).map(|offset| self.columns(site, offset));
        sum_rows::<S, F>(simd, offsets, false, sums);
    }

    /// The same in a function that kernels share.
    #[inline(never)]
    pub fn sum_by_call(&self, simd: S, site: &Site<F>, sums: &mut [Vector<S, F>]) {
        simd.vectorize(
            #[inline(always)]
            || self.sum(simd, site, sums),
        );
    }
}

/// A block's patch kernels.
pub(super) struct BlockMap<'a, S: Simd, F: Real> {
    pub simd: S,
    pub kernel: &'a Prepared<F>,
    pub maps: Maps,
    pub sites: &'a [Site<F>],
    /// Length of a row of results.
    pub row: usize,
    pub columns: Rings<'a, S, F>,
    /// Of all left sites of the row.
    pub left: Norms<'a, S, F>,
    /// Of the chunk's right sites.
    pub right: Norms<'a, S, F>,
}

impl<S: Simd, F: Real> BlockMap<'_, S, F> {
    /// Write what the layer gives, a map an item of `values`, by `[left site][right site]`; `jets` is
    /// for what comes up meanwhile.
    #[inline(always)]
    pub fn run(self, values: &mut [Vec<Vector<S, F>>], jets: &mut [Vector<S, F>]) {
        self.kernel.visit(Evaluate { block: &self, values, jets });
    }
}

struct Evaluate<'a, S: Simd, F: Real> {
    block: &'a BlockMap<'a, S, F>,
    values: &'a mut [Vec<Vector<S, F>>],
    jets: &'a mut [Vector<S, F>],
}

impl<S: Simd, F: Real> Visitor<F> for Evaluate<'_, S, F> {
    #[inline(always)]
    fn visit<K: PatchKernel<F>>(self, kernel: &K) {
        let simd = self.block.simd;
        match self.block.maps {
            Maps::Ckn => simd.vectorize(
                #[inline(always)]
                || self.maps::<K, 0>(kernel),
            ),
            Maps::FirstNtk => simd.vectorize(
                #[inline(always)]
                || self.maps::<K, 1>(kernel),
            ),
            Maps::Ntk => simd.vectorize(
                #[inline(always)]
                || self.maps::<K, 2>(kernel),
            ),
            Maps::Gradients => simd.vectorize(
                #[inline(always)]
                || self.block.gradients(kernel, self.values, self.jets),
            ),
        }
    }
}

impl<S: Simd, F: Real> Evaluate<'_, S, F> {
    /// `MAPS` indexes [`Maps::FUSED`].
    #[inline(always)]
    fn maps<K: PatchKernel<F>, const MAPS: usize>(self, kernel: &K) {
        let Self { block, values, .. } = self;
        let rings = [0, 1].map(|map| block.columns.of(map));
        let (values, tangents) = values.split_at_mut(1);
        let mut tangents =
            tangents.first_mut().map_or(&mut [][..], |map| map).chunks_exact_mut(block.row);
        for (site, values) in block.sites.iter().zip(values[0].chunks_exact_mut(block.row)) {
            let values = &mut values[site.reach.clone()];
            let tangents = match tangents.next() {
                Some(tangents) if MAPS > 0 => &mut tangents[site.reach.clone()],
                _ => &mut [],
            };
            let BlockMap { simd, right, .. } = block;
            let at = kernel.at(Context::new(*simd), block.left.patch(site.index));
            let row = Row { simd: *simd, at, site, right, rings };
            match site.bases.len() {
                3 if K::INLINES => row.three_offsets::<MAPS>(values, tangents),
                1 if K::INLINES => row.one_offset::<MAPS>(values, tangents),
                _ => {
                    let sum = if K::INLINES { Ring::sum } else { Ring::sum_by_call };
                    sum(&rings[0], *simd, site, values);
                    if second_map::<MAPS>() == 1 {
                        sum(&rings[1], *simd, site, tangents);
                    }
                    row.evaluate::<MAPS>(values, tangents);
                }
            }
        }
    }
}

/// The terms of a patch of side 3.
type Three<'a, V> = ((&'a V, &'a V), &'a V);

/// What the NTK's patch sums are sums of: the second map, but in the first layer the first.
#[inline(always)]
fn second_map<const MAPS: usize>() -> usize {
    if Maps::FUSED[MAPS] == Maps::Ntk { 1 } else { 0 }
}

/// One left site against a run of right ones.
struct Row<'a, S: Simd, F: Real, K> {
    simd: S,
    at: K,
    site: &'a Site<F>,
    right: &'a Norms<'a, S, F>,
    rings: [Ring<'a, S, F>; 2],
}

impl<S: Simd, F: Real, K: SiteKernel<S, F>> Row<'_, S, F, K> {
    /// The columns of an offset.
    #[inline(always)]
    fn offset(&self, map: usize, offset: usize) -> &[Vector<S, F>] {
        self.rings[map].columns(self.site, offset)
    }

    #[inline(always)]
    fn one_offset<const MAPS: usize>(
        &self,
        values: &mut [Vector<S, F>],
        tangents: &mut [Vector<S, F>],
    ) {
        let second = second_map::<MAPS>();
        let (sums, tangent_sums) = (self.offset(0, 0).iter(), self.offset(second, 0).iter());
        self.each::<MAPS, _>(values, tangents, sums, |sum, _| *sum, tangent_sums);
    }

    /// Patches of side 3, summed in registers.
    #[inline(always)]
    fn three_offsets<const MAPS: usize>(
        &self,
        values: &mut [Vector<S, F>],
        tangents: &mut [Vector<S, F>],
    ) {
        let terms = self.three_terms(0);
        let tangent_terms = self.three_terms(second_map::<MAPS>());
        self.each::<MAPS, _>(values, tangents, terms, |((a, b), c), _| *a + *b + *c, tangent_terms);
    }

    #[inline(always)]
    fn three_terms(&self, map: usize) -> impl Iterator<Item = Three<'_, Vector<S, F>>> {
        self.offset(map, 0).iter().zip(self.offset(map, 1)).zip(self.offset(map, 2))
    }

    /// Patch sums stand where the results will.
    #[inline(always)]
    fn evaluate<const MAPS: usize>(
        &self,
        values: &mut [Vector<S, F>],
        tangents: &mut [Vector<S, F>],
    ) {
        let in_place = 0..self.site.reach.len();
        self.each::<MAPS, _>(values, tangents, in_place.clone(), |_, value| value, in_place);
    }

    /// `sum` gives a patch sum from `terms` and what stands where the result will.
    #[inline(always)]
    fn each<const MAPS: usize, T>(
        &self,
        values: &mut [Vector<S, F>],
        tangents: &mut [Vector<S, F>],
        terms: impl Iterator<Item = T>,
        sum: impl Fn(T, Vector<S, F>) -> Vector<S, F>,
        tangent_terms: impl Iterator<Item = T>,
    ) {
        let count = self.site.reach.len();
        let norms = self.right.norms[self.site.reach.clone()].iter();
        let right = norms.zip(&self.right.inverses[self.site.reach.clone()]);
        let values = values[..count].iter_mut();
        if MAPS == 0 {
            for ((value, terms), (norm, inverse)) in values.zip(terms).zip(right) {
                let right = Patch { norm: *norm, inverse: *inverse };
                *value = self.at.value(Context::new(self.simd), sum(terms, *value), right);
            }
            return;
        }
        let values = values.zip(terms);
        let tangents = tangents[..count].iter_mut().zip(tangent_terms);
        for (((value, terms), (tangent, tangent_terms)), (norm, inverse)) in
            values.zip(tangents).zip(right)
        {
            let sum_of = sum(terms, *value);
            let tangent_sum = match Maps::FUSED[MAPS] {
                Maps::Ntk => sum(tangent_terms, *tangent),
                _ => sum_of,
            };
            let right = Patch { norm: *norm, inverse: *inverse };
            let [mapped, slope] = self.at.value_and_slope(Context::new(self.simd), sum_of, right);
            *value = mapped;
            *tangent = slope.mul_add(tangent_sum, mapped);
        }
    }
}
