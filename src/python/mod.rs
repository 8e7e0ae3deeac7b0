//! The Python module `ckn_rs._core`: arrays in and out, errors, interrupts. Its signatures are
//! those of `_core.pyi`.

mod arrays;
mod compute;
mod model;
mod plan;
mod run;
mod spec;
mod wait;

use pyo3::exceptions::{PyKeyboardInterrupt, PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::engine;
use crate::error::Error;
use crate::simd::{self, Isa};

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Value(_) => PyValueError::new_err(message),
            Error::Type(_) => PyTypeError::new_err(message),
            Error::Interrupted => PyKeyboardInterrupt::new_err(message),
        }
    }
}

/// The widest instruction set of this processor.
#[pyfunction]
fn simd_level() -> &'static str {
    Isa::best().name()
}

/// The instruction sets of this processor, the widest first.
#[pyfunction]
fn simd_levels() -> Vec<&'static str> {
    Isa::available().into_iter().map(Isa::name).collect()
}

/// Multiply-adds a second that threads reach together, on registers alone.
#[pyfunction]
#[pyo3(signature = (dtype, n_threads, *, level=None))]
fn multiply_add_peak(
    py: Python<'_>,
    dtype: &str,
    n_threads: usize,
    level: Option<&str>,
) -> PyResult<f64> {
    let job = run::job(n_threads, level)?;
    let measure = if arrays::is_single(dtype)? {
        simd::multiply_add_peak::<f32>
    } else {
        simd::multiply_add_peak::<f64>
    };
    let peak = py.detach(|| measure(job.isa, job.threads))?;
    py.check_signals()?;
    Ok(peak)
}

/// Threads used unless the caller says how many: CKN_NUM_THREADS, or one a processor.
#[pyfunction]
fn default_threads() -> PyResult<usize> {
    Ok(engine::default_threads()?)
}

/// The Rust core of ckn_rs.
///
/// It needs no lock of the interpreter: a plan is frozen, a computation has its own job and pool, and
/// the arrays of a call are borrowed for it (two calls may not write to one array).
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(simd_level, module)?)?;
    module.add_function(wrap_pyfunction!(simd_levels, module)?)?;
    module.add_function(wrap_pyfunction!(multiply_add_peak, module)?)?;
    module.add_function(wrap_pyfunction!(default_threads, module)?)?;
    module.add_class::<plan::PyPlan>()?;
    model::add_to(module)
}
