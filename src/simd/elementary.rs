//! Branch-free elementary functions on vectors.

use super::{Real, Simd, SimdBase, SimdFloat, Vector};

/// `coefficients[0] + coefficients[1] x + ...`, one multiply-add each.
#[inline(always)]
pub fn horner<S: Simd, F: Real>(simd: S, x: Vector<S, F>, coefficients: &[F]) -> Vector<S, F> {
    let (last, rest) = coefficients.split_last().expect("a polynomial has coefficients");
    let mut sum = Vector::<S, F>::splat(simd, *last);
    for &coefficient in rest.iter().rev() {
        sum = sum.mul_add(x, Vector::<S, F>::splat(simd, coefficient));
    }
    sum
}

/// The same by even and odd powers: one operation more, and half the steps that wait for another.
#[inline(always)]
pub fn horner_twice<S: Simd, F: Real>(
    simd: S,
    x: Vector<S, F>,
    coefficients: &[F],
) -> Vector<S, F> {
    let square = x * x;
    let splat = |coefficient| Vector::<S, F>::splat(simd, coefficient);
    let mut pairs = coefficients.chunks(2).rev();
    let (mut even, mut odd) = match pairs.next() {
        Some(&[even, odd]) => (splat(even), splat(odd)),
        Some(&[even]) => (splat(even), splat(F::ZERO)),
        _ => panic!("a polynomial has coefficients"),
    };
    for pair in pairs {
        even = even.mul_add(square, splat(pair[0]));
        odd = odd.mul_add(square, splat(pair[1]));
    }
    odd.mul_add(x, even)
}

/// 1 where `x` has no sign, 0 elsewhere.
///
/// To choose by a factor is faster than by a mask, which goes through memory on some processors.
#[inline(always)]
pub fn indicator<S: Simd, F: Real>(simd: S, x: Vector<S, F>) -> Vector<S, F> {
    Vector::<S, F>::splat(simd, F::ONE).copysign(x).max(Vector::<S, F>::splat(simd, F::ZERO))
}

/// `2^x` for `x <= 0`; below the least normal exponent, the least normal number.
#[inline(always)]
pub fn exp2<S: Simd, F: Real>(simd: S, x: Vector<S, F>) -> Vector<S, F> {
    exp2_down_to::<S, F>(simd, x, F::MIN_EXPONENT)
}

/// `2^x` for `x <= 0`; from the least normal number it falls to 0 within one exponent.
#[inline(always)]
pub fn exp2_or_zero<S: Simd, F: Real>(simd: S, x: Vector<S, F>) -> Vector<S, F> {
    // There the exponent's bits and those of the mantissa 1 sum to 0.
    exp2_down_to::<S, F>(simd, x, F::from_f64(F::MIN_EXPONENT.to_f64() - 1.0))
}

/// `x = k + r` with `k` an integer and `|r| <= 1/2`; `k` is read off the low bits of
/// `x + ROUNDER` and added to the exponent of the polynomial's value.
#[inline(always)]
fn exp2_down_to<S: Simd, F: Real>(simd: S, x: Vector<S, F>, least: F) -> Vector<S, F> {
    let x = x.max(Vector::<S, F>::splat(simd, least));
    let rounder = Vector::<S, F>::splat(simd, F::ROUNDER);
    let shifted = x + rounder;
    let r = x - (shifted - rounder);
    let mantissa = horner::<S, F>(simd, r, F::EXP2);
    let exponent = shifted.to_bits() << F::MANTISSA_BITS;
    Vector::<S, F>::from_bits(mantissa.to_bits() + exponent)
}

/// `2^x` with its distance from 1 and from -1, each to its own relative precision.
#[derive(Clone, Copy)]
pub struct Decay<V> {
    /// `2^x`.
    pub power: V,
    /// `1 - 2^x`.
    pub one_minus: V,
    /// `1 + 2^x`.
    pub one_plus: V,
}

/// For `x <= 0`; below the least normal exponent, as if there.
///
/// With `x = k + r` as in [`exp2`] and `d = 2^r - 1`, they are `2^k + 2^k d` and `1 -+ 2^k -+ 2^k d`.
#[inline(always)]
pub fn decay<S: Simd, F: Real>(simd: S, x: Vector<S, F>) -> Decay<Vector<S, F>> {
    let one = Vector::<S, F>::splat(simd, F::ONE);
    let x = x.max(Vector::<S, F>::splat(simd, F::MIN_EXPONENT));
    let rounder = Vector::<S, F>::splat(simd, F::ROUNDER);
    let shifted = x + rounder;
    let r = x - (shifted - rounder);
    let exponent = shifted.to_bits() << F::MANTISSA_BITS;
    let whole = Vector::<S, F>::from_bits(one.to_bits() + exponent);
    let rest = whole * (r * horner::<S, F>(simd, r, F::EXP2_LESS_1));
    Decay { power: whole + rest, one_minus: (one - whole) - rest, one_plus: (one + whole) + rest }
}

/// `arcsin(sine)` in quarter turns, given the `cosine >= 0` of the same angle: a smooth function of
/// the cosine times the sine, so that a small angle is as precise as its sine.
#[inline(always)]
pub fn quarter_turns<S: Simd, F: Real>(
    simd: S,
    sine: Vector<S, F>,
    cosine: Vector<S, F>,
) -> Vector<S, F> {
    let distance = Vector::<S, F>::splat(simd, F::ONE) - cosine;
    sine * horner_twice::<S, F>(simd, distance, F::ARCSIN)
}

/// `factor 2^x`, the factor being part of the polynomial's coefficients.
#[derive(Clone, Copy)]
pub struct Exp2<S: Simd, F: Real> {
    /// The first `F::EXP2.len()` are used.
    terms: [Vector<S, F>; MOST_TERMS],
}

const MOST_TERMS: usize = 12;

impl<S: Simd, F: Real> Exp2<S, F> {
    /// For a `factor` that is 0 or at least the least normal number divided by the `2^x` to come.
    #[inline(always)]
    pub fn new(simd: S, factor: Vector<S, F>) -> Self {
        let mut terms = [Vector::<S, F>::splat(simd, F::ZERO); MOST_TERMS];
        for (term, &coefficient) in terms.iter_mut().zip(F::EXP2) {
            *term = factor * coefficient;
        }
        Self { terms }
    }

    /// `factor 2^(a b)` with the product `a b` rounded but once, after its integer part is taken
    /// off. The result must be a normal number, or the factor and the exponent be 0.
    #[inline(always)]
    pub fn at_product(self, simd: S, a: Vector<S, F>, b: Vector<S, F>) -> Vector<S, F> {
        let rounder = Vector::<S, F>::splat(simd, F::ROUNDER);
        let shifted = a.mul_add(b, rounder);
        let r = a.mul_sub(b, shifted - rounder);
        let (last, rest) = self.terms[..F::EXP2.len()].split_last().expect("there are terms");
        let mut mantissa = *last;
        for term in rest.iter().rev() {
            mantissa = mantissa.mul_add(r, *term);
        }
        let exponent = shifted.to_bits() << F::MANTISSA_BITS;
        Vector::<S, F>::from_bits(mantissa.to_bits() + exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Double, Isa, Task};

    /// The largest errors of `exp2`, in units in the last place: mostly the polynomial's in single
    /// precision, and the last rounding in double precision.
    const SINGLE_ULPS: f64 = 2.2;
    const DOUBLE_ULPS: f64 = 1.25;

    struct Exp2<'a, F>(&'a [F]);

    impl<F: Real> Task for Exp2<'_, F> {
        type Output = Vec<F>;

        fn run<S: Simd>(self, simd: S) -> Vec<F> {
            let chunk = |xs: &[F]| {
                let x = Vector::<S, F>::from_fn(simd, |lane| xs[lane.min(xs.len() - 1)]);
                let y = exp2::<S, F>(simd, x);
                y.as_slice()[..xs.len()].to_vec()
            };
            self.0.chunks(Vector::<S, F>::LEN).flat_map(chunk).collect()
        }
    }

    #[test]
    fn exp2_keeps_its_bound_in_single_precision() {
        let least = f32::MIN_EXPONENT;
        let xs: Vec<f32> =
            (0..(-least).to_bits()).step_by(499).map(|bits| -f32::from_bits(bits)).collect();
        for isa in Isa::available() {
            for (x, y) in xs.iter().zip(isa.run(Exp2(&xs))) {
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
            for (x, y) in xs.iter().zip(isa.run(Exp2(&xs))) {
                let whole = x.round();
                let Double(high, low) = Double::from(x - whole).exp2_of_fraction();
                // Both in the scale of 2^whole, where differences are exact.
                let y = y * (-whole / 2.0).floor().exp2() * (-whole / 2.0).ceil().exp2();
                let unit = f64::EPSILON * if high < 1.0 { 0.5 } else { 1.0 };
                let error = ((y - high) - low).abs() / unit;
                assert!(error <= DOUBLE_ULPS, "{}: 2^{x} is off by {error} ulp", isa.name());
            }
        }
    }

    /// 0 gives 1, powers of two are exact, and what underflows gives the least normal number.
    fn check_ends<F: Real>(least_normal: f64) {
        let least = F::MIN_EXPONENT.to_f64();
        for isa in Isa::available() {
            let of = |x: f64| isa.run(Exp2(&[F::from_f64(x)]))[0].to_f64();
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

    /// In equal steps, down to the floor and beyond.
    fn check_monotone<F: Real>() {
        let least = F::MIN_EXPONENT.to_f64();
        let xs: Vec<F> =
            (0..200_000).map(|i| F::from_f64(1.1 * least * f64::from(i) / 2e5)).collect();
        for isa in Isa::available() {
            let ys = isa.run(Exp2(&xs));
            assert!(ys.windows(2).all(|pair| pair[1] <= pair[0]));
            assert!(ys.iter().all(|&y| y > F::ZERO && y <= F::ONE));
        }
    }

    #[test]
    fn exp2_falls_monotonically() {
        check_monotone::<f32>();
        check_monotone::<f64>();
    }

    #[test]
    fn horner_sums_ascending_coefficients() {
        struct Cubic;

        impl Task for Cubic {
            type Output = f64;

            fn run<S: Simd>(self, simd: S) -> f64 {
                let x = Vector::<S, f64>::splat(simd, 2.0);
                horner::<S, f64>(simd, x, &[1.0, -3.0, 0.5, 4.0]).as_slice()[0]
            }
        }

        for isa in Isa::available() {
            assert_eq!(isa.run(Cubic), 1.0 - 6.0 + 2.0 + 32.0);
        }
    }
}
