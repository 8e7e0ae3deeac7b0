//! From a layer's entries to a [`Layer`]: the one place that reads its keys.

use std::fmt;

use super::layer::{AXES, Layer, Lengths, Padding};
use super::spec::Value;
use crate::convention::Convention;
use crate::error::{Error, Result, bail};
use crate::kernel::{Domain, Kernel, MOST_TERMS, Parameter, Parameters, Setting};
use crate::pooling::Pooling;

/// The keys that every layer may have, in the order in which they are shown.
pub const KEYS: [&str; 9] = [
    "npatch",
    "subsampling",
    "poolfactor",
    "kernel",
    "sigma",
    "pooling",
    "padding",
    "stride",
    "dilation",
];

/// The keys that a model may have: its layers, and beside them its options.
pub const OPTIONS: [&str; 3] = ["layers", "convention", "readout"];

/// The place of a value, for the error that names it.
pub(super) struct At<'a> {
    /// None for an option of the whole model.
    pub layer: Option<usize>,
    pub key: &'a str,
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
            kernel,
            parameters,
            poolings,
        })
    }

    /// The table that [`Layer::from_entries`] reads back, every key filled in.
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
        let parameters = self.parameters.0.iter();
        let parameters = parameters.map(|(name, setting)| (*name, value_of(setting)));
        KEYS.into_iter().zip(values).chain(parameters).collect()
    }
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

impl At<'_> {
    fn whole(&self, value: &Value, wanted: &str) -> Result<usize> {
        let number = match *value {
            Value::Integer(n) => n,
            // The original takes 3.0 for 3. It takes 3.5 for 3, too, which nobody means.
            Value::Real(x) if x.fract() == 0.0 => x as i64,
            _ => return Err(self.type_error(wanted, value)),
        };
        match usize::try_from(number) {
            // Larger numbers arrive as the largest of 64 bits.
            Ok(_) if number == i64::MAX => bail!("{self} is too large: it must be below 2^63"),
            Ok(length) if length >= 1 => Ok(length),
            _ => bail!("{self} must be at least 1, got {value}"),
        }
    }

    fn lengths(&self, value: &Value) -> Result<Lengths> {
        let wanted = "a whole number or a pair of them, (rows, columns)";
        match value {
            Value::List(items) => {
                let [rows, cols] = items.as_slice() else {
                    return Err(self.type_error(wanted, value));
                };
                Ok([self.whole(rows, wanted)?, self.whole(cols, wanted)?])
            }
            _ => self.whole(value, wanted).map(|length| [length; AXES]),
        }
    }

    fn number(&self, value: &Value) -> Result<f64> {
        let x = match *value {
            Value::Integer(i64::MIN | i64::MAX) => {
                bail!("{self} is too large: it must be below 2^63")
            }
            Value::Integer(n) => n as f64,
            Value::Real(x) => x,
            _ => return Err(self.type_error("a number", value)),
        };
        if !x.is_finite() {
            bail!("{self} must be a finite number, got {x}");
        }
        Ok(x)
    }

    fn positive(&self, value: &Value) -> Result<f64> {
        match self.number(value) {
            Ok(x) if x > 0.0 => Ok(x),
            Err(error @ Error::Type(_)) => Err(error),
            Err(error) if matches!(value, Value::Integer(_)) => Err(error), // too large
            _ => bail!("{self} must be a finite number above 0, got {value}"),
        }
    }

    fn non_negative(&self, value: &Value) -> Result<f64> {
        match self.number(value)? {
            x if x >= 0.0 => Ok(x),
            x => bail!("{self} must be 0 or above, got {x}"),
        }
    }

    fn numbers(&self, value: &Value, read: impl Fn(&Value) -> Result<f64>) -> Result<Vec<f64>> {
        let Value::List(items) = value else {
            return Err(self.type_error("a list of numbers", value));
        };
        let numbers = items.iter().map(read).collect::<Result<Vec<_>>>()?;
        if numbers.iter().all(|&x| x == 0.0) {
            bail!("{self} must have a number that is not 0, got {value}");
        }
        Ok(numbers)
    }

    /// A parameter that a kernel declares.
    fn setting(&self, value: &Value, domain: Domain) -> Result<Setting> {
        Ok(match domain {
            Domain::Number => Setting::Number(self.number(value)?),
            Domain::NonNegative => Setting::Number(self.non_negative(value)?),
            Domain::Degree => match self.whole(value, "a whole number")? {
                degree if degree <= MOST_TERMS => Setting::Whole(degree),
                degree => bail!("{self} must be at most {MOST_TERMS}, got {degree}"),
            },
            Domain::Flag => match value {
                Value::Flag(flag) => Setting::Flag(*flag),
                _ => return Err(self.type_error("true or false", value)),
            },
            Domain::Coefficients => {
                let numbers = self.numbers(value, |item| self.non_negative(item))?;
                if numbers.len() > MOST_TERMS {
                    bail!("{self} must be at most {MOST_TERMS} numbers, got {}", numbers.len());
                }
                Setting::Numbers(numbers)
            }
        })
    }

    fn kernel(&self, value: &Value) -> Result<Kernel> {
        let names: Vec<_> = Kernel::ALL.iter().flat_map(|kernel| kernel.names()).collect();
        let name = self.choice(value, &names, |name| name)?;
        let found = Kernel::ALL.into_iter().find(|kernel| kernel.names().contains(name));
        Ok(found.expect("every name is one of a kernel"))
    }

    /// A pooling for both axes, or one for each.
    fn poolings(&self, value: &Value) -> Result<[Pooling; AXES]> {
        match value {
            Value::List(items) if items.iter().any(|x| !is_number(x)) => {
                let [rows, cols] = items.as_slice() else {
                    return Err(self.type_error("a pooling or a pair of them", value));
                };
                Ok([self.pooling(rows)?, self.pooling(cols)?])
            }
            _ => self.pooling(value).map(|pooling| [pooling.clone(), pooling]),
        }
    }

    fn pooling(&self, value: &Value) -> Result<Pooling> {
        match value {
            Value::List(_) => Ok(Pooling::Weights(self.numbers(value, |item| self.number(item))?)),
            Value::Text(_) => {
                self.choice(value, &Pooling::ALL, |pooling| pooling.name().unwrap_or_default())
            }
            _ => Err(self.type_error("a string or a list of weights", value)),
        }
    }

    pub(super) fn convention(&self, value: &Value) -> Result<Convention> {
        self.choice(value, &Convention::ALL, Convention::name)
    }

    pub(super) fn choice<T: Clone>(
        &self,
        value: &Value,
        all: &[T],
        name: fn(&T) -> &'static str,
    ) -> Result<T> {
        let Value::Text(text) = value else {
            return Err(self.type_error("a string", value));
        };
        let found = all.iter().find(|item| name(item) == text);
        found.cloned().ok_or_else(|| {
            let names: Vec<_> = all.iter().map(name).collect();
            Error::Value(unknown(self.layer, self.key, text, &names))
        })
    }

    fn type_error(&self, wanted: &str, value: &Value) -> Error {
        Error::Type(format!("{self} must be {wanted}, got {value}"))
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Integer(_) | Value::Real(_))
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", place(self.layer), self.key)
    }
}

fn place(layer: Option<usize>) -> String {
    layer.map_or("model".to_owned(), |index| format!("model: layer {index}"))
}

/// An option that no model has.
pub(super) fn unknown_option(key: &str) -> Error {
    Error::Value(unknown(None, "key", key, &OPTIONS))
}

/// "layer 1: unknown kernel "rleu"; did you mean "relu"? (one of ...)".
fn unknown(layer: Option<usize>, what: &str, got: &str, valid: &[&str]) -> String {
    let nearest = valid
        .iter()
        .map(|name| (strsim::damerau_levenshtein(got, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3);
    let hint = nearest.map_or(String::new(), |(_, name)| format!("; did you mean {name:?}?"));
    let list = valid.join(", ");
    format!("{}: unknown {what} {got:?}{hint} (one of: {list})", place(layer))
}
