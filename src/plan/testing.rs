//! Models of all geometries, for the tests of schedules.

use super::axis::{self, Axis, Output};
use super::pipeline::row_shortcuts;
use super::shortcut::{RowShortcut, Shortcut, places};
use super::{Carried, Plan, Shape};
use crate::kernel::Kernel;
use crate::model::{Layer, Model, Padding, Readout};
use crate::pooling::Pooling;

const POOLINGS: [Pooling; 4] =
    [Pooling::Gaussian, Pooling::Average, Pooling::Strided, Pooling::None];

/// A random number below `count`, and the next state, by splitmix64 (Steele, Lea and Flood, *Fast Splittable
/// Pseudorandom Number Generators*, OOPSLA 2014).
fn draw(state: &mut u64, count: u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((z ^ (z >> 31)) % count).expect("below the count")
}

/// A random model of one to four layers on square images; none if a layer does not fit its map.
fn model(seed: u64) -> Option<(Model, usize)> {
    let mut state = seed;
    let mut choice = |count| draw(&mut state, count);
    let size = 6 + choice(23);
    let mut layers: Vec<Layer> = (0..1 + choice(4))
        .map(|_| {
            let pooling = POOLINGS[choice(4)].clone();
            let (subsampling, poolfactor) = match pooling {
                Pooling::None => (1, 1),
                _ => (1 + choice(3), 1 + choice(4)),
            };
            let mut layer = Layer::new(Kernel::Exp, 1 + choice(6), subsampling).pooled(pooling);
            layer.poolfactor = [poolfactor; 2];
            layer.padding = Padding::ALL[choice(5).saturating_sub(2)];
            layer.stride = [1 + choice(5) / 4; 2];
            layer.dilation = [1 + choice(7) / 6; 2];
            layer
        })
        .collect();
    // In half of the models, the last layers are blocks.
    if choice(2) == 0 {
        let first = 1 + choice(2);
        for (index, layer) in layers.iter_mut().enumerate().skip(first) {
            (layer.stride, layer.subsampling, layer.poolfactor) = ([1; 2], [1; 2], [1; 2]);
            layer.poolings = [Pooling::None, Pooling::None];
            layer.shortcut = choice(index as u64 + 1);
        }
    }
    let model = Model::new(layers).unwrap();
    let shape = Shape { height: size, width: size, channels: 1 };
    Plan::new(&model, shape, Carried::Nothing).is_ok().then_some((model, size))
}

/// Call `check` with the rows and shortcuts of the layers of many models, for every output, and with words
/// for them. Returns how many there were.
pub fn check_rows(check: impl Fn(&[Axis], &[(usize, RowShortcut)], &str) -> bool) -> usize {
    let mut checked = 0;
    for (model, size) in (0..6000).filter_map(model) {
        for output in
            [Output::Number(Readout::Trace), Output::Number(Readout::Mean), Output::Diagonal]
        {
            let what = format!("{size} rows, {output:?}, {:?}", model.layers);
            let rows = axis::plan(&model, model.layers.len(), 0, size, output);
            let shortcuts: Vec<_> = (0..rows.len())
                .map(|index| {
                    let (from, factor) = Shortcut::of(&model, index)?;
                    let rows = places(&rows, from, index)?;
                    Some(Shortcut { from, places: [rows.clone(), rows], factor, maps: 1 })
                })
                .collect();
            let of_rows: Vec<_> = row_shortcuts(&rows, &shortcuts).collect();
            checked += usize::from(check(&rows, &of_rows, &what));
        }
    }
    checked
}
