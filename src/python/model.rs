//! Models and their geometry, without any image.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::arrays::is_single;
use super::words::{self, Given};
use crate::convention::Convention;
use crate::engine;
use crate::kernel::Kernel;
use crate::model::{Model, Readout, Words};
use crate::plan::{Carried, Plan, Shape};
use crate::pooling::Pooling;
use crate::simd::Isa;

/// Plan a model on images of a shape.
pub(super) fn plan(
    model: &Model,
    (height, width, channels): (usize, usize, usize),
    carried: Carried,
) -> PyResult<Plan> {
    Ok(Plan::new(model, Shape { height, width, channels }, carried)?)
}

/// What is carried for a kernel of this kind.
pub(super) fn carried(ntk: bool) -> Carried {
    if ntk { Carried::Ntk } else { Carried::Nothing }
}

/// The model, validated and with every key filled in.
#[pyfunction]
fn resolve_model<'py>(py: Python<'py>, model: Given, ntk: bool) -> PyResult<Bound<'py, PyDict>> {
    words::to_dict(py, &model.model(ntk)?.words())
}

/// The model of a TOML text with one [[layers]] table a layer.
#[pyfunction]
fn model_from_toml<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyDict>> {
    words::to_dict(py, &Words::from_toml(text)?)
}

/// The TOML text of a model, with the keys that it has.
#[pyfunction]
fn model_to_toml(model: Given) -> PyResult<String> {
    Ok(model.to_toml()?)
}

/// The layers with their sizes and costs on images of a shape.
#[pyfunction]
fn geometry<'py>(
    py: Python<'py>,
    model: Given,
    shape: (usize, usize, usize),
    ntk: bool,
) -> PyResult<Bound<'py, PyList>> {
    let plan = plan(&model.model(ntk)?, shape, carried(ntk))?;
    let dicts = words::tables_to_dicts(py, &plan.model.words().layers)?;
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

/// The bytes that each thread works in, beside images, norms and results.
#[pyfunction]
fn scratch_bytes(
    model: Given,
    shape: (usize, usize, usize),
    ntk: bool,
    dtype: &str,
) -> PyResult<usize> {
    let plan = plan(&model.model(ntk)?, shape, carried(ntk))?;
    let count =
        if is_single(dtype)? { engine::scratch_bytes::<f32> } else { engine::scratch_bytes::<f64> };
    Ok(count(&plan, Isa::best()))
}

/// Add the functions, and what a model may say.
pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("KERNELS", Kernel::ALL.map(|kernel| kernel.name()).to_vec())?;
    module.add("KERNEL_PARAMETERS", kernel_parameters(module.py())?)?;
    let poolings = Pooling::ALL.iter().filter_map(Pooling::name);
    module.add("POOLINGS", poolings.collect::<Vec<_>>())?;
    module.add("CONVENTIONS", Convention::ALL.map(|convention| convention.name()).to_vec())?;
    module.add("READOUTS", Readout::ALL.map(|readout| readout.name()).to_vec())?;
    module.add_function(wrap_pyfunction!(resolve_model, module)?)?;
    module.add_function(wrap_pyfunction!(model_from_toml, module)?)?;
    module.add_function(wrap_pyfunction!(model_to_toml, module)?)?;
    module.add_function(wrap_pyfunction!(geometry, module)?)?;
    module.add_function(wrap_pyfunction!(scratch_bytes, module)?)
}

/// What each kernel uses of a layer's parameters.
fn kernel_parameters(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    for kernel in Kernel::ALL {
        let sigma = kernel.has_sigma().then_some("sigma");
        let own = kernel.parameters().iter().map(|own| own.name);
        dict.set_item(kernel.name(), sigma.into_iter().chain(own).collect::<Vec<_>>())?;
    }
    Ok(dict)
}
