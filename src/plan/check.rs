//! Whether a model fits an image, and whether its kernels have the slopes that are needed.

use super::axis::taps;
use super::parameter::{Own, Wrt};
use super::pipeline::Carried;
use super::placement::{Placement, extent};
use super::shortcut::Shortcut;
use crate::error::{Result, bail};
use crate::model::{AXES, Layer, Model, Padding};
use crate::pooling::Pooling;

const NAMES: [&str; AXES] = ["rows", "columns"];

/// The places of the patches of layer `index` on a map of these sizes, and the size of its output.
pub(super) fn layer(
    model: &Model,
    index: usize,
    (height, width): (usize, usize),
) -> Result<([Placement; AXES], (usize, usize))> {
    let layer = &model.layers[index];
    let sizes = [height, width];
    let map = format!("the layer's input of {height}x{width} positions");
    for along in 0..AXES {
        check_patch(layer, index, along, sizes, &map)?;
    }
    let placement =
        [0, 1].map(|along| Placement::new(layer, model.convention, along, sizes[along]));
    let patches = [0, 1].map(|along: usize| placement[along].patches);
    for (placement, name) in placement.iter().zip(NAMES) {
        if (0..placement.patches).any(|patch| placement.under(patch).next().is_none()) {
            bail!(
                "model: layer {index}: a patch has no position of {map} along its {name}: XLA places patches of \
                 an even length with \"dilation\" around a position; use an odd \"npatch\", or larger images"
            );
        }
    }
    let longest = patches[0].max(patches[1]);
    if let Some(stride) = layer.subsampling.into_iter().find(|&stride| stride > longest) {
        bail!(
            "model: layer {index}: \"subsampling\" is {stride}, more than the {}x{} positions of its \
             patches have; use a smaller \"subsampling\" or larger images",
            patches[0],
            patches[1],
        );
    }
    let outputs = [0, 1].map(|along: usize| taps(model, layer, along, patches[along]).outputs);
    let [rows, cols] = outputs;
    if rows == 0 || cols == 0 {
        let along = usize::from(rows > 0);
        if layer.poolings[along] == Pooling::Average && layer.poolfactor[along] > patches[along] {
            bail!(
                "model: layer {index} leaves no positions: with this \"convention\", \"poolfactor\" is {} along \
                 {}, more than the {}x{} positions of its patches have; use a smaller \"poolfactor\" or \
                 larger images",
                layer.poolfactor[along],
                NAMES[along],
                patches[0],
                patches[1],
            );
        }
        bail!(
            "model: layer {index} leaves no positions: {:?} pooling with \"subsampling\" {} of \
             {}x{} positions gives {rows}x{cols}; use a smaller \"subsampling\" or larger images, \
             or for an axis that is not to be pooled the pair of poolings {}",
            layer.poolings[along].name().unwrap_or("weighted"),
            layer.subsampling[along],
            patches[0],
            patches[1],
            if along == 0 { "(\"none\", ...)" } else { "(..., \"none\")" },
        );
    }
    Ok((placement, (rows, cols)))
}

/// Whether the shortcut that ends at layer `index` leads from a map of the size of the layer's own.
/// `sizes` are those of all maps so far.
pub(super) fn shortcut(model: &Model, index: usize, sizes: &[(usize, usize)]) -> Result<()> {
    let Some((from, _)) = Shortcut::of(model, index) else { return Ok(()) };
    let (before, after) = (sizes[from], sizes[index + 1]);
    if before != after {
        bail!(
            "model: layer {index}: \"shortcut\" adds the map before layer {from}, of {}x{} positions, to \
             one of {}x{}; within a block use padding \"same\" or \"circular\", and neither strides nor \
             poolings",
            before.0,
            before.1,
            after.0,
            after.1,
        );
    }
    Ok(())
}

/// Whether the patches fit the map along axis `along`. Around a map with padding `same` terms outside
/// are dropped, so that a patch may be as wide as it likes.
fn check_patch(
    layer: &Layer,
    index: usize,
    along: usize,
    sizes: [usize; AXES],
    map: &str,
) -> Result<()> {
    let (extent, name) = (extent(layer, along), NAMES[along]);
    let (npatch, dilation) = (layer.npatch[along], layer.dilation[along]);
    if layer.padding != Padding::Same && extent > sizes[along] {
        let spread = match dilation {
            1 => String::new(),
            _ => format!(" with \"dilation\" {dilation} reaches over {extent} positions,"),
        };
        bail!(
            "model: layer {index}: with this \"padding\", \"npatch\" is {npatch} along {name},{spread} \
             more than {map} has; use a smaller \"npatch\" along that axis, such as a pair (1, 3), or \
             padding \"same\""
        );
    }
    if layer.stride[along] > sizes[0].max(sizes[1]) {
        bail!(
            "model: layer {index}: \"stride\" is {} along {name}, more than {map} has; use a \
             smaller \"stride\" or larger images",
            layer.stride[along],
        );
    }
    Ok(())
}

/// Every slope that is needed must be one that a kernel has.
pub(super) fn slopes(model: &Model, carried: Carried, wrt: &[Wrt]) -> Result<()> {
    let mut needed = carried.has_ntk();
    for (index, layer) in model.layers.iter().enumerate() {
        let own = Own::new(layer, wrt);
        needed |= carried.has_gradients() && !own.scales.is_empty();
        if let (true, Some(why)) = (needed, layer.kernel.singular()) {
            let (what, remedy) = if carried.has_ntk() {
                ("the NTK", "take the CKN, ntk=False, or another kernel there")
            } else {
                let of = match own.scales.is_empty() {
                    true => "a gradient with respect to a parameter of a layer before",
                    false => "a gradient with respect to \"weight_std\" or \"bias_std\"",
                };
                (of, "use another kernel there")
            };
            bail!(
                "model: layer {index}: {what} needs the slope of kernel {:?}, {why}; {remedy}",
                layer.kernel.name(),
            );
        }
        needed |= carried.has_gradients() && own.sigma;
    }
    Ok(())
}
