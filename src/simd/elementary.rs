//! Branch-free elementary functions on vectors.

use super::{Real, Simd, SimdBase, SimdFloat, Vector};

/// `coefficients[0] + coefficients[1] x + ...`, one multiply-add each.
#[inline(always)]
pub fn horner<S: Simd, F: Real>(simd: S, x: Vector<S, F>, coefficients: &[F]) -> Vector<S, F> {
    let (last, rest) = coefficients
        .split_last()
        .expect("a polynomial has coefficients");
    let mut sum = Vector::<S, F>::splat(simd, *last);
    for &coefficient in rest.iter().rev() {
        sum = sum.mul_add(x, Vector::<S, F>::splat(simd, coefficient));
    }
    sum
}

/// `2^x` for `x <= 0`; below the least normal exponent, the least normal number.
///
/// `x = k + r` with `k` an integer and `|r| <= 1/2`; `k` is read off the low bits of
/// `x + ROUNDER` and added to the exponent of the polynomial's value.
#[inline(always)]
pub fn exp2<S: Simd, F: Real>(simd: S, x: Vector<S, F>) -> Vector<S, F> {
    let x = x.max(Vector::<S, F>::splat(simd, F::MIN_EXPONENT));
    let rounder = Vector::<S, F>::splat(simd, F::ROUNDER);
    let shifted = x + rounder;
    let r = x - (shifted - rounder);
    let mantissa = horner::<S, F>(simd, r, F::EXP2);
    let exponent = shifted.to_bits() << F::MANTISSA_BITS;
    Vector::<S, F>::from_bits(mantissa.to_bits() + exponent)
}
