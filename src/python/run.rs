//! How a job runs: by the caller's wishes and by the size of the job.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::Precision;
use super::wait::Watch;
use crate::engine::{self, Job};
use crate::error::Result;
use crate::plan::Plan;
use crate::simd::Isa;

/// The caller's wishes.
pub(super) struct How<'a, 'py> {
    pub n_threads: Option<usize>,
    pub progress: Option<Bound<'py, PyAny>>,
    pub level: Option<&'a str>,
}

impl How<'_, '_> {
    /// Run `compute` with Python's lock released.
    ///
    /// A short job runs in the calling thread, and signals wait for its end. For a longer one, a second
    /// thread computes, and the calling thread looks after signals.
    pub fn run<T: Send>(
        self,
        py: Python<'_>,
        work: Work,
        compute: impl FnOnce(&Job) -> Result<T> + Send,
    ) -> PyResult<T> {
        let job = job(threads(self.n_threads, work)?, self.level)?;
        let watch = Watch::new(&job, self.progress);
        let result = if work.is_short() {
            py.detach(|| compute(&job))
        } else {
            watch.wait_for(py, || compute(&job))?
        };
        let value = result?;
        watch.look(py)?;
        Ok(value)
    }
}

/// A job on `threads` threads, on the instruction set of this name.
pub(super) fn job(threads: usize, level: Option<&str>) -> PyResult<Job> {
    let find = |name: &str| {
        Isa::ALL.into_iter().find(|isa| isa.name() == name).ok_or_else(|| {
            let names = Isa::ALL.map(Isa::name).join(", ");
            PyValueError::new_err(format!("unknown level {name:?} (one of: {names})"))
        })
    };
    Ok(Job::new(threads, level.map(find).transpose()?)?)
}

/// The caller's number of threads, or else the default. A tiny job takes one thread without asking for
/// the default: to count processors takes longer than such a job.
fn threads(n_threads: Option<usize>, work: Work) -> PyResult<usize> {
    match n_threads {
        Some(threads) => Ok(threads),
        None if work.is_tiny() && std::env::var_os("CKN_NUM_THREADS").is_none() => Ok(1),
        None => Ok(engine::default_threads()?),
    }
}

/// An estimate of a job: multiply-adds of vectors of 16 bytes, the narrowest there are. With wider
/// vectors a job takes fewer.
#[derive(Clone, Copy)]
pub(super) struct Work(f64);

impl Work {
    /// Some 20 ms or less on one thread. Nobody wants to stop such a job, and to start a thread for it
    /// would take a noticeable part of its time.
    const SHORT: f64 = 3e7;

    /// A millisecond or less: not worth a second thread.
    const TINY: f64 = 1e6;

    /// The work on so many pairs, and on the norms of so many images.
    pub fn new<F: Precision>(plan: &Plan, pairs: usize, images: usize) -> Self {
        let vectors = |count: usize| count.div_ceil(16 / size_of::<F>()) as f64;
        let a_pair: f64 = plan.pair_cost().iter().map(|layer| layer.multiply_adds).sum();
        Self(vectors(pairs) * a_pair + vectors(images) * plan.norms_multiply_adds())
    }

    fn is_short(self) -> bool {
        self.0 <= Self::SHORT
    }

    fn is_tiny(self) -> bool {
        self.0 <= Self::TINY
    }
}
