//! The vector type, and what `fearless_simd` knows of vectors.

pub use fearless_simd::Simd;
pub use fearless_simd::prelude::*;

/// The native vector of `F` on `S`.
pub type Vector<S, F> = <F as SimdFloatElement>::Native<S>;
