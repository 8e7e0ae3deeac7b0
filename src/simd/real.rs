//! The two precisions.

use std::ops::{Add, Div, Mul};

use fearless_simd::SimdFloatElement;

/// The coefficients of a polynomial in both precisions, in ascending order.
///
/// The polynomials are minimax in the relative error: by Remez's algorithm in 60 digits, then rounded
/// to the type. The error beside each is that of the polynomial before rounding, in single and in
/// double precision.
#[derive(Clone, Copy)]
pub struct Coefficients {
    /// For `f32`.
    pub single: &'static [f32],
    /// For `f64`.
    pub double: &'static [f64],
}

/// `f32` or `f64`: the arithmetic in which a kernel is computed.
pub trait Real:
    SimdFloatElement
    + PartialOrd
    + Add<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Send
    + Sync
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// 0.5.
    const HALF: Self;
    /// A small number whose inverse is finite, and remains so after a few more products.
    const LEAST_INVERTIBLE: Self;
    /// The number of stored bits of the mantissa.
    const MANTISSA_BITS: u32;
    /// `1.5 * 2^MANTISSA_BITS`: a sum with it is rounded to an integer, which stands in the low bits.
    const ROUNDER: Self;
    /// The least exponent of a normal number.
    const MIN_EXPONENT: Self;

    /// The coefficients of `both` in this precision.
    fn of(both: Coefficients) -> &'static [Self];
    /// The number of this precision that is nearest to `x`.
    fn from_f64(x: f64) -> Self;
    /// This number in double precision, exactly.
    fn to_f64(self) -> f64;
    /// Whether this is a number: neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// The larger of two numbers.
    fn max(self, other: Self) -> Self;
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const HALF: Self = 0.5;
    const LEAST_INVERTIBLE: Self = 1e-30;
    const MANTISSA_BITS: u32 = 23;
    const ROUNDER: Self = 12_582_912.0;
    const MIN_EXPONENT: Self = -126.0;

    #[inline(always)]
    fn of(both: Coefficients) -> &'static [Self] {
        both.single
    }

    fn from_f64(x: f64) -> Self {
        x as f32
    }

    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn is_finite(self) -> bool {
        self.is_finite()
    }

    fn max(self, other: Self) -> Self {
        self.max(other)
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const HALF: Self = 0.5;
    const LEAST_INVERTIBLE: Self = 1e-300;
    const MANTISSA_BITS: u32 = 52;
    const ROUNDER: Self = 6_755_399_441_055_744.0;
    const MIN_EXPONENT: Self = -1022.0;

    #[inline(always)]
    fn of(both: Coefficients) -> &'static [Self] {
        both.double
    }

    fn from_f64(x: f64) -> Self {
        x
    }

    fn to_f64(self) -> f64 {
        self
    }

    fn is_finite(self) -> bool {
        self.is_finite()
    }

    fn max(self, other: Self) -> Self {
        self.max(other)
    }
}
