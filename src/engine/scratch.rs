//! The memory that a thread works in, allocated once.

use super::map::Values;
use super::pack::{Packed, Side};
use super::stage::{Stage, Stages};
use crate::plan::BLOCK;
use crate::simd::{Real, Simd, SimdBase, Vector, zeros};

/// The CKN's map and the NTK's: most buffers come in a pair, the second empty without NTK.
pub(super) const MAPS: usize = 2;

/// Everything a thread writes to, allocated once.
pub(super) struct Scratch<S: Simd, F: Real> {
    pub left: Packed<S, F>,
    pub right: Packed<S, F>,
    pub layers: Vec<LayerScratch<S, F>>,
    /// `rings[l]` is the input of layer `l`; empty for the first layer.
    pub rings: Vec<[Vec<Vector<S, F>>; MAPS]>,
    /// The traces.
    pub totals: [Vector<S, F>; MAPS],
    /// The diagonal of the output, by `[row][column]`, for a pipeline that ends in it.
    pub diagonal: Vec<Vector<S, F>>,
}

/// What one layer writes to.
pub(super) struct LayerScratch<S: Simd, F: Real> {
    /// Step 1: vertical patch sums, the ring of [`Columns`](super::stage::Columns).
    pub columns: [Vec<Vector<S, F>>; MAPS],
    /// Step 2: a block's patch kernels, by right site.
    pub block: [Vec<Values<S, F>>; MAPS],
    /// Step 3: the block pooled along right columns, by right window,
    pub pooled: Vec<Values<S, F>>,
    /// a pair of rows pooled along both columns, by `[left][right]`,
    pub across: [Vec<Vector<S, F>>; MAPS],
    /// and a left row pooled along right rows, by `[left column][right row][right column]`.
    pub down: [Vec<Vector<S, F>>; MAPS],
}

impl<S: Simd, F: Real> LayerScratch<S, F> {
    fn new(simd: S, stage: &Stage<F>, ntk: bool, index: usize) -> Self {
        let (rows, cols) = (&stage.plan.rows, &stage.plan.cols);
        let both =
            |len: usize| [zeros::<S, F>(simd, len), zeros::<S, F>(simd, if ntk { len } else { 0 })];
        let zero = [Vector::<S, F>::splat(simd, F::ZERO); BLOCK];
        let tangent_columns = if ntk && index > 0 { stage.columns.len() } else { 0 };
        Self {
            columns: [
                zeros::<S, F>(simd, stage.columns.len()),
                zeros::<S, F>(simd, tangent_columns),
            ],
            block: [
                vec![zero; cols.sites.len()],
                vec![zero; if ntk { cols.sites.len() } else { 0 }],
            ],
            pooled: vec![zero; cols.windows.len()],
            across: both(cols.windows.len() * cols.windows.len()),
            down: both(cols.windows.len() * rows.windows.len() * cols.windows.len()),
        }
    }
}

impl<S: Simd, F: Real> Scratch<S, F> {
    /// Scratch for `stages`; `ntk` if the NTK's map is wanted too.
    pub fn new(simd: S, stages: &Stages<F>, ntk: bool) -> Self {
        let pipeline = stages.pipeline;
        let ring = |rows: usize, stage: &Stage<F>| {
            let len = rows * stage.output_row();
            [zeros::<S, F>(simd, len), zeros::<S, F>(simd, if ntk { len } else { 0 })]
        };
        let mut rings = vec![[Vec::new(), Vec::new()]];
        for (index, stage) in stages.stages.iter().enumerate() {
            let next = pipeline.layers.get(index + 1);
            rings.push(ring(next.map_or(pipeline.ring_rows, |next| next.ring_rows), stage));
        }
        let last = &stages.stages[stages.stages.len() - 1].plan;
        let layer = |(index, stage)| LayerScratch::new(simd, stage, ntk, index);
        Self {
            left: Packed::new(simd, stages, Side::Left),
            right: Packed::new(simd, stages, Side::Right),
            layers: stages.stages.iter().enumerate().map(layer).collect(),
            rings,
            totals: [Vector::<S, F>::splat(simd, F::ZERO); MAPS],
            diagonal: zeros::<S, F>(simd, last.rows.windows.len() * last.cols.windows.len()),
        }
    }
}
