//! What the user said: a list of layers, without any geometry.
//!
//! A layer is written as a table of keys, whether it comes from a Python dict or from TOML;
//! [`Layer::from_entries`] is the one place that reads those keys.

use std::fmt;

use crate::error::{Error, Result, bail};
use crate::kernel::Kernel;
use crate::pooling::Pooling;

/// The keys of a layer, in the order in which they are shown.
pub const KEYS: [&str; 6] = ["npatch", "subsampling", "poolfactor", "kernel", "sigma", "pooling"];

/// One layer: patches, a patch kernel, a pooling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    /// Side of the square patch, in positions.
    pub npatch: usize,
    /// Stride of the pooling.
    pub subsampling: usize,
    /// Width of the pooling window, in the pooling's own sense; `subsampling` unless given.
    pub poolfactor: usize,
    /// The patch kernel.
    pub kernel: Kernel,
    /// The patch kernel's parameter; 1 unless given.
    pub sigma: f64,
    /// The pooling.
    pub pooling: Pooling,
}

/// A model: its layers, the first one reading pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The layers, at least one.
    pub layers: Vec<Layer>,
}

/// A layer's keys and values, as its source wrote them.
pub type Table = Vec<(String, Value)>;

/// A value of a layer's table, as its source wrote it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A real number.
    Real(f64),
    /// A string.
    Text(String),
    /// Anything else, by the name of its type.
    Other(String),
}

impl Model {
    /// A model of these layers.
    ///
    /// # Errors
    /// [`Error::Value`] if there are none.
    pub fn new(layers: Vec<Layer>) -> Result<Self> {
        if layers.is_empty() {
            bail!("model: at least one layer is needed");
        }
        Ok(Self { layers })
    }
}

impl Layer {
    /// Read the table of layer `index` (counted from 0).
    ///
    /// `ntk` only chooses the default of `kernel`: `relu` for the NTK, `exp` otherwise.
    ///
    /// # Errors
    /// [`Error::Value`] for an unknown key, a missing one or an impossible value, and
    /// [`Error::Type`] for a value of the wrong type; each names the layer and the key.
    pub fn from_entries(
        index: usize,
        entries: impl IntoIterator<Item = (String, Value)>,
        ntk: bool,
    ) -> Result<Self> {
        let (mut npatch, mut subsampling, mut poolfactor) = (None, None, None);
        let (mut kernel, mut sigma, mut pooling) = (None, None, None);
        for (key, value) in entries {
            let at = At { index, key: &key };
            match key.as_str() {
                "npatch" => npatch = Some(at.size(&value)?),
                "subsampling" => subsampling = Some(at.size(&value)?),
                "poolfactor" => poolfactor = Some(at.size(&value)?),
                "sigma" => sigma = Some(at.positive(&value)?),
                "kernel" => kernel = Some(at.choice(&value, &Kernel::ALL, Kernel::name)?),
                "pooling" => pooling = Some(at.choice(&value, &Pooling::ALL, Pooling::name)?),
                _ => bail!("{}", unknown("key", index, &key, &KEYS)),
            }
        }
        let required = |size: Option<usize>, key: &str| {
            size.ok_or_else(|| Error::Value(format!("model: layer {index} needs {key:?}")))
        };
        let subsampling = required(subsampling, "subsampling")?;
        Ok(Self {
            npatch: required(npatch, "npatch")?,
            subsampling,
            poolfactor: poolfactor.unwrap_or(subsampling),
            kernel: kernel.unwrap_or(if ntk { Kernel::Relu } else { Kernel::Exp }),
            sigma: sigma.unwrap_or(1.0),
            pooling: pooling.unwrap_or(Pooling::Gaussian),
        })
    }

    /// The table that [`Layer::from_entries`] reads back, every key filled in.
    pub fn entries(&self) -> [(&'static str, Value); 6] {
        let size = |n: usize| Value::Integer(n as i64);
        let values = [
            size(self.npatch),
            size(self.subsampling),
            size(self.poolfactor),
            Value::Text(self.kernel.name().to_owned()),
            Value::Real(self.sigma),
            Value::Text(self.pooling.name().to_owned()),
        ];
        let mut values = values.into_iter();
        KEYS.map(|key| (key, values.next().expect("one value a key")))
    }
}

impl From<&toml::Value> for Value {
    fn from(value: &toml::Value) -> Self {
        match value {
            toml::Value::Integer(n) => Self::Integer(*n),
            toml::Value::Float(x) => Self::Real(*x),
            toml::Value::String(text) => Self::Text(text.clone()),
            other => Self::Other(other.type_str().to_owned()),
        }
    }
}

impl Model {
    /// Read a TOML text with one `[[layers]]` table a layer.
    ///
    /// # Errors
    /// [`Error::Value`] for anything but such a text, and as [`Layer::from_entries`].
    pub fn from_toml(text: &str, ntk: bool) -> Result<Self> {
        Self::from_tables(Self::toml_layers(text)?, ntk)
    }

    /// Validate one table a layer.
    ///
    /// # Errors
    /// As [`Layer::from_entries`].
    pub fn from_tables(tables: Vec<Table>, ntk: bool) -> Result<Self> {
        let tables = tables.into_iter().enumerate();
        let layers = tables.map(|(index, table)| Layer::from_entries(index, table, ntk));
        Self::new(layers.collect::<Result<_>>()?)
    }

    /// The layers' tables of a TOML text, as they are written there.
    ///
    /// # Errors
    /// [`Error::Value`] for anything but a text with `[[layers]]` tables alone.
    pub fn toml_layers(text: &str) -> Result<Vec<Table>> {
        let file: toml::Table =
            text.parse().map_err(|error| Error::Value(format!("not a TOML text: {error}")))?;
        if let Some(key) = file.keys().find(|key| *key != "layers") {
            bail!("unknown key {key:?} in the TOML text; a model has [[layers]] tables alone");
        }
        match file.get("layers") {
            Some(layers) => Self::toml_tables(layers),
            None => bail!("the TOML text has no [[layers]] tables"),
        }
    }

    /// The tables of an array.
    ///
    /// # Errors
    /// [`Error::Value`] for anything else.
    pub fn toml_tables(layers: &toml::Value) -> Result<Vec<Table>> {
        let tables = layers.as_array().map(|layers| layers.iter().map(toml::Value::as_table));
        let Some(tables) = tables.and_then(|tables| tables.collect::<Option<Vec<_>>>()) else {
            bail!("\"layers\" must be [[layers]] tables, one a layer");
        };
        let read = |table: &toml::Table| {
            table.iter().map(|(key, value)| (key.clone(), value.into())).collect()
        };
        Ok(tables.into_iter().map(read).collect())
    }

    /// The TOML text that [`Model::toml_layers`] reads back.
    pub fn write_toml(tables: &[Table]) -> String {
        let table = |table: &Table| {
            let lines = table.iter().map(|(key, value)| format!("{key} = {value}\n"));
            format!("[[layers]]\n{}", lines.collect::<String>())
        };
        tables.iter().map(table).collect::<Vec<_>>().join("\n")
    }

    /// One table a layer, every key filled in.
    pub fn tables(&self) -> Vec<Table> {
        let table = |layer: &Layer| layer.entries().map(|(k, v)| (k.to_owned(), v)).to_vec();
        self.layers.iter().map(table).collect()
    }
}

/// Where a value stands, for the error that names it.
struct At<'a> {
    index: usize,
    key: &'a str,
}

impl At<'_> {
    fn size(&self, value: &Value) -> Result<usize> {
        match *value {
            Value::Integer(n) if n >= 1 => Ok(n as usize),
            Value::Integer(n) => bail!("{self} must be at least 1, got {n}"),
            _ => Err(self.type_error("a whole number", value)),
        }
    }

    fn positive(&self, value: &Value) -> Result<f64> {
        let x = match *value {
            Value::Integer(n) => n as f64,
            Value::Real(x) => x,
            _ => return Err(self.type_error("a number", value)),
        };
        if !(x > 0.0 && x.is_finite()) {
            bail!("{self} must be a finite number above 0, got {x}");
        }
        Ok(x)
    }

    fn choice<T: Copy>(&self, value: &Value, all: &[T], name: fn(&T) -> &'static str) -> Result<T> {
        let Value::Text(text) = value else {
            return Err(self.type_error("a string", value));
        };
        let found = all.iter().find(|item| name(item) == text);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = all.iter().map(name).collect();
            Error::Value(unknown(self.key, self.index, text, &names))
        })
    }

    fn type_error(&self, wanted: &str, value: &Value) -> Error {
        Error::Type(format!("{self} must be {wanted}, got {value}"))
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "model: layer {}: {:?}", self.index, self.key)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => write!(f, "{n}"),
            Self::Real(x) => write!(f, "{x:?}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Other(kind) => write!(f, "a value of type {kind}"),
        }
    }
}

/// "layer 1: unknown kernel "rleu"; did you mean "relu"? (one of ...)".
fn unknown(what: &str, index: usize, got: &str, valid: &[&str]) -> String {
    let nearest = valid
        .iter()
        .map(|name| (strsim::damerau_levenshtein(got, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3);
    let hint = nearest.map_or(String::new(), |(_, name)| format!("; did you mean {name:?}?"));
    let list = valid.join(", ");
    format!("model: layer {index}: unknown {what} {got:?}{hint} (one of: {list})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &[(&str, Value)]) -> Result<Layer> {
        let entries = entries.iter().map(|(k, v)| ((*k).to_owned(), v.clone()));
        Layer::from_entries(1, entries, false)
    }

    const SIZES: [(&str, Value); 2] =
        [("npatch", Value::Integer(3)), ("subsampling", Value::Integer(2))];

    #[test]
    fn defaults_are_those_of_the_original() {
        let layer = read(&SIZES).unwrap();
        assert_eq!(layer.poolfactor, 2);
        assert_eq!((layer.kernel, layer.sigma), (Kernel::Exp, 1.0));
        assert_eq!(layer.pooling, Pooling::Gaussian);
        let entries = SIZES.iter().map(|(k, v)| ((*k).to_owned(), v.clone()));
        let ntk = Layer::from_entries(0, entries, true).unwrap();
        assert_eq!(ntk.kernel, Kernel::Relu);
    }

    #[test]
    fn entries_round_trip() {
        let layer = read(&SIZES).unwrap();
        let entries = layer.entries().map(|(k, v)| (k.to_owned(), v));
        assert_eq!(Layer::from_entries(1, entries, true).unwrap(), layer);
    }

    #[test]
    fn toml_round_trips() {
        let model = Model::new(vec![read(&SIZES).unwrap(); 2]).unwrap();
        let text = Model::write_toml(&model.tables());
        assert_eq!(Model::from_toml(&text, true).unwrap(), model);
        for text in ["layers = 3", "[[layer]]\nnpatch = 3", "[[layers]", ""] {
            assert!(matches!(Model::from_toml(text, false), Err(Error::Value(_))), "{text}");
        }
    }

    #[test]
    fn errors_name_the_layer_the_key_and_the_remedy() {
        let with = |key, value| {
            let mut entries = SIZES.to_vec();
            entries.push((key, value));
            read(&entries).unwrap_err().to_string()
        };
        let text = |s: &str| Value::Text(s.to_owned());
        let message = with("simga", Value::Real(1.0));
        assert!(message.contains("layer 1") && message.contains("\"sigma\"?"), "{message}");
        let message = with("kernel", text("rleu"));
        assert!(message.contains("\"relu\"?") && message.contains("poly4"), "{message}");
        let message = with("pooling", text("max"));
        assert!(!message.contains("did you mean") && message.contains("strided"), "{message}");
        for (key, value) in [
            ("sigma", Value::Real(0.0)),
            ("sigma", Value::Real(f64::NAN)),
            ("npatch", Value::Integer(0)),
            ("npatch", Value::Real(3.0)),
            ("kernel", Value::Integer(3)),
        ] {
            let message = with(key, value);
            assert!(message.contains("layer 1") && message.contains(key), "{message}");
        }
        assert!(read(&SIZES[..1]).unwrap_err().to_string().contains("subsampling"));
    }
}
