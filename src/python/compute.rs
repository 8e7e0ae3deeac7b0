//! Norms, matrices and lists of kernels: from arrays to the engine and back.

use ndarray::{ArrayViewMut, Axis, Dimension, Ix1, Ix2, RemoveAxis};
use numpy::{PyReadonlyArray1, PyReadwriteArray, PyUntypedArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::{self, Precision, dispatch};
use super::run::{How, Work};
use crate::engine::{self, Images, Outputs};
use crate::plan::{Plan, Shape};

/// Any array, its dtype not yet known.
type Array<'a, 'py> = &'a Bound<'py, PyUntypedArray>;

/// Images and, where they are known, their norms: a pair in Python.
pub(super) type ImageSet<'py> = (Bound<'py, PyUntypedArray>, Option<Bound<'py, PyUntypedArray>>);

/// A set of images with the name that errors call it.
pub(super) struct Operand<'py> {
    name: &'static str,
    images: Bound<'py, PyUntypedArray>,
    norms: Option<Bound<'py, PyUntypedArray>>,
}

impl<'py> Operand<'py> {
    pub fn new(name: &'static str, (images, norms): ImageSet<'py>) -> Self {
        Self { name, images, norms }
    }
}

/// The arrays of the results.
#[derive(Clone, Copy)]
pub(super) struct Results<'a, 'py> {
    pub kernel: Array<'a, 'py>,
    pub beside: Option<Beside<'a, 'py>>,
}

/// The array of a second result.
#[derive(Clone, Copy)]
pub(super) enum Beside<'a, 'py> {
    /// The CKN beside the NTK.
    Ckn(Array<'a, 'py>),
    /// The derivatives, along the last axis.
    Gradient(Array<'a, 'py>),
}

/// Patch norms of `images` into `out`.
pub(super) fn norms(plan: &Plan, images: Array, out: Array, how: How) -> PyResult<()> {
    dispatch!(images, run_norms(plan, images, out, how))
}

/// The Gram matrix of two sets of images, or of one.
pub(super) fn gram(
    plan: &Plan,
    left: &Operand,
    right: Option<&Operand>,
    results: Results,
    how: How,
) -> PyResult<()> {
    let images = &left.images;
    dispatch!(images, run_gram(plan, left, right, results, how))
}

/// Kernels of listed pairs of images.
pub(super) fn pairs(
    plan: &Plan,
    images: Array,
    (left, right): (&PyReadonlyArray1<isize>, &PyReadonlyArray1<isize>),
    results: Results,
    how: How,
) -> PyResult<()> {
    let indices = arrays::index_pairs(left, right)?;
    dispatch!(images, run_pairs(plan, images, &indices, results, how))
}

fn run_norms<F: Precision>(plan: &Plan, images: Array, out: Array, how: How) -> PyResult<()> {
    let py = images.py();
    let images = images_of::<F>(plan, "images", images)?;
    let mut out = arrays::matrix_mut::<F>("out", out)?;
    let (pixels, out) = (arrays::pixels("images", &images)?, out.as_array_mut());
    let work = Work::new::<F>(plan, 0, pixels.nrows());
    how.run(py, work, |job| engine::norms(plan, pixels, out, job))
}

fn run_gram<F: Precision>(
    plan: &Plan,
    left: &Operand,
    right: Option<&Operand>,
    results: Results,
    how: How,
) -> PyResult<()> {
    let py = left.images.py();
    let left = Borrowed::<F>::new(plan, left)?;
    let right = right.map(|right| Borrowed::new(plan, right)).transpose()?;
    let mut results = Writable::<F, Ix2>::matrices(results)?;
    let (left, right) = (left.view()?, right.as_ref().map(Borrowed::view).transpose()?);
    let work = gram_work(plan, &left, right.as_ref());
    let out = results.outputs();
    how.run(py, work, |job| engine::gram(plan, left, right, out, job))
}

fn gram_work<F: Precision>(plan: &Plan, left: &Images<F>, right: Option<&Images<F>>) -> Work {
    let count = |images: &Images<F>| images.pixels.nrows();
    let unknown = |images: &Images<F>| if images.norms.is_none() { count(images) } else { 0 };
    let n = count(left);
    let pairs = right.map_or(n * (n + 1) / 2, |right| n * count(right));
    Work::new::<F>(plan, pairs, unknown(left) + right.map_or(0, unknown))
}

fn run_pairs<F: Precision>(
    plan: &Plan,
    images: Array,
    indices: &[(usize, usize)],
    results: Results,
    how: How,
) -> PyResult<()> {
    let py = images.py();
    let images = images_of::<F>(plan, "images", images)?;
    let mut results = Writable::<F, Ix1>::vectors(results)?;
    let pixels = arrays::pixels("images", &images)?;
    let images = Images { name: "images", pixels, norms: None };
    let work = Work::new::<F>(plan, indices.len(), images.pixels.nrows());
    let out = results.outputs();
    how.run(py, work, |job| engine::pairs(plan, images, indices, out, job))
}

/// Images of the plan's shape.
fn images_of<'py, F: Precision>(
    plan: &Plan,
    name: &str,
    array: Array<'_, 'py>,
) -> PyResult<arrays::ImageArray<'py, F>> {
    let images = arrays::images::<F>(name, array)?;
    let (height, width, channels) = arrays::image_shape(&images);
    let shape = Shape { height, width, channels };
    if shape != plan.shape {
        return Err(PyValueError::new_err(format!(
            "{name} must hold images of the plan's shape {}, got {shape}",
            plan.shape
        )));
    }
    Ok(images)
}

/// The arrays of an [`Operand`], borrowed.
struct Borrowed<'py, F: Precision> {
    name: &'static str,
    images: arrays::ImageArray<'py, F>,
    norms: Option<arrays::MatrixArray<'py, F>>,
}

impl<'py, F: Precision> Borrowed<'py, F> {
    fn new(plan: &Plan, operand: &Operand<'py>) -> PyResult<Self> {
        let Operand { name, images, norms } = operand;
        let norms = norms.as_ref().map(|norms| arrays::matrix::<F>("norms", norms));
        let norms = norms.transpose()?;
        Ok(Self { name, images: images_of(plan, name, images)?, norms })
    }

    fn view(&self) -> PyResult<Images<'_, F>> {
        Ok(Images {
            name: self.name,
            pixels: arrays::pixels(self.name, &self.images)?,
            norms: self.norms.as_ref().map(|norms| norms.as_array()),
        })
    }
}

/// The arrays of [`Results`], borrowed to be written: kernels of `D` axes.
struct Writable<'py, F: Precision, D: Dimension> {
    kernel: PyReadwriteArray<'py, F, D>,
    ckn: Option<PyReadwriteArray<'py, F, D>>,
    gradient: Option<PyReadwriteArray<'py, F, D::Larger>>,
}

/// A function that borrows an array to write to it.
type Borrow<'a, 'py, F, D> = fn(&str, Array<'a, 'py>) -> PyResult<PyReadwriteArray<'py, F, D>>;

impl<'py, F: Precision> Writable<'py, F, Ix1> {
    fn vectors(results: Results<'_, 'py>) -> PyResult<Self> {
        Self::new(results, arrays::vector_mut, arrays::matrix_mut)
    }
}

impl<'py, F: Precision> Writable<'py, F, Ix2> {
    fn matrices(results: Results<'_, 'py>) -> PyResult<Self> {
        Self::new(results, arrays::matrix_mut, arrays::stack_mut)
    }
}

impl<'py, F: Precision, D: Dimension> Writable<'py, F, D>
where
    D::Larger: RemoveAxis<Smaller = D>,
{
    fn new<'a>(
        results: Results<'a, 'py>,
        kernel: Borrow<'a, 'py, F, D>,
        gradient: Borrow<'a, 'py, F, D::Larger>,
    ) -> PyResult<Self> {
        let mut arrays = Self { kernel: kernel("out", results.kernel)?, ckn: None, gradient: None };
        match results.beside {
            Some(Beside::Ckn(array)) => arrays.ckn = Some(kernel("out[1]", array)?),
            Some(Beside::Gradient(array)) => arrays.gradient = Some(gradient("out[1]", array)?),
            None => {}
        }
        Ok(arrays)
    }

    /// The kernel's array, the CKN's, and one a derivative.
    fn outputs(&mut self) -> Outputs<'_, F, D> {
        let mut beside: Vec<_> = self.ckn.iter_mut().map(|ckn| ckn.as_array_mut()).collect();
        beside.extend(self.gradient.iter_mut().flat_map(|stack| slices(stack.as_array_mut())));
        Outputs { kernel: self.kernel.as_array_mut(), beside }
    }
}

/// The arrays along the last axis of `stack`.
fn slices<F, D: RemoveAxis>(
    mut stack: ArrayViewMut<'_, F, D>,
) -> Vec<ArrayViewMut<'_, F, D::Smaller>> {
    let last = Axis(stack.ndim() - 1);
    let mut all = Vec::new();
    while stack.len_of(last) > 0 {
        let (first, others) = stack.split_at(last, 1);
        all.push(first.remove_axis(last));
        stack = others;
    }
    all
}
