//! How much memory a computation takes.

use super::patch::tile_of;
use super::scratch::vectors;
use super::stage::Stages;
use crate::plan::Plan;
use crate::simd::{Isa, Real};

/// The bytes that a thread works in when it computes kernels of pairs in precision `F` on `isa`,
/// which this processor need not have: rings, columns, packed images and norms, and all else that
/// grows with an image. Counted from the plan, without allocating any.
///
/// A computation on `n` threads takes `n` times that, beside images, norms and results.
///
/// ```
/// use ckn_rs::engine;
/// use ckn_rs::model::Model;
/// use ckn_rs::plan::{Plan, Shape};
/// use ckn_rs::simd::Isa;
///
/// let model = Model::from_toml("[[layers]]\nnpatch = 3\nsubsampling = 2\nsigma = 0.6", false)?;
/// let plan = Plan::new(&model, Shape { height: 28, width: 28, channels: 1 }, false)?;
/// let [wide, narrow] = [Isa::Avx512, Isa::Avx2].map(|isa| engine::scratch_bytes::<f32>(&plan, isa));
/// assert!(narrow < wide && wide < 1 << 20);
/// # Ok::<(), ckn_rs::error::Error>(())
/// ```
pub fn scratch_bytes<F: Real>(plan: &Plan, isa: Isa) -> usize {
    let vector = isa.vector_bytes();
    let stages = Stages::<F>::new(&plan.pair, plan.shape.channels, tile_of(vector));
    vectors(&stages, plan.ntk) * vector
}

#[cfg(test)]
mod tests {
    use std::marker::PhantomData;

    use super::*;
    use crate::engine::pack::Packed;
    use crate::engine::patch::tile;
    use crate::engine::scratch::{LayerScratch, Scratch};
    use crate::kernel::Kernel;
    use crate::model::{Layer, Model};
    use crate::plan::Shape;
    use crate::pooling::Pooling;
    use crate::simd::{Simd, Task};

    fn layer(npatch: usize, subsampling: usize, pooling: Pooling) -> Layer {
        let (kernel, sigma) = (Kernel::Exp, 0.6);
        Layer { npatch, subsampling, poolfactor: subsampling, kernel, sigma, pooling }
    }

    fn plan(layers: &[Layer], (height, width, channels): (usize, usize, usize), ntk: bool) -> Plan {
        let shape = Shape { height, width, channels };
        Plan::new(&Model::new(layers.to_vec()).unwrap(), shape, ntk).unwrap()
    }

    /// The flagship of `docs/performance.md` on square images of three channels.
    fn flagship(side: usize, ntk: bool) -> Plan {
        let layers = [2, 5].map(|s| layer(3, s, Pooling::Gaussian));
        plan(&layers, (side, side, 3), ntk)
    }

    fn bytes<T>(buffer: &Vec<T>) -> usize {
        buffer.capacity() * size_of::<T>()
    }

    fn all<T>(buffers: &[Vec<T>]) -> usize {
        buffers.iter().map(bytes).sum()
    }

    fn packed<S: Simd, F: Real>(packed: &Packed<S, F>) -> usize {
        let norms = packed.norms.iter().map(|site| bytes(&site.norms) + bytes(&site.inverses));
        bytes(&packed.pixels) + norms.sum::<usize>()
    }

    /// The bytes that a [`Scratch`] really allocates, taken to pieces so that no new buffer of it
    /// compiles uncounted.
    struct Allocated<'a, F>(&'a Plan, PhantomData<F>);

    impl<F: Real> Task for Allocated<'_, F> {
        type Output = usize;

        fn run<S: Simd>(self, simd: S) -> usize {
            let Self(plan, _) = self;
            let stages = Stages::<F>::new(&plan.pair, plan.shape.channels, tile::<S, F>());
            let Scratch { left, right, layers, rings, totals: _, diagonal } =
                &Scratch::new(simd, &stages, plan.ntk);
            let layer = |layer: &LayerScratch<S, F>| {
                let LayerScratch { columns, values, pooled, across, down, traces } = layer;
                let by_row = [columns, pooled, across, traces];
                let by_row = by_row.iter().map(|rows| all(rows.as_flattened()));
                by_row.sum::<usize>() + all(values) + bytes(down)
            };
            let layers: usize = layers.iter().map(layer).sum();
            packed(left) + packed(right) + layers + all(rings.as_flattened()) + bytes(diagonal)
        }
    }

    fn check<F: Real>(plan: &Plan) {
        for isa in Isa::available() {
            let allocated = isa.run(Allocated::<F>(plan, PhantomData));
            let what = format!("{} on {} {:?}", isa.name(), plan.shape, plan.layers);
            assert_eq!(scratch_bytes::<F>(plan, isa), allocated, "{what}");
        }
    }

    #[test]
    fn what_is_counted_is_what_is_allocated() {
        use Pooling::{Average, Gaussian, Strided};
        let mut wide = layer(6, 1, Gaussian);
        wide.poolfactor = 4;
        for ntk in [false, true] {
            for plan in [
                flagship(32, ntk),
                plan(&[layer(3, 2, Gaussian); 3], (32, 27, 1), ntk),
                plan(&[layer(5, 8, Average)], (40, 37, 3), ntk),
                plan(&[layer(3, 2, Strided), layer(3, 3, Strided)], (23, 30, 2), ntk),
                plan(&[wide, layer(2, 1, Average)], (11, 70, 2), ntk),
                plan(&[layer(1, 1, Average)], (1, 1, 1), ntk),
            ] {
                check::<f32>(&plan);
                check::<f64>(&plan);
            }
        }
    }

    /// Also where vectors are wider than here: a thread's share of a third-level cache, or of memory.
    #[test]
    fn scratch_fits_a_cache() {
        for isa in Isa::ALL {
            let megabytes = |side| {
                scratch_bytes::<f32>(&flagship(side, false), isa) as f64 / f64::from(1 << 20)
            };
            let (usual, large) = (megabytes(32), megabytes(96));
            assert!(usual < 4.0, "{}: {usual} MB", isa.name());
            assert!(large < 64.0, "{}: {large} MB at 96x96", isa.name());
        }
    }
}
