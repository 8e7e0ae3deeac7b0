//! Arithmetic of some 100 bits: what the tests of double precision are measured against.

use std::f64::consts::{LN_2, LOG2_E};

/// A sum of two doubles, the second below half a unit in the last place of the first.
#[derive(Clone, Copy)]
pub(crate) struct Double(pub f64, pub f64);

impl From<f64> for Double {
    fn from(x: f64) -> Self {
        Self(x, 0.0)
    }
}

impl Double {
    const LN_2: Self = Self(LN_2, 2.319_046_813_846_299_6e-17);
    const LOG2_E: Self = Self(LOG2_E, 2.035_527_374_093_103_3e-17);

    fn sum(a: f64, b: f64) -> Self {
        let sum = a + b;
        let rest = sum - a;
        Self(sum, (a - (sum - rest)) + (b - rest))
    }

    pub fn add(self, other: Self) -> Self {
        let Self(high, low) = Self::sum(self.0, other.0);
        Self::sum(high, low + self.1 + other.1)
    }

    pub fn times(self, other: Self) -> Self {
        let high = self.0 * other.0;
        let low = self.0.mul_add(other.0, -high);
        Self::sum(high, low + (self.0 * other.1 + self.1 * other.0))
    }

    pub fn over(self, divisor: f64) -> Self {
        let high = self.0 / divisor;
        let rest = (-high).mul_add(divisor, self.0) + self.1;
        Self::sum(high, rest / divisor)
    }

    /// `2^self` for `|self| <= 1/2`: the series of `exp(self ln 2)`.
    pub fn exp2_of_fraction(self) -> Self {
        let x = self.times(Self::LN_2);
        let step = |sum: Self, n: i32| Self::from(1.0).add(x.times(sum).over(f64::from(n)));
        (1..=26).rev().fold(Self::from(1.0), step)
    }

    /// `exp(self)`, if that is a normal number by far.
    pub fn exp(self) -> Self {
        let power = self.times(Self::LOG2_E);
        let whole = power.0.round();
        let Self(high, low) = power.add(Self::from(-whole)).exp2_of_fraction();
        Self(high * whole.exp2(), low * whole.exp2())
    }
}
