//! `linear`: `M = n n' sigma u`, `dM/dS = sigma`.
//!
//! Bietti, *Approximation and learning with deep convolutional models: a kernel perspective*,
//! ICLR 2022 (arXiv:2102.10032): the last layers of a CKN can be linear at little loss.

use super::{PatchKernel, SiteKernel};
use crate::simd::{Real, Simd, SimdBase, Vector};

/// The linear kernel, scaled.
#[derive(Clone, Copy)]
pub struct Linear<F> {
    sigma: F,
}

/// `n sigma / max(n, 1e-6)`, and the slope.
#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real> {
    factor: Vector<S, F>,
    slope: Vector<S, F>,
}

impl<F: Real> PatchKernel<F> for Linear<F> {
    type AtSite<S: Simd> = AtSite<S, F>;

    fn new(sigma: f64) -> Self {
        Self { sigma: F::from_f64(sigma) }
    }

    #[inline(always)]
    fn at<S: Simd>(self, simd: S, norm: Vector<S, F>, inverse: Vector<S, F>) -> Self::AtSite<S> {
        AtSite {
            factor: norm * inverse * self.sigma,
            slope: Vector::<S, F>::splat(simd, self.sigma),
        }
    }
}

impl<S: Simd, F: Real> SiteKernel<S, F> for AtSite<S, F> {
    #[inline(always)]
    fn value_and_slope(
        self,
        _simd: S,
        sum: Vector<S, F>,
        norm: Vector<S, F>,
        inverse: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>) {
        (norm * (sum * (self.factor * inverse)), self.slope)
    }
}
