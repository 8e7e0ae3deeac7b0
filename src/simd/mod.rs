//! The vector type and the elementary functions: the only place that knows an instruction set.
//!
//! All code is generic over a `fearless_simd` token `S` (the instruction set) and a [`Real`] `F` (the
//! precision). A [`Context`] holds both. It makes vectors and has the elementary functions.
//!
//! A [`Vector`] is as wide as the registers of `S`. Each of its lanes is one pair of images. No
//! operation crosses lanes, so that a lane's result does not depend on the width. Every level but
//! [`Isa::Baseline`] on x86 has fused multiply-add. Results therefore have the same bits on AVX2,
//! AVX-512 and NEON.

mod context;
#[cfg(test)]
mod double;
mod elementary;
mod exp2;
mod isa;
mod peak;
mod real;
mod vector;

pub use context::Context;
#[cfg(test)]
pub(crate) use double::Double;
pub use exp2::{Decay, Exp2};
pub use isa::{Isa, Task};
pub use peak::multiply_add_peak;
pub use real::{Coefficients, Real};
pub use vector::*;
