//! The engine: from a plan and images to patch norms and Gram matrices.
//!
//! | file | its part |
//! |---|---|
//! | `compiled` | the door: the public functions, compiled in both precisions |
//! | `gram`, `norms`, `images` | matrices and lists of pairs; patch norms; sets of images, checked |
//! | `worker`, `tiles`, `threads`, `job` | a thread's work; results split into tiles; the queue; progress and cancellation |
//! | `batch` | a batch of pairs, one a SIMD lane, through all layers |
//! | `memory`, `steps` | scratch memory, counted; single steps, for the benchmarks |
//!
//! [`gram`](gram()) deals tiles of pairs to threads. A thread computes a batch of pairs at a time,
//! one a SIMD lane. A lane's operations and their order depend on the plan alone, so that a pair's
//! value is the same, bit for bit, whatever batch, tile or thread computes it.

mod batch;
mod compiled;
mod gram;
mod images;
mod job;
mod memory;
mod norms;
mod overflow;
#[doc(hidden)]
pub mod steps;
mod threads;
mod tiles;
mod top;
mod worker;

pub use compiled::{Compiled, gram, norms, pairs};
pub use images::Images;
pub use job::{Job, default_threads};
pub use memory::scratch_bytes;
pub use tiles::Outputs;
