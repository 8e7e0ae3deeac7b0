//! From a model and an image shape to all that the engine needs to know: the one validator of
//! geometry.
//!
//! A [`Plan`] holds a [`Pipeline`] that ends in the kernel of a pair, and for each layer but the first
//! one that ends in a diagonal, from which an image's patch norms at that layer follow.
//!
//! | file | its part |
//! |---|---|
//! | `check` | refuses a layer that does not fit its map |
//! | `tables` | refuses a model whose plan would be huge |
//! | `shape` | the shape of an image |
//! | `placement` | the places of the patches along one axis |
//! | `scale` | the factors of patch sums |
//! | `axis` | the positions of an axis that are read, evaluated and pooled |
//! | `order` | the two orders in which rows are computed, and the choice |
//! | `schedule`, `displacements` | the order by left rows, and the order by displacements |
//! | `parameter` | what derivatives are taken with respect to |
//! | `pipeline` | layers in sequence |
//! | `shortcut` | the ways around blocks of layers |
//! | `cost` | entries and multiply-adds, counted on paper |

mod axis;
mod check;
mod cost;
mod displacements;
mod order;
mod parameter;
mod pipeline;
mod placement;
mod scale;
mod schedule;
mod shape;
mod shortcut;
mod tables;
#[cfg(test)]
mod testing;

pub(crate) use axis::hull;
pub use axis::{Axis, Window};
pub use cost::Cost;
pub use order::{Held, Order, ROWS, Visit};
pub use parameter::{Parameter, Wrt};
pub use pipeline::{Carried, LayerPlan, Pipeline};
pub use placement::Placement;
pub use shape::Shape;
pub use shortcut::Shortcut;

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
    /// The parameters with respect to whose logarithms there are derivatives, in the order of results.
    pub parameters: Vec<Parameter>,
    /// The model.
    pub model: Model,
    /// Height and width of each layer's input, and of the last layer's output.
    pub sizes: Vec<(usize, usize)>,
    /// The places of each layer's patches, along rows and along columns.
    pub placements: Vec<[Placement; AXES]>,
    /// The factor of all pixels, the square root of that of the first layer's patch sums.
    pub pixel_scale: f64,
    /// Ends in the kernel.
    pub pair: Pipeline,
    /// Entry `l - 1` ends in the diagonal of layer `l`'s input.
    pub norms: Vec<Pipeline>,
}

/// Where a result comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultOf {
    /// The number of a map that is a kernel.
    Kernel(usize),
    /// The number of a map that is the derivative of a kernel.
    Derivative(usize),
    /// The derivative by the dense layer's scale of weights, which follows from the kernel.
    DenseWeight,
    /// The derivative by that of its biases.
    DenseBias,
}

/// The most rows or columns of an image. A plan has tables of pairs of rows and of pairs of columns:
/// half a gigabyte each for this many.
pub const LONGEST: usize = 8192;

impl Plan {
    /// Plan `model` on images of `shape`.
    ///
    /// # Errors
    /// [`Error::Value`](crate::error::Error::Value) for an empty image or a huge one, for a layer that has no patches
    /// or leaves no positions, for more layers or wider patches than a plan can have, and for a derivative that its kernel does not have, naming the layer
    /// and its sizes.
    pub fn new(model: &Model, shape: Shape, carried: Carried) -> Result<Self> {
        Self::with_respect_to(model, shape, carried, &[Wrt::Sigma])
    }

    /// [`Plan::new`] with derivatives with respect to parameters of these kinds, if there are any.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn with_respect_to(
        model: &Model,
        shape: Shape,
        carried: Carried,
        wrt: &[Wrt],
    ) -> Result<Self> {
        let Shape { height, width, channels } = shape;
        if height == 0 || width == 0 || channels == 0 {
            bail!("images must have at least one row, column and channel, got {shape}");
        }
        if height.max(width) > LONGEST {
            bail!("images must have at most {LONGEST} rows and {LONGEST} columns, got {shape}");
        }
        check::slopes(model, carried, wrt)?;
        let mut sizes = vec![(height, width)];
        let mut placements = Vec::new();
        for index in 0..model.layers.len() {
            let (placement, output) = check::layer(model, index, sizes[index])?;
            placements.push(placement);
            sizes.push(output);
            check::shortcut(model, index, &sizes)?;
        }
        tables::check(model, shape, &placements)?;
        let norms = (1..model.layers.len()).map(|count| {
            Pipeline::new(model, count, shape, Output::Diagonal, (carried.without_ntk(), wrt))
        });
        let means: f64 = (0..AXES).map(|along| axis::mean_scale(model, 0, along)).product();
        let pixel_scale = means * scale::patch_scale(model, 0, channels).sqrt();
        let output = Output::Number(model.readout);
        Ok(Self {
            shape,
            carried,
            parameters: if carried.has_gradients() {
                parameter::of_model(model, wrt)
            } else {
                Vec::new()
            },
            model: model.clone(),
            sizes,
            placements,
            pixel_scale,
            pair: Pipeline::new(model, model.layers.len(), shape, output, (carried, wrt))?,
            norms: norms.collect::<Result<_>>()?,
        })
    }

    /// Rows and columns of patches at a layer.
    pub fn patches(&self, layer: usize) -> (usize, usize) {
        let [rows, cols] = &self.placements[layer];
        (rows.patches, cols.patches)
    }

    /// The factor of the patch sums of a layer; 1 for the first one, whose pixels are multiplied instead.
    pub fn patch_scale(&self, layer: usize) -> f64 {
        if layer == 0 { 1.0 } else { scale::patch_scale(&self.model, layer, self.shape.channels) }
    }

    /// What is added to the patch sums of a layer.
    pub fn bias(&self, layer: usize) -> f64 {
        self.model.layers[layer].bias()
    }

    /// Entries of one image's patch norms: `h * w` a layer, of which a layer uses the first.
    pub fn norms_len(&self) -> usize {
        self.model.layers.len() * self.layer_stride()
    }

    /// Entries from the begin of one layer's patch norms to that of the next layer's.
    pub fn layer_stride(&self) -> usize {
        self.shape.height * self.shape.width
    }

    /// Derivatives of a kernel: one for each of the parameters.
    pub fn gradients(&self) -> usize {
        self.parameters.len()
    }

    /// Derivatives that have maps: those by parameters of layers.
    pub fn derivatives(&self) -> usize {
        self.pair.parameters().count()
    }

    /// The map of the kernel: the NTK's where there is one.
    pub fn kernel_map(&self) -> usize {
        usize::from(self.carried.has_ntk())
    }

    /// Where each result comes from. The kernel comes first, and it is the NTK where there is one.
    pub fn results(&self) -> Vec<ResultOf> {
        let order: Vec<_> = self.pair.parameters().collect();
        let maps = 1 + self.kernel_map();
        let derivative = |parameter: &Parameter| match *parameter {
            (Wrt::BiasStd, None) => ResultOf::DenseBias,
            (_, None) => ResultOf::DenseWeight,
            _ => {
                let at = order.iter().position(|other| other == parameter);
                ResultOf::Derivative(maps * (2 + at.expect("a layer has the parameter")) - 1)
            }
        };
        let beside = (self.carried == Carried::Ntk).then_some(ResultOf::Kernel(0));
        let derivatives = self.parameters.iter().map(derivative);
        [ResultOf::Kernel(maps - 1)].into_iter().chain(beside).chain(derivatives).collect()
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
