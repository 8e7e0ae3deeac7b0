//! `poly2`, `poly3`, `poly4`: `M = n n' u^d`, `dM/dS = d u^(d-1)`.
//!
//! Homogeneous polynomial kernels: Bietti, *Approximation and learning with deep convolutional
//! models: a kernel perspective*, ICLR 2022 (arXiv:2102.10032), section 2.

use super::{Cosine, PatchKernel};
use crate::simd::{Real, Simd, Vector};

/// The homogeneous polynomial kernel of degree `D >= 2`.
#[derive(Clone, Copy)]
pub struct Poly<const D: usize>;

impl<F: Real, const D: usize> PatchKernel<F> for Poly<D> {
    fn new(_sigma: f64) -> Self {
        Self
    }

    #[inline(always)]
    fn value<S: Simd>(self, simd: S, cosine: Cosine<S, F>, norms: Vector<S, F>) -> Vector<S, F> {
        PatchKernel::<F>::value_and_slope(self, simd, cosine, norms).0
    }

    #[inline(always)]
    fn value_and_slope<S: Simd>(
        self,
        _simd: S,
        cosine: Cosine<S, F>,
        norms: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>) {
        let cosine = cosine.value();
        let mut power = cosine;
        for _ in 2..D {
            power *= cosine;
        }
        (norms * (power * cosine), power * F::from_f64(D as f64))
    }
}
