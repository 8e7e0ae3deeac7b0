//! `square`: `M = (n n' u)^2`, `dM/dS = 2 n n' u`.
//!
//! The polynomial kernel of degree 2 on patches that are not normalised.

use super::interface::{
    Jet, Parameters, Patch, PatchKernel, SiteKernel, homogeneous, log_derivatives,
};
use crate::simd::{Context, Real, Simd, Vector};

/// The square of the inner product.
pub struct Square;

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real> {
    left: Patch<S, F>,
    /// `n / max(n, 1e-6)`.
    factor: Vector<S, F>,
}

impl<F: Real> PatchKernel<F> for Square {
    const INLINES: bool = true;

    type AtSite<'k, S: Simd> = AtSite<S, F>;

    fn new(_sigma: f64, _parameters: &Parameters) -> Self {
        Self
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [1, 1]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F> {
        AtSite { left, factor: left.norm * left.inverse }
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
        let product = right.norm * (sum * (self.factor * right.inverse));
        [product * product, product + product]
    }

    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let both = self.value_and_slope(cx, sum, right);
        homogeneous(cx, F::from_f64(2.0), sum, [self.left, right], both)
    }

    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let [_, slope] = self.value_and_slope(cx, sum, right);
        let share = self.factor * (right.norm * right.inverse);
        log_derivatives(cx, F::ONE, sum, [self.left, right], [slope, share + share])
    }
}
