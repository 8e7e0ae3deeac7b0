//! NumPy arrays, checked and borrowed.

use ndarray::ArrayView2;
use numpy::{
    Element, PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyReadonlyArray4, PyReadwriteArray1, PyReadwriteArray2, PyReadwriteArray3, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::engine::Compiled;

/// A precision that is also a NumPy dtype.
pub(super) trait Precision: Compiled + Element {
    /// The dtype's name.
    const DTYPE: &'static str;
}

impl Precision for f32 {
    const DTYPE: &'static str = "float32";
}

impl Precision for f64 {
    const DTYPE: &'static str = "float64";
}

/// Whether the precision called `dtype` is the single one.
pub(super) fn is_single(dtype: &str) -> PyResult<bool> {
    let (single, double) = (f32::DTYPE, f64::DTYPE);
    if ![single, double].contains(&dtype) {
        let message = format!("dtype must be {single:?} or {double:?}, got {dtype:?}");
        return Err(PyValueError::new_err(message));
    }
    Ok(dtype == single)
}

/// Call `$run` for the dtype of `$array`.
macro_rules! dispatch {
    ($array:expr, $run:ident($($arg:expr),*)) => {{
        let dtype = numpy::PyUntypedArrayMethods::dtype($array);
        if numpy::PyArrayDescrMethods::is_equiv_to(&dtype, &numpy::dtype::<f32>(dtype.py())) {
            $run::<f32>($($arg),*)
        } else {
            $run::<f64>($($arg),*)
        }
    }};
}
pub(super) use dispatch;

pub(super) type ImageArray<'py, F> = PyReadonlyArray4<'py, F>;
pub(super) type MatrixArray<'py, F> = PyReadonlyArray2<'py, F>;

fn wrong<F: Precision>(name: &str, wanted: &str, got: &Bound<'_, PyUntypedArray>) -> PyErr {
    let (shape, dtype) = (got.shape(), got.dtype());
    PyTypeError::new_err(format!(
        "{name} must be {wanted} of dtype {}, got shape {shape:?} and dtype {dtype}",
        F::DTYPE
    ))
}

/// Images, `(n, h, w, c)`.
pub(super) fn images<'py, F: Precision>(
    name: &str,
    array: &Bound<'py, PyUntypedArray>,
) -> PyResult<ImageArray<'py, F>> {
    array.extract().map_err(|_| wrong::<F>(name, "an array (n, h, w, c)", array))
}

/// Height, width and channels.
pub(super) fn image_shape<F: Precision>(images: &ImageArray<'_, F>) -> (usize, usize, usize) {
    let shape = images.shape();
    (shape[1], shape[2], shape[3])
}

/// One image a row.
pub(super) fn pixels<'a, F: Precision>(
    name: &str,
    images: &'a ImageArray<'_, F>,
) -> PyResult<ArrayView2<'a, F>> {
    let (height, width, channels) = image_shape(images);
    let shape = (images.shape()[0], height * width * channels);
    // `as_slice` alone would take Fortran's order, too.
    let slice = images.is_c_contiguous().then(|| images.as_slice().ok()).flatten();
    let flat = slice.and_then(|flat| ArrayView2::from_shape(shape, flat).ok());
    flat.ok_or_else(|| PyValueError::new_err(format!("{name} must be C-contiguous")))
}

/// A matrix to read.
pub(super) fn matrix<'py, F: Precision>(
    name: &str,
    array: &Bound<'py, PyUntypedArray>,
) -> PyResult<MatrixArray<'py, F>> {
    array.extract().map_err(|_| wrong::<F>(name, "a matrix", array))
}

/// Functions for arrays to write.
macro_rules! writable {
    ($($(#[$doc:meta])* $name:ident, $array:ident, $borrowed:ident, $wanted:literal;)*) => {
        $(
            $(#[$doc])*
            pub(super) fn $name<'py, F: Precision>(
                name: &str,
                array: &Bound<'py, PyUntypedArray>,
            ) -> PyResult<$borrowed<'py, F>> {
                let array =
                    array.cast::<$array<F>>().map_err(|_| wrong::<F>(name, $wanted, array))?;
                let borrowed = array.try_readwrite();
                borrowed.map_err(|error| PyValueError::new_err(format!("{name}: {error}")))
            }
        )*
    };
}

writable! {
    /// A vector to write.
    vector_mut, PyArray1, PyReadwriteArray1, "a vector";
    /// A matrix to write.
    matrix_mut, PyArray2, PyReadwriteArray2, "a matrix";
    /// Matrices to write, along the last axis of one array.
    stack_mut, PyArray3, PyReadwriteArray3, "an array of three axes";
}

/// Two index vectors, paired.
pub(super) fn index_pairs(
    left: &PyReadonlyArray1<'_, isize>,
    right: &PyReadonlyArray1<'_, isize>,
) -> PyResult<Vec<(usize, usize)>> {
    let (left, right) = (left.as_array(), right.as_array());
    if left.len() != right.len() {
        let (left, right) = (left.len(), right.len());
        return Err(PyValueError::new_err(format!(
            "left and right must be of one length, got {left} and {right}"
        )));
    }
    let pairs = left.iter().zip(right).map(|(&left, &right)| {
        let index = |index: isize| {
            usize::try_from(index)
                .map_err(|_| PyValueError::new_err(format!("index {index} is below 0")))
        };
        Ok((index(left)?, index(right)?))
    });
    pairs.collect()
}
