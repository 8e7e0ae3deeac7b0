//! From a model and an image shape to everything the engine needs to know: the one validator of
//! geometry.
//!
//! A [`Plan`] holds a [`Pipeline`] that ends in the kernel of a pair, and one for each layer but
//! the first that ends in the diagonal from which an image's patch norms at that layer follow.

mod axis;
mod cost;
mod schedule;

pub(crate) use axis::hull;
pub use axis::{Axis, Window};
pub use cost::Cost;
pub use schedule::{ROWS, Step};

use crate::error::{Result, bail};
use crate::model::{Layer, Model};
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
    /// Whether the NTK is wanted, beside the CKN.
    pub ntk: bool,
    /// The model's layers.
    pub layers: Vec<Layer>,
    /// Height and width of each layer's input, and of the last layer's output.
    pub sizes: Vec<(usize, usize)>,
    /// Ends in the kernel.
    pub pair: Pipeline,
    /// Entry `l - 1` ends in the diagonal of layer `l`'s input.
    pub norms: Vec<Pipeline>,
}

impl Plan {
    /// Plan `model` on images of `shape`.
    ///
    /// # Errors
    /// [`Error::Value`](crate::error::Error::Value) for an empty image, a patch or pooling beyond
    /// a layer's map, and a layer that leaves no positions, naming the layer and its sizes.
    pub fn new(model: &Model, shape: Shape, ntk: bool) -> Result<Self> {
        let Shape { height, width, channels } = shape;
        if height == 0 || width == 0 || channels == 0 {
            bail!("images must have at least one row, column and channel, got {shape}");
        }
        let mut sizes = vec![(height, width)];
        for (index, layer) in model.layers.iter().enumerate() {
            sizes.push(check(index, layer, sizes[index])?);
        }
        let layers = &model.layers;
        let norms = (1..layers.len())
            .map(|l| Pipeline::new(&layers[..l], shape, Output::Diagonal))
            .collect();
        Ok(Self {
            shape,
            ntk,
            layers: layers.clone(),
            sizes,
            pair: Pipeline::new(layers, shape, Output::Trace),
            norms,
        })
    }

    /// Entries of one image's patch norms: `h * w` a layer, of which a layer uses the first.
    pub fn norms_len(&self) -> usize {
        self.layers.len() * self.layer_stride()
    }

    /// Where one layer's patch norms end and the next one's begin.
    pub fn layer_stride(&self) -> usize {
        self.shape.height * self.shape.width
    }
}

impl Pipeline {
    fn new(layers: &[Layer], shape: Shape, output: Output) -> Self {
        let rows = axis::plan(layers, shape.height, output);
        let cols = axis::plan(layers, shape.width, output);
        let (schedule, ring_rows) = schedule::schedule(&rows);
        let layers = layers
            .iter()
            .zip(rows.into_iter().zip(cols))
            .zip(&ring_rows)
            .map(|((&layer, (rows, cols)), &ring_rows)| LayerPlan { layer, rows, cols, ring_rows })
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

/// The size of the layer's output.
fn check(index: usize, layer: &Layer, (height, width): (usize, usize)) -> Result<(usize, usize)> {
    let longest = height.max(width);
    for (key, size) in [
        ("npatch", layer.npatch),
        ("subsampling", layer.subsampling),
        ("poolfactor", layer.poolfactor),
    ] {
        if size > longest {
            bail!(
                "model: layer {index}: {key:?} is {size}, more than the layer's input of \
                 {height}x{width} positions has; use a smaller {key:?} or larger images"
            );
        }
    }
    let output = (axis::outputs(layer, height), axis::outputs(layer, width));
    if output.0 == 0 || output.1 == 0 {
        bail!(
            "model: layer {index} leaves no positions: {:?} pooling with \"subsampling\" {} of \
             {height}x{width} positions gives {}x{}; use a smaller \"subsampling\" or larger images",
            layer.pooling.name(),
            layer.subsampling,
            output.0,
            output.1,
        );
    }
    Ok(output)
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
    use crate::pooling::Pooling;

    fn layer(npatch: usize, subsampling: usize, pooling: Pooling) -> Layer {
        Layer {
            npatch,
            subsampling,
            poolfactor: subsampling,
            kernel: Kernel::Exp,
            sigma: 1.0,
            pooling,
        }
    }

    fn plan(layers: Vec<Layer>, height: usize, width: usize) -> Result<Plan> {
        let shape = Shape { height, width, channels: 3 };
        Plan::new(&Model::new(layers)?, shape, false)
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
        assert!(plan(vec![fine, layer(3, 1, Pooling::Average)], 10, 8).is_ok());
        let beyond = layer(5, 1, Pooling::Average);
        assert_refused(plan(vec![fine, beyond], 10, 8), &["layer 1", "\"npatch\" is 5", "4x3"]);
        let mut wide = fine;
        wide.poolfactor = 11;
        assert_refused(plan(vec![wide], 10, 8), &["layer 0", "\"poolfactor\" is 11", "10x8"]);
        assert_refused(
            plan(vec![layer(3, 11, Pooling::Average)], 10, 8),
            &["layer 0", "\"subsampling\" is 11", "10x8"],
        );
        assert_refused(
            plan(vec![fine, fine], 10, 8),
            &["layer 1", "no positions", "\"gaussian\"", "4x3", "1x0"],
        );
        assert_refused(plan(vec![fine], 0, 8), &["(0, 8, 3)"]);
        assert_refused(plan(vec![], 10, 8), &["at least one layer"]);
    }

    /// A strided layer is evaluated at the positions it samples, in the norms' pipelines too.
    #[test]
    fn strided_models_evaluate_what_they_sample() {
        let strided = layer(3, 2, Pooling::Strided);
        let plan = plan(vec![strided, strided], 17, 18).unwrap();
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
