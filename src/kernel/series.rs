//! `series`: `M = n n' sum_k c_k u^k`, `dM/dS = sum_k k c_k u^(k-1)`; or, without norms,
//! `M = sum_k c_k S^k`, `dM/dS = sum_k k c_k S^(k-1)`.
//!
//! Every dot-product kernel is such a series with `c_k >= 0`: Schoenberg, *Positive definite functions
//! on spheres*, Duke Mathematical Journal 1942.

use super::dot::{self, Function, HOMOGENEOUS};
use super::interface::{Domain, Parameter, Parameters, Patch, PatchKernel};
use crate::simd::{Context, Real, Simd, SimdFloat, Vector};

/// A power series of non-negative coefficients.
pub struct Series<F> {
    /// In the order of ascending powers.
    coefficients: Box<[F]>,
    homogeneous: bool,
}

/// The series as a function.
#[derive(Clone, Copy)]
pub struct Terms<'k, F>(&'k [F]);

impl<F: Real> PatchKernel<F> for Series<F> {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter { name: "coefficients", domain: Domain::Coefficients, default: None },
        HOMOGENEOUS,
    ];

    type AtSite<'k, S: Simd> = dot::AtSite<S, F, Terms<'k, F>>;

    fn new(_sigma: f64, parameters: &Parameters) -> Self {
        let coefficients = parameters.numbers("coefficients").into_iter().map(F::from_f64);
        Self { coefficients: coefficients.collect(), homogeneous: parameters.flag("homogeneous") }
    }

    fn vanishes(&self) -> bool {
        self.homogeneous
    }

    fn multiply_adds(&self) -> [usize; 2] {
        dot::multiply_adds(self.homogeneous, [self.coefficients.len() - 1; 2])
    }

    #[inline(always)]
    fn at<S: Simd>(
        &self,
        _cx: Context<S, F>,
        left: Patch<S, F>,
    ) -> dot::AtSite<S, F, Terms<'_, F>> {
        let function = Terms(&self.coefficients);
        dot::AtSite { function, homogeneous: self.homogeneous, left }
    }
}

impl<F: Real> Function<F> for Terms<'_, F> {
    #[inline(always)]
    fn value<S: Simd>(self, cx: Context<S, F>, x: Vector<S, F>) -> Vector<S, F> {
        cx.horner(x, self.0)
    }

    #[inline(always)]
    fn value_and_slope<S: Simd>(self, cx: Context<S, F>, x: Vector<S, F>) -> [Vector<S, F>; 2] {
        let (last, rest) = self.0.split_last().expect("a series has coefficients");
        let mut value = cx.splat(*last);
        let mut slope = cx.zero();
        for &coefficient in rest.iter().rev() {
            slope = slope.mul_add(x, value);
            value = value.mul_add(x, cx.splat(coefficient));
        }
        [value, slope]
    }

    #[inline(always)]
    fn curvature<S: Simd>(self, cx: Context<S, F>, x: Vector<S, F>) -> Vector<S, F> {
        let (mut value, mut slope, mut half) = (cx.zero(), cx.zero(), cx.zero());
        for &coefficient in self.0.iter().rev() {
            half = half.mul_add(x, slope);
            slope = slope.mul_add(x, value);
            value = value.mul_add(x, cx.splat(coefficient));
        }
        half + half
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::testing::{HARD_NORMS, INNER, Point, Size, Subject, TAME_NORMS};
    use crate::kernel::{Kernel, Setting};
    use crate::simd::Double;

    const COEFFICIENTS: [&[f64]; 4] =
        [&[2.0], &[0.5, 0.25], &[0.0, 0.0, 3.0], &[0.1, 0.0, 0.7, 0.3, 0.0, 0.0, 1.1]];

    fn check(homogeneous: bool, act: impl Fn(Subject)) {
        for coefficients in COEFFICIENTS {
            let formula = |point: Point| {
                let x = if homogeneous { point.cosine() } else { point.sum };
                let terms = coefficients.iter().enumerate().map(|(power, c)| x.powi(power) * *c);
                let sum = terms.fold(Double::from(0.0), |sum, term| sum + term);
                if homogeneous { point.norms_product() * sum } else { sum }
            };
            let parameters = vec![
                ("coefficients", Setting::Numbers(coefficients.to_vec())),
                ("homogeneous", Setting::Flag(homogeneous)),
            ];
            act(Subject {
                kernel: Kernel::Series,
                sigma: 1.0,
                parameters: Parameters(parameters),
                formula: &formula,
                size: Size::Natural,
                cosines: INNER,
                least: if homogeneous { 0.0 } else { 0.05 },
            });
        }
    }

    #[test]
    fn value_and_derivatives_are_those_of_the_formula() {
        for homogeneous in [true, false] {
            check(homogeneous, |subject| {
                subject.check::<f32>([2.0, 2.0]);
                subject.check::<f64>([2.0, 2.0]);
            });
        }
    }

    #[test]
    fn hard_patches_give_numbers() {
        check(true, |subject| {
            subject.check_hard::<f32>(&HARD_NORMS);
            subject.check_hard::<f64>(&HARD_NORMS);
        });
        check(false, |subject| {
            subject.check_hard::<f32>(&TAME_NORMS);
            subject.check_hard::<f64>(&TAME_NORMS);
        });
    }
}
