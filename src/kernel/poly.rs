//! `poly`: `M = n n' (u + offset)^degree`, `dM/dS = degree (u + offset)^(degree - 1)`; or, without
//! norms, `M = (S + offset)^degree`, `dM/dS = degree (S + offset)^(degree - 1)`.
//!
//! The polynomial kernel: Schölkopf and Smola, *Learning with kernels*, MIT Press 2002, section 2.3;
//! homogeneous as in Bietti, *Approximation and learning with deep convolutional models: a kernel
//! perspective*, ICLR 2022 (arXiv:2102.10032), section 2.

use super::dot::{self, Function, HOMOGENEOUS};
use super::interface::{Domain, Parameter, Parameters, Patch, PatchKernel, Setting};
use crate::simd::{Context, Real, Simd, Vector};

/// The polynomial kernel of any degree.
pub struct Poly<F> {
    power: Shifted<F>,
    homogeneous: bool,
}

/// `(x + offset)^(exponent + 1)`.
#[derive(Clone, Copy)]
pub struct Shifted<F> {
    offset: F,
    exponent: usize,
}

impl<F: Real> PatchKernel<F> for Poly<F> {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter { name: "degree", domain: Domain::Degree, default: None },
        Parameter {
            name: "offset",
            domain: Domain::NonNegative,
            default: Some(Setting::Number(0.0)),
        },
        HOMOGENEOUS,
    ];

    type AtSite<'k, S: Simd> = dot::AtSite<S, F, Shifted<F>>;

    fn new(_sigma: f64, parameters: &Parameters) -> Self {
        let power = Shifted {
            offset: F::from_f64(parameters.number("offset")),
            exponent: parameters.whole("degree") - 1,
        };
        Self { power, homogeneous: parameters.flag("homogeneous") }
    }

    fn vanishes(&self) -> bool {
        self.homogeneous
    }

    fn multiply_adds(&self) -> [usize; 2] {
        // One for the offset and one for the last factor, the squarings, and one factor for each
        // binary digit 1 of the exponent after the first.
        let exponent = self.power.exponent;
        let squarings = exponent.checked_ilog2().unwrap_or(0) as usize;
        let factors = (exponent.count_ones() as usize).saturating_sub(1);
        dot::multiply_adds(self.homogeneous, [2 + squarings + factors, 1])
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> dot::AtSite<S, F, Shifted<F>> {
        dot::AtSite { function: self.power, homogeneous: self.homogeneous, left }
    }
}

impl<F: Real> Function<F> for Shifted<F> {
    #[inline(always)]
    fn value<S: Simd>(self, cx: Context<S, F>, x: Vector<S, F>) -> Vector<S, F> {
        self.value_and_slope(cx, x)[0]
    }

    #[inline(always)]
    fn value_and_slope<S: Simd>(self, cx: Context<S, F>, x: Vector<S, F>) -> [Vector<S, F>; 2] {
        let Self { offset, exponent } = self;
        let base = x + cx.splat(offset);
        let power = power(cx, base, exponent);
        [power * base, power * F::from_f64((exponent + 1) as f64)]
    }

    #[inline(always)]
    fn curvature<S: Simd>(self, cx: Context<S, F>, x: Vector<S, F>) -> Vector<S, F> {
        let Self { offset, exponent } = self;
        let Some(below) = exponent.checked_sub(1) else { return cx.zero() };
        let factors = F::from_f64((exponent * (exponent + 1)) as f64);
        power(cx, x + cx.splat(offset), below) * factors
    }
}

/// By squaring, along the binary digits of the exponent from the second highest down.
#[inline(always)]
fn power<S: Simd, F: Real>(cx: Context<S, F>, base: Vector<S, F>, exponent: usize) -> Vector<S, F> {
    let mut power = if exponent > 0 { base } else { cx.one() };
    for digit in (0..exponent.checked_ilog2().unwrap_or(0)).rev() {
        power *= power;
        if exponent >> digit & 1 == 1 {
            power *= base;
        }
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::kernel::testing::{HARD_NORMS, INNER, Point, Size, Subject, TAME_NORMS};

    fn check(degree: usize, offset: f64, homogeneous: bool, act: impl Fn(Subject)) {
        let formula = |point: Point| {
            if homogeneous {
                point.norms_product() * (point.cosine() + offset).powi(degree)
            } else {
                (point.sum + offset).powi(degree)
            }
        };
        let parameters = vec![
            ("degree", Setting::Whole(degree)),
            ("offset", Setting::Number(offset)),
            ("homogeneous", Setting::Flag(homogeneous)),
        ];
        act(Subject {
            kernel: Kernel::Poly,
            sigma: 1.0,
            parameters: Parameters(parameters),
            formula: &formula,
            size: Size::Natural,
            cosines: INNER,
            least: if homogeneous { 0.0 } else { 0.05 },
        });
    }

    #[test]
    fn value_and_derivatives_are_those_of_the_formula() {
        for degree in [1, 2, 3, 4, 5, 7, 12, 64] {
            for offset in [0.0, 0.5] {
                check(degree, offset, true, |subject| {
                    subject.check::<f32>([6.0, 6.5]);
                    subject.check::<f64>([6.0, 6.5]);
                });
            }
        }
        for degree in [1, 2, 3, 7] {
            check(degree, 1.5, false, |subject| {
                subject.check::<f32>([6.0, 6.5]);
                subject.check::<f64>([6.0, 6.5]);
            });
        }
    }

    #[test]
    fn hard_patches_give_numbers() {
        for degree in [1, 2, 30] {
            check(degree, 1.0, true, |subject| {
                subject.check_hard::<f32>(&TAME_NORMS);
                subject.check_hard::<f64>(&HARD_NORMS);
            });
        }
        check(5, 1.0, false, |subject| {
            subject.check_hard::<f32>(&TAME_NORMS);
            subject.check_hard::<f64>(&TAME_NORMS);
        });
    }

    /// One for the offset, those of the power by squaring, and one more from the power to the value.
    #[test]
    fn multiplications_are_counted() {
        for (degree, count) in [(1, 2), (2, 2), (3, 3), (4, 4), (5, 4), (12, 7), (64, 12)] {
            check(degree, 0.0, true, |subject| {
                let kernel = subject.kernel.prepare::<f32>(1.0, &subject.parameters);
                assert_eq!(kernel.multiply_adds(), [count, 1], "degree {degree}");
            });
        }
    }
}
