//! One layer, as the user said it.

use crate::convention::Convention;
use crate::error::{Result, bail};
use crate::kernel::{Kernel, Parameters};
use crate::pooling::Pooling;

/// The axes of an image: rows and columns.
pub const AXES: usize = 2;

/// A length along rows and one along columns, in positions.
pub type Lengths = [usize; AXES];

/// One layer: patches, a patch kernel, a pooling. Pairs have rows first.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Lengths of the patch.
    pub npatch: Lengths,
    /// Positions from one patch to the next.
    pub stride: Lengths,
    /// Positions from one of a patch's positions to the next.
    pub dilation: Lengths,
    /// How a patch that reaches beyond the edge is completed.
    pub padding: Padding,
    /// The patch kernel.
    pub kernel: Kernel,
    /// The parameter that many kernels share.
    pub sigma: f64,
    /// The kernel's own parameters.
    pub parameters: Parameters,
    /// Stride of the pooling.
    pub subsampling: Lengths,
    /// Width of the pooling window; each pooling says what it means by it.
    pub poolfactor: Lengths,
    /// The pooling along each axis.
    pub poolings: [Pooling; AXES],
    /// The standard deviation of the network's weights: patch sums are multiplied by its square.
    pub weight_std: f64,
    /// The standard deviation of the network's biases: its square is added to patch sums.
    pub bias_std: f64,
    /// Layers of the block that ends here. The map before the block is added to this layer's. 0 for none.
    pub shortcut: usize,
}

/// How a patch that reaches beyond the edge of an image is completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Terms beyond the edge are dropped. There is a patch around every position.
    #[default]
    Same,
    /// No patch reaches beyond the edge.
    Valid,
    /// The image goes on at its other end.
    Circular,
}

impl Padding {
    /// Every padding.
    pub const ALL: [Self; 3] = [Self::Same, Self::Valid, Self::Circular];

    /// The name in models.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Valid => "valid",
            Self::Circular => "circular",
        }
    }
}

impl Layer {
    /// Square patches of length `npatch` around every position, and Gaussian pooling with a stride of
    /// `subsampling`.
    ///
    /// `sigma` is 1, and the kernel's other parameters have their defaults. A parameter without a
    /// default must be set before a model is made of the layer.
    pub fn new(kernel: Kernel, npatch: usize, subsampling: usize) -> Self {
        let declared = kernel.parameters().iter();
        let defaults = declared.filter_map(|one| Some((one.name, one.default.clone()?)));
        Self {
            npatch: [npatch; AXES],
            stride: [1; AXES],
            dilation: [1; AXES],
            padding: Padding::Same,
            kernel,
            sigma: 1.0,
            parameters: Parameters(defaults.collect()),
            subsampling: [subsampling; AXES],
            poolfactor: [subsampling; AXES],
            poolings: [Pooling::Gaussian, Pooling::Gaussian],
            weight_std: 1.0,
            bias_std: 0.0,
            shortcut: 0,
        }
    }

    /// What is added to each patch sum: the variance of the biases.
    pub fn bias(&self) -> f64 {
        self.bias_std * self.bias_std
    }

    /// Whether something is added to patch sums.
    pub fn has_bias(&self) -> bool {
        self.bias_std != 0.0
    }

    /// This layer with another pooling, along both axes.
    #[must_use]
    pub fn pooled(self, pooling: Pooling) -> Self {
        Self { poolings: [pooling.clone(), pooling], ..self }
    }
}

impl Layer {
    /// Whether the keys of layer `index` go together.
    pub(super) fn check(&self, index: usize, convention: Convention) -> Result<()> {
        for declared in self.kernel.parameters() {
            if !self.parameters.0.iter().any(|(name, _)| *name == declared.name) {
                bail!(
                    "model: layer {index} needs {:?} for kernel {:?}",
                    declared.name,
                    self.kernel.name()
                );
            }
        }
        if self.shortcut > index {
            bail!(
                "model: layer {index}: \"shortcut\" must be at most {index}, got {}: a block of layers \
                 may begin after the first layer, not at the image",
                self.shortcut,
            );
        }
        if self.shortcut > 0 && self.poolings.iter().any(|pooling| *pooling != Pooling::None) {
            bail!(
                "model: layer {index}: with a \"shortcut\", \"pooling\" must be \"none\"; pool in the layer \
                 after the block"
            );
        }
        for axis in 0..AXES {
            let (subsampling, poolfactor) = (self.subsampling[axis], self.poolfactor[axis]);
            let pooling = &self.poolings[axis];
            let name = pooling.name().unwrap_or("weights");
            if !pooling.has_stride() && subsampling != 1 {
                bail!(
                    "model: layer {index}: \"subsampling\" must be 1 with {name:?} pooling, got \
                     {subsampling}; leave it out, or use \"stride\" or another pooling"
                );
            }
            let has_width = pooling.has_width() && convention != Convention::First;
            if !has_width && poolfactor != subsampling {
                bail!(
                    "model: layer {index}: \"poolfactor\" has no meaning with {name:?} pooling{}, \
                     got {poolfactor}; leave it out",
                    if convention == Convention::First { " in the convention of 2019" } else { "" },
                );
            }
        }
        Ok(())
    }
}
