//! The cost of a pair of images, counted on paper.
//!
//! The count is nominal. It is for estimates, and to say what share of a processor's arithmetic a
//! computation reaches. It counts the steps of `DESIGN.md` for one lane. An addition, a multiplication
//! and a multiply-add count as one each, since each takes a multiply-add unit once. Clamps, shifts,
//! roots, loads and stores count nothing. Kernels count their polynomials of single precision, which
//! are the shorter ones.

use super::axis::Axis;
use super::order::{self, Order};
use super::pipeline::{Carried, LayerPlan, Pipeline};
use crate::model::Layer;

/// The cost of one layer of a pair.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Entries of the layer's map at which the patch kernel is evaluated.
    pub entries: u64,
    /// Multiply-adds, nominal.
    pub multiply_adds: f64,
}

impl Pipeline {
    /// The cost on images of `channels`, a layer an item.
    pub(super) fn cost(&self, channels: usize) -> Vec<Cost> {
        let channels_of = |index| (index == 0).then_some(channels);
        let layers = self.layers.iter().enumerate();
        layers.map(|(index, layer)| layer.cost(channels_of(index), self.order)).collect()
    }
}

impl LayerPlan {
    /// `channels` are those of the images, for the layer that reads them.
    fn cost(&self, channels: Option<usize>, order: Order) -> Cost {
        let sums = match channels {
            // Both maps of an NTK are the inner product of pixels, so that one sum serves them.
            Some(_) => self.patch_sums(channels),
            None => self.reads as f64 * self.patch_sums(None),
        };
        let added = self.shortcut.as_ref().map_or(0, |shortcut| shortcut.maps);
        let pooled = self.gives as f64 * self.pooling(order);
        let an_entry = sums + self.kernel() as f64 + pooled + added as f64;
        let pairs = |axis: &Axis| axis.reach.iter().map(|reach| reach.len() as u64).sum::<u64>();
        let entries = pairs(&self.rows) * pairs(&self.cols);
        Cost { entries, multiply_adds: entries as f64 * an_entry }
    }

    /// Multiply-adds an entry for the patch sums of one map.
    fn patch_sums(&self, channels: Option<usize>) -> f64 {
        let [rows, cols] = [&self.rows, &self.cols].map(|axis| axis.placement.offsets.len());
        // Neighbouring patches share their columns' sums, unless sites are too sparse for that.
        let (column, columns) = if self.is_folded() { (rows * cols, 1) } else { (rows, cols) };
        // The sum of a map's rows begins with the first row, or with a part of the bias; each product of
        // pixels is a multiply-add.
        let rows = column - 1 + usize::from(self.layer.has_bias());
        let vertical = channels.map_or(rows, |channels| column * channels);
        (vertical + columns - 1) as f64
    }

    /// Multiply-adds an entry from a patch sum to the kernel's value, and to the values of the other
    /// maps.
    fn kernel(&self) -> usize {
        let Layer { kernel, sigma, parameters, .. } = &self.layer;
        let [value, slope] = kernel.prepare::<f32>(*sigma, parameters).multiply_adds();
        // The cosine takes two multiplications, the norms two more.
        let alone = 4 + value;
        // `T` is the slope times a sum, plus M.
        let ntk = alone + slope + 1;
        match self.carried {
            _ if self.gives == 1 => alone,
            Carried::Nothing | Carried::Ntk => ntk,
            // A derivative takes the slope and two norms', which are some six more.
            Carried::Gradients => alone + slope + 6 + 3 * self.chained(),
            Carried::NtkGradients if self.gives == 2 => ntk,
            // The slope has such derivatives, too, and the derivative of `T` takes five of them.
            Carried::NtkGradients => ntk + 6 + 6 + (3 + 5) * self.chained(),
        }
    }

    /// Multiply-adds an entry to pool one map, or to take its weighted sum in a trace's layer.
    fn pooling(&self, order: Order) -> f64 {
        let Self { rows, cols, .. } = self;
        if rows.windows.is_empty() {
            return 1.0;
        }
        if rows.is_unpooled() && cols.is_unpooled() {
            return 0.0;
        }
        // Right columns, left columns, right rows, left rows: each pass leaves less to the next. By
        // displacements, both axes of rows are one pass.
        let share = cols.outputs_a_site();
        let columns = cols.taps_a_site() * (1.0 + share);
        columns
            + match order {
                Order::Rows => share.powi(2) * rows.taps_a_site() * (1.0 + rows.outputs_a_site()),
                Order::Displacements => order::pooling_by_displacements(rows, cols),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::model::Model;
    use crate::plan::{Plan, Shape};
    use crate::pooling::Pooling;

    fn layer(npatch: usize, subsampling: usize, kernel: Kernel, pooling: Pooling) -> Layer {
        Layer::new(kernel, npatch, subsampling).pooled(pooling)
    }

    fn plan(layers: Vec<Layer>, shape: (usize, usize, usize), ntk: bool) -> Plan {
        let (height, width, channels) = shape;
        let carried = if ntk { Carried::Ntk } else { Carried::Nothing };
        Plan::new(&Model::new(layers).unwrap(), Shape { height, width, channels }, carried).unwrap()
    }

    /// Nothing is pooled, so that a trace needs the diagonal of rows and of columns.
    #[test]
    fn one_layer_of_single_pixels() {
        let pixel = layer(1, 1, Kernel::Linear, Pooling::Average);
        // Each of 2 rows meets itself, and each of 5 columns.
        let plan = plan(vec![pixel], (2, 5, 3), false);
        // 3 channels, 4 for a linear kernel, 1 for the trace's weight.
        assert_eq!(plan.pair_cost(), [Cost { entries: 10, multiply_adds: 10.0 * 8.0 }]);
        assert_eq!(plan.norms_multiply_adds(), 30.0);
    }

    /// One window over the second layer's 4x4 map: all pairs of positions are needed.
    #[test]
    fn two_layers() {
        let first = layer(3, 2, Kernel::Exp, Pooling::Average);
        let second = layer(3, 4, Kernel::Poly2, Pooling::Average);
        let costs = |ntk| plan(vec![first.clone(), second.clone()], (8, 8, 2), ntk).pair_cost();
        // 3 rows of 2 channels and 2 more columns; 12 for exp; two taps every two positions, so
        // 1 + 1/2 + 1/4 + 1/8 for pooling.
        let exp = 6.0 + 2.0 + 12.0 + 1.875;
        // 2 and 2 additions, 5 for poly2, and the trace's weight.
        let poly2 = 2.0 + 2.0 + 5.0 + 1.0;
        assert_eq!(
            costs(false),
            [
                Cost { entries: 4096, multiply_adds: 4096.0 * exp },
                Cost { entries: 256, multiply_adds: 256.0 * poly2 },
            ]
        );
        // A slope by one multiplication and `T` by one multiply-add; the second map is pooled, too,
        // and deeper down has patch sums of its own.
        assert_eq!(
            costs(true),
            [
                Cost { entries: 4096, multiply_adds: 4096.0 * (exp + 2.0 + 1.875) },
                Cost { entries: 256, multiply_adds: 256.0 * (poly2 + 4.0 + 2.0 + 1.0) },
            ]
        );
    }

    /// Windows cut by the far edge read less.
    #[test]
    fn a_cut_window_costs_what_it_reads() {
        let mut wide = layer(1, 2, Kernel::Linear, Pooling::Average);
        wide.poolfactor = [3, 3];
        let last = layer(1, 1, Kernel::Linear, Pooling::Average);
        let costs = plan(vec![wide, last], (4, 4, 1), false).pair_cost();
        // Windows 0..3 and 2..4, each needed with itself, in rows and columns alike:
        // 0 and 1 meet 0..3, 2 meets 0..4 and 3 meets 2..4.
        assert_eq!(costs[0].entries, (3 + 3 + 4 + 2) * (3 + 3 + 4 + 2));
        // 5 reads a pass by 4 sites, and half the sites are left.
        let pooling = 1.25 * (1.0 + 0.5 + 0.25 + 0.125);
        assert_eq!(costs[0].multiply_adds, costs[0].entries as f64 * (1.0 + 4.0 + pooling));
    }

    /// Sparse sites share no columns: 9 products a channel and site.
    #[test]
    fn sampled_sites_sum_their_patches_alone() {
        let strided = layer(3, 3, Kernel::Square, Pooling::Strided);
        let plan = plan(vec![strided], (9, 9, 2), false);
        // Sites 3 and 6, each with itself.
        assert_eq!(
            plan.pair_cost(),
            [Cost { entries: 4, multiply_adds: 4.0 * (18.0 + 5.0 + 1.0) }]
        );
    }

    /// Norms of a second layer: the first layer's map of the image with itself, near the diagonal.
    #[test]
    fn norms_cost_the_layers_before() {
        let first = layer(1, 2, Kernel::Linear, Pooling::Average);
        let last = layer(1, 1, Kernel::Linear, Pooling::Average);
        let plan = plan(vec![first, last], (4, 4, 1), false);
        // Rows and columns in two squares of 2; a product, 4 for the kernel, pooling.
        let an_entry = 1.0 + 4.0 + 1.875;
        assert_eq!(plan.norms_multiply_adds(), 16.0 + 8.0 * 8.0 * an_entry);
    }

    /// The flagship of `docs/performance.md`.
    #[test]
    fn the_flagship() {
        let [first, second] = [2, 5].map(|s| layer(3, s, Kernel::Exp, Pooling::Gaussian));
        let costs = plan(vec![first.clone(), second.clone()], (32, 32, 3), false).pair_cost();
        // Windows 0..11 and 5..15 of 15: sites 0..5 meet 11 others, 5..11 all, 11..15 10.
        let along_an_axis = 5 * 11 + 6 * 15 + 4 * 10;
        assert_eq!(costs[1].entries, along_an_axis * along_an_axis);
        // Five sixths of 32^4 entries, 27.7 multiply-adds each.
        assert!((860_000..880_000).contains(&costs[0].entries), "{}", costs[0].entries);
        let an_entry = costs[0].multiply_adds / costs[0].entries as f64;
        assert!((27.0..28.0).contains(&an_entry), "{an_entry}");
    }
}
