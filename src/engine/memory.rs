//! How much memory a computation takes.

use super::batch::scratch::{table_bytes, vectors};
use super::batch::stage::Stages;
use crate::plan::Plan;
use crate::simd::{Isa, Real};

/// The bytes that a thread works in when it computes kernels of pairs in precision `F` on `isa`:
/// rings, columns, packed images and norms, and all else that grows with an image.
///
/// They are counted from the plan, and nothing is allocated. This processor need not have `isa`. A
/// computation on `n` threads takes `n` times that, beside images, norms and results.
///
/// ```
/// use ckn_rs::engine;
/// use ckn_rs::model::Model;
/// use ckn_rs::plan::{Carried, Plan, Shape};
/// use ckn_rs::simd::Isa;
///
/// let model = Model::from_toml("[[layers]]\nnpatch = 3\nsubsampling = 2\nsigma = 0.6", false)?;
/// let shape = Shape { height: 28, width: 28, channels: 1 };
/// let plan = Plan::new(&model, shape, Carried::Nothing)?;
/// let [wide, narrow] = [Isa::Avx512, Isa::Avx2].map(|isa| engine::scratch_bytes::<f32>(&plan, isa));
/// assert!(narrow < wide && wide < 1 << 20);
/// # Ok::<(), ckn_rs::error::Error>(())
/// ```
pub fn scratch_bytes<F: Real>(plan: &Plan, isa: Isa) -> usize {
    let vector = isa.vector_bytes();
    let stages = Stages::<F>::new(&plan.pair, plan.shape.channels);
    vectors(&stages) * vector + table_bytes(&stages)
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use super::*;
    use crate::engine::batch::narrow::Narrowed;
    use crate::engine::batch::pack::{LayerNorms, Packed};
    use crate::engine::batch::ring::Rings;
    use crate::engine::batch::scratch::{LayerScratch, Scratch};
    use crate::kernel::Kernel;
    use crate::model::{Layer, Model, Padding, Readout};
    use crate::plan::{Carried, Shape};
    use crate::pooling::Pooling;
    use crate::simd::{Context, Simd, Task};

    fn layer(npatch: usize, subsampling: usize, pooling: Pooling) -> Layer {
        Layer { sigma: 0.6, ..Layer::new(Kernel::Exp, npatch, subsampling).pooled(pooling) }
    }

    fn plan(
        layers: &[Layer],
        (height, width, channels): (usize, usize, usize),
        carried: Carried,
    ) -> Plan {
        let shape = Shape { height, width, channels };
        Plan::new(&Model::new(layers.to_vec()).unwrap(), shape, carried).unwrap()
    }

    /// The flagship of `docs/performance.md` on square images of three channels.
    fn flagship(side: usize, carried: Carried) -> Plan {
        let layers = [2, 5].map(|s| layer(3, s, Pooling::Gaussian));
        plan(&layers, (side, side, 3), carried)
    }

    fn bytes<T>(buffer: &Vec<T>) -> usize {
        buffer.capacity() * size_of::<T>()
    }

    fn all<T>(buffers: &[Vec<T>]) -> usize {
        buffers.iter().map(bytes).sum()
    }

    fn maps<T>(buffers: &[Vec<Vec<T>>]) -> usize {
        buffers.iter().map(|maps| all(maps)).sum()
    }

    fn packed<S: Simd, F: Real>(packed: &Packed<S, F>) -> usize {
        let norms = packed.norms.iter().map(|LayerNorms { norms, inverses, log_derivatives }| {
            bytes(norms) + bytes(inverses) + all(log_derivatives)
        });
        bytes(&packed.pixels) + norms.sum::<usize>() + packed.support.allocated()
    }

    /// The bytes that a [`Scratch`] really allocates, taken to pieces so that no new buffer of it
    /// compiles uncounted, with the tables that it allocates for the first blank patches.
    struct Allocated<'a, F>(&'a Plan, PhantomData<F>);

    impl<F: Real> Task for Allocated<'_, F> {
        type Output = usize;

        fn run<S: Simd>(self, simd: S) -> usize {
            let Self(plan, _) = self;
            let cx = Context::<S, F>::new(simd);
            let stages = Stages::new(&plan.pair, plan.shape.channels);
            let Scratch { left, right, layers, rings, totals: _, diagonal } =
                &Scratch::new(cx, &stages);
            let layer = |layer: &LayerScratch<S, F>| {
                let LayerScratch {
                    columns,
                    starts,
                    values,
                    jets,
                    pooled,
                    across,
                    down,
                    traces,
                    ..
                } = layer;
                let by_row = [columns, pooled, across, traces];
                let by_row = by_row.iter().map(|rows| maps(rows.as_slice()));
                let buffers = [starts, down, jets].map(bytes);
                by_row.sum::<usize>() + all(values) + buffers.iter().sum::<usize>()
            };
            let layers: usize = layers.iter().map(layer).sum();
            let tables = stages.stages.iter().map(|stage| Narrowed::new(stage).allocated());
            let rings: usize = rings.iter().map(|Rings { shape: _, maps }| all(maps)).sum();
            packed(left) + packed(right) + layers + tables.sum::<usize>() + rings + all(diagonal)
        }
    }

    fn check<F: Real>(plan: &Plan) {
        for isa in Isa::available() {
            let allocated = isa.run(Allocated::<F>(plan, PhantomData));
            let what = format!("{} on {} {:?}", isa.name(), plan.shape, plan.model.layers);
            assert_eq!(scratch_bytes::<F>(plan, isa), allocated, "{what}");
        }
    }

    #[test]
    fn what_is_counted_is_what_is_allocated() {
        use Pooling::{Average, Gaussian, Strided};
        let mut wide = layer(6, 1, Gaussian);
        wide.poolfactor = [4; 2];
        let unpooled = layer(3, 1, Pooling::None);
        let mut around = layer(3, 2, Gaussian);
        around.padding = Padding::Circular;
        for carried in Carried::ALL {
            for plan in [
                flagship(32, carried),
                plan(&[3, 3, 3].map(|side| layer(side, 2, Gaussian)), (32, 27, 1), carried),
                plan(&[layer(5, 8, Average)], (40, 37, 3), carried),
                plan(&[layer(3, 2, Strided), layer(3, 3, Strided)], (23, 30, 2), carried),
                plan(&[wide.clone(), layer(2, 1, Average)], (11, 70, 2), carried),
                plan(&[layer(3, 2, Average), around.clone()], (14, 13, 2), carried),
                plan(&[layer(1, 1, Average)], (1, 1, 1), carried),
                plan(&[unpooled.clone(), unpooled.clone(), wide.clone()], (12, 40, 2), carried),
                plan(
                    &[unpooled.clone(), layer(3, 2, Gaussian), around.clone()],
                    (13, 12, 1),
                    carried,
                ),
            ] {
                check::<f32>(&plan);
                check::<f64>(&plan);
            }
        }
    }

    /// Nine layers, of which six are not pooled: the rings hold a few pairs of rows.
    #[test]
    fn deep_networks_fit_a_cache() {
        let unpooled = layer(3, 1, Pooling::None);
        let block = [unpooled.clone(), unpooled, layer(3, 2, Pooling::Average)];
        let layers = block.iter().cycle().take(9).cloned().collect();
        let model = Model { readout: Readout::Mean, ..Model::new(layers).unwrap() };
        let shape = Shape { height: 32, width: 32, channels: 3 };
        for carried in [Carried::Nothing, Carried::Ntk] {
            let plan = Plan::new(&model, shape, carried).unwrap();
            for isa in Isa::ALL {
                let bytes = scratch_bytes::<f32>(&plan, isa);
                assert!(bytes < 8 << 20, "{}, {carried:?}: {bytes} bytes", isa.name());
            }
        }
    }

    /// This holds for vectors that this processor lacks, too: a thread has its share of a third-level
    /// cache, or of memory.
    #[test]
    fn scratch_fits_a_cache() {
        for isa in Isa::ALL {
            let megabytes = |side| {
                scratch_bytes::<f32>(&flagship(side, Carried::Nothing), isa) as f64
                    / f64::from(1 << 20)
            };
            let (usual, large) = (megabytes(32), megabytes(96));
            assert!(usual < 4.0, "{}: {usual} MB", isa.name());
            assert!(large < 64.0, "{}: {large} MB at 96x96", isa.name());
        }
    }
}
