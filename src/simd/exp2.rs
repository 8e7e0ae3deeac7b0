//! Powers of two on vectors, without branches.
//!
//! All of them split the exponent: `x = k + r` with an integer `k` and `|r| <= 1/2`. The sum
//! `x + ROUNDER` has `k` in its low bits. A polynomial gives `2^r`, and an addition to the bits of its
//! exponent multiplies that with `2^k`.

use super::context::Context;
use super::real::{Coefficients, Real};
use super::vector::{Simd, SimdBase, SimdFloat, Vector};

/// `2^x` on `[-1/2, 1/2]`, exact at 0. Errors: 9.2e-8 and 3.1e-18.
#[expect(clippy::approx_constant, reason = "minimax coefficients are near Taylor's")]
const EXP2: Coefficients = Coefficients {
    single: &[1.0, 0.693_147, 0.240_222_42, 0.055_507_34, 0.009_671_513, 0.001_326_472],
    double: &[
        1.0,
        0.693_147_180_559_945_3,
        0.240_226_506_959_101_55,
        0.055_504_108_664_819_925,
        0.009_618_129_107_588_334,
        0.001_333_355_814_678_991_8,
        0.000_154_035_304_625_165_03,
        1.525_273_348_998_663_8e-5,
        1.321_543_308_852_485_9e-6,
        1.017_819_802_345_039_5e-7,
        7.074_105_815_840_354e-9,
        4.435_282_357_258_285_6e-10,
    ],
};

/// `(2^x - 1) / x` on `[-1/2, 1/2]`. Errors: 1.1e-8 and 1.8e-17.
#[expect(clippy::approx_constant, reason = "minimax coefficients are near Taylor's")]
const EXP2_LESS_1: Coefficients = Coefficients {
    single: &[
        0.693_147_2,
        0.240_226_49,
        0.055_503_573,
        0.009_618_238,
        0.001_339_073_5,
        0.000_154_035_12,
    ],
    double: &[
        0.693_147_180_559_945_3,
        0.240_226_506_959_100_97,
        0.055_504_108_664_821_236,
        0.009_618_129_107_607_065,
        0.001_333_355_814_653_164_4,
        0.000_154_035_304_414_812_9,
        1.525_273_370_120_053e-5,
        1.321_544_272_387_653_2e-6,
        1.017_812_130_588_143_5e-7,
        7.072_561_768_626_289e-9,
        4.445_536_121_970_503_7e-10,
    ],
};

/// `2^x` and its distances from 1 and from -1, each with a small relative error.
#[derive(Clone, Copy)]
pub struct Decay<V> {
    /// `2^x`.
    pub power: V,
    /// `1 - 2^x`.
    pub one_minus: V,
    /// `1 + 2^x`.
    pub one_plus: V,
}

impl<S: Simd, F: Real> Context<S, F> {
    /// `2^x` for `x <= 0`; below the least normal exponent, the least normal number.
    #[inline(always)]
    pub fn exp2(self, x: Vector<S, F>) -> Vector<S, F> {
        self.exp2_down_to(x, F::MIN_EXPONENT)
    }

    /// `2^x` for `x <= 0`; within one exponent below the least normal number it falls to 0.
    #[inline(always)]
    pub fn exp2_or_zero(self, x: Vector<S, F>) -> Vector<S, F> {
        // At this exponent the added bits cancel those of the mantissa 1.
        self.exp2_down_to(x, F::from_f64(F::MIN_EXPONENT.to_f64() - 1.0))
    }

    #[inline(always)]
    fn exp2_down_to(self, x: Vector<S, F>, least: F) -> Vector<S, F> {
        let x = x.max(self.splat(least));
        let rounder = self.splat(F::ROUNDER);
        let shifted = x + rounder;
        let r = x - (shifted - rounder);
        scale(self.horner(r, F::of(EXP2)), shifted)
    }

    /// `2^x` with its distances from 1 and -1, for `x <= 0`; an exponent below the least normal one
    /// counts as that one.
    ///
    /// With `d = 2^r - 1` they are `2^k + 2^k d`, `1 - 2^k - 2^k d` and `1 + 2^k + 2^k d`.
    #[inline(always)]
    pub fn decay(self, x: Vector<S, F>) -> Decay<Vector<S, F>> {
        let one = self.one();
        let x = x.max(self.splat(F::MIN_EXPONENT));
        let rounder = self.splat(F::ROUNDER);
        let shifted = x + rounder;
        let r = x - (shifted - rounder);
        let whole = scale(one, shifted);
        let rest = whole * (r * self.horner(r, F::of(EXP2_LESS_1)));
        Decay {
            power: whole + rest,
            one_minus: (one - whole) - rest,
            one_plus: (one + whole) + rest,
        }
    }
}

/// `mantissa 2^k`, where `shifted` is `x + ROUNDER` and so has `k` in its low bits.
#[inline(always)]
fn scale<S: Simd, V: SimdFloat<S, Element: Real>>(mantissa: V, shifted: V) -> V {
    V::from_bits(mantissa.to_bits() + (shifted.to_bits() << V::Element::MANTISSA_BITS))
}

/// `factor 2^x` for one factor and many exponents: the polynomial's coefficients contain the factor.
#[derive(Clone, Copy)]
pub struct Exp2<S: Simd, F: Real> {
    /// Single precision uses only the first of them.
    terms: [Vector<S, F>; MOST_TERMS],
}

const MOST_TERMS: usize = EXP2.double.len();

impl<S: Simd, F: Real> Exp2<S, F> {
    /// The `factor` is 0, or its product with each later `2^x` is a normal number.
    #[inline(always)]
    pub fn new(cx: Context<S, F>, factor: Vector<S, F>) -> Self {
        let mut terms = [cx.zero(); MOST_TERMS];
        for (term, &coefficient) in terms.iter_mut().zip(F::of(EXP2)) {
            *term = factor * coefficient;
        }
        Self { terms }
    }

    /// `factor 2^(a b)`. The product `a b` is rounded only once, after its integer part is taken off.
    ///
    /// The result is a normal number, or both the factor and the exponent are 0.
    #[inline(always)]
    pub fn at_product(self, cx: Context<S, F>, a: Vector<S, F>, b: Vector<S, F>) -> Vector<S, F> {
        let rounder = cx.splat(F::ROUNDER);
        let shifted = a.mul_add(b, rounder);
        let r = a.mul_sub(b, shifted - rounder);
        let (last, rest) = self.terms[..F::of(EXP2).len()].split_last().expect("there are terms");
        let mut mantissa = *last;
        for term in rest.iter().rev() {
            mantissa = mantissa.mul_add(r, *term);
        }
        scale(mantissa, shifted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Double, Isa, Task};

    /// The largest errors of `exp2`, in units in the last place. Most of the error comes from the
    /// polynomial in single precision, and from the last rounding in double precision.
    const SINGLE_ULPS: f64 = 2.2;
    const DOUBLE_ULPS: f64 = 1.25;

    /// `exp2` of each number.
    struct Evaluate<'a, F>(&'a [F]);

    impl<F: Real> Task for Evaluate<'_, F> {
        type Output = Vec<F>;

        fn run<S: Simd>(self, simd: S) -> Vec<F> {
            let cx = Context::new(simd);
            let chunk = |xs: &[F]| {
                let x = cx.from_fn(|lane| xs[lane.min(xs.len() - 1)]);
                cx.exp2(x).as_slice()[..xs.len()].to_vec()
            };
            self.0.chunks(cx.lanes()).flat_map(chunk).collect()
        }
    }

    #[test]
    fn exp2_keeps_its_bound_in_single_precision() {
        let least = f32::MIN_EXPONENT;
        let xs: Vec<f32> =
            (0..(-least).to_bits()).step_by(499).map(|bits| -f32::from_bits(bits)).collect();
        for isa in Isa::available() {
            for (x, y) in xs.iter().zip(isa.run(Evaluate(&xs))) {
                let wanted = f64::from(*x).exp2();
                let unit = f64::from(f32::EPSILON) * wanted.log2().floor().exp2();
                let error = (f64::from(y) - wanted).abs() / unit;
                assert!(error <= SINGLE_ULPS, "{}: 2^{x} is off by {error} ulp", isa.name());
            }
        }
    }

    #[test]
    fn exp2_keeps_its_bound_in_double_precision() {
        let xs: Vec<f64> = (0..400_000).map(|i| -1021.9 * f64::from(i) / 4e5).collect();
        for isa in Isa::available() {
            for (x, y) in xs.iter().zip(isa.run(Evaluate(&xs))) {
                let whole = x.round();
                let Double(high, low) = Double::from(x - whole).exp2_of_fraction();
                // Both numbers are divided by 2^whole, so that their difference is exact.
                let y = y * (-whole / 2.0).floor().exp2() * (-whole / 2.0).ceil().exp2();
                let unit = f64::EPSILON * if high < 1.0 { 0.5 } else { 1.0 };
                let error = ((y - high) - low).abs() / unit;
                assert!(error <= DOUBLE_ULPS, "{}: 2^{x} is off by {error} ulp", isa.name());
            }
        }
    }

    /// 0 gives 1, integers give exact powers, and exponents below the least one give the least normal
    /// number.
    fn check_ends<F: Real>(least_normal: f64) {
        let least = F::MIN_EXPONENT.to_f64();
        for isa in Isa::available() {
            let of = |x: f64| isa.run(Evaluate(&[F::from_f64(x)]))[0].to_f64();
            assert_eq!(of(0.0), 1.0);
            assert_eq!(of(-0.0), 1.0);
            for power in [1.0, 2.0, 17.0, -least - 1.0] {
                assert_eq!(of(-power), (-power).exp2());
            }
            for x in [least, least - 0.25, least - 1.0, least * 2.0, -1e30, f64::NEG_INFINITY] {
                assert_eq!(of(x), least_normal, "{}: 2^{x}", isa.name());
            }
        }
    }

    #[test]
    fn exp2_at_the_ends() {
        check_ends::<f32>(f64::from(f32::MIN_POSITIVE));
        check_ends::<f64>(f64::MIN_POSITIVE);
    }

    /// At exponents in equal steps, down to the least one and beyond.
    fn check_monotone<F: Real>() {
        let least = F::MIN_EXPONENT.to_f64();
        let xs: Vec<F> =
            (0..200_000).map(|i| F::from_f64(1.1 * least * f64::from(i) / 2e5)).collect();
        for isa in Isa::available() {
            let ys = isa.run(Evaluate(&xs));
            assert!(ys.windows(2).all(|pair| pair[1] <= pair[0]));
            assert!(ys.iter().all(|&y| y > F::ZERO && y <= F::ONE));
        }
    }

    #[test]
    fn exp2_falls_monotonically() {
        check_monotone::<f32>();
        check_monotone::<f64>();
    }
}
