//! What the user said: a list of layers, without any geometry.
//!
//! Words, whether of a Python dict or of TOML, come in as [`Words`]; `read.rs` is the one place that
//! reads a layer's keys.

mod read;
mod words;

pub use read::KEYS;
pub use words::{Table, Value, Words};

use crate::convention::Convention;
use crate::error::{Result, bail};
use crate::kernel::{Kernel, Parameters};
use crate::pooling::Pooling;
use read::{At, unknown_option};

/// Axes of an image, rows and columns.
pub const SIDES: usize = 2;

/// A length along rows and one along columns.
pub type Sides = [usize; SIDES];

/// What a model says of itself beside its layers.
pub const OPTIONS: [&str; 3] = ["layers", "convention", "readout"];

/// One layer: patches, a patch kernel, a pooling. What is by axis has rows first.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Sides of the patch, in positions.
    pub npatch: Sides,
    /// Positions from one patch to the next.
    pub stride: Sides,
    /// Positions from one of a patch's positions to the next.
    pub dilation: Sides,
    /// What a patch reads beyond the edge of an image.
    pub padding: Padding,
    /// The patch kernel.
    pub kernel: Kernel,
    /// The parameter that many kernels share.
    pub sigma: f64,
    /// The kernel's own parameters.
    pub parameters: Parameters,
    /// Stride of the pooling.
    pub subsampling: Sides,
    /// Width of the pooling window, in the pooling's own sense.
    pub poolfactor: Sides,
    /// The pooling along each axis.
    pub poolings: [Pooling; SIDES],
}

/// What a patch reads beyond the edge of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Nothing: such terms are dropped. There is a patch around every position.
    #[default]
    Same,
    /// No patch reaches beyond the edge.
    Valid,
    /// What stands at the other end.
    Circular,
}

impl Padding {
    /// Every padding.
    pub const ALL: [Self; 3] = [Self::Same, Self::Valid, Self::Circular];

    /// The name in models.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Valid => "valid",
            Self::Circular => "circular",
        }
    }
}

/// What becomes of the last layer's pooled map.
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

/// A model: its layers, the first one reading pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The layers, at least one.
    pub layers: Vec<Layer>,
    /// How patches and poolings are counted.
    pub convention: Convention,
    /// What becomes of the last map.
    pub readout: Readout,
}

impl Layer {
    /// Square patches of side `npatch` around every position, and Gaussian pooling with a stride of
    /// `subsampling`.
    ///
    /// `sigma` is 1, and the kernel's own parameters are what they are by default: one that has no
    /// default is missed when a model is made of the layer.
    pub fn new(kernel: Kernel, npatch: usize, subsampling: usize) -> Self {
        let defaults = kernel.parameters().iter();
        let defaults = defaults.filter_map(|own| Some((own.name, own.default.clone()?)));
        Self {
            npatch: [npatch; SIDES],
            stride: [1; SIDES],
            dilation: [1; SIDES],
            padding: Padding::Same,
            kernel,
            sigma: 1.0,
            parameters: Parameters(defaults.collect()),
            subsampling: [subsampling; SIDES],
            poolfactor: [subsampling; SIDES],
            poolings: [Pooling::Gaussian, Pooling::Gaussian],
        }
    }

    /// The same with this pooling along both axes.
    #[must_use]
    pub fn pooled(self, pooling: Pooling) -> Self {
        Self { poolings: [pooling.clone(), pooling], ..self }
    }
}

impl Model {
    /// A model of these layers, with today's convention and a trace.
    ///
    /// # Errors
    /// As [`Model::validated`].
    pub fn new(layers: Vec<Layer>) -> Result<Self> {
        let (convention, readout) = Default::default();
        Self { layers, convention, readout }.validated()
    }

    /// The model, if its layers' keys go together.
    ///
    /// # Errors
    /// [`Error::Value`](crate::error::Error::Value) for no layers, and for one that says what means
    /// nothing; it names the layer and the key.
    pub fn validated(self) -> Result<Self> {
        if self.layers.is_empty() {
            bail!("model: at least one layer is needed");
        }
        for (index, layer) in self.layers.iter().enumerate() {
            layer.check(index, self.convention)?;
        }
        Ok(self)
    }

    /// Read a TOML text with one `[[layers]]` table a layer.
    ///
    /// # Errors
    /// As [`Words::from_toml`] and [`Model::from_words`].
    pub fn from_toml(text: &str, ntk: bool) -> Result<Self> {
        Self::from_words(Words::from_toml(text)?, ntk)
    }

    /// Read and validate a model's words.
    ///
    /// # Errors
    /// As [`Layer::from_entries`] and [`Model::validated`].
    pub fn from_words(words: Words, ntk: bool) -> Result<Self> {
        let (mut convention, mut readout) = Default::default();
        for (key, value) in &words.options {
            let at = At { layer: None, key };
            match key.as_str() {
                "convention" => convention = at.convention(value)?,
                "readout" => readout = at.choice(value, &Readout::ALL, Readout::name)?,
                _ => return Err(unknown_option(key)),
            }
        }
        let tables = words.layers.into_iter().enumerate();
        let layers = tables.map(|(index, table)| Layer::from_entries(index, table, ntk));
        Self { layers: layers.collect::<Result<_>>()?, convention, readout }.validated()
    }

    /// The words of the model, every key filled in.
    pub fn words(&self) -> Words {
        let table = |layer: &Layer| -> Table {
            layer.entries().into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
        };
        let option = |key: &str, name: &str| (key.to_owned(), Value::Text(name.to_owned()));
        Words {
            layers: self.layers.iter().map(table).collect(),
            options: vec![
                option("convention", self.convention.name()),
                option("readout", self.readout.name()),
            ],
        }
    }

    /// The layers whose kernel depends on `sigma`, with respect to which gradients are taken.
    pub fn layers_with_sigma(&self) -> impl Iterator<Item = usize> {
        let layers = self.layers.iter().enumerate();
        layers.filter(|(_, layer)| layer.kernel.has_sigma()).map(|(index, _)| index)
    }
}

impl Layer {
    /// Whether the keys of layer `index` go together.
    fn check(&self, index: usize, convention: Convention) -> Result<()> {
        for own in self.kernel.parameters() {
            if !self.parameters.0.iter().any(|(name, _)| *name == own.name) {
                bail!(
                    "model: layer {index} needs {:?} for kernel {:?}",
                    own.name,
                    self.kernel.name()
                );
            }
        }
        for side in 0..SIDES {
            let (subsampling, poolfactor) = (self.subsampling[side], self.poolfactor[side]);
            let pooling = &self.poolings[side];
            let name = pooling.name().unwrap_or("weights");
            if !pooling.has_stride() && subsampling != 1 {
                bail!(
                    "model: layer {index}: \"subsampling\" must be 1 with {name:?} pooling, got \
                     {subsampling}; leave it out, or use \"stride\" or another pooling"
                );
            }
            let uses_factor = match pooling {
                Pooling::Weights(_) | Pooling::Global | Pooling::None => false,
                _ => convention == Convention::Original,
            };
            if !uses_factor && poolfactor != subsampling {
                bail!(
                    "model: layer {index}: \"poolfactor\" has no meaning with {name:?} pooling{}, \
                     got {poolfactor}; leave it out",
                    if convention == Convention::First { " in the convention of 2019" } else { "" },
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

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

    #[test]
    fn toml_round_trips() {
        let model = Model::new(vec![read(&SIZES).unwrap(); 2]).unwrap();
        let text = model.words().to_toml();
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
            ("npatch", Value::Real(3.0)),
            ("kernel", Value::Integer(3)),
        ] {
            let message = with(key, value);
            assert!(message.contains("layer 1") && message.contains(key), "{message}");
        }
        assert!(read(&SIZES[..1]).unwrap_err().to_string().contains("subsampling"));
    }
}
