//! Step 2 with derivatives by the logarithm of each layer's `sigma`.
//!
//! `M` depends on the `sigma` of an earlier layer through the patch sum and both norms, and on the
//! layer's own `sigma` directly. Let `r` be the derivatives of the norms' logarithms, which are
//! computed beside the norms. Then the derivatives of `M` are
//!
//! ```text
//! D[i, j] = (dM/dS) S_D[i, j] + (n dM/dn) r[i] + (n' dM/dn') r'[j]     by an earlier layer's sigma
//! D[i, j] = sigma dM/dsigma                                           by the layer's own
//! ```

use super::block::BlockInput;
use super::chunk::Site;
use crate::kernel::{PatchKernel, SiteKernel};
use crate::simd::{Real, Simd, SimdFloat, Vector};

/// Rows of derivatives that every map makes use of: `dM/dS`, `n dM/dn`, `n' dM/dn'`.
pub const JETS: usize = 3;

/// Write `M` and its derivatives by `[left site][right site]`.
#[inline(always)]
pub fn evaluate<S: Simd, F: Real, K: PatchKernel<F>>(
    block: &BlockInput<S, F>,
    kernel: &K,
    values: &mut [Vec<Vector<S, F>>],
    jets: &mut [Vector<S, F>],
) {
    for (index, site) in block.sites.iter().enumerate() {
        let at = block.place(index, site);
        let reads = block.columns.maps.len();
        for (map, values) in values[..reads].iter_mut().enumerate() {
            block.columns.of(map).sum_by_call(block.cx, site, &mut values[at.clone()]);
        }
        let (values, own) = values.split_at_mut(reads);
        let (value, before) = values.split_at_mut(1);
        let jets = jets.chunks_exact_mut(jets.len() / JETS);
        let mut jets = JetRows::<'_, S, F>::new(jets.map(|row| &mut row[..site.reach.len()]));
        let own = own.first_mut().map_or(&mut [][..], |own| &mut own[at.clone()]);
        let kernel = kernel.at(block.cx, block.left.patch(site.index));
        values_and_jets(block, kernel, site, &mut value[0][at.clone()], own, &mut jets);
        for (map, values) in before.iter_mut().enumerate() {
            chain(block, map, site, &jets, &mut values[at.clone()]);
        }
    }
}

/// Turn patch sums into values, and keep the kernel's derivatives. The derivative by the layer's own
/// `sigma` goes to `own`, which is empty if there is none.
#[inline(always)]
fn values_and_jets<S: Simd, F: Real, K: SiteKernel<S, F>>(
    block: &BlockInput<S, F>,
    kernel: K,
    site: &Site,
    values: &mut [Vector<S, F>],
    own: &mut [Vector<S, F>],
    jets: &mut JetRows<S, F>,
) {
    for (j, value) in values.iter_mut().enumerate() {
        let jet = kernel.jet(block.cx, *value, block.right.patch(site.reach.start + j));
        *value = jet.value;
        jets.slopes[j] = jet.slope;
        jets.lefts[j] = jet.left;
        jets.rights[j] = jet.right;
        if let Some(own) = own.get_mut(j) {
            *own = jet.sigma;
        }
    }
}

/// Turn the patch sums of a derivative's map into the derivative, by the chain rule.
#[inline(always)]
fn chain<S: Simd, F: Real>(
    block: &BlockInput<S, F>,
    map: usize,
    site: &Site,
    jets: &JetRows<S, F>,
    values: &mut [Vector<S, F>],
) {
    let left = block.left.log_derivatives(map)[site.index];
    let rights = &block.right.log_derivatives(map)[site.reach.clone()];
    let jets = jets.slopes.iter().zip(&*jets.lefts).zip(&*jets.rights);
    for ((value, ((slope, by_left), by_right)), right) in values.iter_mut().zip(jets).zip(rights) {
        let norms = by_left.mul_add(left, *by_right * *right);
        *value = slope.mul_add(*value, norms);
    }
}

/// A row of each derivative.
struct JetRows<'a, S: Simd, F: Real> {
    slopes: &'a mut [Vector<S, F>],
    lefts: &'a mut [Vector<S, F>],
    rights: &'a mut [Vector<S, F>],
}

impl<'a, S: Simd, F: Real> JetRows<'a, S, F> {
    #[inline(always)]
    fn new(mut rows: impl Iterator<Item = &'a mut [Vector<S, F>]>) -> Self {
        let mut next = || rows.next().expect("there are as many rows as derivatives");
        Self { slopes: next(), lefts: next(), rights: next() }
    }
}
