//! The places of a layer's patches along one axis.

use crate::convention::Convention;
use crate::model::{Layer, Padding};

/// The patches along one axis, each a coordinate on the layer's input map and offsets from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Placement {
    /// Length of the input map.
    pub size: usize,
    /// Number of patches.
    pub patches: usize,
    /// Offsets from a patch's coordinate, ascending.
    pub offsets: Vec<isize>,
    /// The coordinate of patch 0, and the distance to the next one.
    first: isize,
    pub(super) stride: usize,
    /// The distance from one offset to the next.
    pub(super) dilation: usize,
    circular: bool,
}

impl Placement {
    /// The patches of `layer` along axis `along` of `size` positions; none if they do not fit.
    pub(super) fn new(layer: &Layer, convention: Convention, along: usize, size: usize) -> Self {
        let (stride, dilation) = (layer.stride[along], layer.dilation[along]);
        let offsets = convention.offsets(layer.npatch[along]);
        let is_even = layer.npatch[along].is_multiple_of(2);
        let shift = if convention.places_as_xla() && is_even { dilation / 2 } else { 0 };
        // An offset longer than the map is read by no patch: patches may be far wider than it. Even
        // patches of XLA may stand that much before the map.
        let longest = ((size.saturating_sub(1) + shift) / dilation) as isize;
        let offsets = -longest.min(-offsets.start())..=longest.min(*offsets.end());
        let offsets: Vec<_> = offsets.map(|offset| offset * dilation as isize).collect();
        let (patches, first) = match layer.padding {
            Padding::Same | Padding::Circular if convention.places_as_xla() => {
                (size.div_ceil(stride), first_of_xla(layer, along, size))
            }
            Padding::Same | Padding::Circular => (size.div_ceil(stride), 0),
            Padding::Valid => {
                let room = size.checked_sub(extent(layer, along));
                (room.map_or(0, |room| room / stride + 1), -offsets[0])
            }
        };
        let circular = layer.padding == Padding::Circular;
        Self { size, patches, offsets, first, stride, dilation, circular }
    }

    /// The coordinate that `patch` reads at `offset`: beyond the ends of the map where it is
    /// circular; none where there is nothing to read.
    pub fn coordinate(&self, patch: usize, offset: isize) -> Option<isize> {
        let coordinate = self.first + (self.stride * patch) as isize + offset;
        let inside = (0..self.size as isize).contains(&coordinate);
        (inside || self.circular).then_some(coordinate)
    }

    /// The position at a coordinate.
    pub fn position(&self, coordinate: isize) -> usize {
        coordinate.rem_euclid(self.size as isize) as usize
    }

    /// The positions under `patch`, in the order of offsets.
    pub fn under(&self, patch: usize) -> impl Iterator<Item = usize> {
        let coordinates = self.offsets.iter().filter_map(move |&o| self.coordinate(patch, o));
        coordinates.map(|coordinate| self.position(coordinate))
    }
}

/// The coordinate of the first patch where XLA pads a map with padding `SAME`: positions beyond the edge
/// are divided between both sides, and the far side has one more.
fn first_of_xla(layer: &Layer, along: usize, size: usize) -> isize {
    let (npatch, dilation) = (layer.npatch[along], layer.dilation[along]);
    let last = size.saturating_sub(1) / layer.stride[along] * layer.stride[along];
    let beyond = last.saturating_add(extent(layer, along)).saturating_sub(size);
    // Both may be huge: their difference is small.
    (((npatch - 1) / 2).saturating_mul(dilation) as isize).wrapping_sub((beyond / 2) as isize)
}

/// Positions from the first to the last one of a patch, both included.
pub(super) fn extent(layer: &Layer, along: usize) -> usize {
    (layer.npatch[along] - 1).saturating_mul(layer.dilation[along]).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;

    fn under(npatch: usize, change: impl Fn(&mut Layer), size: usize) -> Vec<Vec<usize>> {
        let mut layer = Layer::new(Kernel::Exp, npatch, 1);
        change(&mut layer);
        let placement = Placement::new(&layer, Convention::Original, 1, size);
        (0..placement.patches).map(|patch| placement.under(patch).collect()).collect()
    }

    #[test]
    fn same_drops_what_is_outside() {
        assert_eq!(under(3, |_| (), 3), [vec![0, 1], vec![0, 1, 2], vec![1, 2]]);
        assert_eq!(under(2, |_| (), 3), [vec![0], vec![0, 1], vec![1, 2]]);
        let strided = |layer: &mut Layer| layer.stride = [7, 2];
        assert_eq!(under(3, strided, 4), [vec![0, 1], vec![1, 2, 3]]);
        let dilated = |layer: &mut Layer| layer.dilation = [7, 2];
        assert_eq!(under(3, dilated, 4), [vec![0, 2], vec![1, 3], vec![0, 2], vec![1, 3]]);
    }

    #[test]
    fn valid_stays_inside() {
        let valid = |layer: &mut Layer| layer.padding = Padding::Valid;
        assert_eq!(under(2, valid, 4), [[0, 1], [1, 2], [2, 3]]);
        assert!(under(5, valid, 4).is_empty());
        let apart = |layer: &mut Layer| {
            valid(layer);
            (layer.stride, layer.dilation) = ([1, 3], [1, 2]);
        };
        assert_eq!(under(3, apart, 9), [[0, 2, 4], [3, 5, 7]]);
    }

    /// The positions are those of `lax.padtype_to_pads`.
    #[test]
    fn xla_has_places_of_its_own() {
        let under = |npatch, stride, dilation, padding, size| -> Vec<Vec<usize>> {
            let mut layer = Layer::new(Kernel::Exp, npatch, 1);
            (layer.stride, layer.dilation, layer.padding) = ([stride; 2], [dilation; 2], padding);
            let placement = Placement::new(&layer, Convention::NeuralTangents, 1, size);
            (0..placement.patches).map(|patch| placement.under(patch).collect()).collect()
        };
        let same = Padding::Same;
        assert_eq!(under(2, 1, 1, same, 3), [vec![0, 1], vec![1, 2], vec![2]]);
        // Four positions have room for two patches of 3 with one beyond the end.
        assert_eq!(under(3, 2, 1, same, 4), [vec![0, 1, 2], vec![2, 3]]);
        assert_eq!(under(3, 2, 1, same, 5), [vec![0, 1], vec![1, 2, 3], vec![3, 4]]);
        assert_eq!(under(1, 3, 1, same, 5), [[0], [3]]);
        assert_eq!(under(9, 2, 1, same, 3), [vec![0, 1, 2], vec![0, 1, 2]]);
        assert_eq!(under(2, 1, 2, same, 4), [vec![1], vec![0, 2], vec![1, 3], vec![2]]);
        assert_eq!(under(2, 1, 1, Padding::Circular, 3), [[0, 1], [1, 2], [2, 0]]);
        assert_eq!(under(3, 2, 1, Padding::Circular, 4), [[0, 1, 2], [2, 3, 0]]);
        assert_eq!(under(2, 1, 1, Padding::Valid, 3), [[0, 1], [1, 2]]);
    }

    #[test]
    fn circular_goes_around() {
        let circular = |layer: &mut Layer| layer.padding = Padding::Circular;
        assert_eq!(under(3, circular, 4), [[3, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 0]]);
    }
}
