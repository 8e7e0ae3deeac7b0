//! The multiply-adds that a processor can do in a second, to compare those of a computation with.

use std::hint::black_box;
use std::time::Instant;

use super::context::Context;
use super::isa::{Isa, Task};
use super::real::Real;
use super::vector::{Simd, SimdBase, SimdFloat};
use crate::error::{Error, Result};

/// Enough chains to hide the latency of a multiply-add behind those of the other chains.
///
/// The chains and their factor must fit the registers: AVX2 and older instruction sets have 16, the
/// others 32.
const FEW_CHAINS: usize = 12;
const MANY_CHAINS: usize = 24;

/// Multiply-adds in each chain. They take some milliseconds, and threads wake in much less.
const LENGTH: usize = 1 << 21;

/// The number of measurements. The fastest one counts: something else disturbed the slower ones.
const REPEATS: usize = 25;

/// Measure how many multiply-adds of `F` a second `threads` threads do together, on registers
/// alone. A multiply-add of vectors counts once for each lane. The measurement takes about a tenth of
/// a second.
///
/// # Errors
/// [`Error::Value`] if so many threads cannot be started.
///
/// # Panics
/// If the processor lacks `isa`: check [`Isa::level`] first.
pub fn multiply_add_peak<F: Real>(isa: Isa, threads: usize) -> Result<f64> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| Error::Value(format!("cannot start {threads} threads: {error}")))?;
    let run = || {
        let Done { multiply_adds, sum } = isa.run(Chains::<F>::new(isa, LENGTH));
        black_box(sum);
        multiply_adds
    };
    let measure = || {
        let begin = Instant::now();
        let multiply_adds: usize = pool.broadcast(|_| run()).into_iter().sum();
        multiply_adds as f64 / begin.elapsed().as_secs_f64()
    };
    Ok((0..REPEATS).map(|_| measure()).fold(0.0, f64::max))
}

/// Chains of `x <- x a + a`, each step of which waits for the one before.
struct Chains<F> {
    factor: F,
    length: usize,
    many: bool,
}

/// The work of [`Chains`].
struct Done {
    multiply_adds: usize,
    /// The sum of the ends of all chains, so that no chain is optimised away.
    sum: f64,
}

impl<F: Real> Chains<F> {
    fn new(isa: Isa, length: usize) -> Self {
        // With the factor 1/2, `x` tends to 1, far from the subnormal numbers, which take longer.
        Self { factor: black_box(F::HALF), length, many: matches!(isa, Isa::Avx512 | Isa::Neon) }
    }

    fn chains<S: Simd, const N: usize>(&self, cx: Context<S, F>) -> Done {
        cx.vectorize(
            #[inline(always)]
            || {
                let factor = cx.splat(self.factor);
                let mut chains = [cx.zero(); N];
                for _ in 0..self.length {
                    for x in &mut chains {
                        *x = x.mul_add(factor, factor);
                    }
                }
                let ends = chains.iter().flat_map(|x| x.as_slice()).map(|x| x.to_f64());
                let multiply_adds = self.length * N * cx.lanes();
                Done { multiply_adds, sum: ends.sum() }
            },
        )
    }
}

impl<F: Real> Task for Chains<F> {
    type Output = Done;

    fn run<S: Simd>(self, simd: S) -> Done {
        let cx = Context::new(simd);
        if self.many { self.chains::<S, MANY_CHAINS>(cx) } else { self.chains::<S, FEW_CHAINS>(cx) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every lane of every chain goes from 0 over 1/2 and 3/4 to `1 - 2^-length`.
    fn check_chains<F: Real>() {
        for isa in Isa::available() {
            for length in 1..10 {
                let Done { multiply_adds, sum } = isa.run(Chains::<F>::new(isa, length));
                let ends = (multiply_adds / length) as f64;
                assert_eq!(sum, ends * (1.0 - 0.5_f64.powi(length as i32)), "{}", isa.name());
            }
        }
    }

    #[test]
    fn chains_do_what_they_are_counted_for() {
        check_chains::<f32>();
        check_chains::<f64>();
    }

    #[test]
    fn every_instruction_set_has_a_peak() {
        for isa in Isa::available() {
            for threads in [1, 2] {
                let peak = multiply_add_peak::<f32>(isa, threads).unwrap();
                assert!(peak > 1e6 && peak.is_finite(), "{}: {peak}", isa.name());
            }
        }
    }
}
