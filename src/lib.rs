//! Exact convolutional kernels (CKN) and convolutional neural tangent kernels (NTK) between images.

pub mod engine;
pub mod error;
pub mod kernel;
pub mod model;
pub mod plan;
pub mod pooling;
#[cfg(feature = "python")]
mod python;
pub mod simd;
