//! `linear`: `M = n n' sigma u`, `dM/dS = sigma`.
//!
//! Bietti, *Approximation and learning with deep convolutional models: a kernel perspective*,
//! ICLR 2022 (arXiv:2102.10032): the last layers of a CKN can be linear at little loss.

use super::{Cosine, PatchKernel};
use crate::simd::{Real, Simd, SimdBase, Vector};

/// The linear kernel, scaled.
#[derive(Clone, Copy)]
pub struct Linear<F> {
    sigma: F,
}

impl<F: Real> PatchKernel<F> for Linear<F> {
    fn new(sigma: f64) -> Self {
        Self { sigma: F::from_f64(sigma) }
    }

    #[inline(always)]
    fn cosine_scale(self) -> f64 {
        self.sigma.to_f64()
    }

    #[inline(always)]
    fn value<S: Simd>(self, _simd: S, cosine: Cosine<S, F>, norms: Vector<S, F>) -> Vector<S, F> {
        norms * cosine.value()
    }

    #[inline(always)]
    fn value_and_slope<S: Simd>(
        self,
        simd: S,
        cosine: Cosine<S, F>,
        norms: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>) {
        (norms * cosine.value(), Vector::<S, F>::splat(simd, self.sigma))
    }
}
