//! The correlation of two patches under noise, which `erf` and `gelu` depend on.
//!
//! For random weights `w` and noise of variance `h`, the numbers `w.x + noise` and `w.y + noise` of
//! two patches have variances `h + n^2` and `h + n'^2`, covariance `S` and correlation
//! `x = S / sqrt((h + n^2) (h + n'^2))`, the sine of an angle. With `g = 1 / sqrt(h + n^2)`, the shares
//! `r = g sqrt(h)` of the noise and `t = g n` of the patch in a deviation, and the same of the right
//! patch, the angle's cosine is the root of
//!
//! ```text
//! 1 - x^2 = r^2 + t^2 r'^2 + e        e = (t t' - |x|) (t t' + |x|) = t^2 t'^2 - x^2
//! ```
//!
//! where `t t' - |x| = g g' (n n' - |S|)` is not negative but for rounding, and is rounded once: no
//! cancellation remains however large the norms, and nothing overflows.

use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector};

/// A left patch under noise.
#[derive(Clone, Copy)]
pub(super) struct Noisy<S: Simd, F: Real> {
    /// `h`.
    pub noise: Vector<S, F>,
    /// `n`.
    pub norm: Vector<S, F>,
    /// `g`.
    pub inverse: Vector<S, F>,
    /// `t`.
    pub share: Vector<S, F>,
    /// `r^2`.
    pub noise_share: Vector<S, F>,
}

/// It and a right one.
#[derive(Clone, Copy)]
pub(super) struct Correlation<V> {
    /// `x`.
    pub sine: V,
    /// `sqrt(1 - x^2)`.
    pub cosine: V,
    /// `1 / sqrt(1 - x^2)`.
    pub secant: V,
    /// `e`.
    pub excess: V,
    /// `g'`.
    pub inverse: V,
    /// `1 / g'`.
    pub deviation: V,
}

impl<S: Simd, F: Real> Noisy<S, F> {
    #[inline(always)]
    pub fn new(simd: S, noise: F, norm: Vector<S, F>) -> Self {
        let noise = Vector::<S, F>::splat(simd, noise);
        let one = Vector::<S, F>::splat(simd, F::ONE);
        let inverse = one / norm.mul_add(norm, noise).sqrt();
        Self { noise, norm, inverse, share: norm * inverse, noise_share: noise * inverse * inverse }
    }

    /// With roots in the left side's scale, `d = sqrt((1 - x^2) (h + n'^2))` and `b = sqrt(h + n'^2)`, one
    /// division serves both inverses.
    #[inline(always)]
    pub fn meet(
        self,
        simd: S,
        sum: Vector<S, F>,
        right: Vector<S, F>,
    ) -> Correlation<Vector<S, F>> {
        let Self { noise, norm, inverse, share, noise_share } = self;
        let (zero, one) =
            (Vector::<S, F>::splat(simd, F::ZERO), Vector::<S, F>::splat(simd, F::ONE));
        let lack = norm.mul_sub(right, sum.abs()).max(zero) * inverse;
        let sum = sum * inverse;
        let reach = share.mul_add(right, sum.abs());
        let variance = right.mul_add(right, noise);
        // h + r^2 n'^2
        let least = noise_share.mul_add(variance, noise * (share * share));
        let deviation = variance.sqrt();
        let d = lack.mul_add(reach, least).sqrt();
        let both = one / (deviation * d);
        let right_inverse = both * d;
        Correlation {
            sine: sum * right_inverse,
            cosine: d * right_inverse,
            secant: both * variance,
            excess: lack * reach * right_inverse * right_inverse,
            inverse: right_inverse,
            deviation,
        }
    }
}
