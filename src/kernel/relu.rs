//! `relu`: `M = n n' (sqrt(1 - u^2) + u (pi - arccos u)) / pi`, `dM/dS = (pi - arccos u) / pi`.
//!
//! The arc-cosine kernels of order 1 and 0: Cho and Saul, *Kernel methods for deep learning*,
//! NeurIPS 2009. Value and slope come from one square root: with `a = |u|` and `v = 1 - a`,
//!
//! ```text
//! kappa(u)  = max(u, 0) + v sqrt(v) R(v)             R = (sqrt(1-a^2) - a arccos a) / (pi v^(3/2))
//! kappa'(u) = 1/2 + sign(u) (1/2 - sqrt(v) A(v))     A = arccos(a) / (pi sqrt(v))
//! ```
//!
//! where `R` and `A` are smooth on `[0, 1]` and approximated by polynomials; no cancellation
//! remains at either end.

use super::{Cosine, PatchKernel};
use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector, horner};

/// The arc-cosine kernel of order 1.
#[derive(Clone, Copy)]
pub struct Relu;

impl<F: Real> PatchKernel<F> for Relu {
    fn new(_sigma: f64) -> Self {
        Self
    }

    #[inline(always)]
    fn value<S: Simd>(self, simd: S, cosine: Cosine<S, F>, norms: Vector<S, F>) -> Vector<S, F> {
        let cosine = cosine.value();
        let (magnitude, v) = fold::<S, F>(simd, cosine);
        norms * kappa::<S, F>(simd, cosine, magnitude, v, v.sqrt())
    }

    #[inline(always)]
    fn value_and_slope<S: Simd>(
        self,
        simd: S,
        cosine: Cosine<S, F>,
        norms: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>) {
        let cosine = cosine.value();
        let (magnitude, v) = fold::<S, F>(simd, cosine);
        let root = v.sqrt();
        let value = norms * kappa::<S, F>(simd, cosine, magnitude, v, root);
        let half = Vector::<S, F>::splat(simd, F::HALF);
        let arcsine = half - root * horner::<S, F>(simd, v, F::ARCCOS);
        (value, half + arcsine.copysign(cosine))
    }
}

/// `min(|u|, 1)` and one less it.
#[inline(always)]
fn fold<S: Simd, F: Real>(simd: S, cosine: Vector<S, F>) -> (Vector<S, F>, Vector<S, F>) {
    let one = Vector::<S, F>::splat(simd, F::ONE);
    let magnitude = cosine.abs().min(one);
    (magnitude, one - magnitude)
}

#[inline(always)]
fn kappa<S: Simd, F: Real>(
    simd: S,
    cosine: Vector<S, F>,
    magnitude: Vector<S, F>,
    v: Vector<S, F>,
    root: Vector<S, F>,
) -> Vector<S, F> {
    let positive = cosine
        .max(Vector::<S, F>::splat(simd, F::ZERO))
        .min(magnitude);
    (v * root).mul_add(horner::<S, F>(simd, v, F::RELU), positive)
}
