//! The correlation of two patches under noise, for `erf` and `gelu`.
//!
//! For random weights `w` and noise of variance `h`, the numbers `w.x + noise` and `w.y + noise` of
//! two patches have variances `h + n^2` and `h + n'^2`, covariance `S` and correlation
//! `x = S / sqrt((h + n^2) (h + n'^2))`, the sine of an angle. The patch's inverse is
//! `g = 1 / sqrt(h + n^2)` here. Its products are the noise's share `r = g sqrt(h)` of the standard
//! deviation, and the patch's share `t = g n`. The right patch has `g'`, `r'` and `t'`. The cosine of
//! the angle is the root of
//!
//! ```text
//! 1 - x^2 = r^2 + t^2 r'^2 + e        e = (t t' - |x|) (t t' + |x|) = t^2 t'^2 - x^2
//! ```
//!
//! where `t t' - |x| = g g' (n n' - |S|)` is not negative, except by rounding, and is rounded only once.
//! So nothing cancels, however large the norms are, and nothing overflows.

use super::patch::Patch;
use crate::simd::{Context, Real, Simd, SimdBase, SimdFloat, Vector};

/// A left patch under noise.
#[derive(Clone, Copy)]
pub(super) struct Noisy<S: Simd, F: Real> {
    /// `h`.
    pub noise: F,
    pub patch: Patch<S, F>,
    /// `t`.
    pub share: Vector<S, F>,
    /// `r^2`.
    pub noise_share: Vector<S, F>,
    /// `t^2 h`.
    noise_part: Vector<S, F>,
}

/// A left and a right patch under noise.
#[derive(Clone, Copy)]
pub(super) struct Correlation<V> {
    /// `g g'`.
    pub inverses: V,
    /// `t'`.
    pub share: V,
    /// `x`.
    pub sine: V,
    /// `e`.
    pub excess: V,
    /// `sqrt(1 - x^2)`.
    pub cosine: V,
}

impl<S: Simd, F: Real> Noisy<S, F> {
    #[inline(always)]
    pub fn new(noise: F, patch: Patch<S, F>) -> Self {
        let share = patch.norm * patch.inverse;
        let noise_share = noise_share(noise, patch);
        Self { noise, patch, share, noise_share, noise_part: share * share * noise }
    }

    #[inline(always)]
    pub fn meet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Correlation<Vector<S, F>> {
        let Self { patch, share: left_share, noise_share, noise_part, .. } = self;
        let zero = cx.zero();
        let inverses = patch.inverse * right.inverse;
        let share = right.norm * right.inverse;
        let sine = sum * inverses;
        let lack = patch.norm.mul_sub(right.norm, sum.abs()).max(zero) * inverses;
        let reach = left_share.mul_add(share, sine.abs());
        let least = (noise_part * right.inverse).mul_add(right.inverse, noise_share);
        let excess = lack * reach;
        Correlation { inverses, share, sine, excess, cosine: lack.mul_add(reach, least).sqrt() }
    }
}

/// `r^2`.
#[inline(always)]
pub(super) fn noise_share<S: Simd, F: Real>(noise: F, patch: Patch<S, F>) -> Vector<S, F> {
    patch.inverse * noise * patch.inverse
}
