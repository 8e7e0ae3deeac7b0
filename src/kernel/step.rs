//! `step`: `M = (pi - arccos u) / pi`, `dM/dS = 1 / (pi sqrt(1 - u^2) n n')`.
//!
//! The arc-cosine kernel of order 0, the dual of the step function: Cho and Saul, *Kernel methods for
//! deep learning*, NeurIPS 2009. It is the slope of `relu`, and uses its polynomial.
//!
//! Near `u = 1` the value falls like a square root: an error of 1e-16 in the cosine would become one of
//! 1e-8 in the value. This matters because `u = 1` is the cosine of every patch with itself. So a cosine
//! within a few roundings of 1 or -1 counts as 1 or -1: rounding cannot tell such patches from parallel
//! ones.

use std::f64::consts::FRAC_1_PI;

use super::interface::{COSINE_AND_NORMS, Jet, Parameters, Patch, PatchKernel, SiteKernel};
use super::patch::NORM_FLOOR;
use super::{jet, relu};
use crate::simd::{Context, Real, Simd, SimdBase, SimdFloat, Vector};

/// The arc-cosine kernel of order 0.
pub struct Step;

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real>(Patch<S, F>);

impl<F: Real> PatchKernel<F> for Step {
    const IS_DOUBLED: bool = true;

    const SINGULAR: Option<&'static str> = Some(
        "its slope 1 / (pi sqrt(1 - u^2) n n') is infinite at u = 1, where every patch meets itself",
    );

    type AtSite<'k, S: Simd> = AtSite<S, F>;

    fn new(_sigma: f64, _parameters: &Parameters) -> Self {
        Self
    }

    fn vanishes(&self) -> bool {
        false
    }

    fn multiply_adds(&self) -> [usize; 2] {
        // The value has no product with norms.
        [12 - COSINE_AND_NORMS / 2, 4]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F> {
        AtSite(left)
    }
}

impl<S: Simd, F: Real> SiteKernel<S, F> for AtSite<S, F> {
    /// At the singularity the slope is large, but finite.
    #[inline(always)]
    fn value_and_slope(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2] {
        let splat = |x: f64| cx.splat(F::from_f64(x));
        let Self(left) = self;
        let cosine = sum * right.inverse * left.inverse;
        let v = relu::distance(cx, cosine);
        let v = v * relu::apart(cx, v);
        let square = (v * (splat(2.0) - v)).max(cx.splat(F::LEAST_INVERTIBLE));
        let slope = splat(FRAC_1_PI) / square.sqrt();
        let value = relu::slope(cx, cosine, v, v.sqrt());
        [value, slope * right.inverse * left.inverse]
    }

    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let both = self.value_and_slope(cx, sum, right);
        jet::log_derivatives(cx, F::ZERO, sum, [self.0, right], both)
    }

    /// `kappa''(u) = u kappa'(u) / (1 - u^2)`, and 0 at the singularity.
    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let Self(left) = self;
        let [_, slope] = self.value_and_slope(cx, sum, right);
        let cosine = sum * right.inverse * left.inverse;
        let v = relu::distance(cx, cosine);
        let square = (v * (cx.splat(F::from_f64(2.0)) - v)).max(cx.splat(F::LEAST_INVERTIBLE));
        let steep = cosine * right.inverse * left.inverse * (relu::apart(cx, v) / square);
        let curvature = steep * slope;
        let by_norm = |patch: Patch<S, F>| {
            let floor = F::from_f64(NORM_FLOOR);
            -(sum.mul_add(curvature, slope) * cx.indicator(patch.norm - floor))
        };
        let (by_left, by_right) = (by_norm(left), by_norm(right));
        Jet { value: slope, slope: curvature, left: by_left, right: by_right, sigma: cx.zero() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::kernel::testing::{self, HARD_NORMS, INNER, Size, Subject};

    const SUBJECT: Subject<'static> = Subject {
        kernel: Kernel::Step,
        sigma: 1.0,
        parameters: Parameters(Vec::new()),
        formula: &|point| testing::step(point.cosine()),
        size: Size::Natural,
        cosines: INNER,
        least: 0.0,
    };

    #[test]
    fn value_and_derivatives_are_those_of_the_formula() {
        SUBJECT.check::<f32>([2.0, 2.0]);
        SUBJECT.check::<f64>([2.0, 2.0]);
    }

    #[test]
    fn hard_patches_give_numbers() {
        SUBJECT.check_hard::<f32>(&HARD_NORMS);
        SUBJECT.check_hard::<f64>(&HARD_NORMS);
    }
}
