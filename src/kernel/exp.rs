//! `exp`: `M = n n' exp((u - 1) / sigma^2)`, `dM/dS = exp((u - 1) / sigma^2) / sigma^2`.
//!
//! Mairal, *End-to-end kernel learning with supervised convolutional kernel networks*,
//! NeurIPS 2016 (arXiv:1605.06265), section 2.

use std::f64::consts::LOG2_E;

use super::{Cosine, PatchKernel};
use crate::simd::{Real, Simd, SimdBase, Vector, exp2};

/// The exponential kernel on the sphere.
#[derive(Clone, Copy)]
pub struct Exp<F> {
    /// `log2(e) / sigma^2`: the cosine arrives multiplied by it.
    rate: F,
    /// `1 / sigma^2`.
    inverse_square: F,
}

impl<F: Real> PatchKernel<F> for Exp<F> {
    fn new(sigma: f64) -> Self {
        // Past this the kernel is 1 at u = 1 and 0 elsewhere, and the rate stays finite in f32.
        let inverse_square = (1.0 / (sigma * sigma)).min(1e20);
        Self {
            rate: F::from_f64(LOG2_E * inverse_square),
            inverse_square: F::from_f64(inverse_square),
        }
    }

    #[inline(always)]
    fn cosine_scale(self) -> f64 {
        self.rate.to_f64()
    }

    #[inline(always)]
    fn value<S: Simd>(self, simd: S, cosine: Cosine<S, F>, norms: Vector<S, F>) -> Vector<S, F> {
        norms * self.exp(simd, cosine)
    }

    #[inline(always)]
    fn value_and_slope<S: Simd>(
        self,
        simd: S,
        cosine: Cosine<S, F>,
        norms: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>) {
        let exp = self.exp(simd, cosine);
        (norms * exp, exp * self.inverse_square)
    }
}

impl<F: Real> Exp<F> {
    #[inline(always)]
    fn exp<S: Simd>(self, simd: S, cosine: Cosine<S, F>) -> Vector<S, F> {
        let exponent = cosine.minus(Vector::<S, F>::splat(simd, self.rate));
        exp2::<S, F>(simd, exponent.min(Vector::<S, F>::splat(simd, F::ZERO)))
    }
}
