//! The memory that a thread works in, allocated once.

use super::chunk::SITES;
use super::gradient;
use super::narrow::Narrowed;
use super::pack::{Packed, Role, packed_length};
use super::ring::{RingShape, Rings};
use super::stage::{Stage, Stages};
use super::support::Support;
use crate::plan::{Order, ROWS};
use crate::simd::{Context, Real, Simd, SimdBase, SimdFloat, Vector};

/// One buffer a map: the CKN's first, then the NTK's or the derivatives'.
type PerMap<S, F> = Vec<Vec<Vector<S, F>>>;

/// All buffers of a thread.
pub struct Scratch<S: Simd, F: Real> {
    pub left: Packed<S, F>,
    pub right: Packed<S, F>,
    pub layers: Vec<LayerScratch<S, F>>,
    /// `rings[l]` are behind layer `l`.
    pub rings: Vec<Rings<S, F>>,
    /// The traces.
    pub totals: Vec<Total<S, F>>,
    /// The diagonal of the output, by `[row][column]`, for a pipeline that ends in it.
    pub diagonal: PerMap<S, F>,
}

/// The buffers of one layer. Those that each left row of a visit has of its own are by left row.
pub struct LayerScratch<S: Simd, F: Real> {
    /// Step 1: vertical patch sums, the rings of all chunks. Columns outside the image, which are never
    /// written, hold what all sums begin with.
    pub columns: [PerMap<S, F>; ROWS],
    /// Step 1: a row of what the sums of a deeper layer begin with; none if that is 0.
    pub starts: Vec<Vector<S, F>>,
    /// Step 2: a block's patch kernels, by `[left site][right site of the chunk]`.
    pub values: PerMap<S, F>,
    /// Step 2, for gradients: a row of each of the kernel's derivatives.
    pub jets: Vec<Vector<S, F>>,
    /// Step 3: a row pooled along right columns, by `[left site][right window]`.
    pub pooled: [PerMap<S, F>; ROWS],
    /// Step 3: a row pooled along both columns, by `[left][right]`, for a ring of right rows.
    pub across: [PerMap<S, F>; ROWS],
    /// Step 4: the rows pooled along right rows.
    pub down: Vec<Vector<S, F>>,
    /// In a trace's layer, the sum of each left site.
    pub traces: [PerMap<S, F>; ROWS],
    /// The tables for batches with blank patches; empty before the first one.
    pub narrowed: Narrowed<F>,
}

/// A sum that carries its rounding error along.
#[derive(Clone, Copy)]
pub struct Total<S: Simd, F: Real> {
    sum: Vector<S, F>,
    /// The part of the exact sum that `sum` lacks.
    rest: Vector<S, F>,
}

impl<S: Simd, F: Real> Total<S, F> {
    pub fn new(cx: Context<S, F>) -> Self {
        Self { sum: cx.zero(), rest: cx.zero() }
    }

    /// Add `weight value`, by Kahan's summation.
    pub fn add(&mut self, cx: Context<S, F>, value: Vector<S, F>, weight: F) {
        let term = value.mul_add(cx.splat(weight), self.rest);
        let sum = self.sum + term;
        self.rest = term - (sum - self.sum);
        self.sum = sum;
    }

    /// The sum of each lane.
    pub fn value(&self) -> &[F] {
        self.sum.as_slice()
    }
}

/// How many vectors each buffer of a layer holds, for one map and one left row.
struct LayerLengths {
    columns: usize,
    starts: usize,
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
        let unless = |condition: bool, len: usize| if condition { 0 } else { len };
        Self {
            columns: stage.chunks.last().map_or(0, |chunk| chunk.ring.end),
            starts: unless(!stage.plan.layer.has_bias(), stage.longest_run()),
            values: unless(stage.is_unpooled, SITES * stage.values_row),
            jets: gradient::rows(stage.maps()) * stage.values_row,
            pooled: unless(stage.is_unpooled, sites * width),
            across: unless(stage.is_unpooled, stage.held_rows * width * width),
            down: unless(stage.is_unpooled || stage.order == Order::Displacements, width * width),
            traces: unless(!stage.is_trace(), sites),
        }
    }

    /// The vectors of all buffers.
    fn total(&self, reads: usize, gives: usize) -> usize {
        let Self { columns, starts, values, jets, pooled, across, down, traces } = self;
        let a_row = reads * columns + gives * (pooled + across + traces) + down;
        ROWS * a_row + gives * values + jets + starts
    }
}

fn per_map<S: Simd, F: Real>(cx: Context<S, F>, maps: usize, len: usize) -> PerMap<S, F> {
    (0..maps).map(|_| cx.zeros(len)).collect()
}

impl<S: Simd, F: Real> LayerScratch<S, F> {
    fn new(cx: Context<S, F>, stage: &Stage<F>) -> Self {
        let LayerLengths { columns, starts, values, jets, pooled, across, down, traces } =
            LayerLengths::of(stage);
        let (reads, gives) = (stage.plan.reads, stage.plan.gives);
        let rows = |maps, len| std::array::from_fn(|_| per_map(cx, maps, len));
        let filled = |len, with| {
            let mut vectors = cx.zeros(len);
            vectors.fill(cx.splat(with));
            vectors
        };
        let ring = |map| filled(columns, stage.column_start(map));
        Self {
            columns: std::array::from_fn(|_| (0..reads).map(ring).collect()),
            starts: filled(starts, stage.column_start(0)),
            values: per_map(cx, gives, values),
            jets: cx.zeros(jets),
            pooled: rows(gives, pooled),
            across: rows(gives, across),
            down: cx.zeros(ROWS * down),
            traces: rows(gives, traces),
            narrowed: Narrowed::default(),
        }
    }
}

/// The ring of one map behind each layer.
fn ring_shapes<F: Real>(stages: &Stages<F>) -> impl Iterator<Item = RingShape> {
    let pipeline = stages.pipeline;
    stages.stages.iter().enumerate().map(|(index, stage)| {
        let next = pipeline.layers.get(index + 1);
        stage.output(next.map_or(pipeline.held, |next| next.held))
    })
}

/// The vectors of an output's diagonal; none behind a trace.
fn diagonal_length<F: Real>(stages: &Stages<F>) -> usize {
    let last = stages.last().plan;
    last.rows.windows.len() * last.cols.windows.len()
}

/// The bytes of the tables in a [`Scratch`].
pub fn table_bytes<F: Real>(stages: &Stages<F>) -> usize {
    let support = Support::bytes(stages.stages.iter().map(|stage| stage.plan));
    2 * support + stages.stages.iter().map(Narrowed::bytes).sum::<usize>()
}

/// The vectors of a [`Scratch`].
pub fn vectors<F: Real>(stages: &Stages<F>) -> usize {
    let of_layer = |(stage, ring): (&Stage<F>, RingShape)| {
        let (reads, gives) = (stage.plan.reads, stage.plan.gives);
        LayerLengths::of(stage).total(reads, gives) + gives * ring.len()
    };
    let layers: usize = stages.stages.iter().zip(ring_shapes(stages)).map(of_layer).sum();
    let packed: usize =
        [Role::Left, Role::Right].map(|role| packed_length(stages, role)).iter().sum();
    layers + packed + stages.last().plan.gives * diagonal_length(stages)
}

impl<S: Simd, F: Real> Scratch<S, F> {
    pub fn new(cx: Context<S, F>, stages: &Stages<F>) -> Self {
        let rings = ring_shapes(stages).zip(&stages.stages);
        let gives = stages.last().plan.gives;
        Self {
            left: Packed::new(cx, stages, Role::Left),
            right: Packed::new(cx, stages, Role::Right),
            layers: stages.stages.iter().map(|stage| LayerScratch::new(cx, stage)).collect(),
            rings: rings.map(|(shape, stage)| Rings::new(cx, shape, stage.plan.gives)).collect(),
            totals: vec![Total::new(cx); gives],
            diagonal: per_map(cx, gives, diagonal_length(stages)),
        }
    }
}
