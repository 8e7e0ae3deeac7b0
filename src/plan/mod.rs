//! From a model and an image shape to all that the engine needs to know: the one validator of
//! geometry.
//!
//! A [`Plan`] holds a [`Pipeline`] that ends in the kernel of a pair, and for each layer but the first
//! one that ends in a diagonal, from which an image's patch norms at that layer follow.
//!
//! | file | its part |
//! |---|---|
//! | `check` | refuses a layer that does not fit its map |
//! | `shape` | the shape of an image |
//! | `placement` | the places of the patches along one axis |
//! | `axis` | the positions of an axis that are read, evaluated and pooled |
//! | `order` | the two orders in which rows are computed, and the choice |
//! | `schedule`, `displacements` | the order by left rows, and the order by displacements |
//! | `pipeline` | layers in sequence |
//! | `cost` | entries and multiply-adds, counted on paper |

mod axis;
mod check;
mod cost;
mod displacements;
mod order;
mod pipeline;
mod placement;
mod schedule;
mod shape;
#[cfg(test)]
mod testing;

pub(crate) use axis::hull;
pub use axis::{Axis, Window};
pub use cost::Cost;
pub use order::{Held, Order, ROWS, Visit};
pub use pipeline::{Carried, LayerPlan, Pipeline};
pub use placement::Placement;
pub use shape::Shape;

use crate::error::{Result, bail};
use crate::model::{AXES, Model};
use axis::Output;

/// A validated model on images of one shape.
///
/// Its cost: [`Plan::pair_cost`], and in memory [`engine::scratch_bytes`](crate::engine::scratch_bytes).
#[derive(Clone, Debug)]
pub struct Plan {
    /// The images' shape.
    pub shape: Shape,
    /// The maps beside the CKN's.
    pub carried: Carried,
    /// The model.
    pub model: Model,
    /// Height and width of each layer's input, and of the last layer's output.
    pub sizes: Vec<(usize, usize)>,
    /// The places of each layer's patches, along rows and along columns.
    pub placements: Vec<[Placement; AXES]>,
    /// The factor of all pixels. It makes patch sums means where the convention wants means.
    pub pixel_scale: f64,
    /// Ends in the kernel.
    pub pair: Pipeline,
    /// Entry `l - 1` ends in the diagonal of layer `l`'s input.
    pub norms: Vec<Pipeline>,
}

/// The most rows or columns of an image. A plan has tables of pairs of rows and of pairs of columns:
/// half a gigabyte each for this many.
pub const LONGEST: usize = 8192;

impl Plan {
    /// Plan `model` on images of `shape`.
    ///
    /// # Errors
    /// [`Error::Value`](crate::error::Error::Value) for an empty image or a huge one, for a layer that has no patches
    /// or leaves no positions, and for a derivative that its kernel does not have, naming the layer
    /// and its sizes.
    pub fn new(model: &Model, shape: Shape, carried: Carried) -> Result<Self> {
        let Shape { height, width, channels } = shape;
        if height == 0 || width == 0 || channels == 0 {
            bail!("images must have at least one row, column and channel, got {shape}");
        }
        if height.max(width) > LONGEST {
            bail!("images must have at most {LONGEST} rows and {LONGEST} columns, got {shape}");
        }
        check::slopes(model, carried)?;
        let mut sizes = vec![(height, width)];
        let mut placements = Vec::new();
        for index in 0..model.layers.len() {
            let (placement, output) = check::layer(model, index, sizes[index])?;
            placements.push(placement);
            sizes.push(output);
        }
        let norms = (1..model.layers.len()).map(|count| {
            Pipeline::new(model, count, shape, Output::Diagonal, carried.without_ntk())
        });
        let pixel_scale = (0..AXES).map(|along| axis::mean_scale(model, 0, along)).product();
        Ok(Self {
            shape,
            carried,
            model: model.clone(),
            sizes,
            placements,
            pixel_scale,
            pair: Pipeline::new(
                model,
                model.layers.len(),
                shape,
                Output::Number(model.readout),
                carried,
            ),
            norms: norms.collect(),
        })
    }

    /// Rows and columns of patches at a layer.
    pub fn patches(&self, layer: usize) -> (usize, usize) {
        let [rows, cols] = &self.placements[layer];
        (rows.patches, cols.patches)
    }

    /// Entries of one image's patch norms: `h * w` a layer, of which a layer uses the first.
    pub fn norms_len(&self) -> usize {
        self.model.layers.len() * self.layer_stride()
    }

    /// Entries from the begin of one layer's patch norms to that of the next layer's.
    pub fn layer_stride(&self) -> usize {
        self.shape.height * self.shape.width
    }

    /// Derivatives of a kernel: one for each layer with a `sigma`, or none.
    pub fn gradients(&self) -> usize {
        if self.carried.has_gradients() { self.model.layers_with_sigma().count() } else { 0 }
    }

    /// The cost of a pair whose norms are known, a layer an item.
    pub fn pair_cost(&self) -> Vec<Cost> {
        self.pair.cost(self.shape.channels)
    }

    /// The multiply-adds of one image's norms.
    pub fn norms_multiply_adds(&self) -> f64 {
        // The first layer's are patch sums of squared pixels.
        let [rows, cols] = self.placements[0].each_ref().map(|axis| axis.offsets.len());
        let a_position = self.shape.channels + (rows - 1) + (cols - 1);
        let first = (self.layer_stride() * a_position) as f64;
        let deeper = self.norms.iter().flat_map(|pipeline| pipeline.cost(self.shape.channels));
        first + deeper.map(|cost| cost.multiply_adds).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::kernel::Kernel;
    use crate::model::{Layer, Padding};
    use crate::pooling::Pooling;

    fn layer(npatch: usize, subsampling: usize, pooling: Pooling) -> Layer {
        Layer::new(Kernel::Exp, npatch, subsampling).pooled(pooling)
    }

    fn plan(layers: Vec<Layer>, height: usize, width: usize) -> Result<Plan> {
        let shape = Shape { height, width, channels: 3 };
        Plan::new(&Model::new(layers)?, shape, Carried::Nothing)
    }

    #[track_caller]
    fn assert_refused(result: Result<Plan>, words: &[&str]) {
        let Err(Error::Value(message)) = result else { panic!("not refused") };
        for word in words {
            assert!(message.contains(word), "{message:?} does not say {word:?}");
        }
    }

    #[test]
    fn sizes_go_through_the_layers() {
        let layers = vec![
            layer(3, 2, Pooling::Gaussian),
            layer(3, 3, Pooling::Average),
            layer(1, 1, Pooling::Strided),
        ];
        let plan = plan(layers, 32, 20).unwrap();
        assert_eq!(plan.sizes, [(32, 20), (15, 9), (5, 3), (4, 2)]);
        assert_eq!(plan.layer_stride(), 640);
        assert_eq!(plan.norms_len(), 1920);
        assert_eq!(plan.norms.len(), 2);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fine = layer(3, 2, Pooling::Gaussian);
        // 10x8 positions, then 4x3.
        assert!(plan(vec![fine.clone(), layer(3, 1, Pooling::Average)], 10, 8).is_ok());
        let mut valid = layer(5, 1, Pooling::Average);
        valid.padding = Padding::Valid;
        assert_refused(
            plan(vec![fine.clone(), valid], 10, 8),
            &["layer 1", "\"npatch\" is 5", "4x3"],
        );
        assert_refused(
            plan(vec![layer(3, 11, Pooling::Average)], 10, 8),
            &["layer 0", "\"subsampling\" is 11", "10x8"],
        );
        assert_refused(
            plan(vec![fine.clone(), fine.clone()], 10, 8),
            &["layer 1", "no positions", "\"gaussian\"", "4x3", "1x0"],
        );
        assert_refused(plan(vec![fine.clone()], 0, 8), &["(0, 8, 3)"]);
        assert_refused(plan(vec![fine], 8, 1 << 40), &["at most", "(8, 1099511627776, 3)"]);
        assert_refused(plan(vec![], 10, 8), &["at least one layer"]);
    }

    /// The parts of patches and windows beyond the map are not planned.
    #[test]
    fn wide_patches_and_windows_are_cut() {
        for npatch in [9, usize::MAX / 4] {
            let mut wide = layer(npatch, 1, Pooling::Gaussian);
            wide.poolfactor = [npatch; 2];
            let plan = plan(vec![wide.clone(), wide], 6, 7).unwrap();
            assert_eq!(plan.sizes, [(6, 7), (5, 6), (4, 5)]);
            let [rows, cols] = &plan.placements[0];
            let offsets = [rows, cols].map(|axis| axis.offsets.len());
            assert_eq!(offsets, if npatch == 9 { [9, 9] } else { [11, 13] });
        }
    }

    /// A strided layer is evaluated at the positions it samples, in the norms' pipelines too.
    #[test]
    fn strided_models_evaluate_what_they_sample() {
        let strided = layer(3, 2, Pooling::Strided);
        let plan = plan(vec![strided.clone(), strided], 17, 18).unwrap();
        let last = &plan.pair.layers[1];
        assert_eq!(last.rows.sites, [2, 4]);
        assert_eq!(last.cols.sites, [2, 4, 6]);
        let first = &plan.pair.layers[0];
        assert_eq!(first.rows.sites, [4, 6, 8, 10, 12]);
        assert_eq!(first.cols.sites, [4, 6, 8, 10, 12, 14, 16]);
        assert!(first.is_folded());
        let norms = &plan.norms[0].layers[0];
        assert_eq!(norms.rows.sites, [2, 4, 6, 8, 10, 12, 14]);
        // Of the map before a diagonal, no more than the diagonal.
        for (site, reach) in norms.rows.reach.iter().enumerate() {
            assert_eq!(*reach, site..site + 1);
        }
    }
}
