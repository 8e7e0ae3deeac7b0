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
    /// Derivatives with respect to the logarithm of each layer's `sigma`.
    Gradients,
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
    /// Maps that it reads: the CKN's first, then the NTK's, or the derivatives' in the order of layers.
    pub reads: usize,
    /// Maps that it gives: those that it reads, and last the derivative by its own `sigma`.
    pub gives: usize,
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
        let mut gives = 1;
        let layers = model.layers.iter().zip(rows.into_iter().zip(cols)).zip(&held);
        let layers = layers
            .map(|((layer, (rows, cols)), &held)| {
                let reads = gives;
                gives = match carried {
                    Carried::Nothing => 1,
                    Carried::Ntk => 2,
                    Carried::Gradients => reads + usize::from(layer.kernel.has_sigma()),
                };
                LayerPlan { layer: layer.clone(), rows, cols, held, carried, reads, gives }
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
