//! Elementary functions on vectors, without branches: polynomials, a sign, the arcsine.

use super::context::Context;
use super::real::{Coefficients, Real};
use super::vector::{Simd, SimdBase, SimdFloat, Vector};

/// `(2 / pi) arccos(1 - d) / sqrt(d (2 - d))` on `[0, 1]`. Errors: 1.2e-8 and 3.1e-17.
#[expect(clippy::approx_constant, reason = "minimax coefficients are near Taylor's")]
const ARCSIN: Coefficients = Coefficients {
    single: &[
        0.636_619_75,
        0.212_208_03,
        0.084_836_51,
        0.036_947_95,
        0.012_636_063,
        0.019_726_11,
        -0.022_377_778,
        0.033_472_66,
        -0.021_299_65,
        0.007_230_327,
    ],
    double: &[
        0.636_619_772_367_581_4,
        0.212_206_590_789_176_75,
        0.084_882_636_318_145_87,
        0.036_378_272_564_708_165,
        0.016_168_125_521_812_366,
        0.007_349_065_766_359_546,
        0.003_392_906_016_883_159,
        0.001_574_247_700_005_095,
        0.000_799_994_012_825_258_6,
        8.889_226_490_465_368e-5,
        0.001_135_969_625_738_52,
        -0.002_670_298_592_068_52,
        0.006_136_798_179_147_398,
        -0.010_546_796_564_374_02,
        0.014_261_484_683_609_73,
        -0.014_816_465_733_448_506,
        0.011_662_961_402_942_993,
        -0.006_722_537_994_551_079,
        0.002_687_436_746_146_800_7,
        -0.000_667_677_255_038_393_8,
        7.862_217_949_280_935e-5,
    ],
};

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
        sine * self.horner_twice(distance, F::of(ARCSIN))
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
