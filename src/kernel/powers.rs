//! `poly2`, `poly3`, `poly4`: `M = n n' u^d`, `dM/dS = d u^(d-1)`.
//!
//! Homogeneous polynomial kernels: Bietti, *Approximation and learning with deep convolutional
//! models: a kernel perspective*, ICLR 2022 (arXiv:2102.10032), section 2.

use super::interface::{
    Jet, Parameters, Patch, PatchKernel, SiteKernel, homogeneous, log_derivatives,
};
use crate::simd::{Context, Real, Simd, Vector};

/// The homogeneous polynomial kernel of degree `D >= 2`.
pub struct Power<const D: usize>;

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real, const D: usize>(Patch<S, F>);

impl<F: Real, const D: usize> PatchKernel<F> for Power<D> {
    const INLINES: bool = true;

    type AtSite<'k, S: Simd> = AtSite<S, F, D>;

    fn new(_sigma: f64, _parameters: &Parameters) -> Self {
        Self
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [D - 1, 1]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F, D> {
        AtSite(left)
    }
}

impl<S: Simd, F: Real, const D: usize> SiteKernel<S, F> for AtSite<S, F, D> {
    #[inline(always)]
    fn value_and_slope(
        self,
        _cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2] {
        let Self(left) = self;
        let cosine = sum * (left.inverse * right.inverse);
        let mut power = cosine;
        for _ in 2..D {
            power *= cosine;
        }
        [left.norm * right.norm * (power * cosine), power * F::from_f64(D as f64)]
    }

    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let both = self.value_and_slope(cx, sum, right);
        homogeneous(cx, F::ONE, sum, [self.0, right], both)
    }

    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let Self(left) = self;
        let [_, slope] = self.value_and_slope(cx, sum, right);
        let inverses = left.inverse * right.inverse;
        let cosine = sum * inverses;
        let mut curvature = inverses * F::from_f64((D * (D - 1)) as f64);
        for _ in 2..D {
            curvature *= cosine;
        }
        log_derivatives(cx, F::ZERO, sum, [left, right], [slope, curvature])
    }
}
