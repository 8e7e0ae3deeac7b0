//! The memory that a thread works in, allocated once.

use super::chunk::SITES;
use super::pack::{Packed, Side, packed_length};
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

/// How many vectors each buffer of a layer holds, for one map and one left row.
struct LayerLengths {
    columns: usize,
    values: usize,
    pooled: usize,
    across: usize,
    down: usize,
    traces: usize,
}

impl LayerLengths {
    fn of<F: Real>(stage: &Stage<F>) -> Self {
        let cols = &stage.plan.cols;
        let (sites, width) = (cols.sites.len(), cols.windows.len());
        Self {
            columns: stage.chunks.last().map_or(0, |chunk| chunk.ring.end),
            values: SITES * stage.values_row,
            pooled: sites * width,
            across: stage.held_rows * width * width,
            down: width * width,
            traces: if stage.is_trace() { sites } else { 0 },
        }
    }

    /// The vectors of all buffers.
    fn total(&self, ntk: bool, index: usize) -> usize {
        let Self { columns, values, pooled, across, down, traces } = self;
        let column_maps = maps(ntk && index > 0);
        ROWS * (column_maps * columns + maps(ntk) * (pooled + across + traces) + down)
            + maps(ntk) * values
    }
}

/// The number of maps.
fn maps(second: bool) -> usize {
    if second { MAPS } else { 1 }
}

/// A buffer a map, the second empty unless there are two.
fn per_map<S: Simd, F: Real>(simd: S, len: usize, second: bool) -> PerMap<S, F> {
    std::array::from_fn(|map| zeros::<S, F>(simd, if map < maps(second) { len } else { 0 }))
}

impl<S: Simd, F: Real> LayerScratch<S, F> {
    fn new(simd: S, stage: &Stage<F>, ntk: bool, index: usize) -> Self {
        let LayerLengths { columns, values, pooled, across, down, traces } =
            LayerLengths::of(stage);
        let both = |len| per_map::<S, F>(simd, len, ntk);
        let rows = |len| std::array::from_fn(|_| both(len));
        Self {
            // The patch sums of the first layer are the same for both maps.
            columns: std::array::from_fn(|_| per_map::<S, F>(simd, columns, ntk && index > 0)),
            values: both(values),
            pooled: rows(pooled),
            across: rows(across),
            down: zeros::<S, F>(simd, ROWS * down),
            traces: rows(traces),
        }
    }
}

/// The vectors of one map's ring behind each layer.
fn ring_lengths<F: Real>(stages: &Stages<F>) -> impl Iterator<Item = usize> {
    let pipeline = stages.pipeline;
    stages.stages.iter().enumerate().map(|(index, stage)| {
        let next = pipeline.layers.get(index + 1);
        next.map_or(pipeline.ring_rows, |next| next.ring_rows) * stage.output_row()
    })
}

/// The vectors of an output's diagonal; none behind a trace.
fn diagonal_length<F: Real>(stages: &Stages<F>) -> usize {
    let last = &stages.stages[stages.stages.len() - 1].plan;
    last.rows.windows.len() * last.cols.windows.len()
}

/// The vectors of a [`Scratch`].
pub(super) fn vectors<F: Real>(stages: &Stages<F>, ntk: bool) -> usize {
    let layers = stages.stages.iter().enumerate();
    let layers: usize =
        layers.map(|(index, stage)| LayerLengths::of(stage).total(ntk, index)).sum();
    let packed: usize =
        [Side::Left, Side::Right].map(|side| packed_length(stages, side)).iter().sum();
    let rings = maps(ntk) * ring_lengths(stages).sum::<usize>();
    layers + packed + rings + diagonal_length(stages)
}

impl<S: Simd, F: Real> Scratch<S, F> {
    /// Scratch for `stages`; `ntk` if the NTK's map is wanted too.
    pub fn new(simd: S, stages: &Stages<F>, ntk: bool) -> Self {
        let mut rings = vec![[Vec::new(), Vec::new()]];
        rings.extend(ring_lengths(stages).map(|len| per_map::<S, F>(simd, len, ntk)));
        let layer = |(index, stage)| LayerScratch::new(simd, stage, ntk, index);
        Self {
            left: Packed::new(simd, stages, Side::Left),
            right: Packed::new(simd, stages, Side::Right),
            layers: stages.stages.iter().enumerate().map(layer).collect(),
            rings,
            totals: [Total::new(simd); MAPS],
            diagonal: zeros::<S, F>(simd, diagonal_length(stages)),
        }
    }
}
