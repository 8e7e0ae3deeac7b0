//! Step 2 with derivatives with respect to the logarithm of each layer's `sigma`.
//!
//! `M` depends on a `sigma` before the layer through the patch sum and both norms, and on the layer's
//! own directly. With `r` the derivatives of the norms' logarithms, which are computed beside the
//! norms:
//!
//! ```text
//! D[i, j] = (dM/dS) S_D[i, j] + (n dM/dn) r[i] + (n' dM/dn') r'[j]     of a layer before
//! D[i, j] = sigma dM/dsigma                                           of the layer itself
//! ```

use super::chunk::Site;
use super::map::BlockMap;
use crate::kernel::{Jet, PatchKernel, SiteKernel};
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

/// Rows of derivatives that every map makes use of: `dM/dS`, `n dM/dn`, `n' dM/dn'`.
pub(super) const JETS: usize = 3;

impl<S: Simd, F: Real> BlockMap<'_, S, F> {
    /// Write `M` and its derivatives by `[left site][right site]`.
    #[inline(always)]
    pub(super) fn gradients<K: PatchKernel<F>>(
        &self,
        kernel: &K,
        values: &mut [Vec<Vector<S, F>>],
        jets: &mut [Vector<S, F>],
    ) {
        for (index, site) in self.sites.iter().enumerate() {
            let at = index * self.row + site.reach.start..index * self.row + site.reach.end;
            let reads = self.columns.maps.len();
            for (map, values) in values[..reads].iter_mut().enumerate() {
                self.columns.of(map).sum_by_call(self.simd, site, &mut values[at.clone()]);
            }
            let (values, own) = values.split_at_mut(reads);
            let (value, before) = values.split_at_mut(1);
            let jets = jets.chunks_exact_mut(self.row);
            let jets = jets.map(|row| &mut row[..site.reach.len()]);
            let mut rows = Rows::<'_, S, F>::new(jets);
            let own = own.first_mut().map_or(&mut [][..], |own| &mut own[at.clone()]);
            let kernel = kernel.at(Context::new(self.simd), self.left.patch(site.index));
            self.jets(kernel, site, &mut value[0][at.clone()], own, &mut rows);
            for (map, values) in before.iter_mut().enumerate() {
                self.chain(map, site, &rows, &mut values[at.clone()]);
            }
        }
    }

    /// Turn patch sums into values, and keep the derivatives; the layer's own one goes to `own`, if
    /// it has one.
    #[inline(always)]
    fn jets<K: SiteKernel<S, F>>(
        &self,
        kernel: K,
        site: &Site<F>,
        values: &mut [Vector<S, F>],
        own: &mut [Vector<S, F>],
        rows: &mut Rows<S, F>,
    ) {
        for (j, value) in values.iter_mut().enumerate() {
            let patch = self.right.patch(site.reach.start + j);
            let jet: Jet<Vector<S, F>> = kernel.jet(Context::new(self.simd), *value, patch);
            *value = jet.value;
            rows.slopes[j] = jet.slope;
            rows.lefts[j] = jet.left;
            rows.rights[j] = jet.right;
            if let Some(own) = own.get_mut(j) {
                *own = jet.sigma;
            }
        }
    }

    /// Turn patch sums of a derivative's map into the derivative.
    #[inline(always)]
    fn chain(&self, map: usize, site: &Site<F>, rows: &Rows<S, F>, values: &mut [Vector<S, F>]) {
        let left = self.left.turns[map][self.left.sites.start + site.index];
        let rights = &self.right.turns[map][self.right.sites.clone()][site.reach.clone()];
        let jets = rows.slopes.iter().zip(&*rows.lefts).zip(&*rows.rights);
        for ((value, ((slope, by_left), by_right)), right) in
            values.iter_mut().zip(jets).zip(rights)
        {
            let norms = by_left.mul_add(left, *by_right * *right);
            *value = slope.mul_add(*value, norms);
        }
    }
}

/// A row of each derivative.
struct Rows<'a, S: Simd, F: Real> {
    slopes: &'a mut [Vector<S, F>],
    lefts: &'a mut [Vector<S, F>],
    rights: &'a mut [Vector<S, F>],
}

impl<'a, S: Simd, F: Real> Rows<'a, S, F> {
    #[inline(always)]
    fn new(mut rows: impl Iterator<Item = &'a mut [Vector<S, F>]>) -> Self {
        let mut next = || rows.next().expect("there are as many rows as derivatives");
        Self { slopes: next(), lefts: next(), rights: next() }
    }
}
