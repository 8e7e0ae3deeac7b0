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
//! where `W` is smooth on `[0, 1]` and approximated by a polynomial: between opposite patches, where
//! the formula cancels, nothing does.

use super::{Jet, Parameters, Patch, PatchKernel, SiteKernel, homogeneous, relu};
use crate::simd::{Context, Real, Simd, SimdBase, SimdFloat, Vector};

/// The arc-cosine kernel of order 2.
pub struct Arccos2;

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real>(Patch<S, F>);

impl<F: Real> PatchKernel<F> for Arccos2 {
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
}

#[inline(always)]
fn kappa<S: Simd, F: Real>(cx: Context<S, F>, cosine: Vector<S, F>) -> Vector<S, F> {
    let one = cx.one();
    let v = relu::distance(cx, cosine);
    let opposite = v * v * v.sqrt() * cx.horner(v, F::ARCCOS_2);
    let a = cosine.abs().min(one);
    // 1 + 2 a^2 - opposite where the cosine is positive; elsewhere 0 is added.
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
