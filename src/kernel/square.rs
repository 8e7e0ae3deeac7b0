//! `square`: `M = (n n' u)^2`, `dM/dS = 2 n n' u`.
//!
//! The polynomial kernel of degree 2 on patches that are not normalised.

use super::{PatchKernel, SiteKernel};
use crate::simd::{Real, Simd, Vector};

/// The square of the inner product.
#[derive(Clone, Copy)]
pub struct Square;

/// `n / max(n, 1e-6)`.
#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real> {
    factor: Vector<S, F>,
}

impl<F: Real> PatchKernel<F> for Square {
    type AtSite<S: Simd> = AtSite<S, F>;

    fn new(_sigma: f64) -> Self {
        Self
    }

    #[inline(always)]
    fn at<S: Simd>(self, _simd: S, norm: Vector<S, F>, inverse: Vector<S, F>) -> Self::AtSite<S> {
        AtSite { factor: norm * inverse }
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
        let product = norm * (sum * (self.factor * inverse));
        (product * product, product + product)
    }
}
