//! From a layer's entries to a [`Layer`]: the one place that reads its keys.

use super::at::{At, unknown};
use super::layer::{Layer, Lengths, Padding};
use super::spec::Value;
use crate::error::{Error, Result, bail};
use crate::kernel::{Kernel, Parameter, Parameters, Setting};
use crate::pooling::Pooling;

/// The keys that every layer may have, in the order in which they are shown.
pub const KEYS: [&str; 12] = [
    "npatch",
    "subsampling",
    "poolfactor",
    "kernel",
    "sigma",
    "pooling",
    "padding",
    "stride",
    "dilation",
    WEIGHT_STD,
    BIAS_STD,
    "shortcut",
];

/// The keys for the standard deviations of weights and biases.
pub(super) const WEIGHT_STD: &str = "weight_std";
pub(super) const BIAS_STD: &str = "bias_std";

pub(super) const DEFAULT_WEIGHT_STD: f64 = 1.0;
pub(super) const DEFAULT_BIAS_STD: f64 = 0.0;

/// The keys that a model may have: its layers, and beside them its options.
pub const OPTIONS: [&str; 4] = ["layers", "convention", "readout", "dense"];

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
        let mut entries = Entries { index, entries: entries.into_iter().collect() };
        let kernel = entries.take("kernel", |at, value| at.kernel(value))?;
        let kernel = kernel.unwrap_or(if ntk { Kernel::Relu } else { Kernel::Exp });
        entries.check_keys(kernel)?;
        let parameters = entries.parameters(kernel)?;
        let poolings = entries.take("pooling", |at, value| at.poolings(value))?;
        let poolings = poolings.unwrap_or([Pooling::Gaussian, Pooling::Gaussian]);
        let mut lengths = |key| entries.take(key, |at, value| at.lengths(value));
        let npatch = lengths("npatch")?.ok_or_else(|| missing(index, "npatch"))?;
        let strides = poolings.iter().any(Pooling::has_stride);
        let subsampling = match (lengths("subsampling")?, strides) {
            (Some(given), _) => given,
            (None, false) => [1, 1],
            (None, true) => return Err(missing(index, "subsampling")),
        };
        Ok(Self {
            npatch,
            subsampling,
            poolfactor: lengths("poolfactor")?.unwrap_or(subsampling),
            stride: lengths("stride")?.unwrap_or([1, 1]),
            dilation: lengths("dilation")?.unwrap_or([1, 1]),
            padding: entries
                .take("padding", |at, value| at.choice(value, &Padding::ALL, Padding::name))?
                .unwrap_or_default(),
            sigma: entries.take("sigma", |at, value| at.positive(value))?.unwrap_or(1.0),
            weight_std: entries
                .take(WEIGHT_STD, |at, value| at.weight_std(value))?
                .unwrap_or(DEFAULT_WEIGHT_STD),
            bias_std: entries
                .take(BIAS_STD, |at, value| at.bias_std(value))?
                .unwrap_or(DEFAULT_BIAS_STD),
            shortcut: entries.take("shortcut", |at, value| at.count(value))?.unwrap_or(0),
            kernel,
            parameters,
            poolings,
        })
    }

    /// The table that [`Layer::from_entries`] reads back, every key filled in. The standard deviations
    /// of weights and biases, and the shortcut, are left out where they change nothing: so the text of a
    /// model that was made before there were any stays the same.
    pub fn entries(&self) -> Vec<(&'static str, Value)> {
        let lengths = |[rows, cols]: Lengths| match rows == cols {
            true => Value::Integer(rows as i64),
            false => Value::List([rows, cols].map(|n| Value::Integer(n as i64)).to_vec()),
        };
        let pooling = |pooling: &Pooling| match (pooling, pooling.name()) {
            (Pooling::Weights(weights), _) => reals(weights),
            (_, name) => Value::Text(name.unwrap_or_default().to_owned()),
        };
        let [rows, cols] = &self.poolings;
        let poolings = match rows == cols {
            true => pooling(rows),
            false => Value::List(vec![pooling(rows), pooling(cols)]),
        };
        let values = [
            lengths(self.npatch),
            lengths(self.subsampling),
            lengths(self.poolfactor),
            Value::Text(self.kernel.name().to_owned()),
            Value::Real(self.sigma),
            poolings,
            Value::Text(self.padding.name().to_owned()),
            lengths(self.stride),
            lengths(self.dilation),
        ];
        let shortcut =
            (self.shortcut > 0).then_some(("shortcut", Value::Integer(self.shortcut as i64)));
        let parameters = self.parameters.0.iter();
        let parameters = parameters.map(|(name, setting)| (*name, value_of(setting)));
        let scales = scales(self.weight_std, self.bias_std);
        let scales = scales.into_iter().chain(shortcut);
        KEYS.into_iter().zip(values).chain(scales).chain(parameters).collect()
    }
}

/// The entries of standard deviations that are not the default.
fn scales(weight_std: f64, bias_std: f64) -> impl Iterator<Item = (&'static str, Value)> {
    let weight = (weight_std != DEFAULT_WEIGHT_STD).then_some((WEIGHT_STD, weight_std));
    let bias = (bias_std != DEFAULT_BIAS_STD).then_some((BIAS_STD, bias_std));
    weight.into_iter().chain(bias).map(|(key, value)| (key, Value::Real(value)))
}

fn reals(numbers: &[f64]) -> Value {
    Value::List(numbers.iter().map(|&x| Value::Real(x)).collect())
}

fn value_of(setting: &Setting) -> Value {
    match setting {
        Setting::Number(x) => Value::Real(*x),
        Setting::Whole(n) => Value::Integer(*n as i64),
        Setting::Flag(flag) => Value::Flag(*flag),
        Setting::Numbers(numbers) => reals(numbers),
    }
}

fn missing(index: usize, key: &str) -> Error {
    Error::Value(format!("model: layer {index} needs {key:?}"))
}

/// A layer's entries, taken one after the other.
struct Entries {
    index: usize,
    entries: Vec<(String, Value)>,
}

impl Entries {
    fn take<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&At, &Value) -> Result<T>,
    ) -> Result<Option<T>> {
        let Some(found) = self.entries.iter().position(|(name, _)| name == key) else {
            return Ok(None);
        };
        let (_, value) = self.entries.remove(found);
        read(&At { layer: Some(self.index), key }, &value).map(Some)
    }

    /// The parameters that `kernel` declares.
    fn parameters(&mut self, kernel: Kernel) -> Result<Parameters> {
        let mut settings = Vec::new();
        for Parameter { name, domain, default } in kernel.parameters() {
            let given = self.take(name, |at, value| at.setting(value, *domain))?;
            let Some(setting) = given.or_else(|| default.clone()) else {
                bail!("model: layer {} needs {name:?} for kernel {:?}", self.index, kernel.name());
            };
            settings.push((*name, setting));
        }
        Ok(Parameters(settings))
    }

    /// Refuse a key that a layer with this kernel does not have. This comes before the search for missing
    /// keys: a key may seem to be missing because it is misspelt.
    fn check_keys(&self, kernel: Kernel) -> Result<()> {
        let Self { index, entries } = self;
        let known = |key: &str| {
            KEYS.contains(&key) || kernel.parameters().iter().any(|one| one.name == key)
        };
        let Some((key, _)) = entries.iter().find(|(key, _)| !known(key)) else { return Ok(()) };
        let has = |kernel: &Kernel| kernel.parameters().iter().any(|one| one.name == key);
        let owners: Vec<_> = Kernel::ALL.iter().filter(|&kernel| has(kernel)).collect();
        if owners.is_empty() {
            let declared = kernel.parameters().iter().map(|one| one.name);
            let keys: Vec<_> = KEYS.into_iter().chain(declared).collect();
            bail!("{}", unknown(Some(*index), "key", key, &keys));
        }
        let owners: Vec<_> =
            owners.into_iter().map(|kernel| format!("{:?}", kernel.name())).collect();
        bail!(
            "model: layer {index}: kernel {:?} has no parameter {key:?}, which is one of {}",
            kernel.name(),
            owners.join(" and "),
        )
    }
}

/// An option that no model has.
pub(super) fn unknown_option(key: &str) -> Error {
    Error::Value(unknown(None, "key", key, &OPTIONS))
}
