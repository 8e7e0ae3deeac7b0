//! `relu`: `M = n n' (sqrt(1 - u^2) + u (pi - arccos u)) / pi`, `dM/dS = (pi - arccos u) / pi`.
//!
//! The arc-cosine kernels of order 1 and 0: Cho and Saul, *Kernel methods for deep learning*,
//! NeurIPS 2009. Value and slope come from one square root: with `a = |u|` and `v = 1 - a`,
//!
//! ```text
//! kappa(u)  = max(u, 0) + v sqrt(v) R(v)             R = (sqrt(1-a^2) - a arccos a) / (pi v^(3/2))
//! kappa'(u) = 1/2 + sign(u) (1/2 - sqrt(v) A(v))     A = arccos(a) / (pi sqrt(v))
//! ```
//!
//! where `R` and `A` are smooth on `[0, 1]` and approximated by polynomials. So nothing cancels at
//! either end.

use std::f64::consts::FRAC_1_PI;

use super::interface::{
    Jet, Parameters, Patch, PatchKernel, SiteKernel, homogeneous, log_derivatives,
};
use crate::simd::{Coefficients, Context, Real, Simd, SimdBase, SimdFloat, Vector};

/// `R` on `[0, 1]`. Errors: 1.5e-8 and 5.8e-18.
const RELU: Coefficients = Coefficients {
    single: &[
        0.300_105_45,
        0.015_004_869,
        0.002_417_633_3,
        0.000_524_405_45,
        0.000_242_979_32,
        -6.210_2e-5,
        7.665_408e-5,
    ],
    double: &[
        0.300_105_438_719_035_33,
        0.015_005_271_935_952_852,
        0.002_411_561_561_021_486,
        0.000_558_231_847_570_937_1,
        0.000_155_416_716_814_225_83,
        4.841_968_513_244_311_4e-5,
        1.626_194_250_696_844_6e-5,
        5.851_127_434_785_757e-6,
        1.816_006_703_199_259e-6,
        1.863_561_640_721_364_4e-6,
        -2.217_884_970_611_481e-6,
        4.755_212_355_956_573e-6,
        -6.259_572_543_710_779e-6,
        6.383_967_740_423_755e-6,
        -4.601_809_130_449_311e-6,
        2.287_029_005_789_450_3e-6,
        -6.955_337_916_182_211e-7,
        1.016_713_119_159_368_5e-7,
    ],
};

/// `A`, that is `arccos(1 - v) / (pi sqrt(v))`, on `[0, 1]`. Errors: 1.5e-8 and 1.6e-17.
const ARCCOS: Coefficients = Coefficients {
    single: &[
        0.450_158_15,
        0.037_513_975,
        0.008_424_682,
        0.002_630_134,
        0.000_428_311_73,
        0.001_125_513,
        -0.000_679_756_86,
        0.000_398_982_23,
    ],
    double: &[
        0.450_158_158_078_553_03,
        0.037_513_179_839_874_49,
        0.008_440_465_464_549_686,
        0.002_512_043_266_091_507,
        0.000_854_793_164_151_807_9,
        0.000_314_709_305_403_152_35,
        0.000_122_150_797_539_384_6,
        4.844_747_483_283_575e-5,
        2.364_402_046_896_219e-5,
        -3.819_829_723_634_488e-6,
        3.854_342_043_207_681_5e-5,
        -7.292_799_997_639_074e-5,
        0.000_122_141_473_524_208_84,
        -0.000_149_486_277_557_966_3,
        0.000_137_923_966_869_351_05,
        -9.170_766_018_828_458e-5,
        4.200_637_167_651_379e-5,
        -1.185_854_619_360_642_3e-5,
        1.593_669_672_854_303_6e-6,
    ],
};

/// The arc-cosine kernel of order 1.
pub struct Relu;

#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real>(Patch<S, F>);

impl<F: Real> PatchKernel<F> for Relu {
    const IS_DOUBLED: bool = true;

    const INLINES: bool = true;

    type AtSite<'k, S: Simd> = AtSite<S, F>;

    fn new(_sigma: f64, _parameters: &Parameters) -> Self {
        Self
    }

    fn multiply_adds(&self) -> [usize; 2] {
        [9, 10]
    }

    #[inline(always)]
    fn at<S: Simd>(&self, _cx: Context<S, F>, left: Patch<S, F>) -> AtSite<S, F> {
        AtSite(left)
    }
}

impl<S: Simd, F: Real> SiteKernel<S, F> for AtSite<S, F> {
    #[inline(always)]
    fn value(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Vector<S, F> {
        let Self(left) = self;
        left.norm * right.norm * kappa(cx, sum * right.inverse * left.inverse)
    }

    #[inline(always)]
    fn value_and_slope(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2] {
        let Self(left) = self;
        let [kappa, slope] = kappa_and_slope(cx, sum * right.inverse * left.inverse);
        [left.norm * right.norm * kappa, slope]
    }

    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let both = self.value_and_slope(cx, sum, right);
        homogeneous(cx, F::ONE, sum, [self.0, right], both)
    }

    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let Self(left) = self;
        let inverses = right.inverse * left.inverse;
        let [slope, curvature] = slope_and_curvature(cx, sum * right.inverse * left.inverse);
        log_derivatives(cx, F::ZERO, sum, [left, right], [slope, curvature * inverses])
    }
}

/// `kappa(u)`.
#[inline(always)]
pub(super) fn kappa<S: Simd, F: Real>(cx: Context<S, F>, cosine: Vector<S, F>) -> Vector<S, F> {
    let v = distance(cx, cosine);
    value(cx, cosine, v, v.sqrt())
}

/// `kappa(u)` and `kappa'(u)`, which is the arc-cosine kernel of order 0.
#[inline(always)]
pub(super) fn kappa_and_slope<S: Simd, F: Real>(
    cx: Context<S, F>,
    cosine: Vector<S, F>,
) -> [Vector<S, F>; 2] {
    let v = distance(cx, cosine);
    let root = v.sqrt();
    [value(cx, cosine, v, root), slope(cx, cosine, v, root)]
}

/// `kappa'(u)` and `kappa''(u) = 1 / (pi sqrt(1 - u^2))`, which counts as 0 for parallel patches.
#[inline(always)]
pub(super) fn slope_and_curvature<S: Simd, F: Real>(
    cx: Context<S, F>,
    cosine: Vector<S, F>,
) -> [Vector<S, F>; 2] {
    let v = distance(cx, cosine);
    let apart = apart(cx, v);
    let sine = (v * (cx.splat(F::from_f64(2.0)) - v)).max(cx.splat(F::LEAST_INVERTIBLE)).sqrt();
    [slope(cx, cosine, v, v.sqrt()), apart * F::from_f64(FRAC_1_PI) / sine]
}

/// `1 - |u|` up to which patches count as parallel, in units of `2^-MANTISSA_BITS`.
///
/// Rounding cannot tell such patches from parallel ones.
const PARALLEL: f64 = 8.0;

/// 0 for `v` of parallel patches, else 1.
#[inline(always)]
pub(super) fn apart<S: Simd, F: Real>(cx: Context<S, F>, v: Vector<S, F>) -> Vector<S, F> {
    let parallel = F::from_f64(PARALLEL * (-f64::from(F::MANTISSA_BITS)).exp2());
    cx.indicator(v - cx.splat(parallel))
}

/// `kappa'(u)`, given `v` and its root.
#[inline(always)]
pub(super) fn slope<S: Simd, F: Real>(
    cx: Context<S, F>,
    cosine: Vector<S, F>,
    v: Vector<S, F>,
    root: Vector<S, F>,
) -> Vector<S, F> {
    let half = cx.splat(F::HALF);
    let arcsine = half - root * cx.horner(v, F::of(ARCCOS));
    half + arcsine.copysign(cosine)
}

/// `1 - min(|u|, 1)`.
#[inline(always)]
pub(super) fn distance<S: Simd, F: Real>(cx: Context<S, F>, cosine: Vector<S, F>) -> Vector<S, F> {
    let distance = cx.one() - cosine.abs();
    distance.max(cx.zero())
}

/// `kappa(u)`, given `v` and its root.
#[inline(always)]
fn value<S: Simd, F: Real>(
    cx: Context<S, F>,
    cosine: Vector<S, F>,
    v: Vector<S, F>,
    root: Vector<S, F>,
) -> Vector<S, F> {
    let (zero, one) = (cx.zero(), cx.one());
    let positive = cosine.max(zero).min(one);
    (v * root).mul_add(cx.horner(v, F::of(RELU)), positive)
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use crate::simd::{Isa, Task};

    /// The largest errors of value and slope, in units in the last place of 1. In double precision the
    /// reference itself is wrong by up to 1 of them.
    const SINGLE_ULPS: f64 = 1.0;
    const DOUBLE_ULPS: f64 = 1.5;

    /// Value and slope at cosines `self.0`, for patches of norm 1.
    struct Evaluate<'a, F>(&'a [F]);

    impl<F: Real> Task for Evaluate<'_, F> {
        type Output = Vec<(f64, f64)>;

        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let cx = Context::new(simd);
            let one = cx.one();
            let chunk = |us: &[F]| {
                let u = cx.from_fn(|lane| us[lane.min(us.len() - 1)]);
                let right = Patch { norm: one, inverse: one };
                let relu = PatchKernel::<F>::at(&Relu, cx, right);
                let [value, slope] = relu.value_and_slope(cx, u, right);
                let alone = relu.value(cx, u, right);
                assert_eq!(alone.as_slice(), value.as_slice());
                let both = value.as_slice().iter().zip(slope.as_slice());
                let both = both.map(|(value, slope)| (value.to_f64(), slope.to_f64()));
                both.take(us.len()).collect::<Vec<_>>()
            };
            self.0.chunks(cx.lanes()).flat_map(chunk).collect()
        }
    }

    /// Value and slope by the standard library's arccos; only the sums are rounded.
    fn reference(u: f64) -> (f64, f64) {
        let angle = PI - u.acos();
        let root = ((1.0 - u) * (1.0 + u)).sqrt();
        ((root + u * angle) / PI, angle / PI)
    }

    /// Cosines from -1 to 1, closer and closer at either end.
    fn cosines<F: Real>() -> Vec<F> {
        let uniform = (-5000..=5000).map(|i| f64::from(i) / 5000.0);
        let near_one = (0..600).map(|i| 1.0 - (-f64::from(i) / 10.0).exp2());
        let all = uniform.chain(near_one.clone()).chain(near_one.map(|u| -u));
        all.map(F::from_f64).collect()
    }

    fn check<F: Real>(ulps: f64) {
        let us = cosines::<F>();
        let unit = (-f64::from(F::MANTISSA_BITS)).exp2();
        for isa in Isa::available() {
            for (u, (value, slope)) in us.iter().zip(isa.run(Evaluate(&us))) {
                let (wanted_value, wanted_slope) = reference(u.to_f64());
                let error = (value - wanted_value).abs().max((slope - wanted_slope).abs()) / unit;
                assert!(error <= ulps, "{} at {u:?}: off by {error} ulp of 1", isa.name());
            }
        }
    }

    #[test]
    fn value_and_slope_are_those_of_arccos() {
        check::<f32>(SINGLE_ULPS);
        check::<f64>(DOUBLE_ULPS);
    }

    /// The formula cancels at -1, and its series there does not: with `u = v - 1`,
    /// `kappa'(u) = arccos(1 - v) / pi = sqrt(2 v) (1 + v / 12 + 3 v^2 / 160 + ...) / pi`.
    #[test]
    fn opposite_patches_keep_their_relative_precision() {
        let us: Vec<f64> = (14..50).map(|i| (-f64::from(i)).exp2() - 1.0).collect();
        for isa in Isa::available() {
            for (u, (value, slope)) in us.iter().zip(isa.run(Evaluate(&us))) {
                let v = 1.0 + u;
                let root = (2.0 * v).sqrt() / PI;
                let wanted_slope = root * (1.0 + v * (1.0 / 12.0 + v * (3.0 / 160.0)));
                let series = 2.0 / 3.0 + v * (1.0 / 30.0 + v * (3.0 / 560.0));
                let wanted = (2.0 * v).sqrt() / PI * v * series;
                assert!((value / wanted - 1.0).abs() < 1e-15, "{value} at {u}");
                // The slope is 1/2 minus nearly 1/2, so that its error is absolute.
                assert!((slope - wanted_slope).abs() < 2e-16, "{slope} at {u}");
            }
        }
    }

    fn check_ends<F: Real>() {
        let beyond = 1.0 + 4.0 * (-f64::from(F::MANTISSA_BITS)).exp2();
        let us = [1.0, beyond, 1.5, -1.0, -beyond, -1.5].map(F::from_f64);
        for isa in Isa::available() {
            let got = isa.run(Evaluate(&us));
            let (same, opposite) = got.split_at(3);
            assert_eq!(same, [(1.0, 1.0); 3]);
            assert_eq!(opposite, [(0.0, 0.0); 3]);
        }
    }

    #[test]
    fn rounding_beyond_one_is_clamped() {
        check_ends::<f32>();
        check_ends::<f64>();
    }
}
