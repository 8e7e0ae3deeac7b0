//! Models, without any image.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::spec::{self, Given};
use crate::convention::Convention;
use crate::kernel::Kernel;
use crate::model::{Readout, Spec};
use crate::pooling::Pooling;

/// The model, validated and with every key filled in.
#[pyfunction]
fn resolve_model<'py>(py: Python<'py>, model: Given, ntk: bool) -> PyResult<Bound<'py, PyDict>> {
    spec::to_dict(py, &model.model(ntk)?.spec())
}

/// The model of a TOML text with one [[layers]] table a layer.
#[pyfunction]
fn model_from_toml<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyDict>> {
    spec::to_dict(py, &Spec::from_toml(text)?)
}

/// The TOML text of a model, with the keys that it has.
#[pyfunction]
fn model_to_toml(model: Given) -> PyResult<String> {
    Ok(model.to_toml()?)
}

/// Add the functions, and the names that a model may have in it.
pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("KERNELS", Kernel::ALL.map(|kernel| kernel.name()).to_vec())?;
    module.add("KERNEL_PARAMETERS", kernel_parameters(module.py())?)?;
    let poolings = Pooling::ALL.iter().filter_map(Pooling::name);
    module.add("POOLINGS", poolings.collect::<Vec<_>>())?;
    module.add("POOLING_PARAMETERS", pooling_parameters(module.py())?)?;
    module.add("CONVENTIONS", Convention::ALL.map(|convention| convention.name()).to_vec())?;
    module.add("READOUTS", Readout::ALL.map(|readout| readout.name()).to_vec())?;
    module.add_function(wrap_pyfunction!(resolve_model, module)?)?;
    module.add_function(wrap_pyfunction!(model_from_toml, module)?)?;
    module.add_function(wrap_pyfunction!(model_to_toml, module)?)
}

/// The parameters of a layer that each pooling may have.
fn pooling_parameters(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for pooling in &Pooling::ALL {
        dict.set_item(pooling.name(), pooling.keys().to_vec())?;
    }
    Ok(dict)
}

/// The parameters of a layer that each kernel uses.
fn kernel_parameters(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for kernel in Kernel::ALL {
        let sigma = kernel.has_sigma().then_some("sigma");
        let declared = kernel.parameters().iter().map(|one| one.name);
        dict.set_item(kernel.name(), sigma.into_iter().chain(declared).collect::<Vec<_>>())?;
    }
    Ok(dict)
}
