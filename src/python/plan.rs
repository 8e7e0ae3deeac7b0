//! The class `Plan`: a model on images of one shape, read and planned once and run many times.

use numpy::PyUntypedArray;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::arrays::is_single;
use super::compute::{self, ImageSet, Operand};
use super::run::How;
use super::spec::{self, Given};
use crate::engine;
use crate::plan::{Carried, Plan, Shape, Wrt};
use crate::simd::Isa;

/// Height, width and channels.
type ImageShape = (usize, usize, usize);

/// The results that a plan computes for a pair of images.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The CKN.
    Ckn,
    /// The NTK.
    Ntk,
    /// The NTK and the CKN.
    Both,
    /// The CKN and its derivatives with respect to the logarithms of parameters.
    Gradient,
    /// The NTK and its derivatives.
    NtkGradient,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Ckn, Self::Ntk, Self::Both, Self::Gradient, Self::NtkGradient];

    /// The name in Python.
    fn name(self) -> &'static str {
        match self {
            Self::Ckn => "ckn",
            Self::Ntk => "ntk",
            Self::Both => "both",
            Self::Gradient => "gradient",
            Self::NtkGradient => "ntk_gradient",
        }
    }

    fn from_name(name: &str) -> PyResult<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            PyValueError::new_err(format!("unknown kind {name:?} (one of: {names})"))
        })
    }

    fn carried(self) -> Carried {
        match self {
            Self::Ckn => Carried::Nothing,
            Self::Ntk | Self::Both => Carried::Ntk,
            Self::Gradient => Carried::Gradients,
            Self::NtkGradient => Carried::NtkGradients,
        }
    }

    /// Whether a layer without a kernel has the one of the NTK.
    fn is_ntk(self) -> bool {
        self.carried().has_ntk()
    }
}

fn wrt_from_name(name: &str) -> PyResult<Wrt> {
    Wrt::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let names: Vec<_> = Wrt::ALL.iter().map(Wrt::name).collect();
        PyValueError::new_err(format!("wrt: unknown {name:?} (one of: {})", names.join(", ")))
    })
}

/// A model on images of one shape, validated and planned.
#[pyclass(frozen, name = "Plan", module = "ckn_rs._core")]
pub(super) struct PyPlan {
    plan: Plan,
    kind: Kind,
    wrt: Vec<Wrt>,
}

#[pymethods]
impl PyPlan {
    /// Read `model` and plan it on images `(h, w, c)`. Derivatives are with respect to parameters of the kinds
    /// `wrt`, by default to `sigma`.
    #[new]
    #[pyo3(signature = (model, shape, kind, wrt=None))]
    fn new(
        py: Python<'_>,
        model: Given,
        shape: ImageShape,
        kind: &str,
        wrt: Option<Vec<String>>,
    ) -> PyResult<Self> {
        let wrt = wrt.map_or(Ok(vec![Wrt::Sigma]), |names| {
            names.iter().map(|name| wrt_from_name(name)).collect::<PyResult<Vec<_>>>()
        })?;
        let kind = Kind::from_name(kind)?;
        let (height, width, channels) = shape;
        let shape = Shape { height, width, channels };
        let model = model.model(kind.is_ntk())?;
        let plan = py.detach(|| Plan::with_respect_to(&model, shape, kind.carried(), &wrt))?;
        Ok(Self { plan, kind, wrt })
    }

    /// "ckn", "ntk", "both", "gradient" or "ntk_gradient".
    #[getter]
    fn kind(&self) -> &'static str {
        self.kind.name()
    }

    /// Height, width and channels of an image.
    #[getter]
    fn shape(&self) -> ImageShape {
        let Shape { height, width, channels } = self.plan.shape;
        (height, width, channels)
    }

    /// The model, every key filled in.
    #[getter]
    fn model<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        spec::to_dict(py, &self.plan.model.spec())
    }

    /// The layers with their sizes and costs.
    #[getter]
    fn layers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let plan = &self.plan;
        let dicts = spec::tables_to_dicts(py, &plan.model.spec().layers)?;
        for ((index, dict), cost) in dicts.iter().enumerate().zip(plan.pair_cost()) {
            let dict = dict.cast::<PyDict>()?;
            let stage = &plan.pair.layers[index];
            dict.set_item("input", plan.sizes[index])?;
            dict.set_item("patches", plan.patches(index))?;
            dict.set_item("output", plan.sizes[index + 1])?;
            dict.set_item("sites", (stage.rows.sites.len(), stage.cols.sites.len()))?;
            dict.set_item("window", (stage.rows.weights.len(), stage.cols.weights.len()))?;
            dict.set_item("entries", cost.entries)?;
            dict.set_item("multiply_adds", cost.multiply_adds)?;
        }
        Ok(dicts)
    }

    /// The arguments of the class, for pickles.
    fn __getnewargs__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyDict>, ImageShape, &'static str, Vec<&'static str>)> {
        let wrt = self.wrt.iter().map(Wrt::name).collect();
        Ok((self.model(py)?, self.shape(), self.kind(), wrt))
    }

    /// Entries of one image's patch norms, all layers together.
    #[getter]
    fn norms_len(&self) -> usize {
        self.plan.norms_len()
    }

    /// Derivatives of a kernel: one for each of the `parameters`.
    #[getter]
    fn gradients(&self) -> usize {
        self.plan.gradients()
    }

    /// What derivatives are with respect to: a key and a layer, or none for the dense layer; nothing unless
    /// the kind is "gradient" or "ntk_gradient".
    #[getter]
    fn parameters(&self) -> Vec<(&'static str, Option<usize>)> {
        self.plan.parameters.iter().map(|(kind, layer)| (kind.name(), *layer)).collect()
    }

    /// The bytes that each thread works in, beside images, norms and results.
    fn scratch_bytes(&self, dtype: &str) -> PyResult<usize> {
        let count = if is_single(dtype)? {
            engine::scratch_bytes::<f32>
        } else {
            engine::scratch_bytes::<f64>
        };
        Ok(count(&self.plan, Isa::best()))
    }

    /// Patch norms of `images` into `out`, `(n, norms_len)`.
    #[pyo3(signature = (images, out, *, n_threads=None, progress=None, level=None))]
    fn norms(
        &self,
        images: &Bound<'_, PyUntypedArray>,
        out: &Bound<'_, PyUntypedArray>,
        n_threads: Option<usize>,
        progress: Option<Bound<'_, PyAny>>,
        level: Option<&str>,
    ) -> PyResult<()> {
        let how = How { n_threads, progress, level };
        compute::norms(&self.plan, images, out, how)
    }

    /// The Gram matrix of `first` and `second`, or of `first` alone, into `out`.
    #[pyo3(signature = (first, second, out, *, n_threads=None, progress=None, level=None))]
    #[allow(clippy::too_many_arguments, reason = "the signature is the Python method's")]
    fn gram(
        &self,
        first: ImageSet<'_>,
        second: Option<ImageSet<'_>>,
        out: Vec<Bound<'_, PyUntypedArray>>,
        n_threads: Option<usize>,
        progress: Option<Bound<'_, PyAny>>,
        level: Option<&str>,
    ) -> PyResult<()> {
        let how = How { n_threads, progress, level };
        let first = Operand::new("ims1", first);
        let second = second.map(|second| Operand::new("ims2", second));
        compute::gram(&self.plan, &first, second.as_ref(), self.results(&out)?, how)
    }

    /// The kernel of `images[left[k]]` and `images[right[k]]` into entry `k` of `out`.
    #[pyo3(signature = (images, left, right, out, *, n_threads=None, level=None))]
    fn pairs(
        &self,
        images: &Bound<'_, PyUntypedArray>,
        left: numpy::PyReadonlyArray1<'_, isize>,
        right: numpy::PyReadonlyArray1<'_, isize>,
        out: Vec<Bound<'_, PyUntypedArray>>,
        n_threads: Option<usize>,
        level: Option<&str>,
    ) -> PyResult<()> {
        let how = How { n_threads, progress: None, level };
        compute::pairs(&self.plan, images, (&left, &right), self.results(&out)?, how)
    }
}

impl PyPlan {
    /// The arrays for the kernel and for the result beside it.
    fn results<'a, 'py>(
        &self,
        out: &'a [Bound<'py, PyUntypedArray>],
    ) -> PyResult<compute::Results<'a, 'py>> {
        let results = match (self.kind, out) {
            (Kind::Ckn | Kind::Ntk, [kernel]) => compute::Results { kernel, beside: None },
            (Kind::Both, [kernel, ckn]) => {
                compute::Results { kernel, beside: Some(compute::Beside::Ckn(ckn)) }
            }
            (Kind::Gradient | Kind::NtkGradient, [kernel, gradient]) => {
                compute::Results { kernel, beside: Some(compute::Beside::Gradient(gradient)) }
            }
            (Kind::Ckn | Kind::Ntk, _) => return Err(self.wrong_results(1, out.len())),
            (Kind::Both | Kind::Gradient | Kind::NtkGradient, _) => {
                return Err(self.wrong_results(2, out.len()));
            }
        };
        Ok(results)
    }

    fn wrong_results(&self, wanted: usize, got: usize) -> PyErr {
        let kind = self.kind();
        PyValueError::new_err(format!("a plan of kind {kind:?} fills {wanted} arrays, got {got}"))
    }
}
