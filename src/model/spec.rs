//! The spec of a model: keys and values, as a Python dict or a TOML text has them.

use std::fmt;

use crate::error::{Error, Result, bail};

/// A table's keys and values.
pub type Table = Vec<(String, Value)>;

/// The most bytes of a text. The longest model that has a use takes a tenth of that.
pub const MOST_BYTES: usize = 1 << 20;

/// A value of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Integer(i64),
    /// A real number.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// A string.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A table; only an option of the whole model is one.
    Table(Table),
    /// Anything else, by the name of its type.
    Other(String),
}

/// A model's tables.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spec {
    /// One table a layer.
    pub layers: Vec<Table>,
    /// The keys of the model beside its layers.
    pub options: Table,
}

impl Spec {
    /// Read a TOML text with one `[[layers]]` table a layer.
    ///
    /// # Errors
    /// [`Error::Value`] for anything but such a text, and for more than a mebibyte of it.
    pub fn from_toml(text: &str) -> Result<Self> {
        if text.len() > MOST_BYTES {
            bail!("a model is a TOML text of at most {MOST_BYTES} bytes, got {}", text.len());
        }
        let file: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            // The whole message shows the line, which may be a megabyte long.
            let longest = text.lines().map(str::len).max().unwrap_or(0);
            match longest <= 200 {
                true => Error::Value(format!("not a TOML text: {error}")),
                false => Error::Value(format!("not a TOML text: {}", error.message())),
            }
        })?;
        Self::from_toml_table(&file)
    }

    /// Read a table with the key `layers`, an array of tables.
    ///
    /// # Errors
    /// As [`Spec::from_toml`].
    pub fn from_toml_table(file: &toml::Table) -> Result<Self> {
        let Some(layers) = file.get("layers") else {
            bail!("the TOML text has no [[layers]] tables");
        };
        let tables = layers.as_array().map(|layers| layers.iter().map(toml::Value::as_table));
        let Some(tables) = tables.and_then(|tables| tables.collect::<Option<Vec<_>>>()) else {
            bail!("\"layers\" must be [[layers]] tables, one a layer");
        };
        let read = |(key, value): (&String, &toml::Value)| (key.clone(), value.into());
        Ok(Self {
            layers: tables.into_iter().map(|table| table.iter().map(read).collect()).collect(),
            options: file.iter().filter(|(key, _)| *key != "layers").map(read).collect(),
        })
    }

    /// The TOML text that [`Spec::from_toml`] reads back.
    pub fn to_toml(&self) -> String {
        fn line((key, value): &(String, Value)) -> String {
            format!("{key} = {value}\n")
        }
        let lines = |table: &Table| table.iter().map(line).collect::<String>();
        // A table takes all lines that follow, so that tables come last.
        let is_table = |(_, value): &&(String, Value)| matches!(value, Value::Table(_));
        let options: String =
            self.options.iter().filter(|option| !is_table(option)).map(line).collect();
        let tables = self.options.iter().filter_map(|(key, value)| match value {
            Value::Table(table) => Some(format!("[{key}]\n{}", lines(table))),
            _ => None,
        });
        let layers = self.layers.iter().map(|table| format!("[[layers]]\n{}", lines(table)));
        let options = (!options.is_empty()).then_some(options);
        options.into_iter().chain(tables).chain(layers).collect::<Vec<_>>().join("\n")
    }
}

impl From<&toml::Value> for Value {
    fn from(value: &toml::Value) -> Self {
        match value {
            toml::Value::Integer(n) => Self::Integer(*n),
            toml::Value::Float(x) => Self::Real(*x),
            toml::Value::Boolean(flag) => Self::Flag(*flag),
            toml::Value::String(text) => Self::Text(text.clone()),
            toml::Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            toml::Value::Table(table) => {
                Self::Table(table.iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
            other @ toml::Value::Datetime(_) => Self::Other(other.type_str().to_owned()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(n) => write!(f, "{n}"),
            Self::Real(x) => write!(f, "{x:?}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
            Self::Table(_) => write!(f, "a value of type table"),
            Self::Other(kind) => write!(f, "a value of type {kind}"),
        }
    }
}
