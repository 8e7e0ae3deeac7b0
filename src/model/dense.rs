//! A dense layer on top of the last map.

use super::at::{At, unknown};
use super::read::{BIAS_STD, DEFAULT_BIAS_STD, DEFAULT_WEIGHT_STD, WEIGHT_STD};
use super::spec::Value;
use crate::error::{Error, Result};

/// The key of a model for its dense layer.
pub(super) const DENSE: &str = "dense";

/// A dense layer that reads the number that the readout gives: the kernel becomes `weight_std^2` times
/// it, plus `bias_std^2`.
///
/// The NTK of a model counts the weights of a last dense layer in any case; here they get a scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dense {
    /// The standard deviation of the weights.
    pub weight_std: f64,
    /// The standard deviation of the biases.
    pub bias_std: f64,
}

impl Default for Dense {
    fn default() -> Self {
        Self { weight_std: DEFAULT_WEIGHT_STD, bias_std: DEFAULT_BIAS_STD }
    }
}

impl Dense {
    /// Read the table of a model's key `dense`.
    pub(super) fn read(value: &Value) -> Result<Self> {
        let Value::Table(table) = value else {
            return Err(Error::Type(format!(
                "model: {DENSE:?} must be a table with {WEIGHT_STD:?} and {BIAS_STD:?}, got {value}"
            )));
        };
        let mut dense = Self::default();
        for (key, value) in table {
            let at = At { layer: None, key: &format!("{DENSE}.{key}") };
            match key.as_str() {
                WEIGHT_STD => dense.weight_std = at.weight_std(value)?,
                BIAS_STD => dense.bias_std = at.bias_std(value)?,
                _ => {
                    let what = format!("{DENSE:?} key");
                    return Err(Error::Value(unknown(None, &what, key, &[WEIGHT_STD, BIAS_STD])));
                }
            }
        }
        Ok(dense)
    }

    /// The table that [`Dense::read`] reads back.
    pub(super) fn value(&self) -> Value {
        let entries = [(WEIGHT_STD, self.weight_std), (BIAS_STD, self.bias_std)];
        Value::Table(entries.map(|(key, x)| (key.to_owned(), Value::Real(x))).to_vec())
    }
}
