//! Models as Python writes them: a mapping of layers and options, and each layer a mapping.

use numpy::PyUntypedArray;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};

use crate::error::{Error, Result};
use crate::model::{Model, Spec, Table, Value};

/// A model's spec, not yet validated.
pub(super) struct Given(Spec);

impl Given {
    /// Validate.
    pub fn model(&self, ntk: bool) -> Result<Model> {
        Model::from_spec(self.0.clone(), ntk)
    }

    /// The TOML text of this spec, if it makes a model.
    pub fn to_toml(&self) -> Result<String> {
        self.model(false)?;
        Ok(self.0.to_toml())
    }
}

impl FromPyObject<'_, '_> for Given {
    type Error = PyErr;

    fn extract(model: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let Ok(mapping) = model.cast::<PyMapping>() else {
            let kind = type_name(&model);
            let message = format!("model must be a mapping with the key \"layers\", got {kind}");
            return Err(Error::Type(message).into());
        };
        let mut layers = None;
        let mut options = Table::new();
        for (key, value) in items(&mapping, "model")? {
            match key.as_str() {
                "layers" => layers = Some(value),
                _ => options.push((key, option_of(&value)?)),
            }
        }
        let Some(layers) = layers else {
            return Err(Error::Value("model needs \"layers\"".to_owned()).into());
        };
        let layers = layers.try_iter()?.enumerate().map(|(index, layer)| table(index, &layer?));
        Ok(Self(Spec { layers: layers.collect::<PyResult<_>>()?, options }))
    }
}

/// The value of an option of the whole model, which may be a table.
fn option_of(value: &Bound<'_, PyAny>) -> PyResult<Value> {
    let Ok(mapping) = value.cast::<PyMapping>() else { return Ok(value_of(value)) };
    let items = items(mapping, "model")?.into_iter();
    Ok(Value::Table(items.map(|(key, value)| (key, value_of(&value))).collect()))
}

/// The entries of layer `index`.
fn table(index: usize, layer: &Bound<'_, PyAny>) -> PyResult<Table> {
    let Ok(mapping) = layer.cast::<PyMapping>() else {
        let kind = type_name(layer);
        return Err(Error::Type(format!("model: layer {index} must be a dict, got {kind}")).into());
    };
    let items = items(mapping, &format!("model: layer {index}"))?;
    Ok(items.into_iter().map(|(key, value)| (key, value_of(&value))).collect())
}

/// The keys and values of a mapping that an error calls `name`.
fn items<'py>(
    mapping: &Bound<'py, PyMapping>,
    name: &str,
) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    let mut all = Vec::new();
    for item in mapping.items()?.iter() {
        let (key, value): (Bound<'py, PyAny>, Bound<'py, PyAny>) = item.extract()?;
        let Ok(key) = key.extract() else {
            let message = format!("{name}: keys must be strings, got {}", key.repr()?);
            return Err(Error::Type(message).into());
        };
        all.push((key, value));
    }
    Ok(all)
}

/// Not by formatting, which looks for signals and would swallow a Ctrl-C.
fn type_name(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().name();
    name.map_or_else(|_| "?".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Lists within lists that are read. No key has more than two.
const DEEPEST: usize = 8;

/// A value of a model. Any other object is kept by the name of its type, for the error message.
fn value_of(value: &Bound<'_, PyAny>) -> Value {
    value_within(value, 0)
}

/// The same for an item of so many lists, one within the other. A list may have itself as an item.
fn value_within(value: &Bound<'_, PyAny>, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Other(type_name(value));
    }
    let known = text(value).or_else(|| list(value, depth)).or_else(|| number(value));
    known.unwrap_or_else(|| Value::Other(type_name(value)))
}

fn text(value: &Bound<'_, PyAny>) -> Option<Value> {
    let text = value.cast::<PyString>().ok()?;
    Some(Value::Text(text.to_string_lossy().into_owned()))
}

/// A list, a tuple or an array; an array of no axes is its one number.
fn list(value: &Bound<'_, PyAny>, depth: usize) -> Option<Value> {
    if value.cast::<PyUntypedArray>().is_ok() {
        return value.call_method0("tolist").ok().map(|items| value_within(&items, depth));
    }
    if !value.is_instance_of::<PyList>() && !value.is_instance_of::<PyTuple>() {
        return None;
    }
    let items = value.try_iter().ok()?.map(|item| Some(value_within(&item.ok()?, depth + 1)));
    items.collect::<Option<_>>().map(Value::List)
}

/// A number or a flag, of Python or of NumPy: whole numbers have `__index__`, real ones `__float__`.
fn number(value: &Bound<'_, PyAny>) -> Option<Value> {
    if value.is_instance_of::<PyBool>() {
        return value.extract().ok().map(Value::Flag);
    }
    if value.is_instance_of::<PyFloat>() {
        return value.extract().ok().map(Value::Real);
    }
    if matches!(type_name(value).as_str(), "bool" | "bool_") {
        return value.is_truthy().ok().map(Value::Flag);
    }
    if value.is_instance_of::<PyInt>() || value.hasattr("__index__").unwrap_or(false) {
        // A number beyond 64 bits becomes the largest one of them, which the reader refuses.
        return value.extract().ok().map(Value::Integer).or_else(|| {
            let least = value.lt(0).ok()?;
            Some(Value::Integer(if least { i64::MIN } else { i64::MAX }))
        });
    }
    value.extract().ok().map(Value::Real)
}

/// The spec as a mapping: `layers`, and the options that it has.
pub(super) fn to_dict<'py>(py: Python<'py>, spec: &Spec) -> PyResult<Bound<'py, PyDict>> {
    let dict = table_to_dict(py, &spec.options)?;
    dict.set_item("layers", tables_to_dicts(py, &spec.layers)?)?;
    Ok(dict)
}

/// One dict a table.
pub(super) fn tables_to_dicts<'py>(
    py: Python<'py>,
    tables: &[Table],
) -> PyResult<Bound<'py, PyList>> {
    let dicts = tables.iter().map(|table| table_to_dict(py, table));
    PyList::new(py, dicts.collect::<PyResult<Vec<_>>>()?)
}

fn table_to_dict<'py>(py: Python<'py>, table: &Table) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in table {
        dict.set_item(key, to_object(py, value)?)?;
    }
    Ok(dict)
}

fn to_object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Integer(n) => n.into_pyobject(py)?.into_any(),
        Value::Real(x) => x.into_pyobject(py)?.into_any(),
        Value::Flag(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Text(text) | Value::Other(text) => text.into_pyobject(py)?.into_any(),
        Value::Table(table) => table_to_dict(py, table)?.into_any(),
        Value::List(items) => {
            let items = items.iter().map(|item| to_object(py, item));
            PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_any()
        }
    })
}
