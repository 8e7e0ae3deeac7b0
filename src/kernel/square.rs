//! `square`: `M = (n n' u)^2`, `dM/dS = 2 n n' u`.
//!
//! The polynomial kernel of degree 2 on patches that are not normalised.

use super::{Cosine, PatchKernel};
use crate::simd::{Real, Simd, Vector};

/// The square of the inner product.
#[derive(Clone, Copy)]
pub struct Square;

impl<F: Real> PatchKernel<F> for Square {
    fn new(_sigma: f64) -> Self {
        Self
    }

    #[inline(always)]
    fn value<S: Simd>(self, _simd: S, cosine: Cosine<S, F>, norms: Vector<S, F>) -> Vector<S, F> {
        let product = norms * cosine.value();
        product * product
    }

    #[inline(always)]
    fn value_and_slope<S: Simd>(
        self,
        _simd: S,
        cosine: Cosine<S, F>,
        norms: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>) {
        let product = norms * cosine.value();
        (product * product, product + product)
    }
}
