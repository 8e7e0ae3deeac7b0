//! `gelu`: with `A = sigma^2 n^2`, `B = sigma^2 n'^2`, `C = sigma^2 S`, `P = (1 + A) (1 + B)` and
//! `D^2 = P - C^2`,
//!
//! ```text
//! M = ((C^2 + A B D^2) / (P D) + C arcsin(C / sqrt(P))) / (2 pi) + C / 4
//! ```
//!
//! The dual of the Gaussian error linear unit, with weights of standard deviation `sigma`: Tsuchida,
//! Pearce, van der Heide, Roosta and Gallagher, *Avoiding kernel fixed points: computing with ELU and
//! GELU infinite networks*, AAAI 2021 (arXiv:2002.08517).
//!
//! `x = C / sqrt(P)` is the correlation of the patches under noise of variance `1 / sigma^2`. In the
//! notation of `correlation.rs`, with `T = t n`, `c = sqrt(1 - x^2)` and `a = arcsin(x) / (pi / 2)`,
//!
//! ```text
//! M     = sigma^2 / 4 (S (1 + a + (2 / pi) r^2 r'^2 x / c) + (2 / pi) T T' c)
//! dM/dS = sigma^2 / 4 (1 + a + (2 / pi) (r^2 + r'^2 + r^2 r'^2 / c^2) x / c)
//! ```
//!
//! `T T' c + S arcsin(x)` nearly cancels for large opposite patches. There `a` and `c` come from the
//! same root. A rounding error of `c` changes both terms, and these changes cancel in first order, too.

use std::f64::consts::FRAC_2_PI;

use super::correlation::{Correlation, Noisy, noise_share};
use super::interface::{
    COSINE_AND_NORMS, Jet, Parameters, Patch, PatchKernel, SiteKernel, variance,
};
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

/// The dual of the Gaussian error linear unit.
pub struct Gelu<F> {
    /// `1 / sigma^2`.
    noise: F,
    /// `sigma^2 / 4`.
    scale: F,
}

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real> {
    left: Noisy<S, F>,
    /// `sigma^2 / 4`.
    scale: F,
    /// `(2 / pi) T`.
    reach: Vector<S, F>,
}

impl<F: Real> PatchKernel<F> for Gelu<F> {
    const HAS_SIGMA: bool = true;

    type AtSite<'k, S: Simd> = AtSite<S, F>;

    fn new(sigma: f64, _parameters: &Parameters) -> Self {
        let variance = variance::<F>(sigma);
        Self { noise: F::from_f64(1.0 / variance), scale: F::from_f64(0.25 * variance) }
    }

    fn noise(&self) -> Option<F> {
        Some(self.noise)
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [31 - COSINE_AND_NORMS, 7]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F> {
        let left = Noisy::new(self.noise, left);
        let reach = left.patch.norm * left.share * F::from_f64(FRAC_2_PI);
        AtSite { left, scale: self.scale, reach }
    }
}

/// The terms that value, slope and jet have in common.
#[derive(Clone, Copy)]
struct Terms<V> {
    met: Correlation<V>,
    /// `1 + a`: the angle in quarter turns, 0 for `x = -1`.
    angle: V,
    /// `1 / c`.
    secant: V,
    /// `r r'`.
    noise_shares: V,
    /// `r r' / c`.
    steep: V,
}

impl<S: Simd, F: Real> AtSite<S, F> {
    #[inline(always)]
    fn terms(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Terms<Vector<S, F>> {
        let one = cx.one();
        let met = self.left.meet(cx, sum, right);
        let secant = one / met.cosine;
        let noise_shares = met.inverses * self.left.noise;
        Terms {
            met,
            angle: cx.quarter_turns(met.sine, met.cosine) + one,
            secant,
            noise_shares,
            steep: noise_shares * secant,
        }
    }

    #[inline(always)]
    fn value_of(
        self,
        sum: Vector<S, F>,
        right: Patch<S, F>,
        Terms { met, angle, noise_shares, steep, .. }: Terms<Vector<S, F>>,
    ) -> Vector<S, F> {
        let across = self.reach * (right.norm * met.share * met.cosine);
        let along = (noise_shares * steep).mul_add(met.sine * F::from_f64(FRAC_2_PI), angle);
        sum.mul_add(along, across) * self.scale
    }

    #[inline(always)]
    fn slope_of(
        self,
        right: Patch<S, F>,
        Terms { met, angle, secant, steep, .. }: Terms<Vector<S, F>>,
    ) -> Vector<S, F> {
        let shares = self.left.noise_share + noise_share(self.left.noise, right);
        let shares = steep.mul_add(steep, shares);
        (met.sine * secant * F::from_f64(FRAC_2_PI)).mul_add(shares, angle) * self.scale
    }
}

impl<S: Simd, F: Real> SiteKernel<S, F> for AtSite<S, F> {
    #[inline(always)]
    fn value_and_slope(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2] {
        let terms = self.terms(cx, sum, right);
        [self.value_of(sum, right, terms), self.slope_of(right, terms)]
    }

    /// ```text
    /// n dM/dn = sigma^2 / (2 pi) T sqrt(h + n'^2) / c (e + 2 r^2 t'^2 c^2 - r^2 r'^2 x^2 (2 + 1 / c^2))
    /// ```
    ///
    /// and `n' dM/dn'` is this with the patches exchanged. `sigma dM/dsigma` is `2 S dM/dS` plus both.
    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let Self { left, scale, reach } = self;
        let terms = self.terms(cx, sum, right);
        let (value, slope) = (self.value_of(sum, right, terms), self.slope_of(right, terms));

        let Terms { met, secant, noise_shares, steep, .. } = terms;
        let both = noise_shares * noise_shares;
        let common = met.excess - met.sine * met.sine * (both + both + steep * steep);
        // In this order of the factors, nothing overflows unless the result is large.
        let along = |noise_share: Vector<S, F>, other_share: Vector<S, F>| {
            let across = other_share * met.cosine;
            (across * across * (noise_share + noise_share) + common) * secant
        };
        let right_reach = right.norm * met.share * F::from_f64(FRAC_2_PI);
        let right_noise = noise_share(left.noise, right);
        let by_left = along(left.noise_share, met.share) / right.inverse * reach * scale;
        let by_right = along(right_noise, left.share) / left.patch.inverse * right_reach * scale;
        let angular = sum * slope;
        Jet {
            value,
            slope,
            left: by_left,
            right: by_right,
            sigma: angular + angular + by_left + by_right,
        }
    }

    /// The slope is a function `F(x, r^2, r'^2)` times `sigma^2 / 4`. As `n dx/dn = -t^2 x` and
    /// `n dr^2/dn = -2 t^2 r^2`,
    ///
    /// ```text
    /// n dF/dn         = -t^2 (x F_x + 2 r^2 F_r)
    /// sigma dF/dsigma = (r^2 + r'^2) x F_x - 2 t^2 r^2 F_r - 2 t'^2 r'^2 F_r'
    /// F_x = (2 / pi) (1 + (r^2 + r'^2 + (r r' / c)^2 (1 + 2 x^2)) / c^2) / c
    /// F_r = (2 / pi) x (1 + r'^2 / c^2) / c
    /// ```
    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let Self { left, scale, .. } = self;
        let terms = self.terms(cx, sum, right);
        let value = self.slope_of(right, terms);
        let Terms { met, secant, steep, .. } = terms;
        let (left_noise, right_noise) = (left.noise_share, noise_share(left.noise, right));
        let (square, steep) = (secant * secant, steep * steep);
        let factor = secant * (scale * F::from_f64(FRAC_2_PI));
        let by_noise = |other: Vector<S, F>| met.sine * factor * other.mul_add(square, cx.one());
        let (by_left_noise, by_right_noise) = (by_noise(right_noise), by_noise(left_noise));
        let sines = met.sine * met.sine;
        let around = (left_noise + right_noise) + steep * (sines + sines + cx.one());
        let by_sine = factor * around.mul_add(square, cx.one());
        let along = met.sine * by_sine;
        let (left_square, right_square) = (left.share * left.share, met.share * met.share);
        let left_part = (left_noise + left_noise) * by_left_noise;
        let right_part = (right_noise + right_noise) * by_right_noise;
        let noises = along * (left_noise + right_noise);
        Jet {
            value,
            slope: by_sine * met.inverses,
            left: -(left_square * (along + left_part)),
            right: -(right_square * (along + right_part)),
            sigma: value + value + noises - (left_square * left_part + right_square * right_part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::kernel::testing::{ALL, Point, Size, Subject, check_hard_widths};
    use crate::simd::Double;

    fn formula(point: Point) -> Double {
        let [a, b, c] = point.scaled();
        let p = (a + 1.0) * (b + 1.0);
        let d = (p - c * c).sqrt();
        let across = (c * c + a * b * d * d) / (p * d);
        (across + c * (c / p.sqrt()).arcsin()) / Double::PI / 2.0 + c / 4.0
    }

    fn subject(sigma: f64) -> Subject<'static> {
        Subject {
            kernel: Kernel::Gelu,
            sigma,
            parameters: Parameters::default(),
            formula: &formula,
            size: Size::Natural,
            cosines: ALL,
            least: 0.05,
        }
    }

    #[test]
    fn value_and_derivatives_are_those_of_the_formula() {
        for sigma in [0.3, 1.0, 2.5] {
            subject(sigma).check::<f32>([3.0, 3.0]);
            subject(sigma).check::<f64>([3.0, 3.0]);
        }
    }

    #[test]
    fn hard_patches_give_numbers() {
        check_hard_widths(subject);
    }
}
