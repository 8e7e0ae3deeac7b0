//! The parameters with respect to whose logarithms derivatives are taken.

use crate::model::{Layer, Model};

/// A kind of parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrt {
    /// `sigma` of a layer's patch kernel.
    Sigma,
    /// The standard deviation of a layer's weights.
    WeightStd,
    /// The standard deviation of a layer's biases.
    BiasStd,
}

/// A parameter: its kind, and the layer that has it; none for the dense layer on top.
pub type Parameter = (Wrt, Option<usize>);

impl Wrt {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Sigma, Self::WeightStd, Self::BiasStd];

    /// The key in models.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sigma => "sigma",
            Self::WeightStd => "weight_std",
            Self::BiasStd => "bias_std",
        }
    }

    /// Whether the kernel depends on the parameter of this kind of a layer. There is no logarithm of a
    /// `bias_std` of 0.
    fn is_of(self, layer: &Layer) -> bool {
        match self {
            Self::Sigma => layer.kernel.has_sigma(),
            Self::WeightStd => true,
            Self::BiasStd => layer.has_bias(),
        }
    }
}

/// The parameters of these kinds, in the order of kinds, and those of a kind in the order of layers.
pub(super) fn of_model(model: &Model, wrt: &[Wrt]) -> Vec<Parameter> {
    let of_kind = |&kind: &Wrt| {
        let layers = model.layers.iter().enumerate().filter(move |(_, layer)| kind.is_of(layer));
        let dense = model.dense.filter(|dense| match kind {
            Wrt::Sigma => false,
            Wrt::WeightStd => true,
            Wrt::BiasStd => dense.bias_std != 0.0,
        });
        let layers = layers.map(move |(index, _)| (kind, Some(index)));
        layers.chain(dense.map(|_| (kind, None)))
    };
    wrt.iter().flat_map(of_kind).collect()
}

/// The parameters of a layer that have derivatives, in the order of their maps: those that patch sums
/// depend on come before `sigma`.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// The scales: for each `[a, b]` that makes the derivative `a S + b` of a patch sum `S`.
    pub scales: Vec<[f64; 2]>,
    /// The kinds of these scales.
    kinds: Vec<Wrt>,
    /// Whether `sigma` is among the parameters.
    pub sigma: bool,
}

impl Own {
    /// Those of `layer` among these kinds.
    pub(super) fn new(layer: &Layer, wrt: &[Wrt]) -> Self {
        let has = |kind: Wrt| wrt.contains(&kind) && kind.is_of(layer);
        let kinds: Vec<_> =
            [Wrt::WeightStd, Wrt::BiasStd].into_iter().filter(|&kind| has(kind)).collect();
        // `S = w^2 P + b^2` has the derivatives `2 w^2 P = 2 S - 2 b^2` and `2 b^2`.
        let double = 2.0 * layer.bias();
        let scale = |kind: &Wrt| match kind {
            Wrt::BiasStd => [0.0, double],
            _ => [2.0, 0.0 - double],
        };
        Self { scales: kinds.iter().map(scale).collect(), kinds, sigma: has(Wrt::Sigma) }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.scales.len() + usize::from(self.sigma)
    }

    /// The kinds of all of them.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Wrt> {
        self.kinds.iter().copied().chain(self.sigma.then_some(Wrt::Sigma))
    }
}
