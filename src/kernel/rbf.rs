//! `rbf`, also called `gaussian`: `M = exp(-|x - y|^2 / (2 sigma^2))` with
//! `|x - y|^2 = n^2 + n'^2 - 2 S`; `dM/dS = M / sigma^2`.
//!
//! The Gaussian kernel of patches that are not normalised.

use std::f64::consts::{LN_2, LOG2_E};

use super::interface::{
    COSINE_AND_NORMS, Jet, Parameters, Patch, PatchKernel, SiteKernel, variance,
};
use crate::simd::{Context, Real, Simd, SimdBase, SimdFloat, Vector};

/// The Gaussian kernel.
pub struct Rbf<F> {
    /// `-log2(e) / (2 sigma^2)`.
    rate: F,
    /// `1 / sigma^2`.
    inverse_square: F,
    /// `1 / sigma`.
    inverse: F,
}

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real> {
    left: Vector<S, F>,
    rate: F,
    inverse_square: F,
    inverse: F,
}

impl<F: Real> PatchKernel<F> for Rbf<F> {
    const HAS_SIGMA: bool = true;

    type AtSite<'k, S: Simd> = AtSite<S, F>;

    fn new(sigma: f64, _parameters: &Parameters) -> Self {
        let inverse_square = 1.0 / variance::<F>(sigma);
        Self {
            rate: F::from_f64(-0.5 * LOG2_E * inverse_square),
            inverse_square: F::from_f64(inverse_square),
            inverse: F::from_f64(inverse_square.sqrt()),
        }
    }

    fn vanishes(&self) -> bool {
        false
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [13 - COSINE_AND_NORMS, 1]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F> {
        let Self { rate, inverse_square, inverse } = *self;
        AtSite { left: left.norm, rate, inverse_square, inverse }
    }
}

impl<S: Simd, F: Real> AtSite<S, F> {
    /// `log2 M`.
    #[inline(always)]
    fn exponent(self, cx: Context<S, F>, sum: Vector<S, F>, right: Vector<S, F>) -> Vector<S, F> {
        squared_distance(cx, sum, [self.left, right]) * self.rate
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
        let value = cx.exp2_or_zero(self.exponent(cx, sum, right.norm));
        [value, value * self.inverse_square]
    }

    /// `n dM/dn = -n^2 M / sigma^2`, `sigma dM/dsigma = -2 M ln M`.
    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let [value, slope] = self.value_and_slope(cx, sum, right);
        let exponent = self.exponent(cx, sum, right.norm);
        let exponent = exponent.max(cx.splat(F::MIN_EXPONENT));
        // The value is the first factor: 0 stays 0, however large the norm is.
        let along = |norm: Vector<S, F>| {
            let scaled = norm * self.inverse;
            -(value * scaled * scaled)
        };
        Jet {
            value,
            slope,
            left: along(self.left),
            right: along(right.norm),
            sigma: value * exponent * F::from_f64(-2.0 * LN_2),
        }
    }

    /// The slope is `M / sigma^2`.
    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let jet = self.jet(cx, sum, right);
        let scale = |part: Vector<S, F>| part * self.inverse_square;
        Jet {
            value: scale(jet.value),
            slope: scale(jet.slope),
            left: scale(jet.left),
            right: scale(jet.right),
            sigma: scale(jet.sigma - (jet.value + jet.value)),
        }
    }
}

/// `n^2 + n'^2 - 2 S`, as `(n - n')^2 + 2 (n n' - S)`. Neither term is negative, and the difference in
/// each is rounded only once.
#[inline(always)]
pub(super) fn squared_distance<S: Simd, F: Real>(
    cx: Context<S, F>,
    sum: Vector<S, F>,
    [left, right]: [Vector<S, F>; 2],
) -> Vector<S, F> {
    let lack = left.mul_sub(right, sum).max(cx.zero());
    let gap = left - right;
    gap.mul_add(gap, lack + lack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::kernel::testing::{ALL, Point, Size, Subject, check_hard_widths};
    use crate::simd::Double;

    fn formula(point: Point) -> Double {
        let [a, b] = point.norms;
        let distance = a * a + b * b - point.sum * 2.0;
        (-distance / (point.sigma * point.sigma * 2.0)).exp()
    }

    fn subject(sigma: f64) -> Subject<'static> {
        Subject {
            kernel: Kernel::Rbf,
            sigma,
            parameters: Parameters::default(),
            formula: &formula,
            size: Size::Relative,
            cosines: ALL,
            least: 0.05,
        }
    }

    #[test]
    fn value_and_derivatives_are_those_of_the_formula() {
        for sigma in [0.3, 1.0, 2.5] {
            subject(sigma).check::<f32>([2.5, 8.0]);
            subject(sigma).check::<f64>([2.5, 8.0]);
        }
    }

    #[test]
    fn hard_patches_give_numbers() {
        check_hard_widths(subject);
    }
}
