//! The factors of patch sums and of the number that is read out: variances of weights, divisors of the
//! convention, and the factors of kernels that are no expectations.
//!
//! The pixels of the first layer are multiplied by the square root of a factor when they are packed.
//! Deeper layers multiply each row of their input map while they sum it. The last layer's trace has
//! weights, which are multiplied.

use crate::model::{Layer, Model, Readout};

/// The factor of the patch sums of layer `index` on images of `channels`, beside the means that the
/// convention of 2019 takes.
pub(super) fn patch_scale(model: &Model, index: usize, channels: usize) -> f64 {
    let Layer { weight_std, npatch, .. } = model.layers[index];
    // Infinitely many channels follow the first layer, and maps are means over them.
    let channels = if index == 0 { channels } else { 1 };
    let before = index.checked_sub(1).map_or(1.0, |before| kernel_factor(model, before));
    weight_std * weight_std / model.convention.fan_in(npatch, channels) * before
}

/// The factor of the map of layer `index`, which the reader of the map multiplies by.
pub(super) fn kernel_factor(model: &Model, index: usize) -> f64 {
    let is_half = model.convention.takes_expectations() && model.layers[index].kernel.is_doubled();
    if is_half { 0.5 } else { 1.0 }
}

/// The factor, along one axis, of the weights with which the last map's numbers are read out; there are
/// `outputs` pooled positions.
pub(super) fn readout_scale(model: &Model, outputs: usize) -> f64 {
    let is_mean = model.readout == Readout::Trace && model.convention.averages_traces();
    let count = if is_mean { outputs as f64 } else { 1.0 };
    kernel_factor(model, model.layers.len() - 1).sqrt() / count
}
