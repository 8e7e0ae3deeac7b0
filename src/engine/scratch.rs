//! The memory that a thread works in, allocated once.

use super::chunk::SITES;
use super::gradient::JETS;
use super::map::Maps;
use super::pack::{Packed, Side, packed_length};
use super::stage::{Stage, Stages};
use crate::plan::ROWS;
use crate::simd::{Context, Real, Simd, SimdBase, SimdFloat, Vector};

/// One buffer a map: the CKN's first, then what goes along.
type PerMap<S, F> = Vec<Vec<Vector<S, F>>>;

/// Everything a thread writes to, allocated once.
pub(super) struct Scratch<S: Simd, F: Real> {
    pub left: Packed<S, F>,
    pub right: Packed<S, F>,
    pub layers: Vec<LayerScratch<S, F>>,
    /// `rings[l]` is the input of layer `l`; empty for the first layer.
    pub rings: Vec<PerMap<S, F>>,
    /// The traces.
    pub totals: Vec<Total<S, F>>,
    /// The diagonal of the output, by `[row][column]`, for a pipeline that ends in it.
    pub diagonal: PerMap<S, F>,
}

/// What one layer writes to; what is by left row of a step comes first.
pub(super) struct LayerScratch<S: Simd, F: Real> {
    /// Step 1: vertical patch sums, the rings of all chunks,
    pub columns: [PerMap<S, F>; ROWS],
    /// Step 2: a block's patch kernels, by `[left site][right site of the chunk]`,
    pub values: PerMap<S, F>,
    /// and for gradients a row of each of the kernel's derivatives,
    pub jets: Vec<Vector<S, F>>,
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
    jets: usize,
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
            jets: if stage.maps() == Maps::Gradients { JETS * stage.values_row } else { 0 },
            pooled: sites * width,
            across: stage.held_rows * width * width,
            down: width * width,
            traces: if stage.is_trace() { sites } else { 0 },
        }
    }

    /// The vectors of all buffers.
    fn total(&self, reads: usize, gives: usize) -> usize {
        let Self { columns, values, jets, pooled, across, down, traces } = self;
        let a_row = reads * columns + gives * (pooled + across + traces) + down;
        ROWS * a_row + gives * values + jets
    }
}

fn per_map<S: Simd, F: Real>(simd: S, maps: usize, len: usize) -> PerMap<S, F> {
    (0..maps).map(|_| Context::<S, F>::new(simd).zeros(len)).collect()
}

impl<S: Simd, F: Real> LayerScratch<S, F> {
    fn new(simd: S, stage: &Stage<F>) -> Self {
        let LayerLengths { columns, values, jets, pooled, across, down, traces } =
            LayerLengths::of(stage);
        let (reads, gives) = (stage.plan.reads, stage.plan.gives);
        let rows = |maps, len| std::array::from_fn(|_| per_map::<S, F>(simd, maps, len));
        Self {
            columns: rows(reads, columns),
            values: per_map::<S, F>(simd, gives, values),
            jets: Context::<S, F>::new(simd).zeros(jets),
            pooled: rows(gives, pooled),
            across: rows(gives, across),
            down: Context::<S, F>::new(simd).zeros(ROWS * down),
            traces: rows(gives, traces),
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
    let last = stages.last().plan;
    last.rows.windows.len() * last.cols.windows.len()
}

/// The vectors of a [`Scratch`].
pub(super) fn vectors<F: Real>(stages: &Stages<F>) -> usize {
    let of_layer = |(stage, ring): (&Stage<F>, usize)| {
        let (reads, gives) = (stage.plan.reads, stage.plan.gives);
        LayerLengths::of(stage).total(reads, gives) + gives * ring
    };
    let layers: usize = stages.stages.iter().zip(ring_lengths(stages)).map(of_layer).sum();
    let packed: usize =
        [Side::Left, Side::Right].map(|side| packed_length(stages, side)).iter().sum();
    layers + packed + stages.last().plan.gives * diagonal_length(stages)
}

impl<S: Simd, F: Real> Scratch<S, F> {
    pub fn new(simd: S, stages: &Stages<F>) -> Self {
        let mut rings = vec![Vec::new()];
        let lengths = ring_lengths(stages).zip(&stages.stages);
        rings.extend(lengths.map(|(len, stage)| per_map::<S, F>(simd, stage.plan.gives, len)));
        let gives = stages.last().plan.gives;
        Self {
            left: Packed::new(simd, stages, Side::Left),
            right: Packed::new(simd, stages, Side::Right),
            layers: stages.stages.iter().map(|stage| LayerScratch::new(simd, stage)).collect(),
            rings,
            totals: vec![Total::new(simd); gives],
            diagonal: per_map::<S, F>(simd, gives, diagonal_length(stages)),
        }
    }
}
