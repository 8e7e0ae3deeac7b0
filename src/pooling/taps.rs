//! The description of a pooling along one axis, and what it is made from.

use crate::convention::Convention;

/// An axis that is pooled.
#[derive(Clone, Copy, Debug)]
pub struct PooledAxis {
    /// Its length.
    pub positions: usize,
    /// Stride of the pooling, `s`.
    pub subsampling: usize,
    /// Width of the window, `f`.
    pub poolfactor: usize,
    /// The convention of windows.
    pub convention: Convention,
}

/// The windows of a pooling along one axis: output `P` reads position `s P + start + t` with weight
/// `weights[t]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    /// Position of output 0's first tap.
    pub start: usize,
    /// Weights of the successive taps, no more than there are positions.
    pub weights: Vec<f64>,
    /// Number of outputs.
    pub outputs: usize,
}

impl PooledAxis {
    /// Weights that a window of `count` of them can apply: one that is wider than the axis is cut by
    /// the far edge, wherever it begins.
    pub(super) fn at_most(&self, count: usize) -> usize {
        count.min(self.positions)
    }

    /// The number of whole strides, less one: the original leaves out the last window.
    pub(super) fn outputs_less_one(&self) -> usize {
        (self.positions / self.subsampling).saturating_sub(1)
    }
}
