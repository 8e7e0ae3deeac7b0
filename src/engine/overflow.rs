//! The error for images that are too bright, or weights too large, for the precision.

use std::fmt::Display;

use crate::error::Error;

/// `what` overflows, or overflow, in precision `F`.
pub(super) fn overflow<F>(what: impl Display) -> Error {
    let wider = if size_of::<F>() == size_of::<f32>() { " or use float64" } else { "" };
    Error::Value(format!("{what}; scale the images down, or a large weight_std{wider}"))
}
