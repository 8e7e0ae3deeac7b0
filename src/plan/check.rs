//! Whether a model fits an image, and a layer what is asked of it.

use super::Carried;
use super::axis::taps;
use super::placement::{Placement, extent};
use crate::error::{Result, bail};
use crate::model::{Layer, Model, Padding, SIDES};

/// Where the patches of layer `index` stand on a map of these sizes, and the size of its output.
pub(super) fn layer(
    model: &Model,
    index: usize,
    (height, width): (usize, usize),
) -> Result<([Placement; SIDES], (usize, usize))> {
    let layer = &model.layers[index];
    let sizes = [height, width];
    let map = format!("the layer's input of {height}x{width} positions");
    for side in 0..SIDES {
        check_patch(layer, index, side, sizes, &map)?;
    }
    let placement = [0, 1].map(|side| Placement::new(layer, model.convention, side, sizes[side]));
    let patches = [0, 1].map(|side: usize| placement[side].patches);
    let longest = patches[0].max(patches[1]);
    if let Some(stride) = layer.subsampling.into_iter().find(|&stride| stride > longest) {
        bail!(
            "model: layer {index}: \"subsampling\" is {stride}, more than the {}x{} positions of its \
             patches have; use a smaller \"subsampling\" or larger images",
            patches[0],
            patches[1],
        );
    }
    let outputs = [0, 1].map(|side: usize| taps(model, layer, side, patches[side]).outputs);
    let [rows, cols] = outputs;
    if rows == 0 || cols == 0 {
        let side = usize::from(rows > 0);
        bail!(
            "model: layer {index} leaves no positions: {:?} pooling with \"subsampling\" {} of \
             {}x{} positions gives {rows}x{cols}; use a smaller \"subsampling\" or larger images, \
             or for an axis that is not to be pooled the pair of poolings {}",
            layer.poolings[side].name().unwrap_or("weighted"),
            layer.subsampling[side],
            patches[0],
            patches[1],
            if side == 0 { "(\"none\", ...)" } else { "(..., \"none\")" },
        );
    }
    Ok((placement, (rows, cols)))
}

/// Whether the patches fit the map along axis `side`. Around a map with padding `same` terms outside
/// are dropped, so that a patch may be as wide as it likes.
fn check_patch(
    layer: &Layer,
    index: usize,
    side: usize,
    sizes: [usize; SIDES],
    map: &str,
) -> Result<()> {
    let (extent, axis) = (extent(layer, side), ["rows", "columns"][side]);
    let (npatch, dilation) = (layer.npatch[side], layer.dilation[side]);
    if layer.padding != Padding::Same && extent > sizes[side] {
        let spread = match dilation {
            1 => String::new(),
            _ => format!(" with \"dilation\" {dilation} reaches over {extent} positions,"),
        };
        bail!(
            "model: layer {index}: with this \"padding\", \"npatch\" is {npatch} along {axis},{spread} \
             more than {map} has; use a smaller \"npatch\" along that axis, such as a pair (1, 3), or \
             padding \"same\""
        );
    }
    if layer.stride[side] > sizes[0].max(sizes[1]) {
        bail!(
            "model: layer {index}: \"stride\" is {} along {axis}, more than {map} has; use a \
             smaller \"stride\" or larger images",
            layer.stride[side],
        );
    }
    Ok(())
}

/// Every slope that is needed must be one that a kernel has.
pub(super) fn slopes(model: &Model, carried: Carried) -> Result<()> {
    let mut needed = carried == Carried::Ntk;
    for (index, layer) in model.layers.iter().enumerate() {
        if let (true, Some(why)) = (needed, layer.kernel.singular()) {
            let (what, remedy) = match carried {
                Carried::Ntk => ("the NTK", "take the CKN, ntk=False, or another kernel there"),
                _ => (
                    "a gradient with respect to the sigma of a layer before",
                    "use another kernel there",
                ),
            };
            bail!(
                "model: layer {index}: {what} needs the slope of kernel {:?}, {why}; {remedy}",
                layer.kernel.name(),
            );
        }
        needed |= carried == Carried::Gradients && layer.kernel.has_sigma();
    }
    Ok(())
}
