//! The engine in both precisions, compiled once, here.
//!
//! Generic functions are compiled in the crates that call them, so that each test program and each
//! benchmark would compile the engine anew. These call it by methods that are not generic.

use ndarray::{ArrayView2, ArrayViewMut2, Ix1};

use super::images::Images;
use super::job::Job;
use super::steps::{Step, Steps, Timed};
use super::tiles::Outputs;
use super::{gram, norms, steps};
use crate::error::Result;
use crate::plan::Plan;
use crate::simd::Real;

/// A precision that the engine is compiled for; its methods are functions of [`engine`](super).
pub trait Compiled: Real {
    /// [`gram`](super::gram()).
    #[doc(hidden)]
    fn gram(
        plan: &Plan,
        left: Images<Self>,
        right: Option<Images<Self>>,
        out: Outputs<Self>,
        job: &Job,
    ) -> Result<()>;

    /// [`pairs`](super::pairs()).
    #[doc(hidden)]
    fn pairs(
        plan: &Plan,
        images: Images<Self>,
        pairs: &[(usize, usize)],
        out: Outputs<Self, Ix1>,
        job: &Job,
    ) -> Result<()>;

    /// [`norms`](super::norms()).
    #[doc(hidden)]
    fn norms(
        plan: &Plan,
        pixels: ArrayView2<Self>,
        out: ArrayViewMut2<Self>,
        job: &Job,
    ) -> Result<()>;

    /// [`Steps::time`].
    #[doc(hidden)]
    fn time(steps: &Steps<Self>, step: Step, runs: u64) -> Timed;
}

macro_rules! compile {
    ($($F:ty),*) => {$(
        impl Compiled for $F {
            fn gram(
                plan: &Plan,
                left: Images<Self>,
                right: Option<Images<Self>>,
                out: Outputs<Self>,
                job: &Job,
            ) -> Result<()> {
                gram::compute(plan, left, right, out, job)
            }

            fn pairs(
                plan: &Plan,
                images: Images<Self>,
                pairs: &[(usize, usize)],
                out: Outputs<Self, Ix1>,
                job: &Job,
            ) -> Result<()> {
                gram::compute_pairs(plan, images, pairs, out, job)
            }

            fn norms(
                plan: &Plan,
                pixels: ArrayView2<Self>,
                out: ArrayViewMut2<Self>,
                job: &Job,
            ) -> Result<()> {
                norms::compute(plan, pixels, out, job)
            }

            fn time(steps: &Steps<Self>, step: Step, runs: u64) -> Timed {
                steps::time(steps, step, runs)
            }
        }
    )*};
}

compile!(f32, f64);
