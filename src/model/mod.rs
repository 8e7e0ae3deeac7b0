//! The model, as the user said it: a list of layers, without any geometry.
//!
//! A model comes in as a [`Spec`], from a Python dict or from TOML. `read.rs` reads the keys of its
//! layers, and `at.rs` their values.

mod at;
mod dense;
mod layer;
mod read;
mod spec;

pub use dense::Dense;
pub use layer::{AXES, Layer, Lengths, Padding};
pub use read::{KEYS, OPTIONS};
pub use spec::{Spec, Table, Value};

use crate::convention::Convention;
use crate::error::{Result, bail};
use at::At;
use dense::DENSE;
use read::unknown_option;

/// The number that is read from the last layer's pooled map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readout {
    /// Its trace: the sum over positions of both images alike, as a dense layer on top gives it.
    #[default]
    Trace,
    /// The mean over all pairs of positions, as global average pooling gives it.
    Mean,
}

impl Readout {
    /// Every readout.
    pub const ALL: [Self; 2] = [Self::Trace, Self::Mean];

    /// The name in models.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Mean => "mean",
        }
    }
}

/// The most layers of a model.
pub const MOST_LAYERS: usize = 1024;

/// A model: its layers, the first one reading pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The layers, at least one.
    pub layers: Vec<Layer>,
    /// How patches and poolings are counted.
    pub convention: Convention,
    /// The number that is read from the last map.
    pub readout: Readout,
    /// A dense layer on top, with scales of its own.
    pub dense: Option<Dense>,
}

impl Model {
    /// A model of these layers, with today's convention and a trace.
    ///
    /// # Errors
    /// As [`Model::validated`].
    pub fn new(layers: Vec<Layer>) -> Result<Self> {
        let (convention, readout) = Default::default();
        Self { layers, convention, readout, dense: None }.validated()
    }

    /// The model, if the keys of each layer fit together.
    ///
    /// # Errors
    /// [`Error::Value`](crate::error::Error::Value) for no layers or too many, and for a key that has no
    /// meaning beside the others; it names the layer and the key.
    pub fn validated(self) -> Result<Self> {
        if self.layers.is_empty() {
            bail!("model: at least one layer is needed");
        }
        if self.layers.len() > MOST_LAYERS {
            bail!("model: at most {MOST_LAYERS} layers are possible, got {}", self.layers.len());
        }
        for (index, layer) in self.layers.iter().enumerate() {
            layer.check(index, self.convention)?;
        }
        Ok(self)
    }

    /// Read a TOML text with one `[[layers]]` table a layer.
    ///
    /// # Errors
    /// As [`Spec::from_toml`] and [`Model::from_spec`].
    pub fn from_toml(text: &str, ntk: bool) -> Result<Self> {
        Self::from_spec(Spec::from_toml(text)?, ntk)
    }

    /// Read and validate a model.
    ///
    /// # Errors
    /// As [`Layer::from_entries`] and [`Model::validated`].
    pub fn from_spec(spec: Spec, ntk: bool) -> Result<Self> {
        let (mut convention, mut readout, mut dense) = Default::default();
        for (key, value) in &spec.options {
            let at = At { layer: None, key };
            match key.as_str() {
                "convention" => convention = at.convention(value)?,
                "readout" => readout = at.choice(value, &Readout::ALL, Readout::name)?,
                DENSE => dense = Some(Dense::read(value)?),
                _ => return Err(unknown_option(key)),
            }
        }
        let tables = spec.layers.into_iter().enumerate();
        let layers = tables.map(|(index, table)| Layer::from_entries(index, table, ntk));
        Self { layers: layers.collect::<Result<_>>()?, convention, readout, dense }.validated()
    }

    /// The spec of the model, every key filled in; a dense layer only where there is one.
    pub fn spec(&self) -> Spec {
        let table = |layer: &Layer| -> Table {
            layer.entries().into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
        };
        let option = |key: &str, name: &str| (key.to_owned(), Value::Text(name.to_owned()));
        Spec {
            layers: self.layers.iter().map(table).collect(),
            options: vec![
                option("convention", self.convention.name()),
                option("readout", self.readout.name()),
            ]
            .into_iter()
            .chain(self.dense.map(|dense| (DENSE.to_owned(), dense.value())))
            .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::kernel::Kernel;

    fn read(entries: &[(&str, Value)]) -> Result<Layer> {
        let entries = entries.iter().map(|(k, v)| ((*k).to_owned(), v.clone()));
        Layer::from_entries(1, entries, false)
    }

    const SIZES: [(&str, Value); 2] =
        [("npatch", Value::Integer(3)), ("subsampling", Value::Integer(2))];

    #[test]
    fn defaults_are_those_of_the_original() {
        let layer = read(&SIZES).unwrap();
        assert_eq!(layer.poolfactor, [2, 2]);
        assert_eq!((layer.kernel, layer.sigma), (Kernel::Exp, 1.0));
        assert_eq!(layer, Layer::new(Kernel::Exp, 3, 2));
        let entries = SIZES.iter().map(|(k, v)| ((*k).to_owned(), v.clone()));
        let ntk = Layer::from_entries(0, entries, true).unwrap();
        assert_eq!(ntk.kernel, Kernel::Relu);
    }

    #[test]
    fn entries_round_trip() {
        let layer = read(&SIZES).unwrap();
        let entries = layer.entries().into_iter().map(|(k, v)| (k.to_owned(), v));
        assert_eq!(Layer::from_entries(1, entries, true).unwrap(), layer);
    }

    /// Models of before there were scales keep their text, from which digests are made.
    #[test]
    fn scales_are_said_where_they_are_not_the_default() {
        let entries = |layer: &Layer| -> Vec<&str> {
            layer.entries().into_iter().map(|(key, _)| key).collect()
        };
        let plain = read(&SIZES).unwrap();
        assert_eq!(entries(&plain), KEYS[..9]);
        let with = |key: &str, value: Value| {
            let mut entries = SIZES.to_vec();
            entries.push((key, value));
            read(&entries)
        };
        let weighted = with("weight_std", Value::Integer(2)).unwrap();
        assert_eq!((weighted.weight_std, entries(&weighted).last()), (2.0, Some(&"weight_std")));
        let biased = with("bias_std", Value::Real(0.1)).unwrap();
        assert_eq!((biased.bias_std, entries(&biased).last()), (0.1, Some(&"bias_std")));
        assert_eq!(with("bias_std", Value::Integer(0)).unwrap(), plain);
        let refused = |key: &str, values: &[f64]| {
            for &value in values {
                let message = with(key, Value::Real(value)).unwrap_err().to_string();
                assert!(message.contains("layer 1") && message.contains(key), "{message}");
            }
        };
        refused("weight_std", &[0.0, -1.0, f64::NAN, f64::INFINITY, 1e10, 1e-10]);
        refused("bias_std", &[-0.1, f64::NAN, f64::INFINITY, 1e10]);
    }

    #[test]
    fn toml_round_trips() {
        let scaled = Layer { weight_std: 1.4, bias_std: 0.1, ..read(&SIZES).unwrap() };
        let dense = Some(Dense { weight_std: 0.5, bias_std: 0.0 });
        let model = Model { dense, ..Model::new(vec![scaled.clone(), scaled]).unwrap() };
        let text = model.spec().to_toml();
        assert_eq!(Model::from_toml(&text, true).unwrap(), model, "{text}");
        for (text, words) in [
            ("dense = 3", ["dense", "table"]),
            ("[dense]\nbias = 1", ["dense", "bias_std"]),
            ("[dense]\nweight_std = 0", ["dense.weight_std", "above 0"]),
            ("[dense]\nbias_std = -1", ["dense.bias_std", "0 or above"]),
        ] {
            let text = format!("{text}\n[[layers]]\nnpatch = 3\nsubsampling = 2");
            let message = Model::from_toml(&text, false).unwrap_err().to_string();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
        }
        let model = Model::new(vec![read(&SIZES).unwrap(); 2]).unwrap();
        let text = model.spec().to_toml();
        assert_eq!(Model::from_toml(&text, true).unwrap(), model);
        for text in ["layers = 3", "[[layer]]\nnpatch = 3", "[[layers]", ""] {
            assert!(matches!(Model::from_toml(text, false), Err(Error::Value(_))), "{text}");
        }
    }

    #[test]
    fn errors_name_the_layer_the_key_and_the_remedy() {
        let with = |key, value| {
            let mut entries: Vec<_> = SIZES.into_iter().filter(|(size, _)| *size != key).collect();
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
            ("npatch", Value::Real(3.5)),
            ("kernel", Value::Integer(3)),
        ] {
            let message = with(key, value);
            assert!(message.contains("layer 1") && message.contains(key), "{message}");
        }
        assert!(read(&SIZES[..1]).unwrap_err().to_string().contains("subsampling"));
    }
}
