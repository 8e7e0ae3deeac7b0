//! Arithmetic with about 100 bits, for the reference values of tests.

use std::f64::consts::{LN_2, LOG2_E};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A sum of two doubles, the second below half a unit in the last place of the first.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Double(pub f64, pub f64);

impl From<f64> for Double {
    fn from(x: f64) -> Self {
        Self(x, 0.0)
    }
}

impl Add for Double {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let Self(high, low) = Self::sum(self.0, other.0);
        let Self(low, lowest) = Self::sum(low, self.1 + other.1);
        let Self(high, low) = Self::sum(high, low);
        Self::sum(high, low + lowest)
    }
}

impl Neg for Double {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl Sub for Double {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Double {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let high = self.0 * other.0;
        let low = self.0.mul_add(other.0, -high);
        Self::sum(high, low + (self.0 * other.1 + self.1 * other.0))
    }
}

impl Div for Double {
    type Output = Self;

    fn div(self, divisor: Self) -> Self {
        let high = self.0 / divisor.0;
        let rest = self - Self::from(high) * divisor;
        Self::sum(high, rest.0 / divisor.0)
    }
}

/// Operations with a double on the right.
macro_rules! with_double {
    ($($trait:ident $method:ident,)*) => {
        $(impl $trait<f64> for Double {
            type Output = Self;

            fn $method(self, other: f64) -> Self {
                $trait::$method(self, Self::from(other))
            }
        })*
    };
}

with_double! { Add add, Sub sub, Mul mul, Div div, }

impl Double {
    pub const PI: Self = Self(std::f64::consts::PI, 1.224_646_799_147_353_2e-16);
    const LN_2: Self = Self(LN_2, 2.319_046_813_846_299_6e-17);
    const LOG2_E: Self = Self(LOG2_E, 2.035_527_374_093_103_3e-17);

    fn sum(a: f64, b: f64) -> Self {
        let sum = a + b;
        let rest = sum - a;
        Self(sum, (a - (sum - rest)) + (b - rest))
    }

    pub fn abs(self) -> Self {
        if self.0 < 0.0 { -self } else { self }
    }

    pub fn max(self, other: Self) -> Self {
        if self < other { other } else { self }
    }

    pub fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }

    pub fn powi(self, power: usize) -> Self {
        (0..power).fold(Self::from(1.0), |product, _| product * self)
    }

    pub fn sqrt(self) -> Self {
        let high = self.0.sqrt();
        if high == 0.0 {
            return Self::from(0.0);
        }
        let rest = self - Self::from(high) * high;
        Self::sum(high, rest.0 / (2.0 * high))
    }

    /// `2^self` for `|self| <= 1/2`: the series of `exp(self ln 2)`.
    pub fn exp2_of_fraction(self) -> Self {
        let x = self * Self::LN_2;
        let step = |sum: Self, n: i32| x * sum / f64::from(n) + 1.0;
        (1..=26).rev().fold(Self::from(1.0), step)
    }

    /// `exp(self)`, to full precision where it is far above the least normal number of a double.
    pub fn exp(self) -> Self {
        let power = self * Self::LOG2_E;
        let whole = power.0.round();
        let Self(high, low) = (power - whole).exp2_of_fraction();
        Self(high * whole.exp2(), low * whole.exp2())
    }

    /// `arcsin(self)`, with `self` clamped to `[-1, 1]`.
    ///
    /// A double `b` near the result `a` is corrected by `sin(a - b) = sin a cos b - cos a sin b`.
    pub fn arcsin(self) -> Self {
        let one = Self::from(1.0);
        let sine = self.min(one).max(-one);
        let cosine = ((one - sine) * (one + sine)).sqrt();
        let near = sine.0.atan2(cosine.0);
        let x = Self::from(near);
        let step = |sum: Self, n: i32| one - x * x * sum / f64::from(n * (n + 1));
        let near_sine = x * (1..=24).rev().fold(one, |sum, n| step(sum, 2 * n));
        let near_cosine = (1..=24).rev().fold(one, |sum, n| step(sum, 2 * n - 1));
        sine * near_cosine - cosine * near_sine + near
    }
}
