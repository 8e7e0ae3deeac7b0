//! Layers in sequence, from the pixels to one result.

use super::axis::{self, Axis, Output};
use super::order::{Held, Order, Visit};
use super::shape::Shape;
use super::{displacements, schedule};
use crate::model::{Layer, Model};

/// The maps that are propagated beside the CKN's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// Nothing.
    Nothing,
    /// The map of the NTK.
    Ntk,
    /// The CKN's derivatives with respect to the logarithm of each layer's `sigma`.
    Gradients,
    /// The map of the NTK, and the derivatives of both.
    NtkGradients,
}

impl Carried {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Ntk, Self::Gradients, Self::NtkGradients];

    /// Whether the map of the NTK is among them.
    pub fn has_ntk(self) -> bool {
        matches!(self, Self::Ntk | Self::NtkGradients)
    }

    /// Whether derivatives are among them.
    pub fn has_gradients(self) -> bool {
        matches!(self, Self::Gradients | Self::NtkGradients)
    }

    /// The maps that the norms need: those of the CKN.
    pub(super) fn without_ntk(self) -> Self {
        if self.has_gradients() { Self::Gradients } else { Self::Nothing }
    }
}

/// One layer with its geometry.
#[derive(Clone, Debug)]
pub struct LayerPlan {
    /// The layer as the user said it.
    pub layer: Layer,
    /// The rows of its maps.
    pub rows: Axis,
    /// The columns of its maps.
    pub cols: Axis,
    /// What is held of its input at once; nothing for the first layer.
    pub held: Held,
    /// The maps beside the CKN's.
    pub carried: Carried,
    /// Maps that it reads: the CKN's, then the NTK's if there is one, and then for each `sigma` so far the
    /// derivatives of these. In the first layer the NTK's map is equal to the CKN's, and not read.
    pub reads: usize,
    /// Maps that it gives: those that it reads and the NTK's, and last the derivatives by its own `sigma`.
    pub gives: usize,
    /// Layers before it whose kernel has a `sigma`, if there are derivatives.
    pub sigmas_before: usize,
}

/// Layers in sequence, and the order in which their rows are computed.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The layers, the first one reading pixels.
    pub layers: Vec<LayerPlan>,
    /// Whether rows are computed by left rows or by displacements.
    pub order: Order,
    /// The order in which rows are computed.
    pub schedule: Vec<Visit>,
    /// What is held of the last pooled map; nothing for a trace.
    pub held: Held,
}

impl Pipeline {
    /// The map of each result. The kernel comes first, and it is the NTK where there is one.
    pub fn result_maps(&self) -> Vec<usize> {
        let Some(last) = self.layers.last() else { return Vec::new() };
        match last.carried {
            Carried::Ntk => vec![1, 0],
            Carried::Nothing | Carried::Gradients => (0..last.gives).collect(),
            Carried::NtkGradients => (1..last.gives).step_by(2).collect(),
        }
    }

    /// The first `count` layers.
    pub(super) fn new(
        model: &Model,
        count: usize,
        shape: Shape,
        output: Output,
        carried: Carried,
    ) -> Self {
        let [rows, cols] = [(0, shape.height), (1, shape.width)]
            .map(|(along, size)| axis::plan(model, count, along, size, output));
        let order = Order::of(&rows, &cols);
        let (schedule, held) = match order {
            Order::Displacements => displacements::schedule(&rows),
            Order::Rows => {
                let (visits, held) = schedule::schedule(&rows);
                (visits, held.into_iter().map(Held::Rows).collect())
            }
        };
        let (mut gives, mut sigmas) = (1, 0);
        let layers = model.layers.iter().zip(rows.into_iter().zip(cols)).zip(&held);
        let layers = layers
            .map(|((layer, (rows, cols)), &held)| {
                let (reads, sigmas_before) = (gives, sigmas);
                if carried.has_gradients() && layer.kernel.has_sigma() {
                    sigmas += 1;
                }
                gives = (1 + usize::from(carried.has_ntk())) * (1 + sigmas);
                let layer = layer.clone();
                LayerPlan { layer, rows, cols, held, carried, reads, gives, sigmas_before }
            })
            .collect();
        let held = held.last().copied().unwrap_or(Held::Rows(0));
        Self { layers, order, schedule, held }
    }
}

impl LayerPlan {
    /// Whether the layer ends in a trace instead of a pooled map.
    pub fn is_trace(&self) -> bool {
        self.cols.windows.is_empty()
    }

    /// Whether horizontal patch offsets are summed term by term at each site, because sites are
    /// too sparse to share columns.
    pub fn is_folded(&self) -> bool {
        !self.cols.is_dense()
    }
}
