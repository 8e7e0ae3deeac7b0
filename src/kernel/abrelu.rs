//! `abrelu`: `M = n n' ((a - b)^2 kappa(u) + 2 a b u)`, `dM/dS = (a - b)^2 kappa'(u) + 2 a b`, with
//! `kappa` that of `relu`.
//!
//! The dual of the piecewise linear `a min(x, 0) + b max(x, 0)`; the leaky ReLU and the absolute value
//! are examples. The function is `(b - a) max(x, 0) + a x`. The ReLU's part is in Cho and Saul, *Kernel
//! methods for deep learning*, NeurIPS 2009, and the products `x max(y, 0)` have the mean `n n' u / 2`.

use super::interface::{
    Domain, Jet, Parameter, Parameters, Patch, PatchKernel, Setting, SiteKernel, homogeneous,
    log_derivatives,
};
use super::relu;
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

/// The dual of a piecewise linear function.
pub struct AbRelu<F> {
    /// `(a - b)^2`.
    bend: F,
    /// `2 a b`.
    line: F,
}

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real> {
    left: Patch<S, F>,
    /// `(a - b)^2`.
    bend: F,
    /// `2 a b`.
    line: Vector<S, F>,
}

impl<F: Real> PatchKernel<F> for AbRelu<F> {
    const IS_DOUBLED: bool = true;

    const PARAMETERS: &'static [Parameter] = &[
        Parameter { name: "a", domain: Domain::Number, default: None },
        Parameter { name: "b", domain: Domain::Number, default: Some(Setting::Number(1.0)) },
    ];

    type AtSite<'k, S: Simd> = AtSite<S, F>;

    fn new(_sigma: f64, parameters: &Parameters) -> Self {
        let [a, b] = ["a", "b"].map(|name| parameters.number(name));
        Self { bend: F::from_f64((a - b) * (a - b)), line: F::from_f64(2.0 * a * b) }
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [11, 11]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F> {
        AtSite { left, bend: self.bend, line: cx.splat(self.line) }
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
        let Self { left, bend, line } = self;
        let cosine = sum * right.inverse * left.inverse;
        let [kappa, slope] = relu::kappa_and_slope(cx, cosine);
        let value = kappa.mul_add(bend, cosine * line);
        [left.norm * right.norm * value, slope.mul_add(bend, line)]
    }

    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let both = self.value_and_slope(cx, sum, right);
        homogeneous(cx, F::ONE, sum, [self.left, right], both)
    }

    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let Self { left, bend, line } = self;
        let inverses = right.inverse * left.inverse;
        let [slope, curvature] = relu::slope_and_curvature(cx, sum * right.inverse * left.inverse);
        let both = [slope.mul_add(bend, line), curvature * bend * inverses];
        log_derivatives(cx, F::ZERO, sum, [left, right], both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::kernel::testing::{self, HARD_NORMS, INNER, Point, Size, Subject};

    /// The ReLU, the identity, the absolute value, a leaky ReLU and another.
    const SLOPES: [[f64; 2]; 5] = [[0.0, 1.0], [1.0, 1.0], [-1.0, 1.0], [0.1, 1.0], [-2.0, 0.5]];

    fn check(act: impl Fn(Subject)) {
        for [a, b] in SLOPES {
            let formula = |point: Point| {
                let u = point.cosine();
                let kappa = testing::relu(u) * ((a - b) * (a - b)) + u * (2.0 * a * b);
                point.norms_product() * kappa
            };
            let parameters = [("a", a), ("b", b)].map(|(name, x)| (name, Setting::Number(x)));
            act(Subject {
                kernel: Kernel::AbRelu,
                sigma: 1.0,
                parameters: Parameters(parameters.to_vec()),
                formula: &formula,
                size: Size::Natural,
                cosines: INNER,
                least: 0.0,
            });
        }
    }

    #[test]
    fn value_and_derivatives_are_those_of_the_formula() {
        check(|subject| {
            subject.check::<f32>([2.0, 4.0]);
            subject.check::<f64>([2.0, 4.0]);
        });
    }

    #[test]
    fn hard_patches_give_numbers() {
        check(|subject| {
            subject.check_hard::<f32>(&HARD_NORMS);
            subject.check_hard::<f64>(&HARD_NORMS);
        });
    }
}
