//! `exp`: `M = n n' exp((u - 1) / sigma^2)`, `dM/dS = exp((u - 1) / sigma^2) / sigma^2`.
//!
//! Mairal, *End-to-end kernel learning with supervised convolutional kernel networks*,
//! NeurIPS 2016 (arXiv:1605.06265), section 2.

use std::f64::consts::LOG2_E;

use super::interface::{
    Jet, Parameters, Patch, PatchKernel, SiteKernel, Visitor, homogeneous, log_derivatives,
};
use crate::simd::{Context, Exp2, Real, Simd, SimdBase, SimdFloat, Vector};

/// The exponential kernel on the sphere, for a `sigma` that is not tiny.
///
/// With `rate = log2(e) / sigma^2`, `n exp((u - 1) / sigma^2) = n 2^-rate 2^(rate u)`. The factor
/// goes into the coefficients of the power of two, and no exponent needs a clamp.
#[derive(Clone, Copy)]
pub struct Exp<F> {
    rate: F,
    /// `2^-rate`.
    scale: F,
    /// `1 / sigma^2`.
    inverse_square: F,
}

/// The largest rate for which a norm times `2^-rate`, times another `2^-rate` for opposite patches, is a
/// normal number. For norms below `1e-6 / rate` the floor of norms keeps cosines near 0.
const LARGEST_RATE: f64 = 40.0;

#[derive(Clone, Copy)]
pub struct ExpAtSite<S: Simd, F: Real> {
    left: Patch<S, F>,
    /// `1 / sigma^2`.
    inverse_square: F,
    /// `rate / max(n, 1e-6)`.
    rate: Vector<S, F>,
    /// `n 2^-rate 2^x`.
    power: Exp2<S, F>,
    /// `1 / (n sigma^2)`.
    slope: Vector<S, F>,
}

impl<F: Real> PatchKernel<F> for Exp<F> {
    const HAS_SIGMA: bool = true;
    const INLINES: bool = true;

    type AtSite<'k, S: Simd> = ExpAtSite<S, F>;

    fn new(sigma: f64, _parameters: &Parameters) -> Self {
        // At this bound the kernel is 1 at u = 1 and 0 elsewhere, and the rate is finite in f32.
        let inverse_square = (1.0 / (sigma * sigma)).min(1e20);
        let rate = LOG2_E * inverse_square;
        Self {
            rate: F::from_f64(rate),
            scale: F::from_f64((-rate).exp2()),
            inverse_square: F::from_f64(inverse_square),
        }
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [8, 1]
    }

    #[inline(always)]
    fn choose(&self, visitor: impl Visitor<F>) {
        if self.rate > F::from_f64(LARGEST_RATE) {
            visitor.visit(&Steep { rate: self.rate, inverse_square: self.inverse_square });
        } else {
            visitor.visit(self);
        }
    }

    #[inline(always)]
    fn at<S: Simd>(&self, cx: Context<S, F>, left: Patch<S, F>) -> ExpAtSite<S, F> {
        let Self { rate, scale, inverse_square } = *self;
        // A norm without a finite inverse is that of a blank patch, where the map is 0.
        let least = cx.splat(F::LEAST_INVERTIBLE);
        ExpAtSite {
            left,
            inverse_square,
            rate: left.inverse * rate,
            power: Exp2::new(cx, left.norm * scale),
            slope: cx.splat(inverse_square) / left.norm.max(least),
        }
    }
}

impl<S: Simd, F: Real> SiteKernel<S, F> for ExpAtSite<S, F> {
    #[inline(always)]
    fn value(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Vector<S, F> {
        right.norm * self.power.at_product(cx, sum, self.rate * right.inverse)
    }

    #[inline(always)]
    fn value_and_slope(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2] {
        let power = self.power.at_product(cx, sum, self.rate * right.inverse);
        [right.norm * power, power * self.slope]
    }

    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let both = self.value_and_slope(cx, sum, right);
        jet(cx, self.inverse_square, sum, [self.left, right], both)
    }

    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let [_, slope] = self.value_and_slope(cx, sum, right);
        slope_jet(cx, self.inverse_square, sum, [self.left, right], slope)
    }
}

/// `sigma dM/dsigma = 2 M (1 - u) / sigma^2`, where `M u / sigma^2 = S dM/dS`.
#[inline(always)]
fn jet<S: Simd, F: Real>(
    cx: Context<S, F>,
    inverse_square: F,
    sum: Vector<S, F>,
    patches: [Patch<S, F>; 2],
    both: [Vector<S, F>; 2],
) -> Jet<Vector<S, F>> {
    let jet = homogeneous(cx, F::ONE, sum, patches, both);
    let half = jet.value * inverse_square - sum * jet.slope;
    Jet { sigma: half + half, ..jet }
}

/// With `s = dM/dS`, `ds/dS = s / (sigma^2 n n')` and `sigma ds/dsigma = 2 s ((1 - u) / sigma^2 - 1)`.
#[inline(always)]
fn slope_jet<S: Simd, F: Real>(
    cx: Context<S, F>,
    inverse_square: F,
    sum: Vector<S, F>,
    [left, right]: [Patch<S, F>; 2],
    slope: Vector<S, F>,
) -> Jet<Vector<S, F>> {
    let steeper = slope * inverse_square;
    let curvature = steeper * right.inverse * left.inverse;
    let jet = log_derivatives(cx, F::ZERO, sum, [left, right], [slope, curvature]);
    let half = steeper - sum * curvature - slope;
    Jet { sigma: half + half, ..jet }
}

/// The exponential kernel for a tiny `sigma`, by a power of two with a clamped exponent.
struct Steep<F> {
    /// `log2(e) / sigma^2`.
    rate: F,
    /// `1 / sigma^2`.
    inverse_square: F,
}

#[derive(Clone, Copy)]
struct SteepAtSite<S: Simd, F: Real> {
    left: Patch<S, F>,
    /// `log2(e) / sigma^2`.
    rate: F,
    /// `1 / sigma^2`.
    inverse_square: F,
}

impl<F: Real> PatchKernel<F> for Steep<F> {
    type AtSite<'k, S: Simd> = SteepAtSite<S, F>;

    fn new(sigma: f64, parameters: &Parameters) -> Self {
        let Exp { rate, inverse_square, .. } = Exp::new(sigma, parameters);
        Self { rate, inverse_square }
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [9, 1]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> SteepAtSite<S, F> {
        SteepAtSite { left, rate: self.rate, inverse_square: self.inverse_square }
    }
}

impl<S: Simd, F: Real> SiteKernel<S, F> for SteepAtSite<S, F> {
    #[inline(always)]
    fn value_and_slope(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2] {
        let rate = self.left.inverse * self.rate * right.inverse;
        let exponent = sum.mul_sub(rate, cx.splat(self.rate));
        let exp = cx.exp2(exponent.min(cx.zero()));
        [self.left.norm * right.norm * exp, exp * self.inverse_square]
    }

    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let both = self.value_and_slope(cx, sum, right);
        jet(cx, self.inverse_square, sum, [self.left, right], both)
    }

    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let [_, slope] = self.value_and_slope(cx, sum, right);
        slope_jet(cx, self.inverse_square, sum, [self.left, right], slope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::NORM_FLOOR;
    use crate::simd::{Double, Isa, Task};

    /// The largest errors of value and slope from the power of two and the products around it, in
    /// units in the last place.
    const SINGLE_ULPS: f64 = 4.0;
    const DOUBLE_ULPS: f64 = 6.0;
    /// The largest errors from the exponent, in units in the last place times `1 / sigma^2`. The
    /// rounding of the cosine alone costs about as much. The steep form subtracts exponents.
    const EXPONENT_ULPS: f64 = 3.0;
    const STEEP_EXPONENT_ULPS: f64 = 6.5;

    /// The patch sum of two patches, and their norms.
    #[derive(Clone, Copy, Debug)]
    struct Patches<F> {
        sum: F,
        norms: [F; 2],
    }

    impl<F: Real> Patches<F> {
        fn new(cosine: f64, norms: [f64; 2]) -> Self {
            let norms = norms.map(F::from_f64);
            let [left, right] = norms.map(Real::to_f64);
            Self { sum: F::from_f64(cosine * left * right), norms }
        }

        fn inverses(self) -> [F; 2] {
            self.norms.map(|norm| F::ONE / norm.max(F::from_f64(NORM_FLOOR)))
        }

        /// The cosine.
        fn cosine(self) -> Double {
            let [left, right] = self.norms.map(|norm| norm.max(F::from_f64(NORM_FLOOR)).to_f64());
            Double::from(self.sum.to_f64()) / left / right
        }

        /// Value and slope.
        fn exact(self, sigma: f64) -> [Double; 2] {
            let [left, right] = self.norms.map(|norm| Double::from(norm.to_f64()));
            let exponent = (self.cosine() - 1.0) / sigma / sigma;
            let exp = exponent.exp();
            [exp * left * right, exp / sigma / sigma]
        }
    }

    /// Value and slope of the form that suits `sigma`.
    struct Evaluate<'a, F> {
        sigma: f64,
        patches: &'a [Patches<F>],
    }

    impl<F: Real> Task for Evaluate<'_, F> {
        type Output = Vec<[f64; 2]>;

        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let Self { sigma, patches } = self;
            let mut results = Vec::new();
            Exp::<F>::new(sigma, &Parameters::default()).choose(Batches {
                cx: Context::new(simd),
                patches,
                results: &mut results,
            });
            results
        }
    }

    struct Batches<'a, S, F> {
        cx: Context<S, F>,
        patches: &'a [Patches<F>],
        results: &'a mut Vec<[f64; 2]>,
    }

    impl<S: Simd, F: Real> Visitor<F> for Batches<'_, S, F> {
        fn visit<K: PatchKernel<F>>(self, kernel: &K) {
            let cx = self.cx;
            for batch in self.patches.chunks(cx.lanes()) {
                let lanes = |of: &dyn Fn(Patches<F>) -> F| {
                    cx.from_fn(|lane| of(batch[lane.min(batch.len() - 1)]))
                };
                let [left, right] = [0, 1].map(|side| Patch {
                    norm: lanes(&|patches| patches.norms[side]),
                    inverse: lanes(&|patches| patches.inverses()[side]),
                });
                let sum = lanes(&|patches| patches.sum);
                let site = kernel.at(cx, left);
                let [value, slope] = site.value_and_slope(cx, sum, right);
                let alone = site.value(cx, sum, right);
                assert_eq!(alone.as_slice(), value.as_slice());
                let both = value.as_slice().iter().zip(slope.as_slice());
                let both = both.map(|(value, slope)| [value.to_f64(), slope.to_f64()]);
                self.results.extend(both.take(batch.len()));
            }
        }
    }

    /// From far below the floor of norms to far above 1.
    const NORMS: [f64; 11] = [1e-9, 3e-8, 0.9e-6, 1.1e-6, 2e-5, 1e-3, 0.3, 1.0, 7.0, 1e4, 1e9];

    /// Cosines from -1 to 1, each with the next of all pairs of norms.
    fn patches<F: Real>() -> Vec<Patches<F>> {
        let count = 20_000;
        let norm = |index: usize| NORMS[index % NORMS.len()];
        let cosine = |index| 2.0 * f64::from(index) / f64::from(count) - 1.0;
        let pairs = (0..=count).map(|index| {
            let k = index as usize;
            Patches::new(cosine(index), [norm(k), norm(k / NORMS.len())])
        });
        let ends = [-1.0, 0.0, 1.0]
            .into_iter()
            .flat_map(|cosine| NORMS.map(|norm| Patches::new(cosine, [norm; 2])));
        pairs.chain(ends).collect()
    }

    /// The rate is 40 between the first two. Only the first one takes the steep form.
    const SIGMAS: [f64; 8] = [0.1899, 0.19, 0.25, 0.4, 0.65, 1.0, 2.0, 5.0];

    fn check<F: Real>(ulps: f64) {
        let all = patches::<F>();
        let digit = (-f64::from(F::MANTISSA_BITS)).exp2();
        for sigma in SIGMAS {
            let steep = LOG2_E / (sigma * sigma) > LARGEST_RATE;
            let exponent = if steep { STEEP_EXPONENT_ULPS } else { EXPONENT_ULPS };
            let bound = ulps + exponent / (sigma * sigma);
            let exact: Vec<_> = all.iter().map(|patches| patches.exact(sigma)).collect();
            for isa in Isa::available() {
                let results = isa.run(Evaluate { sigma, patches: &all });
                for ((patches, exact), got) in all.iter().zip(&exact).zip(results) {
                    for (Double(high, low), got) in exact.iter().zip(got) {
                        let unit = digit * high.log2().floor().exp2();
                        let error = ((got - high) - low).abs() / unit;
                        assert!(
                            error <= bound,
                            "{}: {got:e} is off by {error} ulp at sigma {sigma}, {patches:?}",
                            isa.name()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn value_and_slope_keep_their_bounds() {
        check::<f32>(SINGLE_ULPS);
        check::<f64>(DOUBLE_ULPS);
    }

    /// At any `sigma`, however small or large, values and slopes are finite and within their bounds.
    fn check_ends<F: Real>() {
        let all = patches::<F>();
        let blank = NORMS.into_iter().flat_map(|norm| [[0.0, norm], [norm, 0.0], [0.0, 0.0]]);
        let blank: Vec<_> = blank.map(|norms| Patches::<F>::new(0.0, norms)).collect();
        for sigma in [1e-12, 1e-3, 0.1, 0.1899, 0.19, 0.6, 5.0, 1e12] {
            for isa in Isa::available() {
                let what = format!("{} with sigma {sigma}", isa.name());
                for [value, slope] in isa.run(Evaluate { sigma, patches: &blank }) {
                    assert_eq!(value, 0.0, "{what}");
                    assert!(slope.is_finite(), "{what}");
                }
                let inverse_square = (1.0 / (sigma * sigma)).min(1e20);
                // A cosine of 1 may round up.
                let most = 1.0 + 1e-5;
                for (patches, got) in all.iter().zip(isa.run(Evaluate { sigma, patches: &all })) {
                    let [left, right] = patches.norms.map(Real::to_f64);
                    let [value, slope] = got;
                    let what = format!("{what}: {value:e}, {slope:e} at {patches:?}");
                    assert!(0.0 <= value && value <= left * right * most, "{what}");
                    assert!(0.0 <= slope && slope <= inverse_square * most, "{what}");
                }
            }
        }
    }

    #[test]
    fn any_sigma_gives_numbers_in_range() {
        check_ends::<f32>();
        check_ends::<f64>();
    }
}
