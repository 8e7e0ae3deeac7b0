//! One patch, as patch kernels see it.

use crate::simd::{Context, Real, Simd, SimdBase, SimdFloat, Vector};

/// The least norm of which cosines are formed: a smaller patch norm counts as this one there.
pub const NORM_FLOOR: f64 = 1e-6;

/// The numbers of a patch that a kernel uses.
#[derive(Clone, Copy)]
pub struct Patch<S: Simd, F: Real> {
    /// The patch norm `n`.
    pub norm: Vector<S, F>,
    /// `1 / max(n, 1e-6)`; for a kernel with [`noise`](super::PatchKernel::noise), `1 / sqrt(h + n^2)`.
    pub inverse: Vector<S, F>,
}

impl<S: Simd, F: Real> Patch<S, F> {
    /// The patch of this norm, for a kernel with this [`noise`](super::PatchKernel::noise).
    #[inline(always)]
    pub fn new(cx: Context<S, F>, norm: Vector<S, F>, noise: Option<F>) -> Self {
        let size = match noise {
            Some(noise) => norm.mul_add(norm, cx.splat(noise)).sqrt(),
            None => norm.max(cx.splat(F::from_f64(NORM_FLOOR))),
        };
        Self { norm, inverse: cx.one() / size }
    }
}
