//! Elementary functions on vectors, without branches: polynomials, a sign, the arcsine.

use super::{Context, Real, Simd, SimdBase, SimdFloat, Vector};

impl<S: Simd, F: Real> Context<S, F> {
    /// `coefficients[0] + coefficients[1] x + ...` by Horner's scheme, a multiply-add a coefficient.
    #[inline(always)]
    pub fn horner(self, x: Vector<S, F>, coefficients: &[F]) -> Vector<S, F> {
        let (last, rest) = coefficients.split_last().expect("a polynomial has coefficients");
        let mut sum = self.splat(*last);
        for &coefficient in rest.iter().rev() {
            sum = sum.mul_add(x, self.splat(coefficient));
        }
        sum
    }

    /// The polynomial of [`Self::horner`], its even and its odd powers summed apart.
    ///
    /// This takes one operation more, but only half of the steps wait for the step before.
    #[inline(always)]
    pub fn horner_twice(self, x: Vector<S, F>, coefficients: &[F]) -> Vector<S, F> {
        let square = x * x;
        let mut pairs = coefficients.chunks(2).rev();
        let (mut even, mut odd) = match pairs.next() {
            Some(&[even, odd]) => (self.splat(even), self.splat(odd)),
            Some(&[even]) => (self.splat(even), self.zero()),
            _ => panic!("a polynomial has coefficients"),
        };
        for pair in pairs {
            even = even.mul_add(square, self.splat(pair[0]));
            odd = odd.mul_add(square, self.splat(pair[1]));
        }
        odd.mul_add(x, even)
    }

    /// 1 where the sign bit of `x` is clear, 0 elsewhere.
    ///
    /// A product with this chooses faster than a mask, which some processors pass through memory.
    #[inline(always)]
    pub fn indicator(self, x: Vector<S, F>) -> Vector<S, F> {
        self.one().copysign(x).max(self.zero())
    }

    /// `arcsin(sine)` in quarter turns, given the `cosine >= 0` of the same angle.
    ///
    /// It is a smooth function of the cosine times the sine. So the relative error of a small angle
    /// is that of its sine.
    #[inline(always)]
    pub fn quarter_turns(self, sine: Vector<S, F>, cosine: Vector<S, F>) -> Vector<S, F> {
        let distance = self.one() - cosine;
        sine * self.horner_twice(distance, F::ARCSIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Isa, Task};

    #[test]
    fn horner_sums_ascending_coefficients() {
        struct Cubic;

        impl Task for Cubic {
            type Output = f64;

            fn run<S: Simd>(self, simd: S) -> f64 {
                let cx = Context::<S, f64>::new(simd);
                cx.horner(cx.splat(2.0), &[1.0, -3.0, 0.5, 4.0]).as_slice()[0]
            }
        }

        for isa in Isa::available() {
            assert_eq!(isa.run(Cubic), 1.0 - 6.0 + 2.0 + 32.0);
        }
    }
}
