//! The door of the engine: its public functions, compiled here in both precisions.
//!
//! A generic function is compiled in the crate that calls it, so each test program and each benchmark
//! would compile the engine anew. These functions call methods that are not generic.

use ndarray::{ArrayView2, ArrayViewMut2, Ix1};

use super::images::Images;
use super::job::Job;
use super::steps::{self, Step, Steps, Timed};
use super::tiles::Outputs;
use super::{gram as matrix, norms as patch_norms};
use crate::error::Result;
use crate::plan::Plan;
use crate::simd::Real;

/// Compute `K[i, j]` for all `left` and `right` images; for `left` with itself if `right` is none,
/// each pair once.
///
/// # Errors
/// [`Value`](crate::error::Error::Value) for wrong shapes, for an image with a value that is not
/// finite and for values that overflow; [`Interrupted`](crate::error::Error::Interrupted).
pub fn gram<F: Compiled>(
    plan: &Plan,
    left: Images<F>,
    right: Option<Images<F>>,
    out: Outputs<F>,
    job: &Job,
) -> Result<()> {
    F::gram(plan, left, right, out, job)
}

/// Compute the kernel of `images[left]` and `images[right]` for each `(left, right)` of `pairs`.
///
/// # Errors
/// As [`gram`].
pub fn pairs<F: Compiled>(
    plan: &Plan,
    images: Images<F>,
    pairs: &[(usize, usize)],
    out: Outputs<F, Ix1>,
    job: &Job,
) -> Result<()> {
    F::pairs(plan, images, pairs, out, job)
}

/// Compute the patch norms of `pixels`, `(n, h * w * c)`, into `out`, `(n, layers * h * w)`.
///
/// Both are in standard layout. Layer `l` begins at `l * h * w`; the entries that it does not use
/// are zero.
///
/// # Errors
/// [`Value`](crate::error::Error::Value) for wrong shapes, for an image with a value that is not
/// finite and for one whose norms overflow; [`Interrupted`](crate::error::Error::Interrupted).
pub fn norms<F: Compiled>(
    plan: &Plan,
    pixels: ArrayView2<F>,
    out: ArrayViewMut2<F>,
    job: &Job,
) -> Result<()> {
    F::norms(plan, pixels, out, job)
}

impl<'a, F: Compiled> Steps<'a, F> {
    /// A batch in which the first of `pixels`, `(n, h * w * c)` with `n` at least 1, meets as many
    /// images as there are lanes; fewer images are taken again and again.
    ///
    /// # Errors
    /// As [`norms`].
    pub fn new(plan: &'a Plan, pixels: ArrayView2<'a, F>, job: &Job) -> Result<Self> {
        F::steps(plan, pixels, job)
    }

    /// Take a step of a pair of rows, `runs` times.
    pub fn time(&self, step: Step, runs: u64) -> Timed {
        F::time(self, step, runs)
    }
}

/// A precision that the engine is compiled for; its methods are functions of [`engine`](super).
pub trait Compiled: Real {
    /// [`gram`].
    #[doc(hidden)]
    fn gram(
        plan: &Plan,
        left: Images<Self>,
        right: Option<Images<Self>>,
        out: Outputs<Self>,
        job: &Job,
    ) -> Result<()>;

    /// [`pairs`].
    #[doc(hidden)]
    fn pairs(
        plan: &Plan,
        images: Images<Self>,
        pairs: &[(usize, usize)],
        out: Outputs<Self, Ix1>,
        job: &Job,
    ) -> Result<()>;

    /// [`norms`].
    #[doc(hidden)]
    fn norms(
        plan: &Plan,
        pixels: ArrayView2<Self>,
        out: ArrayViewMut2<Self>,
        job: &Job,
    ) -> Result<()>;

    /// [`Steps::new`].
    #[doc(hidden)]
    fn steps<'a>(
        plan: &'a Plan,
        pixels: ArrayView2<'a, Self>,
        job: &Job,
    ) -> Result<Steps<'a, Self>>;

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
                matrix::compute(plan, left, right, out, job)
            }

            fn pairs(
                plan: &Plan,
                images: Images<Self>,
                pairs: &[(usize, usize)],
                out: Outputs<Self, Ix1>,
                job: &Job,
            ) -> Result<()> {
                matrix::compute_pairs(plan, images, pairs, out, job)
            }

            fn norms(
                plan: &Plan,
                pixels: ArrayView2<Self>,
                out: ArrayViewMut2<Self>,
                job: &Job,
            ) -> Result<()> {
                patch_norms::compute(plan, pixels, out, job)
            }

            fn steps<'a>(
                plan: &'a Plan,
                pixels: ArrayView2<'a, Self>,
                job: &Job,
            ) -> Result<Steps<'a, Self>> {
                steps::prepare(plan, pixels, job)
            }

            fn time(steps: &Steps<Self>, step: Step, runs: u64) -> Timed {
                steps::time(steps, step, runs)
            }
        }
    )*};
}

compile!(f32, f64);
