//! The memory that a thread works in, allocated once.

use super::chunk::SITES;
use super::pack::{Packed, Side};
use super::stage::{Stage, Stages};
use crate::plan::ROWS;
use crate::simd::{Real, Simd, SimdBase, SimdFloat, Vector, zeros};

/// The CKN's map and the NTK's: most buffers come in a pair, the second empty without NTK.
pub(super) const MAPS: usize = 2;

/// One buffer a map.
type PerMap<S, F> = [Vec<Vector<S, F>>; MAPS];

/// Everything a thread writes to, allocated once.
pub(super) struct Scratch<S: Simd, F: Real> {
    pub left: Packed<S, F>,
    pub right: Packed<S, F>,
    pub layers: Vec<LayerScratch<S, F>>,
    /// `rings[l]` is the input of layer `l`; empty for the first layer.
    pub rings: Vec<PerMap<S, F>>,
    /// The traces.
    pub totals: [Total<S, F>; MAPS],
    /// The diagonal of the output, by `[row][column]`, for a pipeline that ends in it.
    pub diagonal: Vec<Vector<S, F>>,
}

/// What one layer writes to; what is by left row of a step comes first.
pub(super) struct LayerScratch<S: Simd, F: Real> {
    /// Step 1: vertical patch sums, the rings of all chunks,
    pub columns: [PerMap<S, F>; ROWS],
    /// Step 2: a block's patch kernels, by `[left site][right site of the chunk]`,
    pub values: PerMap<S, F>,
    /// Step 3: a row pooled along right columns, by `[left site][right window]`,
    pub pooled: [PerMap<S, F>; ROWS],
    /// along both columns, by `[left][right]` for a ring of right rows,
    pub across: [PerMap<S, F>; ROWS],
    /// Step 4: and along right rows, for each left row.
    pub down: Vec<Vector<S, F>>,
    /// In a trace instead, the sum of each left site.
    pub traces: [PerMap<S, F>; ROWS],
}

/// A sum whose rounding error is carried along.
#[derive(Clone, Copy)]
pub(super) struct Total<S: Simd, F: Real> {
    sum: Vector<S, F>,
    /// What the sum has too little.
    rest: Vector<S, F>,
}

impl<S: Simd, F: Real> Total<S, F> {
    pub fn new(simd: S) -> Self {
        let zero = Vector::<S, F>::splat(simd, F::ZERO);
        Self { sum: zero, rest: zero }
    }

    /// Add `weight value`, by Kahan's summation.
    pub fn add(&mut self, simd: S, value: Vector<S, F>, weight: F) {
        let term = value.mul_add(Vector::<S, F>::splat(simd, weight), self.rest);
        let sum = self.sum + term;
        self.rest = term - (sum - self.sum);
        self.sum = sum;
    }

    pub fn value(&self) -> &[F] {
        self.sum.as_slice()
    }
}

impl<S: Simd, F: Real> LayerScratch<S, F> {
    fn new(simd: S, stage: &Stage<F>, ntk: bool, index: usize) -> Self {
        let cols = &stage.plan.cols;
        let (sites, width) = (cols.sites.len(), cols.windows.len());
        let map = |len, wanted| zeros::<S, F>(simd, if wanted { len } else { 0 });
        let both = |len| [map(len, true), map(len, ntk)];
        let rows = || std::array::from_fn(|_| both(stage.held_rows * width * width));
        let ring = stage.chunks.last().map_or(0, |chunk| chunk.ring.end);
        let traced = if stage.is_trace() { sites } else { 0 };
        Self {
            columns: std::array::from_fn(|_| [map(ring, true), map(ring, ntk && index > 0)]),
            values: both(SITES * stage.values_row),
            pooled: std::array::from_fn(|_| both(sites * width)),
            across: rows(),
            down: map(ROWS * width * width, true),
            traces: std::array::from_fn(|_| both(traced)),
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
            totals: [Total::new(simd); MAPS],
            diagonal: zeros::<S, F>(simd, last.rows.windows.len() * last.cols.windows.len()),
        }
    }
}
