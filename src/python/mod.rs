//! The Python module `ckn_rs._core`: arrays in and out, errors, interrupts. Its signatures are
//! those of `_core.pyi`.

mod arrays;
mod layers;
mod run;
mod wait;

use numpy::PyUntypedArray;
use pyo3::exceptions::{PyKeyboardInterrupt, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::engine::{self, Images, Outputs};
use crate::error::Error;
use crate::kernel::Kernel;
use crate::model::Model;
use crate::plan::{Plan, Shape};
use crate::pooling::Pooling;
use crate::simd::{self, Isa};
use arrays::{Precision, dispatch};
use layers::Layers;
use run::{How, Work};

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

fn plan(layers: &Layers, shape: (usize, usize, usize), ntk: bool) -> PyResult<Plan> {
    let model: Model = layers.model(ntk)?;
    let (height, width, channels) = shape;
    Ok(Plan::new(&model, Shape { height, width, channels }, ntk)?)
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
    let measure = match dtype {
        f32::DTYPE => simd::multiply_add_peak::<f32>,
        f64::DTYPE => simd::multiply_add_peak::<f64>,
        _ => {
            let (single, double) = (f32::DTYPE, f64::DTYPE);
            let message = format!("dtype must be {single:?} or {double:?}, got {dtype:?}");
            return Err(PyValueError::new_err(message));
        }
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

/// The layers, validated and with every key filled in.
#[pyfunction]
fn resolve_layers<'py>(py: Python<'py>, layers: Layers, ntk: bool) -> PyResult<Bound<'py, PyList>> {
    layers::to_dicts(py, &layers.model(ntk)?)
}

/// The layers of a TOML text with one [[layers]] table a layer.
#[pyfunction]
fn layers_from_toml<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyList>> {
    layers::tables_to_dicts(py, &Model::toml_layers(text)?)
}

/// The TOML text of layers, with the keys that they have.
#[pyfunction]
fn layers_to_toml(layers: Layers) -> PyResult<String> {
    layers.to_toml()
}

/// The layers with their sizes and costs on images of a shape.
#[pyfunction]
fn geometry<'py>(
    py: Python<'py>,
    layers: Layers,
    shape: (usize, usize, usize),
    ntk: bool,
) -> PyResult<Bound<'py, PyList>> {
    let plan = plan(&layers, shape, ntk)?;
    let dicts = layers::to_dicts(py, &Model::new(plan.layers.clone())?)?;
    for ((index, dict), cost) in dicts.iter().enumerate().zip(plan.pair_cost()) {
        let dict = dict.cast::<PyDict>()?;
        let layer = &plan.layers[index];
        let stage = &plan.pair.layers[index];
        dict.set_item("input", plan.sizes[index])?;
        dict.set_item("output", plan.sizes[index + 1])?;
        dict.set_item("sites", (stage.rows.sites.len(), stage.cols.sites.len()))?;
        dict.set_item(
            "window",
            layer.pooling.taps(layer.subsampling, layer.poolfactor).weights.len(),
        )?;
        dict.set_item("entries", cost.entries)?;
        dict.set_item("multiply_adds", cost.multiply_adds)?;
    }
    Ok(dicts)
}

/// Patch norms of `images` into `out`, (n, layers * h * w).
#[pyfunction]
#[pyo3(signature = (images, layers, ntk, out, *, n_threads=None, progress=None, level=None))]
#[allow(clippy::too_many_arguments, reason = "the signature is the Python function's")]
fn norms(
    py: Python<'_>,
    images: &Bound<'_, PyUntypedArray>,
    layers: Layers,
    ntk: bool,
    out: &Bound<'_, PyUntypedArray>,
    n_threads: Option<usize>,
    progress: Option<Bound<'_, PyAny>>,
    level: Option<&str>,
) -> PyResult<()> {
    fn run<F: Precision>(
        py: Python<'_>,
        images: &Bound<'_, PyUntypedArray>,
        (layers, ntk): (&Layers, bool),
        out: &Bound<'_, PyUntypedArray>,
        how: How,
    ) -> PyResult<()> {
        let images = arrays::images::<F>("images", images)?;
        let plan = plan(layers, arrays::image_shape(&images), ntk)?;
        let mut out = arrays::matrix_mut::<F>("out", out)?;
        let (pixels, out) = (arrays::pixels("images", &images)?, out.as_array_mut());
        let work = Work::new::<F>(&plan, 0, pixels.nrows());
        how.run(py, work, |job| engine::norms(&plan, pixels, out, job))
    }
    let how = How { n_threads, progress, level };
    dispatch!(images, run(py, images, (&layers, ntk), out, how))
}

/// The Gram matrix of `images1` and `images2`, or of `images1` alone, into `out`.
#[pyfunction]
#[pyo3(signature = (
    images1, images2, layers, ntk, out, *, out_ckn=None, norms1=None, norms2=None,
    norms_inv1=None, norms_inv2=None, n_threads=None, progress=None, level=None
))]
#[allow(clippy::too_many_arguments, reason = "the signature is the Python function's")]
fn gram(
    py: Python<'_>,
    images1: &Bound<'_, PyUntypedArray>,
    images2: Option<&Bound<'_, PyUntypedArray>>,
    layers: Layers,
    ntk: bool,
    out: &Bound<'_, PyUntypedArray>,
    out_ckn: Option<&Bound<'_, PyUntypedArray>>,
    norms1: Option<&Bound<'_, PyUntypedArray>>,
    norms2: Option<&Bound<'_, PyUntypedArray>>,
    norms_inv1: Option<&Bound<'_, PyUntypedArray>>,
    norms_inv2: Option<&Bound<'_, PyUntypedArray>>,
    n_threads: Option<usize>,
    progress: Option<Bound<'_, PyAny>>,
    level: Option<&str>,
) -> PyResult<()> {
    let how = How { n_threads, progress, level };
    let left = Operand { name: "ims1", images: images1, norms: norms1, inverses: norms_inv1 };
    let right =
        images2.map(|images| Operand { name: "ims2", images, norms: norms2, inverses: norms_inv2 });
    dispatch!(images1, run_gram(py, left, right, (&layers, ntk), (out, out_ckn), how))
}

/// A set of images, as the caller gave it.
struct Operand<'a, 'py> {
    name: &'static str,
    images: &'a Bound<'py, PyUntypedArray>,
    norms: Option<&'a Bound<'py, PyUntypedArray>>,
    inverses: Option<&'a Bound<'py, PyUntypedArray>>,
}

/// The arrays of an [`Operand`], borrowed.
struct Borrowed<'py, F: Precision> {
    name: &'static str,
    images: arrays::ImageArray<'py, F>,
    norms: Option<arrays::MatrixArray<'py, F>>,
    inverses: Option<arrays::MatrixArray<'py, F>>,
}

impl<'py> Operand<'_, 'py> {
    fn borrow<F: Precision>(&self) -> PyResult<Borrowed<'py, F>> {
        let matrix = |name, array: Option<&Bound<'py, PyUntypedArray>>| {
            array.map(|array| arrays::matrix::<F>(name, array)).transpose()
        };
        Ok(Borrowed {
            name: self.name,
            images: arrays::images::<F>(self.name, self.images)?,
            norms: matrix("norms", self.norms)?,
            inverses: matrix("norms_inv", self.inverses)?,
        })
    }
}

impl<F: Precision> Borrowed<'_, F> {
    fn view(&self) -> PyResult<Images<'_, F>> {
        Ok(Images {
            name: self.name,
            pixels: arrays::pixels(self.name, &self.images)?,
            norms: self.norms.as_ref().map(|norms| norms.as_array()),
            inverses: self.inverses.as_ref().map(|inverses| inverses.as_array()),
        })
    }
}

fn run_gram<F: Precision>(
    py: Python<'_>,
    left: Operand,
    right: Option<Operand>,
    (layers, ntk): (&Layers, bool),
    (out, out_ckn): (&Bound<'_, PyUntypedArray>, Option<&Bound<'_, PyUntypedArray>>),
    how: How,
) -> PyResult<()> {
    let left = left.borrow::<F>()?;
    let right = right.map(|right| right.borrow::<F>()).transpose()?;
    let shape = arrays::image_shape(&left.images);
    if let Some(right) = &right {
        let other = arrays::image_shape(&right.images);
        if other != shape {
            return Err(PyValueError::new_err(format!(
                "ims1 and ims2 must hold images of one shape, got {shape:?} and {other:?}"
            )));
        }
    }
    let plan = plan(layers, shape, ntk)?;
    let mut kernel = arrays::matrix_mut::<F>("out", out)?;
    let mut ckn = out_ckn.map(|out| arrays::matrix_mut::<F>("out_ckn", out)).transpose()?;
    let (left, right) = (left.view()?, right.as_ref().map(Borrowed::view).transpose()?);
    let out =
        Outputs { kernel: kernel.as_array_mut(), ckn: ckn.as_mut().map(|ckn| ckn.as_array_mut()) };
    let work = gram_work(&plan, &left, right.as_ref());
    how.run(py, work, |job| engine::gram(&plan, left, right, out, job))
}

fn gram_work<F: Precision>(plan: &Plan, left: &Images<F>, right: Option<&Images<F>>) -> Work {
    let count = |images: &Images<F>| images.pixels.nrows();
    let unknown = |images: &Images<F>| if images.norms.is_none() { count(images) } else { 0 };
    let n = count(left);
    let pairs = right.map_or(n * (n + 1) / 2, |right| n * count(right));
    Work::new::<F>(plan, pairs, unknown(left) + right.map_or(0, unknown))
}

/// The kernel of `images[left[k]]` and `images[right[k]]` into `out[k]`.
#[pyfunction]
#[pyo3(signature = (images, left, right, layers, ntk, out, *, n_threads=None, level=None))]
#[allow(clippy::too_many_arguments, reason = "the signature is the Python function's")]
fn pairs(
    py: Python<'_>,
    images: &Bound<'_, PyUntypedArray>,
    left: numpy::PyReadonlyArray1<'_, isize>,
    right: numpy::PyReadonlyArray1<'_, isize>,
    layers: Layers,
    ntk: bool,
    out: &Bound<'_, PyUntypedArray>,
    n_threads: Option<usize>,
    level: Option<&str>,
) -> PyResult<()> {
    fn run<F: Precision>(
        py: Python<'_>,
        images: &Bound<'_, PyUntypedArray>,
        indices: &[(usize, usize)],
        (layers, ntk): (&Layers, bool),
        out: &Bound<'_, PyUntypedArray>,
        how: How,
    ) -> PyResult<()> {
        let images = arrays::images::<F>("images", images)?;
        let plan = plan(layers, arrays::image_shape(&images), ntk)?;
        let mut out = arrays::vector_mut::<F>("out", out)?;
        let out = out.as_slice_mut()?;
        let pixels = arrays::pixels("images", &images)?;
        let images = Images { name: "images", pixels, norms: None, inverses: None };
        let work = Work::new::<F>(&plan, indices.len(), images.pixels.nrows());
        how.run(py, work, |job| engine::pairs(&plan, images, indices, out, job))
    }
    let how = How { n_threads, progress: None, level };
    let indices = arrays::index_pairs(&left, &right)?;
    dispatch!(images, run(py, images, &indices, (&layers, ntk), out, how))
}

/// The Rust core of ckn_rs.
#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("KERNELS", Kernel::ALL.map(|kernel| kernel.name()).to_vec())?;
    module.add("POOLINGS", Pooling::ALL.map(|pooling| pooling.name()).to_vec())?;
    module.add_function(wrap_pyfunction!(simd_level, module)?)?;
    module.add_function(wrap_pyfunction!(simd_levels, module)?)?;
    module.add_function(wrap_pyfunction!(multiply_add_peak, module)?)?;
    module.add_function(wrap_pyfunction!(default_threads, module)?)?;
    module.add_function(wrap_pyfunction!(resolve_layers, module)?)?;
    module.add_function(wrap_pyfunction!(layers_from_toml, module)?)?;
    module.add_function(wrap_pyfunction!(layers_to_toml, module)?)?;
    module.add_function(wrap_pyfunction!(geometry, module)?)?;
    module.add_function(wrap_pyfunction!(norms, module)?)?;
    module.add_function(wrap_pyfunction!(gram, module)?)?;
    module.add_function(wrap_pyfunction!(pairs, module)?)
}
