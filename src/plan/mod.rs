//! From a model and an image shape to everything the engine needs to know: the one validator of
//! geometry.
//!
//! A [`Plan`] holds a [`Pipeline`] that ends in the kernel of a pair, and one for each layer but
//! the first that ends in the diagonal from which an image's patch norms at that layer follow.

mod axis;
mod check;
mod cost;
mod placement;
mod schedule;

pub(crate) use axis::hull;
pub use axis::{Axis, Window};
pub use cost::Cost;
pub use placement::Placement;
pub use schedule::{ROWS, Step};

use crate::error::{Result, bail};
use crate::model::{Layer, Model, Readout, SIDES};
use axis::Output;

/// The shape of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
}

/// What is propagated beside the map of the CKN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// Nothing.
    Nothing,
    /// The map of the NTK.
    Ntk,
    /// Derivatives with respect to the logarithm of each layer's `sigma`.
    Gradients,
}

/// One layer with its geometry.
#[derive(Clone, Debug)]
pub struct LayerPlan {
    /// What the user said.
    pub layer: Layer,
    /// The rows of its maps.
    pub rows: Axis,
    /// The columns of its maps.
    pub cols: Axis,
    /// Input rows (of the left image) that must be held at once; 0 for the first layer.
    pub ring_rows: usize,
    /// What goes along.
    pub carried: Carried,
    /// Maps that it reads, the CKN's first, and maps that it gives. Those of derivatives come in the
    /// order of layers; the layer's own is the last, and it only gives it.
    pub reads: usize,
    /// See `reads`.
    pub gives: usize,
}

/// Layers in sequence, and the order in which their rows are computed.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The layers, the first one reading pixels.
    pub layers: Vec<LayerPlan>,
    /// Which row of which layer comes when.
    pub schedule: Vec<Step>,
    /// Pooled rows after the last layer that must be held at once; 0 for a trace.
    pub ring_rows: usize,
}

/// A validated model on images of one shape.
///
/// Its cost: [`Plan::pair_cost`], and in memory [`engine::scratch_bytes`](crate::engine::scratch_bytes).
#[derive(Clone, Debug)]
pub struct Plan {
    /// The images' shape.
    pub shape: Shape,
    /// What is wanted beside the CKN.
    pub carried: Carried,
    /// The model.
    pub model: Model,
    /// Height and width of each layer's input, and of the last layer's output.
    pub sizes: Vec<(usize, usize)>,
    /// Where each layer's patches stand, along rows and along columns.
    pub placements: Vec<[Placement; SIDES]>,
    /// What pixels are multiplied by, so that patch sums are means where the convention wants them.
    pub pixel_scale: f64,
    /// Ends in the kernel.
    pub pair: Pipeline,
    /// Entry `l - 1` ends in the diagonal of layer `l`'s input.
    pub norms: Vec<Pipeline>,
}

impl Plan {
    /// Plan `model` on images of `shape`.
    ///
    /// # Errors
    /// [`Error::Value`](crate::error::Error::Value) for an empty image, for a layer that has no patches
    /// or leaves no positions, and for a derivative that its kernel does not have, naming the layer
    /// and its sizes.
    pub fn new(model: &Model, shape: Shape, carried: Carried) -> Result<Self> {
        let Shape { height, width, channels } = shape;
        if height == 0 || width == 0 || channels == 0 {
            bail!("images must have at least one row, column and channel, got {shape}");
        }
        check::slopes(model, carried)?;
        let mut sizes = vec![(height, width)];
        let mut placements = Vec::new();
        for index in 0..model.layers.len() {
            let (placement, output) = check::layer(model, index, sizes[index])?;
            placements.push(placement);
            sizes.push(output);
        }
        let output = match model.readout {
            Readout::Trace => Output::Trace,
            Readout::Mean => Output::Mean,
        };
        let carried_by_norms = match carried {
            Carried::Ntk => Carried::Nothing,
            other => other,
        };
        let norms = (1..model.layers.len())
            .map(|count| Pipeline::new(model, count, shape, Output::Diagonal, carried_by_norms));
        let pixel_scale = (0..SIDES).map(|side| axis::mean_scale(model, 0, side)).product();
        Ok(Self {
            shape,
            carried,
            model: model.clone(),
            sizes,
            placements,
            pixel_scale,
            pair: Pipeline::new(model, model.layers.len(), shape, output, carried),
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

    /// Where one layer's patch norms end and the next one's begin.
    pub fn layer_stride(&self) -> usize {
        self.shape.height * self.shape.width
    }

    /// Derivatives that are wanted: one a layer with a `sigma`, or none.
    pub fn gradients(&self) -> usize {
        match self.carried {
            Carried::Gradients => self.model.layers_with_sigma().count(),
            _ => 0,
        }
    }
}

impl Pipeline {
    /// The first `count` layers.
    fn new(model: &Model, count: usize, shape: Shape, output: Output, carried: Carried) -> Self {
        let [rows, cols] = [(0, shape.height), (1, shape.width)]
            .map(|(side, size)| axis::plan(model, count, side, size, output));
        let (schedule, ring_rows) = schedule::schedule(&rows);
        let mut gives = 1;
        let layers = model.layers.iter().zip(rows.into_iter().zip(cols)).zip(&ring_rows);
        let layers = layers
            .map(|((layer, (rows, cols)), &ring_rows)| {
                let reads = gives;
                gives = match carried {
                    Carried::Nothing => 1,
                    Carried::Ntk => 2,
                    Carried::Gradients => reads + usize::from(layer.kernel.has_sigma()),
                };
                LayerPlan { layer: layer.clone(), rows, cols, ring_rows, carried, reads, gives }
            })
            .collect();
        let ring_rows = ring_rows.last().copied().unwrap_or(0);
        Self { layers, schedule, ring_rows }
    }
}

impl LayerPlan {
    /// Whether horizontal patch offsets are summed term by term at each site, because sites are
    /// too sparse to share columns.
    pub fn is_folded(&self) -> bool {
        !self.cols.is_dense()
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({}, {}, {})", self.height, self.width, self.channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::kernel::Kernel;
    use crate::model::Padding;
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
        assert_refused(plan(vec![fine], 0, 8), &["(0, 8, 3)"]);
        assert_refused(plan(vec![], 10, 8), &["at least one layer"]);
    }

    /// What a patch or a window has beyond the map is not there: neither read nor planned.
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
