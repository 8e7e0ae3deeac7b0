//! Step 2: from vertical patch sums to the patch kernels of a block.
//!
//! ```text
//! S[i, j] = sum over dx of V[i + dx, j + dx]
//! M[i, j] = n[i] n'[j] kappa(S[i, j] / (n[i] n'[j]))
//! NTK:  T[i, j] = (dM/dS)[i, j] S_T[i, j] + M[i, j]
//! ```
//!
//! [`gradient`](super::gradient) has the derivatives by `sigma`.

use super::block::{BlockInput, ColumnRing, RowNorms};
use super::chunk::Site;
use super::gradient;
use super::stage::Maps;
use super::trace::TracedSite;
use crate::kernel::{Patch, PatchKernel, SiteKernel, Visitor};
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

/// Where the patch kernels of a block go. Each map that the layer gives has an item.
pub struct Results<'a, S: Simd, F: Real> {
    /// Those that are stored, from the block's place on by `[left site][right site]`.
    pub values: &'a mut [Vec<Vector<S, F>>],
    /// Those that are traced, by left site.
    pub traces: &'a mut [Vec<Vector<S, F>>],
    /// Room for the kernel's derivatives of one left site.
    pub jets: &'a mut [Vector<S, F>],
}

/// Evaluate a block.
#[inline(always)]
pub fn evaluate<S: Simd, F: Real>(block: &BlockInput<S, F>, results: Results<S, F>) {
    block.kernel.visit(Evaluate { block, results });
}

struct Evaluate<'a, S: Simd, F: Real> {
    block: &'a BlockInput<'a, S, F>,
    results: Results<'a, S, F>,
}

impl<S: Simd, F: Real> Visitor<F> for Evaluate<'_, S, F> {
    #[inline(always)]
    fn visit<K: PatchKernel<F>>(self, kernel: &K) {
        let cx = self.block.cx;
        if K::INLINES && self.block.traces_at_once {
            return self.traces(kernel);
        }
        match self.block.maps {
            Maps::Ckn => cx.vectorize(
                #[inline(always)]
                || self.maps::<K, 0>(kernel),
            ),
            Maps::FirstNtk => cx.vectorize(
                #[inline(always)]
                || self.maps::<K, 1>(kernel),
            ),
            Maps::Ntk => cx.vectorize(
                #[inline(always)]
                || self.maps::<K, 2>(kernel),
            ),
            Maps::Gradients => cx.vectorize(
                #[inline(always)]
                || gradient::evaluate(self.block, kernel, self.results.values, self.results.jets),
            ),
            Maps::NtkGradients => cx.vectorize(
                #[inline(always)]
                || {
                    gradient::evaluate_ntk(
                        self.block,
                        kernel,
                        self.results.values,
                        self.results.jets,
                    )
                },
            ),
        }
    }
}

impl<S: Simd, F: Real> Evaluate<'_, S, F> {
    /// `MAPS` indexes [`Maps::FUSED`].
    #[inline(always)]
    fn maps<K: PatchKernel<F>, const MAPS: usize>(self, kernel: &K) {
        let Self { block, results: Results { values, .. } } = self;
        let BlockInput { cx, right, .. } = block;
        let rings = [0, 1].map(|map| block.columns.of(map));
        let (values, tangents) = values.split_at_mut(1);
        for (index, site) in block.sites.iter().enumerate() {
            let place = block.place(index, site);
            let values = &mut values[0][place.clone()];
            let tangents = if MAPS > 0 { &mut tangents[0][place] } else { &mut [][..] };
            let at = kernel.at(*cx, block.left.patch(site.index));
            let row = SiteRow { cx: *cx, at, site, right, rings };
            match site.bases.len() {
                3 if K::INLINES => row.three_offsets::<MAPS>(values, tangents),
                1 if K::INLINES => row.one_offset::<MAPS>(values, tangents),
                _ => {
                    let sum = if K::INLINES { ColumnRing::sum } else { ColumnRing::sum_by_call };
                    sum(&rings[0], *cx, site, values);
                    if second_map::<MAPS>() == 1 {
                        sum(&rings[1], *cx, site, tangents);
                    }
                    row.in_place::<MAPS>(values, tangents);
                }
            }
        }
    }

    /// Trace the patch kernels, a function for each number of maps and each width of a patch.
    #[inline(always)]
    fn traces<K: PatchKernel<F>>(self, kernel: &K) {
        let cx = self.block.cx;
        let is_wide = self.block.sites[0].bases.len() == 5;
        macro_rules! trace {
            ($maps:literal, $offsets:literal) => {
                cx.vectorize(
                    #[inline(always)]
                    || self.trace::<K, $maps, $offsets>(kernel),
                )
            };
        }
        match (self.block.maps, is_wide) {
            (Maps::Ckn, false) => trace!(0, 3),
            (Maps::Ckn, true) => trace!(0, 5),
            (Maps::FirstNtk, false) => trace!(1, 3),
            (Maps::FirstNtk, true) => trace!(1, 5),
            (_, false) => trace!(2, 3),
            (_, true) => trace!(2, 5),
        }
    }

    /// Trace the patch kernels of patches of `OFFSETS` columns.
    #[inline(always)]
    fn trace<K: PatchKernel<F>, const MAPS: usize, const OFFSETS: usize>(self, kernel: &K) {
        let Self { block, results: Results { traces, .. } } = self;
        let BlockInput { cx, right, .. } = block;
        let rings = [0, second_map::<MAPS>()].map(|map| block.columns.of(map));
        for site in block.sites {
            let at = kernel.at(*cx, block.left.patch(site.index));
            let traced = TracedSite::<_, _, _, MAPS, OFFSETS>::new(*cx, at, rings, site, right);
            let mut sums = [cx.zero(); 2];
            for (sum, trace) in sums.iter_mut().zip(traces.iter()) {
                *sum = trace[site.index];
            }
            traced.add(&block.trace[site.trace..], &mut sums);
            for (sum, trace) in sums.iter().zip(traces.iter_mut()) {
                trace[site.index] = *sum;
            }
        }
    }
}

/// The terms of a patch of length 3.
type Three<'a, V> = ((&'a V, &'a V), &'a V);

/// The map whose patch sums the NTK's derivative multiplies: its own, but in the first layer the
/// CKN's.
#[inline(always)]
fn second_map<const MAPS: usize>() -> usize {
    if Maps::FUSED[MAPS] == Maps::Ntk { 1 } else { 0 }
}

/// One left site against a run of right ones.
struct SiteRow<'a, S: Simd, F: Real, K> {
    cx: Context<S, F>,
    at: K,
    site: &'a Site,
    right: &'a RowNorms<'a, S, F>,
    rings: [ColumnRing<'a, S, F>; 2],
}

impl<S: Simd, F: Real, K: SiteKernel<S, F>> SiteRow<'_, S, F, K> {
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

    /// Patches of length 3 are summed in registers.
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

    /// The patch sums stand where their results will.
    #[inline(always)]
    fn in_place<const MAPS: usize>(
        &self,
        values: &mut [Vector<S, F>],
        tangents: &mut [Vector<S, F>],
    ) {
        let places = 0..self.site.reach.len();
        self.each::<MAPS, _>(values, tangents, places.clone(), |_, value| value, places);
    }

    /// `sum` makes a patch sum of `terms` and of the value in the result's place.
    #[inline(always)]
    fn each<const MAPS: usize, T>(
        &self,
        values: &mut [Vector<S, F>],
        tangents: &mut [Vector<S, F>],
        terms: impl Iterator<Item = T>,
        sum: impl Fn(T, Vector<S, F>) -> Vector<S, F>,
        tangent_terms: impl Iterator<Item = T>,
    ) {
        let Self { cx, at, .. } = *self;
        let count = self.site.reach.len();
        let norms = self.right.norms[self.site.reach.clone()].iter();
        let right = norms.zip(&self.right.inverses[self.site.reach.clone()]);
        let values = values[..count].iter_mut();
        if MAPS == 0 {
            for ((value, terms), (norm, inverse)) in values.zip(terms).zip(right) {
                let right = Patch { norm: *norm, inverse: *inverse };
                *value = at.value(cx, sum(terms, *value), right);
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
            let [mapped, slope] = at.value_and_slope(cx, sum_of, right);
            *value = mapped;
            *tangent = slope.mul_add(tangent_sum, mapped);
        }
    }
}
