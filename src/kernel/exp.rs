//! `exp`: `M = n n' exp((u - 1) / sigma^2)`, `dM/dS = exp((u - 1) / sigma^2) / sigma^2`.
//!
//! Mairal, *End-to-end kernel learning with supervised convolutional kernel networks*,
//! NeurIPS 2016 (arXiv:1605.06265), section 2.

use std::f64::consts::LOG2_E;

use super::{PatchKernel, SiteKernel, Visitor};
use crate::simd::{Exp2, Real, Simd, SimdBase, SimdFloat, Vector, exp2};

/// The exponential kernel on the sphere, for a `sigma` that is not tiny.
///
/// With `rate = log2(e) / sigma^2`, `n exp((u - 1) / sigma^2) = n 2^-rate 2^(rate u)`. The factor
/// goes into the coefficients of the power of two, and no exponent needs a clamp.
#[derive(Clone, Copy)]
pub struct Exp<F> {
    rate: F,
    /// `2^-rate`.
    scale: F,
    /// `1 / sigma^2`.
    inverse_square: F,
}

/// The largest rate for which `2^-rate` times a norm, times `2^-rate` for opposite patches, stays
/// a normal number: below a norm of `1e-6 / rate` the floor of norms keeps cosines near 0.
const LARGEST_RATE: f64 = 40.0;

#[derive(Clone, Copy)]
pub struct ExpAtSite<S: Simd, F: Real> {
    /// `rate / max(n, 1e-6)`.
    rate: Vector<S, F>,
    /// `n 2^-rate 2^x`.
    power: Exp2<S, F>,
    /// `1 / (n sigma^2)`.
    slope: Vector<S, F>,
}

impl<F: Real> PatchKernel<F> for Exp<F> {
    type AtSite<S: Simd> = ExpAtSite<S, F>;

    fn new(sigma: f64) -> Self {
        // Past this the kernel is 1 at u = 1 and 0 elsewhere, and the rate stays finite in f32.
        let inverse_square = (1.0 / (sigma * sigma)).min(1e20);
        let rate = LOG2_E * inverse_square;
        Self {
            rate: F::from_f64(rate),
            scale: F::from_f64((-rate).exp2()),
            inverse_square: F::from_f64(inverse_square),
        }
    }

    #[inline(always)]
    fn choose(self, visitor: impl Visitor<F>) {
        if self.rate > F::from_f64(LARGEST_RATE) {
            visitor.visit(Steep { rate: self.rate, inverse_square: self.inverse_square });
        } else {
            visitor.visit(self);
        }
    }

    #[inline(always)]
    fn at<S: Simd>(self, simd: S, norm: Vector<S, F>, inverse: Vector<S, F>) -> ExpAtSite<S, F> {
        // A norm that has no inverse is that of a blank patch, whose map is 0.
        let least = Vector::<S, F>::splat(simd, F::LEAST_INVERTIBLE);
        let slope = Vector::<S, F>::splat(simd, self.inverse_square) / norm.max(least);
        ExpAtSite { rate: inverse * self.rate, power: Exp2::new(simd, norm * self.scale), slope }
    }
}

impl<S: Simd, F: Real> SiteKernel<S, F> for ExpAtSite<S, F> {
    #[inline(always)]
    fn value(
        self,
        simd: S,
        sum: Vector<S, F>,
        norm: Vector<S, F>,
        inverse: Vector<S, F>,
    ) -> Vector<S, F> {
        norm * self.power.at_product(simd, sum, self.rate * inverse)
    }

    #[inline(always)]
    fn value_and_slope(
        self,
        simd: S,
        sum: Vector<S, F>,
        norm: Vector<S, F>,
        inverse: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>) {
        let power = self.power.at_product(simd, sum, self.rate * inverse);
        (norm * power, power * self.slope)
    }
}

/// The same for a tiny `sigma`, by a power of two with a clamped exponent.
#[derive(Clone, Copy)]
struct Steep<F> {
    /// `log2(e) / sigma^2`.
    rate: F,
    /// `1 / sigma^2`.
    inverse_square: F,
}

#[derive(Clone, Copy)]
struct SteepAtSite<S: Simd, F: Real> {
    kernel: Steep<F>,
    norm: Vector<S, F>,
    /// `rate / max(n, 1e-6)`.
    rate: Vector<S, F>,
}

impl<F: Real> PatchKernel<F> for Steep<F> {
    type AtSite<S: Simd> = SteepAtSite<S, F>;

    fn new(sigma: f64) -> Self {
        let Exp { rate, inverse_square, .. } = Exp::new(sigma);
        Self { rate, inverse_square }
    }

    #[inline(always)]
    fn at<S: Simd>(self, _simd: S, norm: Vector<S, F>, inverse: Vector<S, F>) -> SteepAtSite<S, F> {
        SteepAtSite { kernel: self, norm, rate: inverse * self.rate }
    }
}

impl<S: Simd, F: Real> SiteKernel<S, F> for SteepAtSite<S, F> {
    #[inline(always)]
    fn value(
        self,
        simd: S,
        sum: Vector<S, F>,
        norm: Vector<S, F>,
        inverse: Vector<S, F>,
    ) -> Vector<S, F> {
        self.value_and_slope(simd, sum, norm, inverse).0
    }

    #[inline(always)]
    fn value_and_slope(
        self,
        simd: S,
        sum: Vector<S, F>,
        norm: Vector<S, F>,
        inverse: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>) {
        let Steep { rate, inverse_square } = self.kernel;
        let exponent = sum.mul_sub(self.rate * inverse, Vector::<S, F>::splat(simd, rate));
        let exp = exp2::<S, F>(simd, exponent.min(Vector::<S, F>::splat(simd, F::ZERO)));
        (self.norm * norm * exp, exp * inverse_square)
    }
}
