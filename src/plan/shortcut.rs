//! Shortcuts around blocks of layers.
//!
//! The map before a block is added to that of its last layer, which has a position for each of its
//! positions. So the map before must be held until the block's last layer has come as far.

use std::ops::Range;

use super::axis::{self, Axis};
use super::scale::kernel_factor;
use crate::model::{AXES, Model};

/// The map from before a block, which is added to that of the block's last layer.
#[derive(Clone, Debug)]
pub struct Shortcut {
    /// The block's first layer, whose input it is.
    pub from: usize,
    /// Along rows and along columns, for each position that the last layer gives, the index of the
    /// same position among the inputs of the first one. The positions are the last layer's windows, or its
    /// sites where it ends in a trace.
    pub places: [Vec<usize>; AXES],
    /// What makes up for the scales that are folded into the two maps.
    pub factor: f64,
    /// Maps that are added: those that the block's first layer reads.
    pub maps: usize,
}

impl Shortcut {
    /// The block's first layer and the factor of layer `index`; none without a shortcut.
    pub(super) fn of(model: &Model, index: usize) -> Option<(usize, f64)> {
        let from = (index + 1).checked_sub(model.layers[index].shortcut)?;
        if from > index {
            return None;
        }
        let scale = |layer| (0..AXES).map(|along| axis::mean_scale(model, layer, along)).product();
        let [after, before]: [f64; 2] = [index + 1, from].map(scale);
        // Readers multiply by the factor of the layer that they read.
        let [last, first] = [index, from - 1].map(|layer| kernel_factor(model, layer));
        Some((from, (after / before).powi(2) * first / last))
    }
}

/// For each position that layer `last` gives along an axis, its index among the inputs of layer `first`; none
/// if some of what is needed of the last one's map is not needed of the other.
pub(super) fn places(axes: &[Axis], first: usize, last: usize) -> Option<Vec<usize>> {
    let axis = &axes[last];
    let coordinates = match axes.get(last + 1) {
        Some(next) => next.inputs.clone(),
        None if axis.windows.is_empty() => axis.sites.iter().map(|&p| p as isize).collect(),
        None => (0..axis.windows.len() as isize).collect(),
    };
    let reach: &[Range<usize>] =
        if axis.windows.is_empty() { &axis.reach } else { &axis.window_reach };
    let held = &axes[first - 1].window_reach;
    let inputs = &axes[first].inputs;
    let place = |coordinate| inputs.binary_search(coordinate).ok();
    let is_read =
        |index: usize| !reach[index].is_empty() || reach.iter().any(|reach| reach.contains(&index));
    // A position that nobody reads may stand anywhere.
    let places: Vec<usize> = (0..coordinates.len())
        .map(|index| place(&coordinates[index]).or((!is_read(index)).then_some(0)))
        .collect::<Option<_>>()?;
    let is_held = |(left, rights): (usize, &Range<usize>)| {
        rights.clone().all(|right| held[places[left]].contains(&places[right]))
    };
    reach.iter().enumerate().all(is_held).then_some(places)
}

/// The rows of a layer's shortcut, for the schedules.
#[derive(Clone, Copy)]
pub(super) struct RowShortcut<'a> {
    /// The block's last layer.
    pub last: usize,
    /// Its rows.
    pub axis: &'a Axis,
    /// As [`Shortcut::places`].
    pub places: &'a [usize],
}

impl RowShortcut<'_> {
    /// The oldest row that is read from row `next` of the last layer's sites on.
    pub fn oldest(&self, next: usize) -> Option<usize> {
        if self.axis.windows.is_empty() {
            return self.places[next..].iter().copied().min();
        }
        let windows = self.axis.windows.iter().zip(self.places);
        let read = windows.filter(|(window, _)| window.sites().end > next.max(window.first));
        read.map(|(_, &place)| place).min()
    }

    /// The pairs of rows that are read for a pair of rows of sites.
    pub fn pairs(&self, [left, right]: [usize; 2]) -> Vec<[usize; 2]> {
        let Self { axis, places, .. } = *self;
        if axis.windows.is_empty() {
            return vec![[places[left], places[right]]];
        }
        let of = |site| axis.windows_of(site).map(|(index, _)| index).collect::<Vec<_>>();
        let rights = of(right);
        let needed = |left: usize| {
            rights.iter().copied().filter(move |right| axis.window_reach[left].contains(right))
        };
        of(left)
            .into_iter()
            .flat_map(|left| needed(left).map(move |right| [places[left], places[right]]))
            .collect()
    }
}
