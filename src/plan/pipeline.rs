//! Layers in sequence, from the pixels to one result.

use super::axis::{self, Axis, Output};
use super::order::{Held, Order, Visit};
use super::parameter::{Own, Parameter, Wrt};
use super::scale::patch_scale;
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
    /// The CKN's derivatives with respect to the logarithms of parameters.
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
    /// Maps that it reads: the CKN's, then the NTK's if there is one, and then for each parameter so far the
    /// derivatives of these. In the first layer the NTK's map is equal to the CKN's, and not read.
    pub reads: usize,
    /// Maps that it gives: those that it reads and the NTK's, and last the derivatives by its own parameters.
    pub gives: usize,
    /// How many parameters of layers before it have derivatives.
    pub parameters_before: usize,
    /// Its own parameters that have derivatives.
    pub own: Own,
    /// The factor of the input map in patch sums; 1 for the first layer, whose pixels have it.
    pub scale: f64,
    /// What is added to the patch sums of the CKN's map and of the NTK's.
    pub bias: f64,
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
    /// The parameters that have derivatives, in the order of their maps.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter> {
        let layers = self.layers.iter().enumerate();
        layers.flat_map(|(index, layer)| layer.own.kinds().map(move |kind| (kind, Some(index))))
    }

    /// The first `count` layers.
    pub(super) fn new(
        model: &Model,
        count: usize,
        shape: Shape,
        output: Output,
        (carried, wrt): (Carried, &[Wrt]),
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
        let (mut gives, mut parameters) = (1, 0);
        let wrt = if carried.has_gradients() { wrt } else { &[] };
        let layers = model.layers.iter().zip(rows.into_iter().zip(cols)).zip(&held);
        let layers = layers
            .enumerate()
            .map(|(index, ((layer, (rows, cols)), &held))| {
                let (reads, parameters_before) = (gives, parameters);
                let own = Own::new(layer, wrt);
                parameters += own.count();
                gives = (1 + usize::from(carried.has_ntk())) * (1 + parameters);
                let (layer, bias) = (layer.clone(), layer.bias());
                // The pixels of the first layer are multiplied instead.
                let scale =
                    if index == 0 { 1.0 } else { patch_scale(model, index, shape.channels) };
                LayerPlan {
                    layer,
                    rows,
                    cols,
                    held,
                    carried,
                    reads,
                    gives,
                    parameters_before,
                    own,
                    scale,
                    bias,
                }
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

    /// How many derivatives depend on patch sums that have one: all but that by its own `sigma`.
    pub fn chained(&self) -> usize {
        self.parameters_before + self.own.scales.len()
    }

    /// Whether horizontal patch offsets are summed term by term at each site, because sites are
    /// too sparse to share columns.
    pub fn is_folded(&self) -> bool {
        !self.cols.is_dense()
    }
}
