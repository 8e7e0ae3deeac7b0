//! `sin`: `M = exp(-(A + B) / 2) sinh C`, `dM/dS = sigma^2 exp(-(A + B) / 2) cosh C`, and `cos` with
//! `sinh` and `cosh` exchanged; `A = sigma^2 n^2`, `B = sigma^2 n'^2`, `C = sigma^2 S`.
//!
//! The duals of sine and cosine, with weights of standard deviation `sigma`. They are the odd and the
//! even part of a Gaussian kernel, which is their sum: Rahimi and Recht, *Random features for
//! large-scale kernel machines*, NeurIPS 2007. With
//!
//! ```text
//! E = (A + B) / 2 - |C| = sigma^2 / 2 (n^2 + n'^2 - 2 |S|)
//! M = sign(C) exp(-E) (1 - exp(-2 |C|)) / 2        sin
//! M = exp(-E) (1 + exp(-2 |C|)) / 2                cos
//! ```
//!
//! no exponential has a positive exponent.

use std::f64::consts::{LN_2, LOG2_E};

use super::interface::{
    COSINE_AND_NORMS, Jet, Parameters, Patch, PatchKernel, SiteKernel, variance,
};
use super::rbf::squared_distance;
use crate::simd::{Context, Decay, Real, Simd, SimdBase, SimdFloat, Vector};

/// The dual of the sine.
pub type Sin<F> = Wave<F, true>;

/// The dual of the cosine.
pub type Cos<F> = Wave<F, false>;

/// The dual of the sine, which is odd in `S`, or of the cosine.
pub struct Wave<F, const ODD: bool>(Rates<F>);

#[derive(Clone, Copy)]
struct Rates<F> {
    sigma: F,
    variance: F,
    /// `-log2(e) sigma^2 / 2`.
    distance: F,
    /// `-2 log2(e) sigma^2`.
    sum: F,
}

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real, const ODD: bool> {
    left: Vector<S, F>,
    rates: Rates<F>,
}

impl<F: Real, const ODD: bool> PatchKernel<F> for Wave<F, ODD> {
    const HAS_SIGMA: bool = true;
    type AtSite<'k, S: Simd> = AtSite<S, F, ODD>;

    fn new(sigma: f64, _parameters: &Parameters) -> Self {
        let variance = variance::<F>(sigma);
        Self(Rates {
            sigma: F::from_f64(variance.sqrt()),
            variance: F::from_f64(variance),
            distance: F::from_f64(-0.5 * LOG2_E * variance),
            sum: F::from_f64(-2.0 * LOG2_E * variance),
        })
    }

    fn vanishes(&self) -> bool {
        ODD
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [28 - COSINE_AND_NORMS, 4]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F, ODD> {
        AtSite { left: left.norm, rates: self.0 }
    }
}

/// The two exponentials of the formulas on top.
#[derive(Clone, Copy)]
struct Exponentials<V> {
    /// `-E / ln 2`, and `exp(-E) / 2`.
    distance: [V; 2],
    /// `-2 |C| / ln 2`, and its power of two.
    sum: (V, Decay<V>),
}

impl<S: Simd, F: Real, const ODD: bool> AtSite<S, F, ODD> {
    #[inline(always)]
    fn exponentials(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Vector<S, F>,
    ) -> Exponentials<Vector<S, F>> {
        let Self { left, rates } = self;
        let size = sum.abs();
        let distance = squared_distance(cx, size, [left, right]) * rates.distance;
        let half = cx.exp2_or_zero(distance) * F::HALF;
        let sum = size * rates.sum;
        Exponentials { distance: [distance, half], sum: (sum, cx.decay(sum)) }
    }

    #[inline(always)]
    fn value_and_slope_of(
        self,
        sum: Vector<S, F>,
        Exponentials { distance: [_, half], sum: (_, decay) }: Exponentials<Vector<S, F>>,
    ) -> [Vector<S, F>; 2] {
        let odd = (half * decay.one_minus).copysign(sum);
        let even = half * decay.one_plus;
        let [value, slope] = if ODD { [odd, even] } else { [even, odd] };
        [value, slope * self.rates.variance]
    }

    /// The other kernel, of which the slope is a multiple.
    #[inline(always)]
    fn other<const OTHER: bool>(self) -> AtSite<S, F, OTHER> {
        AtSite { left: self.left, rates: self.rates }
    }

    /// `sigma^2` times the jet of the `OTHER` kernel.
    #[inline(always)]
    fn jet_of_slope<const OTHER: bool>(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let jet = self.other::<OTHER>().jet(cx, sum, right);
        let scale = |part: Vector<S, F>| part * self.rates.variance;
        Jet {
            value: scale(jet.value),
            slope: scale(jet.slope),
            left: scale(jet.left),
            right: scale(jet.right),
            sigma: scale(jet.sigma + (jet.value + jet.value)),
        }
    }
}

impl<S: Simd, F: Real, const ODD: bool> SiteKernel<S, F> for AtSite<S, F, ODD> {
    #[inline(always)]
    fn value_and_slope(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2] {
        self.value_and_slope_of(sum, self.exponentials(cx, sum, right.norm))
    }

    /// `n dM/dn = -A M`. In `sigma dM/dsigma = 2 S dM/dS - (A + B) M` large terms cancel. It is computed
    /// as `+-2 |C| exp(-E - 2 |C|) - 2 E M`, where they do not. The sign is that of `C` for `sin`, and a
    /// minus for `cos`.
    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let Self { left, rates } = self;
        let exponentials = self.exponentials(cx, sum, right.norm);
        let [value, slope] = self.value_and_slope_of(sum, exponentials);

        let Exponentials { distance: [distance, half], sum: (twice, decay) } = exponentials;
        let least = cx.splat(F::MIN_EXPONENT);
        let [distance, twice] = [distance, twice].map(|exponent| exponent.max(least));
        // `twice` is negative.
        let size = twice * half * decay.power;
        let rest = if ODD { -size.abs().copysign(sum) } else { -size };
        let sigma = (value * distance - rest) * F::from_f64(2.0 * LN_2);
        // The value is the first factor: 0 stays 0, however large the norm is.
        let along = |norm: Vector<S, F>| {
            let scaled = norm * rates.sigma;
            -(value * scaled * scaled)
        };
        Jet { value, slope, left: along(left), right: along(right.norm), sigma }
    }

    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        if ODD {
            self.jet_of_slope::<false>(cx, sum, right)
        } else {
            self.jet_of_slope::<true>(cx, sum, right)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::kernel::testing::{ALL, Point, Size, Subject, check_hard_widths};
    use crate::simd::Double;

    fn exponentials(point: Point) -> [Double; 2] {
        let [a, b, c] = point.scaled();
        [c, -c].map(|c| (c - (a + b) / 2.0).exp() / 2.0)
    }

    fn sinh(point: Point) -> Double {
        let [positive, negative] = exponentials(point);
        positive - negative
    }

    fn cosh(point: Point) -> Double {
        let [positive, negative] = exponentials(point);
        positive + negative
    }

    fn subjects(sigma: f64) -> [Subject<'static>; 2] {
        let formulas: [(_, &dyn Fn(Point) -> Double); 2] =
            [(Kernel::Sin, &sinh), (Kernel::Cos, &cosh)];
        formulas.map(|(kernel, formula)| Subject {
            kernel,
            sigma,
            parameters: Parameters::default(),
            formula,
            size: Size::Relative,
            cosines: ALL,
            least: 0.05,
        })
    }

    #[test]
    fn value_and_derivatives_are_those_of_the_formula() {
        for subject in [0.3, 1.0, 2.5].into_iter().flat_map(subjects) {
            subject.check::<f32>([2.5, 3.0]);
            subject.check::<f64>([2.5, 3.0]);
        }
    }

    #[test]
    fn hard_patches_give_numbers() {
        check_hard_widths(|sigma| {
            let [sin, _] = subjects(sigma);
            sin
        });
        check_hard_widths(|sigma| {
            let [_, cos] = subjects(sigma);
            cos
        });
    }
}
