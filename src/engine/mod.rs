//! The engine: from a plan and images to patch norms and Gram matrices.
//!
//! [`gram`](gram()) deals tiles of pairs to threads; a thread computes a batch of pairs at a time,
//! one a SIMD lane. A batch streams rows through the layers, two left rows at a time, in four steps:
//!
//! 1. `patch`: vertical patch sums, by a register-blocked inner product in the first layer;
//! 2. `map`: horizontal patch sums and the patch kernel;
//! 3. `pool`: pooling along right and left columns, or the trace;
//! 4. `pool`: pooling along right and left rows, into the ring that the next layer reads.
//!
//! A lane's operations and their order depend on the plan alone, so that a pair's value is the
//! same, bit for bit, whatever batch, tile or thread computes it.

mod batch;
mod chunk;
mod compiled;
mod gradient;
mod gram;
mod images;
mod job;
mod layer;
mod map;
mod memory;
mod norms;
mod pack;
mod patch;
mod pool;
mod rows;
mod scratch;
mod stage;
#[doc(hidden)]
pub mod steps;
mod threads;
mod tiles;
mod worker;

pub use compiled::Compiled;
pub use gram::{gram, pairs};
pub use images::Images;
pub use job::{Job, default_threads};
pub use memory::scratch_bytes;
pub use norms::norms;
pub use tiles::Outputs;

/// The advice to use double precision, for who does not yet.
fn wider<F>() -> &'static str {
    if size_of::<F>() == size_of::<f32>() { " or use float64" } else { "" }
}
