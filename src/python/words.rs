//! Models as Python writes them: a mapping of layers and options, and each layer a mapping.

use numpy::{PyUntypedArray, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};

use crate::error::{Error, Result};
use crate::model::{Model, Table, Value, Words};

/// A model's words, not yet validated.
pub(super) struct Given(Words);

impl Given {
    /// Validate.
    pub fn model(&self, ntk: bool) -> Result<Model> {
        Model::from_words(self.0.clone(), ntk)
    }

    /// The TOML text of these words, if they make a model.
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
                _ => options.push((key, value_of(&value))),
            }
        }
        let Some(layers) = layers else {
            return Err(Error::Value("model needs \"layers\"".to_owned()).into());
        };
        let layers = layers.try_iter()?.enumerate().map(|(index, layer)| table(index, &layer?));
        Ok(Self(Words { layers: layers.collect::<PyResult<_>>()?, options }))
    }
}

/// The words of layer `index`.
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

/// What is no value of a model has the name of its type.
fn value_of(value: &Bound<'_, PyAny>) -> Value {
    let known = text(value).or_else(|| list(value)).or_else(|| number(value));
    known.unwrap_or_else(|| Value::Other(type_name(value)))
}

fn text(value: &Bound<'_, PyAny>) -> Option<Value> {
    let text = value.cast::<PyString>().ok()?;
    Some(Value::Text(text.to_string_lossy().into_owned()))
}

/// A list, a tuple or an array that is not a scalar.
fn list(value: &Bound<'_, PyAny>) -> Option<Value> {
    if let Ok(array) = value.cast::<PyUntypedArray>() {
        return (array.ndim() > 0)
            .then(|| value.call_method0("tolist").ok())?
            .map(|x| value_of(&x));
    }
    if !value.is_instance_of::<PyList>() && !value.is_instance_of::<PyTuple>() {
        return None;
    }
    let items = value.try_iter().ok()?.map(|item| Some(value_of(&item.ok()?)));
    items.collect::<Option<_>>().map(Value::List)
}

/// NumPy's scalars are numbers too: whole ones by `__index__`, real ones by `__float__`; and its
/// flags are flags.
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
        // Beyond 64 bits, as large as can be: too large for any image.
        return value.extract().ok().map(Value::Integer).or_else(|| {
            let least = value.lt(0).ok()?;
            Some(Value::Integer(if least { i64::MIN } else { i64::MAX }))
        });
    }
    value.extract().ok().map(Value::Real)
}

/// The words as a mapping: `layers`, and whatever options there are.
pub(super) fn to_dict<'py>(py: Python<'py>, words: &Words) -> PyResult<Bound<'py, PyDict>> {
    let dict = table_to_dict(py, &words.options)?;
    dict.set_item("layers", tables_to_dicts(py, &words.layers)?)?;
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
        Value::List(items) => {
            let items = items.iter().map(|item| to_object(py, item));
            PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)?.into_any()
        }
    })
}
