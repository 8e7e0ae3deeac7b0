//! `arccos2`: `M = (n n')^2 kappa(u)`, `dM/dS = 4 n n' kappa_1(u)`, with `kappa_1` that of `relu` and
//! `kappa(u) = (3 u sqrt(1 - u^2) + (1 + 2 u^2) (pi - arccos u)) / pi`.
//!
//! The arc-cosine kernel of order 2, the dual of the squared ReLU: Cho and Saul, *Kernel methods for
//! deep learning*, NeurIPS 2009. With `a = |u|` and `v = 1 - a`,
//!
//! ```text
//! kappa(-a) = v^2 sqrt(v) W(v)     W = ((1 + 2 a^2) arccos a - 3 a sqrt(1 - a^2)) / (pi v^(5/2))
//! kappa(a)  = 1 + 2 a^2 - kappa(-a)
//! ```
//!
//! where `W` is smooth on `[0, 1]` and approximated by a polynomial. For opposite patches, terms of the
//! first formula cancel; those of this one do not.

use super::interface::{
    Jet, Parameters, Patch, PatchKernel, SiteKernel, homogeneous, log_derivatives,
};
use super::relu;
use crate::simd::{Coefficients, Context, Real, Simd, SimdBase, SimdFloat, Vector};

/// `W` on `[0, 1]`. Errors: 3.2e-9 and 2.7e-17.
const ARCCOS_2: Coefficients = Coefficients {
    single: &[
        0.480_168_7,
        0.017_148_74,
        0.002_145_744_2,
        0.000_394_025_9,
        0.000_126_863_87,
        -1.409_651_5e-5,
        3.001_654_5e-5,
    ],
    double: &[
        0.480_168_701_950_456_6,
        0.017_148_882_212_522_778,
        0.002_143_610_276_030_213_7,
        0.000_405_986_812_224_020_46,
        9.564_082_222_696_123e-5,
        2.582_617_080_898_580_4e-5,
        7.637_636_327_081_955e-6,
        2.528_704_990_637_722_8e-6,
        4.993_046_912_090_247e-7,
        1.032_010_621_407_522_7e-6,
        -1.183_737_977_796_064e-6,
        1.633_103_619_208_755_5e-6,
        -1.380_240_218_564_813_6e-6,
        8.269_591_073_437_432e-7,
        -2.935_405_729_855_154e-7,
        5.155_514_292_799_495e-8,
    ],
};

/// The arc-cosine kernel of order 2.
pub struct Arccos2;

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real>(Patch<S, F>);

impl<F: Real> PatchKernel<F> for Arccos2 {
    const IS_DOUBLED: bool = true;

    type AtSite<'k, S: Simd> = AtSite<S, F>;

    fn new(_sigma: f64, _parameters: &Parameters) -> Self {
        Self
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [14, 10]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F> {
        AtSite(left)
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
        let Self(left) = self;
        let norms = left.norm * right.norm;
        let cosine = sum * right.inverse * left.inverse;
        let slope = norms * relu::kappa(cx, cosine) * F::from_f64(4.0);
        [norms * (norms * kappa(cx, cosine)), slope]
    }

    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let both = self.value_and_slope(cx, sum, right);
        homogeneous(cx, F::from_f64(2.0), sum, [self.0, right], both)
    }

    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let Self(left) = self;
        let [_, slope] = self.value_and_slope(cx, sum, right);
        let [_, step] = relu::kappa_and_slope(cx, sum * right.inverse * left.inverse);
        let shares = left.norm * left.inverse * (right.norm * right.inverse);
        let curvature = shares * step * F::from_f64(4.0);
        log_derivatives(cx, F::ONE, sum, [left, right], [slope, curvature])
    }
}

/// `kappa(u)`.
#[inline(always)]
fn kappa<S: Simd, F: Real>(cx: Context<S, F>, cosine: Vector<S, F>) -> Vector<S, F> {
    let one = cx.one();
    let v = relu::distance(cx, cosine);
    let opposite = v * v * v.sqrt() * cx.horner(v, F::of(ARCCOS_2));
    let a = cosine.abs().min(one);
    // Where the cosine is positive, the result is 1 + 2 a^2 - opposite. Elsewhere 0 is added.
    let difference = opposite.mul_add(F::from_f64(-2.0), (a + a).mul_add(a, one));
    difference.mul_add(cx.indicator(cosine), opposite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::kernel::testing::{self, INNER, Point, Size, Subject, TAME_NORMS};
    use crate::simd::Double;

    fn formula(point: Point) -> Double {
        let u = point.cosine();
        let kappa =
            u * testing::sine(u) * 3.0 / Double::PI + (u * u * 2.0 + 1.0) * testing::step(u);
        point.norms_product() * point.norms_product() * kappa
    }

    const SUBJECT: Subject<'static> = Subject {
        kernel: Kernel::Arccos2,
        sigma: 1.0,
        parameters: Parameters(Vec::new()),
        formula: &formula,
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
        SUBJECT.check_hard::<f32>(&TAME_NORMS);
        SUBJECT.check_hard::<f64>(&TAME_NORMS);
    }
}
