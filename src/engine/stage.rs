//! A layer's plan, turned into the tables that the steps walk through.

use std::ops::Range;

use crate::plan::{Axis, BLOCK, LayerPlan, Pipeline, hull};
use crate::simd::Real;

/// A pipeline's stages, in precision `F`; shared by all threads.
pub(super) struct Stages<'a, F> {
    pub pipeline: &'a Pipeline,
    pub stages: Vec<Stage<'a, F>>,
}

/// One layer.
pub(super) struct Stage<'a, F> {
    pub plan: &'a LayerPlan,
    /// Products summed for a pair of columns and a pair of rows, in the first layer.
    pub depth: usize,
    /// The columns in flight.
    pub ring: ColumnRing,
    pub blocks: Vec<Block<F>>,
    /// Weights of `plan.cols.windows`.
    pub weights: Vec<Vec<F>>,
}

/// Vertical sums by left column: a ring of columns, each an array over the right columns with
/// zeros on both sides, and behind them a column of zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct ColumnRing {
    /// Right columns.
    pub width: usize,
    /// Zeros before the first right column.
    pub pad: usize,
    /// Length of a column with its zeros.
    pub stride: usize,
    /// Left columns held.
    pub slots: usize,
}

impl ColumnRing {
    /// Where right column 0 of left column `column` stands.
    pub fn start(&self, column: usize) -> usize {
        column % self.slots * self.stride + self.pad
    }

    pub fn len(&self) -> usize {
        (self.slots + 1) * self.stride
    }
}

/// Up to [`BLOCK`] left sites that are evaluated together, against a run of right sites.
pub(super) struct Block<F> {
    /// The left sites; the last one is repeated to fill the block.
    pub sites: [usize; BLOCK],
    /// The right sites.
    pub reach: Range<usize>,
    /// Left columns that must be summed first, and did not have to be before.
    pub fresh: Fresh,
    /// For each horizontal offset and left site, where in the ring right site 0's term stands.
    pub terms: Vec<[usize; BLOCK]>,
    /// The windows that read the block.
    pub pooled: Vec<Pooled<F>>,
    /// The right windows that any of them needs.
    pub pooled_reach: Range<usize>,
    /// In a trace, the weights for each right site of `reach`.
    pub trace: Vec<[F; BLOCK]>,
}

/// Consecutive left columns, a register tile's width at a time.
pub(super) struct Fresh {
    pub columns: Range<usize>,
    pub strips: Vec<Strip>,
}

/// Up to [`BLOCK`] left columns that are summed together.
pub(super) struct Strip {
    /// The first left column.
    pub first: usize,
    /// Where right column 0 of each left column stands in the ring.
    pub starts: Vec<usize>,
    /// The right columns.
    pub reach: Range<usize>,
}

/// A left window over a block.
pub(super) struct Pooled<F> {
    pub window: usize,
    /// Whether the window begins in this block.
    pub begins: bool,
    /// The weights of the block's sites, zero for those outside and for repeated ones.
    pub weights: [F; BLOCK],
    /// The right windows with which it is needed.
    pub reach: Range<usize>,
}

impl<'a, F: Real> Stages<'a, F> {
    pub fn new(pipeline: &'a Pipeline, channels: usize) -> Self {
        let stage = |(index, plan)| Stage::new(plan, if index == 0 { channels } else { 0 });
        let stages = pipeline.layers.iter().enumerate().map(stage).collect();
        Self { pipeline, stages }
    }
}

impl<'a, F: Real> Stage<'a, F> {
    /// `channels` is 0 for all layers but the first.
    fn new(plan: &'a LayerPlan, channels: usize) -> Self {
        let cols = &plan.cols;
        let folded = plan.is_folded();
        let horizontal = if folded { 1 } else { cols.offsets.len() };
        let mut blocks = site_blocks(cols);
        fresh_columns(&mut blocks, cols, folded);
        let ring = column_ring(&blocks, cols, folded);
        for block in &mut blocks {
            block.terms = (0..horizontal)
                .map(|o| block.sites.map(|site| ring.term(cols, folded, o, site)))
                .collect();
        }
        fresh_strips(&mut blocks, cols, folded, &ring);
        let in_f = |weights: &Vec<f64>| weights.iter().map(|&w| F::from_f64(w)).collect();
        Self {
            plan,
            depth: channels * if folded { cols.offsets.len() } else { 1 },
            ring,
            blocks,
            weights: cols.windows.iter().map(|window| in_f(&window.weights)).collect(),
        }
    }

    /// Whether the layer ends in a trace instead of a pooled map.
    pub fn is_trace(&self) -> bool {
        self.plan.cols.windows.is_empty()
    }

    /// Entries of one row of the pooled map: left columns, right rows, right columns.
    pub fn output_row(&self) -> usize {
        let (rows, cols) = (self.plan.rows.windows.len(), self.plan.cols.windows.len());
        cols * rows * cols
    }
}

impl ColumnRing {
    fn term(&self, cols: &Axis, folded: bool, offset: usize, site: usize) -> usize {
        if folded {
            return self.start(site);
        }
        let shift = cols.sites[0] as isize + cols.offsets[offset] - cols.inputs[0] as isize;
        let start = match cols.taps[offset][site] {
            Some(column) => self.start(column),
            None => self.slots * self.stride + self.pad,
        };
        start.checked_add_signed(shift).expect("the padding holds every shift")
    }
}

/// The blocks of sites, with what pooling and trace do to them.
fn site_blocks<F: Real>(cols: &Axis) -> Vec<Block<F>> {
    let count = cols.sites.len();
    (0..count)
        .step_by(BLOCK)
        .map(|first| {
            let inside = first..count.min(first + BLOCK);
            let sites = std::array::from_fn(|i| (first + i).min(count - 1));
            let reach = cols.reach[first].clone();
            let pooled: Vec<_> = cols
                .windows
                .iter()
                .zip(&cols.window_reach)
                .enumerate()
                .filter(|(_, (window, _))| {
                    window.first < inside.end && window.sites().end > inside.start
                })
                .map(|(index, (window, reach))| Pooled {
                    window: index,
                    begins: inside.contains(&window.first),
                    weights: std::array::from_fn(|i| {
                        let weight = if inside.contains(&(first + i)) { window.weight(first + i) } else { 0.0 };
                        F::from_f64(weight)
                    }),
                    reach: reach.clone(),
                })
                .collect();
            let trace_weight = |i: usize, j: usize| match cols.trace.get(first + i) {
                Some(row) => F::from_f64(row[j]),
                None => F::ZERO,
            };
            let trace = if cols.trace.is_empty() { 0..0 } else { reach.clone() };
            Block {
                sites,
                fresh: Fresh { columns: 0..0, strips: Vec::new() },
                terms: Vec::new(),
                pooled_reach: hull(pooled.iter().map(|p| p.reach.clone())),
                pooled,
                trace: trace.map(|j| std::array::from_fn(|i| trace_weight(i, j))).collect(),
                reach,
            }
        })
        .collect()
}

/// The left columns that a block reads.
fn columns_of<F>(block: &Block<F>, cols: &Axis, folded: bool) -> Range<usize> {
    if folded {
        return block.sites[0]..block.sites[BLOCK - 1] + 1;
    }
    let taps = cols.taps.iter();
    let read = taps.flat_map(|taps| block.sites.map(|site| taps[site])).flatten();
    hull(read.map(|column| column..column + 1))
}

fn fresh_columns<F>(blocks: &mut [Block<F>], cols: &Axis, folded: bool) {
    let mut done = 0;
    for block in blocks {
        let end = columns_of(block, cols, folded).end.max(done);
        block.fresh.columns = done..end;
        done = end;
    }
}

fn column_ring<F>(blocks: &[Block<F>], cols: &Axis, folded: bool) -> ColumnRing {
    let held = |block: &Block<F>| {
        let end = block.fresh.columns.end;
        end - columns_of(block, cols, folded).start.min(end)
    };
    let slots = blocks.iter().map(held).max().unwrap_or(1).max(1);
    if folded {
        let width = cols.sites.len();
        return ColumnRing { width, pad: 0, stride: width, slots };
    }
    let width = cols.inputs.len();
    let first = cols.sites[0] as isize - cols.inputs[0] as isize;
    let last = first + cols.sites.len() as isize - width as isize;
    let (least, most) = (cols.offsets[0], cols.offsets[cols.offsets.len() - 1]);
    let pad = (-(first + least)).max(0) as usize;
    let stride = pad + width + (last + most).max(0) as usize;
    ColumnRing { width, pad, stride, slots }
}

/// The strips of each block, over the right columns that the sites read.
fn fresh_strips<F>(blocks: &mut [Block<F>], cols: &Axis, folded: bool, ring: &ColumnRing) {
    let columns = if folded { cols.sites.len() } else { cols.inputs.len() };
    let mut reaches = vec![0..0; columns];
    for block in blocks.iter() {
        for (offset, terms) in block.terms.iter().enumerate() {
            for (&site, &term) in block.sites.iter().zip(terms) {
                let column = if folded { Some(site) } else { cols.taps[offset][site] };
                let Some(column) = column else { continue };
                // Right site j reads ring entry term + j, right column `that - start`.
                let clip = |j: usize| (term + j).saturating_sub(ring.start(column)).min(ring.width);
                let read = clip(block.reach.start)..clip(block.reach.end);
                reaches[column] = hull([reaches[column].clone(), read].into_iter());
            }
        }
    }
    for block in blocks {
        let Fresh { columns, strips } = &mut block.fresh;
        let strip = |first: usize| {
            let columns = first..columns.end.min(first + BLOCK);
            Strip {
                first,
                starts: columns.clone().map(|column| ring.start(column)).collect(),
                reach: hull(reaches[columns].iter().cloned()),
            }
        };
        *strips = columns.clone().step_by(BLOCK).map(strip).collect();
    }
}
