//! `erf`: `M = (2 / pi) arcsin(2 C / sqrt((1 + 2 A) (1 + 2 B)))` with `A = sigma^2 n^2`,
//! `B = sigma^2 n'^2`, `C = sigma^2 S`; `dM/dS = (4 / pi) sigma^2 / sqrt((1 + 2 A) (1 + 2 B) - 4 C^2)`.
//!
//! The dual of the error function, with weights of standard deviation `sigma`: Williams, *Computing
//! with infinite networks*, NeurIPS 1996. The argument of `arcsin` is the correlation `x` of the patches
//! under noise of variance `1 / (2 sigma^2)`. So `dM/dS = (2 / pi) g g' / sqrt(1 - x^2)` in the notation
//! of `correlation.rs`.

use std::f64::consts::FRAC_2_PI;

use super::correlation::{Correlation, Noisy, noise_share};
use super::interface::{
    COSINE_AND_NORMS, Jet, Parameters, Patch, PatchKernel, SiteKernel, variance,
};
use crate::simd::{Context, Real, Simd, Vector};

/// The dual of the error function.
pub struct Erf<F> {
    /// `1 / (2 sigma^2)`.
    noise: F,
}

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real>(Noisy<S, F>);

impl<F: Real> PatchKernel<F> for Erf<F> {
    const HAS_SIGMA: bool = true;

    type AtSite<'k, S: Simd> = AtSite<S, F>;

    fn new(sigma: f64, _parameters: &Parameters) -> Self {
        Self { noise: F::from_f64(0.5 / variance::<F>(sigma)) }
    }

    fn noise(&self) -> Option<F> {
        Some(self.noise)
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [20 - COSINE_AND_NORMS, 2]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F> {
        AtSite(Noisy::new(self.noise, left))
    }
}

/// `arcsin(x)` in quarter turns.
#[inline(always)]
fn value<S: Simd, F: Real>(cx: Context<S, F>, met: Correlation<Vector<S, F>>) -> Vector<S, F> {
    cx.quarter_turns(met.sine, met.cosine)
}

impl<S: Simd, F: Real> SiteKernel<S, F> for AtSite<S, F> {
    #[inline(always)]
    fn value(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Vector<S, F> {
        value(cx, self.0.meet(cx, sum, right))
    }

    #[inline(always)]
    fn value_and_slope(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2] {
        let met = self.0.meet(cx, sum, right);
        let factor = cx.splat(F::from_f64(FRAC_2_PI));
        [value(cx, met), met.inverses * (factor / met.cosine)]
    }

    /// `n dM/dn = -t^2 S dM/dS`, `sigma dM/dsigma = (r^2 + r'^2) S dM/dS`.
    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let Self(left) = self;
        let [value, slope] = self.value_and_slope(cx, sum, right);
        let share = right.norm * right.inverse;
        let angular = sum * slope;
        Jet {
            value,
            slope,
            left: -(left.share * left.share * angular),
            right: -(share * share * angular),
            sigma: (left.noise_share + noise_share(left.noise, right)) * angular,
        }
    }

    /// With `s = dM/dS`, `ds/dS = x g g' s / c^2`, `n ds/dn = -t^2 s / c^2` and
    /// `sigma ds/dsigma = (r^2 + r'^2) s / c^2`, where `c = sqrt(1 - x^2)`.
    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let Self(left) = self;
        let met = left.meet(cx, sum, right);
        let [_, slope] = self.value_and_slope(cx, sum, right);
        let steep = slope / (met.cosine * met.cosine);
        Jet {
            value: slope,
            slope: steep * met.sine * met.inverses,
            left: -(left.share * left.share * steep),
            right: -(met.share * met.share * steep),
            sigma: (left.noise_share + noise_share(left.noise, right)) * steep,
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
        let [a, b, c] = point.scaled().map(|x| x * 2.0);
        (c / ((a + 1.0) * (b + 1.0)).sqrt()).arcsin() / Double::PI * 2.0
    }

    fn subject(sigma: f64) -> Subject<'static> {
        Subject {
            kernel: Kernel::Erf,
            sigma,
            parameters: Parameters::default(),
            formula: &formula,
            size: Size::Relative,
            cosines: ALL,
            least: 0.0,
        }
    }

    #[test]
    fn value_and_derivatives_are_those_of_the_formula() {
        for sigma in [0.3, 1.0, 2.5] {
            subject(sigma).check::<f32>([3.0, 7.0]);
            subject(sigma).check::<f64>([3.0, 7.0]);
        }
    }

    #[test]
    fn hard_patches_give_numbers() {
        check_hard_widths(subject);
    }
}
