//! `poly2`, `poly3`, `poly4`: `M = n n' u^d`, `dM/dS = d u^(d-1)`.
//!
//! Homogeneous polynomial kernels: Bietti, *Approximation and learning with deep convolutional
//! models: a kernel perspective*, ICLR 2022 (arXiv:2102.10032), section 2.

use super::{PatchKernel, SiteKernel};
use crate::simd::{Real, Simd, Vector};

/// The homogeneous polynomial kernel of degree `D >= 2`.
#[derive(Clone, Copy)]
pub struct Poly<const D: usize>;

/// The left norm and its inverse.
#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real, const D: usize> {
    norm: Vector<S, F>,
    inverse: Vector<S, F>,
}

impl<F: Real, const D: usize> PatchKernel<F> for Poly<D> {
    type AtSite<S: Simd> = AtSite<S, F, D>;

    fn new(_sigma: f64) -> Self {
        Self
    }

    #[inline(always)]
    fn at<S: Simd>(self, _simd: S, norm: Vector<S, F>, inverse: Vector<S, F>) -> Self::AtSite<S> {
        AtSite { norm, inverse }
    }
}

impl<S: Simd, F: Real, const D: usize> SiteKernel<S, F> for AtSite<S, F, D> {
    #[inline(always)]
    fn value_and_slope(
        self,
        _simd: S,
        sum: Vector<S, F>,
        norm: Vector<S, F>,
        inverse: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>) {
        let cosine = sum * (self.inverse * inverse);
        let mut power = cosine;
        for _ in 2..D {
            power *= cosine;
        }
        (self.norm * norm * (power * cosine), power * F::from_f64(D as f64))
    }
}
