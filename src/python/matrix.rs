//! Norms, matrices and lists of kernels: from arrays to the engine and back.

use ndarray::{ArrayViewMut, Axis, Dimension, RemoveAxis};
use numpy::PyUntypedArray;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::{self, Precision, dispatch};
use super::model::{carried, plan};
use super::run::{How, Work};
use super::words::Given;
use crate::engine::{self, Images, Outputs};
use crate::model::Model;
use crate::plan::{Carried, Plan};

/// Any array, its dtype not yet known.
type Array<'a, 'py> = &'a Bound<'py, PyUntypedArray>;

/// Patch norms of `images` into `out`, (n, layers * h * w).
#[pyfunction]
#[pyo3(signature = (images, model, ntk, out, *, n_threads=None, progress=None, level=None))]
#[allow(clippy::too_many_arguments, reason = "the signature is the Python function's")]
fn norms(
    py: Python<'_>,
    images: Array<'_, '_>,
    model: Given,
    ntk: bool,
    out: Array<'_, '_>,
    n_threads: Option<usize>,
    progress: Option<Bound<'_, PyAny>>,
    level: Option<&str>,
) -> PyResult<()> {
    fn run<F: Precision>(
        py: Python<'_>,
        images: Array<'_, '_>,
        model: &Model,
        out: Array<'_, '_>,
        how: How,
    ) -> PyResult<()> {
        let images = arrays::images::<F>("images", images)?;
        let plan = plan(model, arrays::image_shape(&images), Carried::Nothing)?;
        let mut out = arrays::matrix_mut::<F>("out", out)?;
        let (pixels, out) = (arrays::pixels("images", &images)?, out.as_array_mut());
        let work = Work::new::<F>(&plan, 0, pixels.nrows());
        how.run(py, work, |job| engine::norms(&plan, pixels, out, job))
    }
    let (model, how) = (model.model(ntk)?, How { n_threads, progress, level });
    dispatch!(images, run(py, images, &model, out, how))
}

/// The Gram matrix of `images1` and `images2`, or of `images1` alone, into `out`.
#[pyfunction]
#[pyo3(signature = (
    images1, images2, model, ntk, out, *, out_ckn=None, out_gradient=None, norms1=None,
    norms2=None, norms_inv1=None, norms_inv2=None, n_threads=None, progress=None, level=None
))]
#[allow(clippy::too_many_arguments, reason = "the signature is the Python function's")]
fn gram(
    py: Python<'_>,
    images1: Array<'_, '_>,
    images2: Option<Array<'_, '_>>,
    model: Given,
    ntk: bool,
    out: Array<'_, '_>,
    out_ckn: Option<Array<'_, '_>>,
    out_gradient: Option<Array<'_, '_>>,
    norms1: Option<Array<'_, '_>>,
    norms2: Option<Array<'_, '_>>,
    norms_inv1: Option<Array<'_, '_>>,
    norms_inv2: Option<Array<'_, '_>>,
    n_threads: Option<usize>,
    progress: Option<Bound<'_, PyAny>>,
    level: Option<&str>,
) -> PyResult<()> {
    let how = How { n_threads, progress, level };
    let left = Operand { name: "ims1", images: images1, norms: norms1, inverses: norms_inv1 };
    let right =
        images2.map(|images| Operand { name: "ims2", images, norms: norms2, inverses: norms_inv2 });
    let wanted = Wanted::new(&model, ntk, out, out_ckn, out_gradient)?;
    dispatch!(images1, run_gram(py, left, right, wanted, how))
}

/// The kernel of `images[left[k]]` and `images[right[k]]` into `out[k]`.
#[pyfunction]
#[pyo3(signature = (
    images, left, right, model, ntk, out, *, out_ckn=None, out_gradient=None, n_threads=None,
    level=None
))]
#[allow(clippy::too_many_arguments, reason = "the signature is the Python function's")]
fn pairs(
    py: Python<'_>,
    images: Array<'_, '_>,
    left: numpy::PyReadonlyArray1<'_, isize>,
    right: numpy::PyReadonlyArray1<'_, isize>,
    model: Given,
    ntk: bool,
    out: Array<'_, '_>,
    out_ckn: Option<Array<'_, '_>>,
    out_gradient: Option<Array<'_, '_>>,
    n_threads: Option<usize>,
    level: Option<&str>,
) -> PyResult<()> {
    let how = How { n_threads, progress: None, level };
    let indices = arrays::index_pairs(&left, &right)?;
    let wanted = Wanted::new(&model, ntk, out, out_ckn, out_gradient)?;
    dispatch!(images, run_pairs(py, images, &indices, wanted, how))
}

/// A set of images, as the caller gave it.
struct Operand<'a, 'py> {
    name: &'static str,
    images: Array<'a, 'py>,
    norms: Option<Array<'a, 'py>>,
    inverses: Option<Array<'a, 'py>>,
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
        let matrix = |name, array: Option<Array<'_, 'py>>| {
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

/// What is to be computed, and where it goes.
struct Wanted<'a, 'py> {
    model: Model,
    carried: Carried,
    out: Array<'a, 'py>,
    out_ckn: Option<Array<'a, 'py>>,
    out_gradient: Option<Array<'a, 'py>>,
}

impl<'a, 'py> Wanted<'a, 'py> {
    fn new(
        model: &Given,
        ntk: bool,
        out: Array<'a, 'py>,
        out_ckn: Option<Array<'a, 'py>>,
        out_gradient: Option<Array<'a, 'py>>,
    ) -> PyResult<Self> {
        let wrong = match (ntk, out_ckn.is_some(), out_gradient.is_some()) {
            (false, true, _) => Some("out_ckn: there is a CKN beside an NTK only"),
            (true, _, true) => Some("out_gradient: gradients are those of the CKN, without ntk"),
            _ => None,
        };
        if let Some(message) = wrong {
            return Err(PyValueError::new_err(message));
        }
        let carried = if out_gradient.is_some() { Carried::Gradients } else { carried(ntk) };
        Ok(Self { model: model.model(ntk)?, carried, out, out_ckn, out_gradient })
    }

    /// Plan for images of a shape.
    fn plan(&self, shape: (usize, usize, usize)) -> PyResult<Plan> {
        plan(&self.model, shape, self.carried)
    }
}

/// What goes beside the kernel: a CKN, or the derivatives along the last axis of one array.
fn beside<'a, F, D: Dimension>(
    ckn: Option<ArrayViewMut<'a, F, D>>,
    gradient: Option<ArrayViewMut<'a, F, D::Larger>>,
) -> Vec<ArrayViewMut<'a, F, D>>
where
    D::Larger: RemoveAxis<Smaller = D>,
{
    let mut all: Vec<_> = ckn.into_iter().collect();
    if let Some(mut rest) = gradient {
        let last = Axis(rest.ndim() - 1);
        while rest.len_of(last) > 0 {
            let (first, others) = rest.split_at(last, 1);
            all.push(first.remove_axis(last));
            rest = others;
        }
    }
    all
}

fn run_gram<F: Precision>(
    py: Python<'_>,
    left: Operand,
    right: Option<Operand>,
    wanted: Wanted,
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
    let plan = wanted.plan(shape)?;
    let mut kernel = arrays::matrix_mut::<F>("out", wanted.out)?;
    let ckn = wanted.out_ckn.map(|out| arrays::matrix_mut::<F>("out_ckn", out));
    let mut ckn = ckn.transpose()?;
    let gradient = wanted.out_gradient.map(|out| arrays::stack_mut::<F>("out_gradient", out));
    let mut gradient = gradient.transpose()?;
    let (left, right) = (left.view()?, right.as_ref().map(Borrowed::view).transpose()?);
    let out = Outputs {
        kernel: kernel.as_array_mut(),
        beside: beside(
            ckn.as_mut().map(|ckn| ckn.as_array_mut()),
            gradient.as_mut().map(|gradient| gradient.as_array_mut()),
        ),
    };
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

fn run_pairs<F: Precision>(
    py: Python<'_>,
    images: Array<'_, '_>,
    indices: &[(usize, usize)],
    wanted: Wanted,
    how: How,
) -> PyResult<()> {
    let images = arrays::images::<F>("images", images)?;
    let plan = wanted.plan(arrays::image_shape(&images))?;
    let mut kernel = arrays::vector_mut::<F>("out", wanted.out)?;
    let ckn = wanted.out_ckn.map(|out| arrays::vector_mut::<F>("out_ckn", out));
    let mut ckn = ckn.transpose()?;
    let gradient = wanted.out_gradient.map(|out| arrays::matrix_mut::<F>("out_gradient", out));
    let mut gradient = gradient.transpose()?;
    let out = Outputs {
        kernel: kernel.as_array_mut(),
        beside: beside(
            ckn.as_mut().map(|ckn| ckn.as_array_mut()),
            gradient.as_mut().map(|gradient| gradient.as_array_mut()),
        ),
    };
    let pixels = arrays::pixels("images", &images)?;
    let images = Images { name: "images", pixels, norms: None, inverses: None };
    let work = Work::new::<F>(&plan, indices.len(), images.pixels.nrows());
    how.run(py, work, |job| engine::pairs(&plan, images, indices, out, job))
}

/// Add the functions.
pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(norms, module)?)?;
    module.add_function(wrap_pyfunction!(gram, module)?)?;
    module.add_function(wrap_pyfunction!(pairs, module)?)
}
