//! From a model and an image shape to everything the engine needs to know: the one validator of
//! geometry.
//!
//! A [`Plan`] holds a [`Pipeline`] that ends in the kernel of a pair, and one for each layer but
//! the first that ends in the diagonal from which an image's patch norms at that layer follow.

mod axis;
mod schedule;

pub(crate) use axis::hull;
pub use axis::{Axis, Window};
pub use schedule::Step;

use crate::error::{Result, bail};
use crate::model::{Layer, Model};
use axis::Output;

/// Left columns that the engine works on at a time.
pub const BLOCK: usize = 4;

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
        let Shape {
            height,
            width,
            channels,
        } = shape;
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
        let rows = axis::plan(layers, shape.height, output, 1);
        let cols = axis::plan(layers, shape.width, output, BLOCK);
        let (schedule, ring_rows) = schedule::schedule(&rows);
        let layers = layers
            .iter()
            .zip(rows.into_iter().zip(cols))
            .zip(&ring_rows)
            .map(|((&layer, (rows, cols)), &ring_rows)| LayerPlan {
                layer,
                rows,
                cols,
                ring_rows,
            })
            .collect();
        let ring_rows = ring_rows.last().copied().unwrap_or(0);
        Self {
            layers,
            schedule,
            ring_rows,
        }
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
