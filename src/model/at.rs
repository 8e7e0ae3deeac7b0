//! A value of a model's entries, read as the type that its key has. Errors name the layer and the key.

use std::fmt;

use super::layer::{AXES, Lengths};
use super::spec::Value;
use crate::convention::Convention;
use crate::error::{Error, Result, bail};
use crate::kernel::{Domain, Kernel, MOST_TERMS, Setting};
use crate::pooling::Pooling;

/// The largest standard deviation of weights or biases, and the inverse of the least one of weights. The
/// squares are numbers in single precision, with room to spare.
const MOST_STD: f64 = 1e9;
/// Bytes of a name for which the nearest valid one is searched.
const LONGEST_NAME: usize = 64;

/// Characters of a value in a message.
const MOST_SHOWN: usize = 120;

/// The place of a value, for the error that names it.
pub(super) struct At<'a> {
    /// None for an option of the whole model.
    pub layer: Option<usize>,
    pub key: &'a str,
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
            _ => bail!("{self} must be at least 1, got {}", brief(value)),
        }
    }

    /// A whole number, 0 or above.
    pub fn count(&self, value: &Value) -> Result<usize> {
        match value {
            Value::Integer(0) => Ok(0),
            Value::Real(0.0) => Ok(0),
            Value::Integer(n) if *n < 0 => bail!("{self} must be 0 or above, got {n}"),
            _ => self.whole(value, "a whole number"),
        }
    }

    pub fn lengths(&self, value: &Value) -> Result<Lengths> {
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

    pub fn positive(&self, value: &Value) -> Result<f64> {
        match self.number(value) {
            Ok(x) if x > 0.0 => Ok(x),
            Err(error @ Error::Type(_)) => Err(error),
            Err(error) if matches!(value, Value::Integer(_)) => Err(error), // too large
            _ => bail!("{self} must be a finite number above 0, got {}", brief(value)),
        }
    }

    /// A standard deviation of weights.
    pub fn weight_std(&self, value: &Value) -> Result<f64> {
        match self.positive(value)? {
            x if (1.0 / MOST_STD..=MOST_STD).contains(&x) => Ok(x),
            x => bail!("{self} must be from {:e} to {MOST_STD:e}, got {x:?}", 1.0 / MOST_STD),
        }
    }

    /// A standard deviation of biases.
    pub fn bias_std(&self, value: &Value) -> Result<f64> {
        match self.non_negative(value)? {
            x if x <= MOST_STD => Ok(x),
            x => bail!("{self} must be from 0 to {MOST_STD:e}, got {x:?}"),
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
            bail!("{self} must have a number that is not 0, got {}", brief(value));
        }
        Ok(numbers)
    }

    /// A parameter that a kernel declares.
    pub fn setting(&self, value: &Value, domain: Domain) -> Result<Setting> {
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

    pub fn kernel(&self, value: &Value) -> Result<Kernel> {
        let names: Vec<_> = Kernel::ALL.iter().flat_map(|kernel| kernel.names()).collect();
        let name = self.choice(value, &names, |name| name)?;
        let found = Kernel::ALL.into_iter().find(|kernel| kernel.names().contains(name));
        Ok(found.expect("every name is one of a kernel"))
    }

    /// A pooling for both axes, or one for each.
    pub fn poolings(&self, value: &Value) -> Result<[Pooling; AXES]> {
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

    pub fn convention(&self, value: &Value) -> Result<Convention> {
        self.choice(value, &Convention::ALL, Convention::name)
    }

    pub fn choice<T: Clone>(
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
        Error::Type(format!("{self} must be {wanted}, got {}", brief(value)))
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

/// "layer 1: unknown kernel "rleu"; did you mean "relu"? (one of ...)".
pub(super) fn unknown(layer: Option<usize>, what: &str, got: &str, valid: &[&str]) -> String {
    let short = got.len() <= LONGEST_NAME;
    let nearest = valid
        .iter()
        .filter(|_| short) // the distance of a text of megabytes takes minutes
        .map(|name| (strsim::damerau_levenshtein(got, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 1 + name.len() / 3);
    let hint = nearest.map_or(String::new(), |(_, name)| format!("; did you mean {name:?}?"));
    let list = valid.join(", ");
    let got = shortened(format!("{got:?}"));
    format!("{}: unknown {what} {got}{hint} (one of: {list})", place(layer))
}

/// A value as a message shows it.
fn brief(value: &Value) -> String {
    shortened(value.to_string())
}

/// A text for a message: its begin, if it is long.
pub(super) fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST_SHOWN) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}
