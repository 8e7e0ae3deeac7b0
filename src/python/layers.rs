//! Layers as Python writes them: dicts.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString};

use crate::error::{Error, Result};
use crate::model::{Model, Table, Value};

/// The entries of each layer, not yet validated.
pub(super) struct Layers(Vec<Table>);

impl Layers {
    /// Validate.
    pub fn model(&self, ntk: bool) -> Result<Model> {
        Model::from_tables(self.0.clone(), ntk)
    }

    /// The text of these entries.
    pub fn to_toml(&self) -> PyResult<String> {
        self.model(false)?;
        Ok(Model::write_toml(&self.0))
    }
}

impl FromPyObject<'_, '_> for Layers {
    type Error = PyErr;

    fn extract(layers: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let mut all = Vec::new();
        for (index, layer) in layers.try_iter()?.enumerate() {
            let layer = layer?;
            let Ok(layer) = layer.cast::<PyMapping>() else {
                let kind = type_name(&layer);
                let message = format!("model: layer {index} must be a dict, got {kind}");
                return Err(Error::Type(message).into());
            };
            let mut entries = Vec::new();
            for item in layer.items()?.iter() {
                let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
                let Ok(key) = key.extract() else {
                    let key = key.repr()?;
                    let message = format!("model: layer {index}: keys must be strings, got {key}");
                    return Err(Error::Type(message).into());
                };
                entries.push((key, value_of(&value)));
            }
            all.push(entries);
        }
        Ok(Self(all))
    }
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// NumPy's scalars are numbers too: whole ones by `__index__`, real ones by `__float__`.
fn value_of(value: &Bound<'_, PyAny>) -> Value {
    let other = || Value::Other(type_name(value));
    if value.is_instance_of::<PyBool>() {
        return other();
    }
    if let Ok(text) = value.cast::<PyString>() {
        return Value::Text(text.to_string_lossy().into_owned());
    }
    if value.is_instance_of::<PyFloat>() {
        return value.extract().map_or_else(|_| other(), Value::Real);
    }
    if value.is_instance_of::<PyInt>() || value.hasattr("__index__").unwrap_or(false) {
        // Beyond 64 bits, as large as can be: too large for any image.
        return value.extract().map_or_else(
            |_| match value.lt(0) {
                Ok(true) => Value::Integer(i64::MIN),
                Ok(false) => Value::Integer(i64::MAX),
                Err(_) => other(),
            },
            Value::Integer,
        );
    }
    value.extract().map_or_else(|_| other(), Value::Real)
}

/// One dict a layer, every key filled in.
pub(super) fn to_dicts<'py>(py: Python<'py>, model: &Model) -> PyResult<Bound<'py, PyList>> {
    tables_to_dicts(py, &model.tables())
}

/// One dict a table.
pub(super) fn tables_to_dicts<'py>(
    py: Python<'py>,
    tables: &[Table],
) -> PyResult<Bound<'py, PyList>> {
    let dicts = PyList::empty(py);
    for table in tables {
        let dict = PyDict::new(py);
        for (key, value) in table {
            match value {
                Value::Integer(n) => dict.set_item(key, n)?,
                Value::Real(x) => dict.set_item(key, x)?,
                Value::Text(text) | Value::Other(text) => dict.set_item(key, text)?,
            }
        }
        dicts.append(dict)?;
    }
    Ok(dicts)
}
