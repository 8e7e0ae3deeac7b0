//! The instruction sets, one of which is chosen at run time.

use fearless_simd::Level;

use super::real::Real;
use super::vector::Simd;

/// An instruction set that the program was compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// 512-bit vectors, Ice Lake or Zen 4 and later.
    Avx512,
    /// 256-bit vectors with FMA, Haswell or Zen 1 and later.
    Avx2,
    /// 128-bit vectors of any 64-bit ARM.
    Neon,
    /// The instructions that every processor of the architecture has; on x86 without FMA.
    Baseline,
}

impl Isa {
    /// All instruction sets, the widest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Baseline];

    /// Its name in the Python API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Baseline => "baseline",
        }
    }

    /// The widest one that this processor has.
    pub fn best() -> Self {
        *Self::available().first().expect("every processor has the baseline")
    }

    /// The instruction sets that this processor has, the widest first.
    pub fn available() -> Vec<Self> {
        let mut all = Self::ALL.to_vec();
        all.retain(|isa| isa.level().is_some());
        all
    }

    /// The bytes of a vector.
    pub fn vector_bytes(self) -> usize {
        match self {
            Self::Avx512 => 64,
            Self::Avx2 => 32,
            Self::Neon | Self::Baseline => 16,
        }
    }

    /// Whether multiply-adds round once.
    pub fn fuses(self) -> bool {
        self != Self::Baseline
    }

    /// The fastest instruction set for `pairs` pairs of `F`: AVX2 instead of AVX-512 if one vector of
    /// AVX2 holds all of them. The results have the same bits. AVX2's vectors take half the cache, and
    /// processors have more units for them.
    pub fn for_few<F: Real>(self, pairs: usize) -> Self {
        match self {
            Self::Avx512 if pairs * size_of::<F>() <= 32 => Self::Avx2,
            _ => self,
        }
    }

    /// The token of this instruction set, if the processor has it.
    pub fn level(self) -> Option<Level> {
        let best = Level::new();
        match self {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx512 => best.as_avx512().map(Level::Avx512),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Self::Avx2 => best.as_avx2().map(Level::Avx2),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => best.as_neon().map(Level::Neon),
            #[cfg(not(target_arch = "aarch64"))]
            Self::Baseline => Some(Level::baseline()),
            #[allow(unreachable_patterns, reason = "which patterns are left depends on the target")]
            _ => {
                let _ = best;
                None
            }
        }
    }
}

/// A computation that is generic over the instruction set; [`Isa::run`] runs it.
pub trait Task {
    /// The result.
    type Output;

    /// Compute the result with the instructions of `S`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

impl Isa {
    /// Run `task` on this instruction set.
    ///
    /// # Panics
    /// If the processor lacks it: check [`Isa::level`] first.
    pub fn run<T: Task>(self, task: T) -> T::Output {
        match self.level() {
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Some(Level::Avx512(simd)) => task.run(simd),
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            Some(Level::Avx2(simd)) => task.run(simd),
            #[cfg(target_arch = "aarch64")]
            Some(Level::Neon(simd)) => task.run(simd),
            #[cfg(target_arch = "x86_64")]
            Some(Level::Sse2(simd)) => task.run(simd),
            #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
            Some(level) => fearless_simd::dispatch!(level, simd => task.run(simd)),
            _ => unreachable!("{} is not available", self.name()),
        }
    }
}
