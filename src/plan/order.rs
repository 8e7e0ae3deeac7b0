//! The two orders in which rows flow through the layers.
//!
//! *By rows*, two left rows meet every right row in reach before the next two do. A layer's ring holds a
//! few left rows, each with all right rows. Windows are pooled along right rows first, and then along
//! left ones.
//!
//! *By displacements*, all left rows meet the right rows that are `d` further down before they meet those
//! that are `d + 1` further down. A patch reads rows of one displacement only. So the ring of a layer that
//! is not pooled holds a few pairs of rows, and fits a second-level cache. A window of two rows needs
//! three displacements. Both axes of a window are pooled in one step, and a long window makes that step
//! long.

use std::ops::Range;

use super::axis::{Axis, Window};

/// Left rows that are computed together.
pub const ROWS: usize = 2;

/// The most multiply-adds an entry for pooling along rows by displacements. With more, it takes longer
/// than the smaller rings save: see `docs/performance.md`.
const MOST_POOLING: f64 = 10.0;

/// The most visits of a schedule by displacements for each column of the image. A plan lists all visits. In a
/// tall and narrow image each has little work, and the list would take as long as some pairs.
const MOST_VISITS: usize = 1 << 12;

/// An order of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One pair of left rows after another.
    Rows,
    /// One displacement after another.
    Displacements,
}

/// A visit to a layer, to compute rows of its sites: [`ROWS`] of them, or the last one alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The layer.
    pub layer: usize,
    /// Indices of the left rows in `rows.sites`.
    pub rows: Range<usize>,
    /// How many rows further down the right row is than the left one. None: the left rows meet all right
    /// rows in reach.
    pub displacement: Option<isize>,
}

/// The pairs of rows of a map that are held at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// So many left rows, each with every right row.
    Rows(usize),
    /// Left rows with right rows of some displacements.
    Displacements {
        /// How many displacements.
        displacements: usize,
        /// How many left rows of each of them.
        rows: usize,
    },
}

impl Visit {
    /// Whether no later visit adds to the pooled row of windows `left` and `right`.
    pub fn completes(&self, left: &Window, right: &Window) -> bool {
        let last = right.sites().end - 1;
        match self.displacement {
            None => self.rows.contains(&(left.sites().end - 1)),
            Some(displacement) => {
                self.rows.contains(&left.first)
                    && left.first.checked_add_signed(displacement) == Some(last)
            }
        }
    }
}

impl Held {
    /// How many pairs of rows are held of a map of `height` rows.
    pub fn pairs(self, height: usize) -> usize {
        match self {
            Self::Rows(rows) => rows * height,
            Self::Displacements { displacements, rows } => displacements * rows,
        }
    }

    /// The place of a left and a right row of a map of `height` rows.
    #[inline(always)]
    pub fn place(self, left: usize, right: usize, height: usize) -> usize {
        match self {
            Self::Rows(rows) => left % rows * height + right,
            Self::Displacements { displacements, rows } => {
                let displacement = right.wrapping_sub(left).cast_signed();
                let slot = displacement.rem_euclid(displacements.cast_signed());
                slot.cast_unsigned() * rows + left % rows
            }
        }
    }
}

impl Order {
    /// The order for layers with these rows and columns: by displacements where a layer reads a map that
    /// is not pooled, if no window is long.
    pub(super) fn of(rows: &[Axis], cols: &[Axis]) -> Self {
        let width = cols[0].sites.len();
        let visits: usize = rows.iter().map(|axis| axis.sites.len().pow(2)).sum();
        let is_unpooled = |(rows, cols): (&Axis, &Axis)| rows.is_unpooled() && cols.is_unpooled();
        let mut read = rows.iter().zip(cols).take(rows.len() - 1);
        let is_steady = rows.iter().all(Axis::has_steady_displacements);
        let is_short = rows
            .iter()
            .zip(cols)
            .all(|(rows, cols)| pooling_by_displacements(rows, cols) <= MOST_POOLING);
        if read.any(is_unpooled) && is_steady && is_short && visits <= MOST_VISITS * width {
            Self::Displacements
        } else {
            Self::Rows
        }
    }
}

/// The multiply-adds an entry for pooling along rows by displacements.
pub(super) fn pooling_by_displacements(rows: &Axis, cols: &Axis) -> f64 {
    (rows.taps_a_site() * cols.outputs_a_site()).powi(2)
}

impl Axis {
    /// Whether the inputs under a pair of patches are all on one displacement, and the sites under a pair
    /// of windows come in order.
    pub(super) fn has_steady_displacements(&self) -> bool {
        let sites_follow = self.sites.windows(2).all(|pair| pair[1] == pair[0] + 1);
        let inputs_follow = self.inputs.windows(2).all(|pair| pair[1] == pair[0] + 1);
        let windows_ascend = self.ascending.len() >= self.windows.len();
        sites_follow && inputs_follow && windows_ascend
    }

    /// Weights of all windows, for each site.
    pub(super) fn taps_a_site(&self) -> f64 {
        let taps: usize = self.windows.iter().map(|window| window.weights.len()).sum();
        taps as f64 / self.sites.len() as f64
    }

    /// Pooled positions, for each site.
    pub(super) fn outputs_a_site(&self) -> f64 {
        self.windows.len() as f64 / self.sites.len() as f64
    }

    /// The input rows under the patches of a row of sites.
    pub(super) fn input_rows(&self, row: usize) -> impl Iterator<Item = usize> {
        self.patch_inputs.iter().filter_map(move |inputs| inputs[row])
    }
}

impl Window {
    /// Whether the window covers one of `sites`.
    pub fn touches(&self, sites: &Range<usize>) -> bool {
        self.sites().start < sites.end && sites.start < self.sites().end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::model::{Layer, Model, Padding};
    use crate::plan::{Carried, Plan, Shape};
    use crate::pooling::Pooling;

    #[test]
    fn displacements_come_round() {
        let held = Held::Displacements { displacements: 2, rows: 3 };
        assert_eq!(held.pairs(9), 6);
        let places = [[0, 0], [1, 1], [2, 2], [0, 1], [1, 2], [2, 3]];
        assert_eq!(places.map(|[left, right]| held.place(left, right, 9)), [0, 1, 2, 3, 4, 5]);
        // Displacements below 0 have places, too, and the fourth row takes that of the first.
        assert_eq!(held.place(4, 3, 9), held.place(1, 2, 9));
        assert_eq!(held.place(4, 2, 9), held.place(1, 1, 9));
    }

    fn order_of(model: &Model, height: usize, width: usize) -> Order {
        let shape = Shape { height, width, channels: 1 };
        Plan::new(model, shape, Carried::Nothing).unwrap().pair.order
    }

    #[test]
    fn deep_layers_go_by_displacements() {
        let layer = |subsampling, pooling| Layer::new(Kernel::Relu, 3, subsampling).pooled(pooling);
        let unpooled = layer(1, Pooling::None);
        let mut long = layer(1, Pooling::Gaussian);
        long.poolfactor = [3; 2];
        let mut around = unpooled.clone();
        around.padding = Padding::Circular;
        let mut along_columns = layer(2, Pooling::Average);
        along_columns.poolings[0] = Pooling::None;
        (along_columns.subsampling[0], along_columns.poolfactor[0]) = (1, 1);
        let last = layer(2, Pooling::Gaussian);
        for (layers, order) in [
            (
                vec![unpooled.clone(), layer(2, Pooling::Average), last.clone()],
                Order::Displacements,
            ),
            (
                vec![unpooled.clone(), layer(2, Pooling::Gaussian), last.clone()],
                Order::Displacements,
            ),
            // Nothing reads a map that is not pooled, or is not pooled along rows alone.
            (vec![layer(2, Pooling::Average), last.clone()], Order::Rows),
            (vec![last.clone(), unpooled.clone()], Order::Rows),
            (vec![along_columns, last.clone()], Order::Rows),
            // A window of 7 rows at every row, and a map that goes around.
            (vec![unpooled.clone(), long, last.clone()], Order::Rows),
            (vec![unpooled, around, last], Order::Rows),
        ] {
            let model = Model::new(layers).unwrap();
            assert_eq!(order_of(&model, 16, 16), order, "{:?}", model.layers);
        }
        let model = Model::new(vec![layer(1, Pooling::None); 2]).unwrap();
        assert_eq!(order_of(&model, 300, 300), Order::Displacements);
        assert_eq!(order_of(&model, 300, 2), Order::Rows, "a long list for little work");
    }
}
