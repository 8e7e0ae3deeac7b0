//! How large the tables of a plan become, so that a model that needs huge ones is refused before the
//! first one is made.

use super::axis::taps;
use super::placement::Placement;
use super::shape::Shape;
use crate::error::{Result, bail};
use crate::model::{AXES, Model};

/// The most bytes that the tables of a plan may take, about. The largest images need half of it, and
/// a network of 400 layers on images of 32 rows and columns.
const MOST_BYTES: f64 = 2e9;

/// Refuse a model whose plan would have larger tables.
pub(super) fn check(model: &Model, shape: Shape, placements: &[[Placement; AXES]]) -> Result<()> {
    let bytes = bytes(model, placements);
    if bytes > MOST_BYTES {
        bail!(
            "model: the plan of {} layers on images {shape} would take {:.1} GB, of at most {} GB; \
             use fewer layers, narrower patches or smaller images",
            model.layers.len(),
            bytes / 1e9,
            MOST_BYTES / 1e9,
        );
    }
    Ok(())
}

/// The bytes of all tables, about. Layer `l` of `n` is a part of `n - l` pipelines: those of the
/// norms of the layers after it, and that of the pair.
fn bytes(model: &Model, placements: &[[Placement; AXES]]) -> f64 {
    let count = placements.len();
    let layers = placements.iter().zip(&model.layers).enumerate();
    let tables = layers.map(|(index, (placement, layer))| {
        let axes = placement.iter().enumerate();
        let axes = axes.map(|(along, Placement { patches, offsets, .. })| {
            let pooled = taps(model, layer, along, *patches);
            let (patches, offsets) = (*patches as f64, offsets.len() as f64);
            let (outputs, weights) = (pooled.outputs as f64, pooled.weights.len() as f64);
            let trace = if index + 1 == count { patches * (8.0 * patches + 40.0) } else { 0.0 };
            let pipelines = (count - index) as f64;
            let each = 1500.0
                + patches * (80.0 + 16.0 * offsets)
                + outputs * (80.0 + 8.0 * weights)
                + 8.0 * weights;
            pipelines * each + trace
        });
        axes.sum::<f64>()
    });
    tables.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::model::Layer;
    use crate::plan::{Carried, LONGEST, Plan};
    use crate::pooling::Pooling;

    fn deep(count: usize) -> Model {
        let layer = Layer::new(Kernel::Exp, 3, 1).pooled(Pooling::None);
        Model::new(vec![layer; count]).unwrap()
    }

    fn plan(model: &Model, side: usize) -> Result<Plan> {
        Plan::new(model, Shape { height: side, width: side, channels: 1 }, Carried::Nothing)
    }

    #[test]
    fn huge_tables_are_refused() {
        let message = plan(&deep(1000), 32).unwrap_err().to_string();
        assert!(message.contains("1000 layers on images (32, 32, 1)"), "{message}");
        let mut wide = deep(9);
        wide.layers.iter_mut().for_each(|layer| layer.npatch = [usize::MAX; AXES]);
        assert!(plan(&wide, LONGEST).is_err());
        assert!(plan(&deep(60), 32).is_ok());
    }

    #[test]
    fn the_largest_images_are_not() {
        let shape = Shape { height: LONGEST, width: LONGEST, channels: 1 };
        let model = deep(2);
        let sizes = [(LONGEST, LONGEST); 2];
        let placements: Vec<_> = (0..2)
            .map(|index| crate::plan::check::layer(&model, index, sizes[index]).unwrap().0)
            .collect();
        assert!(check(&model, shape, &placements).is_ok());
    }
}
