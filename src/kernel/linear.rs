//! `linear`: `M = n n' sigma u`, `dM/dS = sigma`.
//!
//! Bietti, *Approximation and learning with deep convolutional models: a kernel perspective*,
//! ICLR 2022 (arXiv:2102.10032): the last layers of a CKN can be linear at little loss.

use super::interface::{Jet, Parameters, Patch, PatchKernel, SiteKernel, homogeneous};
use crate::simd::{Context, Real, Simd, Vector};

/// The linear kernel, scaled.
pub struct Linear<F> {
    sigma: F,
}

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real> {
    left: Patch<S, F>,
    /// `n sigma / max(n, 1e-6)`.
    factor: Vector<S, F>,
    slope: Vector<S, F>,
}

impl<F: Real> PatchKernel<F> for Linear<F> {
    const HAS_SIGMA: bool = true;
    const INLINES: bool = true;

    type AtSite<'k, S: Simd> = AtSite<S, F>;

    fn new(sigma: f64, _parameters: &Parameters) -> Self {
        Self { sigma: F::from_f64(sigma) }
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [0, 0]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F> {
        let factor = left.norm * left.inverse * self.sigma;
        AtSite { left, factor, slope: cx.splat(self.sigma) }
    }
}

impl<S: Simd, F: Real> SiteKernel<S, F> for AtSite<S, F> {
    #[inline(always)]
    fn value_and_slope(
        self,
        _cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2] {
        [right.norm * (sum * (self.factor * right.inverse)), self.slope]
    }

    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let both = self.value_and_slope(cx, sum, right);
        let jet = homogeneous(cx, F::ONE, sum, [self.left, right], both);
        Jet { sigma: jet.value, ..jet }
    }

    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        _sum: Vector<S, F>,
        _right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let zero = cx.zero();
        Jet { value: self.slope, slope: zero, left: zero, right: zero, sigma: self.slope }
    }
}
