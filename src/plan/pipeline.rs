//! Layers in sequence, from the pixels to one result.

use super::axis::{self, Axis, Output};
use super::order::{Held, Order, Visit};
use super::parameter::{Own, Parameter, Wrt};
use super::scale::patch_scale;
use super::shape::Shape;
use super::shortcut::{self, RowShortcut, Shortcut};
use super::{displacements, schedule};
use crate::error::{Result, bail};
use crate::model::{AXES, Layer, Model};

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
    /// What is added to its map, if it is the last layer of a block.
    pub shortcut: Option<Shortcut>,
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
    ) -> Result<Self> {
        let [rows, cols] = [(0, shape.height), (1, shape.width)]
            .map(|(along, size)| axis::plan(model, count, along, size, output));
        let order = Order::of(&rows, &cols);
        let mut shortcuts = shortcuts(model, [&rows, &cols])?;
        let of_rows: Vec<_> = row_shortcuts(&rows, &shortcuts).collect();
        let (schedule, held) = match order {
            Order::Displacements => displacements::schedule(&rows, &of_rows),
            Order::Rows => {
                let (visits, held) = schedule::schedule(&rows, &of_rows);
                (visits, held.into_iter().map(Held::Rows).collect())
            }
        };
        let (mut gives, mut parameters) = (1, 0);
        let wrt = if carried.has_gradients() { wrt } else { &[] };
        let mut layers: Vec<LayerPlan> = Vec::new();
        let axes = rows.into_iter().zip(cols);
        for (index, ((rows, cols), &held)) in axes.zip(&held).enumerate() {
            let layer = model.layers[index].clone();
            let (reads, parameters_before) = (gives, parameters);
            let own = Own::new(&layer, wrt);
            parameters += own.count();
            gives = (1 + usize::from(carried.has_ntk())) * (1 + parameters);
            // The pixels of the first layer are multiplied instead.
            let scale = if index == 0 { 1.0 } else { patch_scale(model, index, shape.channels) };
            let shortcut = shortcuts[index].take().map(|shortcut| {
                let maps = if shortcut.from == index { reads } else { layers[shortcut.from].reads };
                Shortcut { maps, ..shortcut }
            });
            layers.push(LayerPlan {
                bias: layer.bias(),
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
                shortcut,
            });
        }
        let held = held.last().copied().unwrap_or(Held::Rows(0));
        Ok(Self { layers, order, schedule, held })
    }
}

/// The shortcut that ends at each layer.
fn shortcuts(model: &Model, axes: [&[Axis]; AXES]) -> Result<Vec<Option<Shortcut>>> {
    let shortcut = |index: usize| {
        let Some((from, factor)) = Shortcut::of(model, index) else { return Ok(None) };
        let [rows, cols] = axes.map(|axes| shortcut::places(axes, from, index));
        let Some(places) = rows.zip(cols).map(|(rows, cols)| [rows, cols]) else {
            bail!(
                "model: layer {index}: \"shortcut\" adds a map of which layer {from} does not read all that \
                 is needed; use the same \"padding\" for all layers, patches of odd lengths, and with padding \
                 \"circular\" patches in layer {from} that reach as far as those of the layer after the block"
            );
        };
        Ok(Some(Shortcut { from, places, factor, maps: 0 }))
    };
    (0..axes[0].len()).map(shortcut).collect()
}

/// The rows of shortcuts, with the rows of all layers.
pub(super) fn row_shortcuts<'a>(
    rows: &'a [Axis],
    shortcuts: &'a [Option<Shortcut>],
) -> impl Iterator<Item = (usize, RowShortcut<'a>)> {
    shortcuts.iter().enumerate().filter_map(|(last, shortcut)| {
        let Shortcut { from, places: [places, _], .. } = shortcut.as_ref()?;
        Some((*from, RowShortcut { last, axis: &rows[last], places }))
    })
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
