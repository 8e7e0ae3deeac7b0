//! A layer's plan, turned into the tables that the steps walk through.
//!
//! Steps 1 and 2 meet in *columns*: vertical sums by left column, each an array over the right
//! columns. Site `i` at horizontal offset `o` reads column `origin + i + o`, left and right alike;
//! when sites are sparse, columns are the sites themselves and the only offset is 0.

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
    pub columns: Columns,
    pub blocks: Vec<Block<F>>,
    /// For each row of sites, the input rows under its patch.
    row_taps: Vec<RowTaps>,
    /// Weights of a window of `plan.cols`.
    pub weights: Vec<F>,
    /// For each window, the first site read.
    pub firsts: Vec<usize>,
    /// Windows that have all taps: the far edge cuts the others.
    pub whole: usize,
}

/// The input rows under the patch of a row of sites, which are consecutive.
struct RowTaps {
    /// The patch offsets that stay inside the image.
    offsets: Range<usize>,
    /// The first one's row.
    first: usize,
}

/// The input rows under two patches.
#[derive(Clone, Copy)]
pub(super) struct PatchRows {
    pub left: usize,
    pub right: usize,
    pub count: usize,
}

/// Where columns stand: a ring of strips of [`BLOCK`] left columns, and behind them a column of
/// zeros.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// Number of columns.
    pub width: usize,
    /// Right columns that are summed at a time.
    pub tile: usize,
    /// Horizontal patch offsets.
    pub offsets: usize,
    /// Column that site 0 reads at offset 0; below 0 for one outside the image.
    origin: isize,
    /// Zeros before right column 0.
    pad: usize,
    /// Length of a left column.
    stride: usize,
    /// Strips held at once.
    strips: usize,
}

/// Up to [`BLOCK`] left sites that are evaluated together, against a run of right sites.
pub(super) struct Block<F> {
    /// The first left site, and how many there are.
    pub first: usize,
    count: usize,
    /// The right sites.
    pub reach: Range<usize>,
    /// Strips that must be summed first, and did not have to be before.
    pub fresh: Vec<Strip>,
    /// Right site `j` at offset `o` of left site `i` reads `bases[i + o] + j + o`.
    pub bases: Vec<usize>,
    /// The windows that read the block.
    pub pooled: Vec<Pooled<F>>,
    /// The right windows that any of them needs.
    pub pooled_reach: Range<usize>,
    /// In a trace, the weights for each right site of `reach`.
    pub trace: Vec<[F; BLOCK]>,
}

/// Left columns that are summed together.
pub(super) struct Strip {
    pub index: usize,
    /// Where right column 0 of the first one stands, and the distance to the next one.
    pub start: usize,
    pub stride: usize,
    /// The right columns.
    pub reach: Range<usize>,
}

/// A left window over a block.
pub(super) struct Pooled<F> {
    pub window: usize,
    /// Whether the window begins in this block.
    pub begins: bool,
    /// The sites of the block that the window reads, and their weights.
    pub first: usize,
    pub weights: Vec<F>,
    /// The right windows with which it is needed.
    pub reach: Range<usize>,
}

impl<'a, F: Real> Stages<'a, F> {
    /// `tile` is the number of right columns that are summed at a time.
    pub fn new(pipeline: &'a Pipeline, channels: usize, tile: usize) -> Self {
        let stage = |plan| Stage::new(plan, channels, tile);
        Self { pipeline, stages: pipeline.layers.iter().map(stage).collect() }
    }
}

impl<'a, F: Real> Stage<'a, F> {
    fn new(plan: &'a LayerPlan, channels: usize, tile: usize) -> Self {
        let cols = &plan.cols;
        let columns = Columns::new(cols, plan.is_folded(), tile);
        let mut blocks: Vec<_> = (0..cols.sites.len())
            .step_by(BLOCK)
            .map(|first| Block::new(cols, &columns, first))
            .collect();
        columns.assign_strips(&mut blocks);
        let row_taps = |site: usize| {
            let taps = plan.rows.taps.iter().map(|taps| taps[site]).enumerate();
            let mut taps = taps.filter_map(|(offset, input)| Some((offset, input?)));
            let (start, first) = taps.next().expect("offset 0 is inside");
            RowTaps { offsets: start..start + 1 + taps.count(), first }
        };
        let taps = plan.layer.pooling.taps(plan.layer.subsampling, plan.layer.poolfactor);
        Self {
            plan,
            depth: channels * cols.offsets.len() / columns.offsets,
            columns,
            blocks,
            row_taps: (0..plan.rows.sites.len()).map(row_taps).collect(),
            weights: taps.weights.iter().map(|&weight| F::from_f64(weight)).collect(),
            firsts: cols.windows.iter().map(|window| window.first).collect(),
            whole: cols.windows.partition_point(|w| w.weights.len() == taps.weights.len()),
        }
    }

    /// Sites of a row, rounded up to whole blocks.
    pub fn site_stride(&self) -> usize {
        self.plan.cols.sites.len().next_multiple_of(BLOCK)
    }

    /// The input rows under the patches of a left and a right row of sites, where both exist.
    pub fn patch_rows(&self, left: usize, right: usize) -> PatchRows {
        let (left, right) = (&self.row_taps[left], &self.row_taps[right]);
        let offsets =
            left.offsets.start.max(right.offsets.start)..left.offsets.end.min(right.offsets.end);
        PatchRows {
            left: left.first + offsets.start - left.offsets.start,
            right: right.first + offsets.start - right.offsets.start,
            count: offsets.len(),
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

impl Columns {
    fn new(cols: &Axis, folded: bool, tile: usize) -> Self {
        let sites = cols.sites.len();
        let (width, offsets, origin) = if folded {
            (sites, 1, 0)
        } else {
            let origin = cols.sites[0] as isize + cols.offsets[0] - cols.inputs[0] as isize;
            (cols.inputs.len(), cols.offsets.len(), origin)
        };
        let pad = (-origin).max(0) as usize;
        let read = (origin + (sites + offsets - 1) as isize).max(0) as usize;
        let mut columns = Self {
            width,
            tile,
            offsets,
            origin,
            pad,
            stride: pad + width.next_multiple_of(tile).max(read),
            strips: 0,
        };
        let held = |first: usize| columns.strips_under(first..sites.min(first + BLOCK)).len();
        columns.strips = (0..sites).step_by(BLOCK).map(held).max().unwrap_or(1).max(1);
        columns
    }

    /// Length of the ring with its column of zeros.
    pub fn len(&self) -> usize {
        (self.strips * BLOCK + 1) * self.stride
    }

    /// The columns that a run of sites reads.
    fn under(&self, sites: &Range<usize>) -> Range<usize> {
        let clip = |column: isize| column.clamp(0, self.width as isize) as usize;
        clip(self.origin + sites.start as isize)
            ..clip(self.origin + (sites.end + self.offsets - 1) as isize)
    }

    fn strips_under(&self, sites: Range<usize>) -> Range<usize> {
        let columns = self.under(&sites);
        columns.start / BLOCK..columns.end.div_ceil(BLOCK)
    }

    /// Where a left column begins; the column of zeros for one outside the image.
    fn start(&self, column: isize) -> usize {
        let slot = match usize::try_from(column) {
            Ok(column) if column < self.width => {
                column / BLOCK % self.strips * BLOCK + column % BLOCK
            }
            _ => self.strips * BLOCK,
        };
        slot * self.stride
    }

    /// Give each block the strips that it is the first to read.
    fn assign_strips<F: Real>(&self, blocks: &mut [Block<F>]) {
        let mut reaches = vec![0..0; self.width.div_ceil(BLOCK)];
        for block in blocks.iter() {
            let read = self.under(&block.reach);
            for strip in self.strips_under(block.left()) {
                reaches[strip] = hull([reaches[strip].clone(), read.clone()].into_iter());
            }
        }
        let mut done = 0;
        for block in blocks {
            let strips = self.strips_under(block.left());
            let strip = |index: usize| Strip {
                index,
                start: self.start((index * BLOCK) as isize) + self.pad,
                stride: self.stride,
                reach: reaches[index].clone(),
            };
            block.fresh = (done..strips.end).map(strip).collect();
            done = done.max(strips.end);
        }
    }
}

impl<F: Real> Block<F> {
    fn new(cols: &Axis, columns: &Columns, first: usize) -> Self {
        let inside = first..cols.sites.len().min(first + BLOCK);
        let reach = cols.reach[first].clone();
        let windows = cols.windows.iter().zip(&cols.window_reach).enumerate();
        let pooled: Vec<_> = windows
            .filter_map(|(index, (window, reach))| {
                let sites = window.sites();
                let read = inside.start.max(sites.start)..inside.end.min(sites.end);
                (!read.is_empty()).then(|| Pooled {
                    window: index,
                    begins: read.start == sites.start,
                    first: read.start - first,
                    weights: read.map(|site| F::from_f64(window.weight(site))).collect(),
                    reach: reach.clone(),
                })
            })
            .collect();
        let trace_weight = |i: usize, j: usize| match cols.trace.get(first + i) {
            Some(row) => F::from_f64(row[j]),
            None => F::ZERO,
        };
        let trace = if cols.trace.is_empty() { 0..0 } else { reach.clone() };
        let base = |k: usize| {
            let start = columns.start(columns.origin + (first + k) as isize) + columns.pad;
            start.checked_add_signed(columns.origin).expect("the padding holds the origin")
        };
        Self {
            first,
            count: inside.len(),
            fresh: Vec::new(),
            bases: (0..BLOCK + columns.offsets - 1).map(base).collect(),
            pooled_reach: hull(pooled.iter().map(|p| p.reach.clone())),
            pooled,
            trace: trace.map(|j| std::array::from_fn(|i| trace_weight(i, j))).collect(),
            reach,
        }
    }

    /// The left sites.
    fn left(&self) -> Range<usize> {
        self.first..self.first + self.count
    }
}
