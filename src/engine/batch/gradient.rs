//! Step 2 with derivatives by the logarithms of layers' parameters.
//!
//! `M` depends on a parameter of an earlier layer through the patch sum and both norms, and on the
//! layer's own `sigma` directly. On the layer's own scales of weights and biases it depends as on
//! parameters of an earlier layer, with a derivative of the patch sum that is known. Let `r` be the
//! derivatives of the norms' logarithms, which are computed beside the norms. Then the derivatives of `M` are
//!
//! ```text
//! D[i, j] = (dM/dS) S_D[i, j] + (n dM/dn) r[i] + (n' dM/dn') r'[j]     by an earlier layer's parameter
//! D[i, j] = sigma dM/dsigma                                           by the layer's own sigma
//! ```
//!
//! The slope `dM/dS` has derivatives `s` of the same form. Those of the NTK, `T = (dM/dS) S_T + M`, are
//!
//! ```text
//! E[i, j] = (dM/dS) S_E[i, j] + s[i, j] S_T[i, j] + D[i, j]
//! ```
//!
//! The maps are then `K`, `T`, and a `D` and an `E` for each parameter.

use std::ops::Range;

use super::block::BlockInput;
use super::chunk::Site;
use super::stage::Maps;
use crate::kernel::{Jet, PatchKernel, SiteKernel};
use crate::simd::{Real, Simd, SimdFloat, Vector};

/// Rows of derivatives of `M`: by the patch sum and by both norms.
const JETS: usize = 3;

/// Rows of those of the slope, too, of the slope, and of the patch sums of the NTK's map.
const NTK_JETS: usize = 2 * JETS + 2;

/// How many rows of numbers by right site the derivatives of a left site take.
pub fn rows(maps: Maps) -> usize {
    match maps {
        Maps::Ckn | Maps::FirstNtk | Maps::Ntk => 0,
        Maps::Gradients => JETS,
        Maps::NtkGradients => NTK_JETS,
    }
}

/// Write `M` and its derivatives by `[left site][right site]`.
#[inline(always)]
pub fn evaluate<S: Simd, F: Real, K: PatchKernel<F>>(
    block: &BlockInput<S, F>,
    kernel: &K,
    values: &mut [Vec<Vector<S, F>>],
    room: &mut [Vector<S, F>],
) {
    for (index, site) in block.sites.iter().enumerate() {
        let at = block.place(index, site);
        let reads = sum_patches(block, site, &at, values);
        let chained = reads + block.scales.len();
        if !block.scales.is_empty() {
            derive_sums(block, &at, values, reads, 1);
        }
        let (values, own) = values.split_at_mut(chained);
        let (value, before) = values.split_at_mut(1);
        let mut jets = JetRows::<S, F>::new(split(room, site.reach.len()));
        let own = own.first_mut().map_or(&mut [][..], |own| &mut own[at.clone()]);
        let kernel = kernel.at(block.cx, block.left.patch(site.index));
        for (j, value) in value[0][at.clone()].iter_mut().enumerate() {
            let jet = kernel.jet(block.cx, *value, block.right.patch(site.reach.start + j));
            *value = jet.value;
            jets.put(j, &jet);
            if let Some(own) = own.get_mut(j) {
                *own = jet.sigma;
            }
        }
        for (parameter, values) in before.iter_mut().enumerate() {
            let norms = NormSlopes::of(block, site, parameter);
            for (j, value) in values[at.clone()].iter_mut().enumerate() {
                *value = jets.chain(j, *value, &norms);
            }
        }
    }
}

/// Write `M`, the NTK's map and the derivatives of both by `[left site][right site]`.
#[inline(always)]
pub fn evaluate_ntk<S: Simd, F: Real, K: PatchKernel<F>>(
    block: &BlockInput<S, F>,
    kernel: &K,
    values: &mut [Vec<Vector<S, F>>],
    room: &mut [Vector<S, F>],
) {
    for (index, site) in block.sites.iter().enumerate() {
        let at = block.place(index, site);
        let reads = sum_patches(block, site, &at, values);
        if reads == 1 {
            // In the first layer, the patch sums of both maps are those of pixels.
            let (ckn, ntk) = values.split_at_mut(1);
            ntk[0][at.clone()].copy_from_slice(&ckn[0][at.clone()]);
        }
        let chained = reads.max(2) - 2 + 2 * block.scales.len();
        if !block.scales.is_empty() {
            derive_sums(block, &at, values, reads.max(2), 2);
        }
        let (ckn, rest) = values.split_at_mut(1);
        let (ntk, derivatives) = rest.split_at_mut(1);
        let (value, tangent) = (&mut ckn[0][at.clone()], &mut ntk[0][at.clone()]);
        let (before, own) = derivatives.split_at_mut(chained);
        let (jets, rest) = room.split_at_mut(room.len() / NTK_JETS * JETS);
        let (slope_jets, rest) = rest.split_at_mut(jets.len());
        let mut jets = JetRows::<S, F>::new(split(jets, site.reach.len()));
        let mut slope_jets = JetRows::<S, F>::new(split(slope_jets, site.reach.len()));
        let [slopes, sums] = split(rest, site.reach.len());
        let kernel = kernel.at(block.cx, block.left.patch(site.index));
        for (j, (value, tangent)) in value.iter_mut().zip(tangent).enumerate() {
            let right = block.right.patch(site.reach.start + j);
            let jet = kernel.jet(block.cx, *value, right);
            let slope_jet = kernel.slope_jet(block.cx, *value, right);
            jets.put(j, &jet);
            slope_jets.put(j, &slope_jet);
            (slopes[j], sums[j]) = (slope_jet.value, *tangent);
            *value = jet.value;
            *tangent = slope_jet.value.mul_add(sums[j], jet.value);
            if let [own, own_tangent] = own {
                own[at.start + j] = jet.sigma;
                own_tangent[at.start + j] = slope_jet.sigma.mul_add(sums[j], jet.sigma);
            }
        }
        for (parameter, maps) in before.chunks_exact_mut(2).enumerate() {
            let (values, tangents) = maps.split_at_mut(1);
            let values = values[0][at.clone()].iter_mut().zip(&mut tangents[0][at.clone()]);
            let norms = NormSlopes::of(block, site, parameter);
            for (j, (value, tangent)) in values.enumerate() {
                let slope_change = slope_jets.chain(j, *value, &norms);
                *value = jets.chain(j, *value, &norms);
                *tangent = slopes[j].mul_add(*tangent, slope_change.mul_add(sums[j], *value));
            }
        }
    }
}

/// Put the patch sums of `site` where its results will be, for each map that the layer reads; how many
/// there are.
#[inline(always)]
fn sum_patches<S: Simd, F: Real>(
    block: &BlockInput<S, F>,
    site: &Site,
    at: &Range<usize>,
    values: &mut [Vec<Vector<S, F>>],
) -> usize {
    let reads = block.columns.maps.len();
    for (map, values) in values[..reads].iter_mut().enumerate() {
        block.columns.of(map).sum_by_call(block.cx, site, &mut values[at.clone()]);
    }
    reads
}

/// Behind the `reads` maps whose patch sums are known, put the derivatives of the sums by the layer's own
/// scales. Each has as many maps as there are `kernels`, whose sums come first.
///
/// This is compiled once, for all kernels.
#[inline(never)]
fn derive_sums<S: Simd, F: Real>(
    block: &BlockInput<S, F>,
    at: &Range<usize>,
    values: &mut [Vec<Vector<S, F>>],
    reads: usize,
    kernels: usize,
) {
    let BlockInput { cx, scales, .. } = *block;
    let (known, derived) = values.split_at_mut(reads);
    for (&[factor, rest], derived) in scales.iter().zip(derived.chunks_exact_mut(kernels)) {
        for (derived, sums) in derived.iter_mut().zip(&*known) {
            let (derived, sums) = (&mut derived[at.clone()], &sums[at.clone()]);
            cx.vectorize(
                #[inline(always)]
                || {
                    let (factor, rest) = (cx.splat(factor), cx.splat(rest));
                    for (derived, sum) in derived.iter_mut().zip(sums) {
                        *derived = sum.mul_add(factor, rest);
                    }
                },
            );
        }
    }
}

/// `room` as `N` rows, of which the first `len` numbers are used.
#[inline(always)]
fn split<T, const N: usize>(room: &mut [T], len: usize) -> [&mut [T]; N] {
    let mut rows = room.chunks_exact_mut(room.len() / N);
    std::array::from_fn(|_| &mut rows.next().expect("the room has N rows")[..len])
}

/// The derivatives of the norms' logarithms by one parameter.
struct NormSlopes<'a, S: Simd, F: Real> {
    left: Vector<S, F>,
    rights: &'a [Vector<S, F>],
}

impl<'a, S: Simd, F: Real> NormSlopes<'a, S, F> {
    #[inline(always)]
    fn of(block: &'a BlockInput<S, F>, site: &Site, parameter: usize) -> Self {
        Self {
            left: block.left.log_derivatives(parameter)[site.index],
            rights: &block.right.log_derivatives(parameter)[site.reach.clone()],
        }
    }
}

/// A row of each derivative of a number, which is `M` or its slope.
struct JetRows<'a, S: Simd, F: Real> {
    slopes: &'a mut [Vector<S, F>],
    lefts: &'a mut [Vector<S, F>],
    rights: &'a mut [Vector<S, F>],
}

impl<'a, S: Simd, F: Real> JetRows<'a, S, F> {
    #[inline(always)]
    fn new([slopes, lefts, rights]: [&'a mut [Vector<S, F>]; JETS]) -> Self {
        Self { slopes, lefts, rights }
    }

    #[inline(always)]
    fn put(&mut self, j: usize, jet: &Jet<Vector<S, F>>) {
        self.slopes[j] = jet.slope;
        self.lefts[j] = jet.left;
        self.rights[j] = jet.right;
    }

    /// The derivative by a parameter, from that of the patch sum.
    #[inline(always)]
    fn chain(&self, j: usize, sum: Vector<S, F>, norms: &NormSlopes<S, F>) -> Vector<S, F> {
        let by_norms = self.lefts[j].mul_add(norms.left, self.rights[j] * norms.rights[j]);
        self.slopes[j].mul_add(sum, by_norms)
    }
}
