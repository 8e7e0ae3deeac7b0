//! Models of all geometries, for the tests of schedules.

use super::axis::{self, Axis, Output};
use super::{Carried, Plan, Shape};
use crate::kernel::Kernel;
use crate::model::{Layer, Model, Padding, Readout};
use crate::pooling::Pooling;

const POOLINGS: [Pooling; 4] =
    [Pooling::Gaussian, Pooling::Average, Pooling::Strided, Pooling::None];

/// A model of one to three layers on square images, by the digits of a shuffle of `seed`; none if a layer
/// does not fit its map.
fn model(seed: usize) -> Option<(Model, usize)> {
    let mixed = seed.wrapping_mul(2_654_435_761);
    let choice = |index: usize, count: usize| (mixed >> (5 * index)) % count;
    let layer = |index: usize| {
        let pooling = POOLINGS[choice(4 * index + 3, POOLINGS.len())].clone();
        let (subsampling, poolfactor) = match pooling {
            Pooling::None => (1, 1),
            _ => (1 + choice(4 * index + 1, 3), 1 + choice(4 * index + 2, 4)),
        };
        let mut layer =
            Layer::new(Kernel::Exp, 1 + choice(4 * index, 6), subsampling).pooled(pooling);
        layer.poolfactor = [poolfactor; 2];
        layer.padding = Padding::ALL[choice(4 * index + 1, 5).saturating_sub(2)];
        layer.stride = [1 + choice(4 * index + 2, 5) / 3; 2];
        layer.dilation = [1 + choice(4 * index + 3, 7) / 5; 2];
        layer
    };
    let layers: Vec<Layer> = (0..1 + seed % 3).map(layer).collect();
    let (size, model) = (6 + seed % 23, Model::new(layers).unwrap());
    let shape = Shape { height: size, width: size, channels: 1 };
    Plan::new(&model, shape, Carried::Nothing).is_ok().then_some((model, size))
}

/// Call `check` with the rows of the layers of many models, for every output, and with words for them.
/// Returns how many there were.
pub fn check_rows(check: impl Fn(&[Axis], &str) -> bool) -> usize {
    let mut checked = 0;
    for (model, size) in (0..6000).filter_map(model) {
        for output in
            [Output::Number(Readout::Trace), Output::Number(Readout::Mean), Output::Diagonal]
        {
            let what = format!("{size} rows, {output:?}, {:?}", model.layers);
            let rows = axis::plan(&model, model.layers.len(), 0, size, output);
            checked += usize::from(check(&rows, &what));
        }
    }
    checked
}
