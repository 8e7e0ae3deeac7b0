//! The order in which the columns of a layer are summed, evaluated and pooled.
//!
//! Vertical patch sums are kept by *columns*: one array over the right columns for each left column.
//! Site `i` at the patch's horizontal position `o` reads column `origin + i + step o`, in the left
//! image and in the right one. Where sites are sparse, columns are the sites themselves, and the only
//! position is 0.
//!
//! ```text
//! for each chunk of right sites
//!     for each strip of BLOCK left columns
//!         sum the strip's columns into a ring of strips
//!         for each block of left sites whose columns are now complete
//!             evaluate the patch kernel, and pool along right columns or trace
//! ```

use std::ops::{Range, RangeInclusive};

use crate::plan::Axis;

/// Left columns that are summed together.
pub const BLOCK: usize = 4;

/// Most left sites that are evaluated together: a strip completes [`BLOCK`], the last one more.
pub const SITES: usize = 8;

/// Right columns of a register tile: with its [`BLOCK`] left ones, 12 sums, 3 right operands and 1
/// left one fill the 16 registers of AVX2.
pub const TILE: usize = 3;

/// Zeros behind a row of values. A window that the far edge cuts by no more than this reads these zeros
/// and so counts as whole. Loops over windows 2 sites apart read them, too.
pub const PAD: usize = 2;

/// The place of each column: a ring of strips of left columns, and behind them a column of zeros.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Number of columns.
    pub width: usize,
    /// Whether columns are sites.
    pub folded: bool,
    /// Horizontal positions of a patch.
    pub offsets: usize,
    /// How many columns these are apart.
    pub step: usize,
    /// Column that site 0 reads at offset 0; below 0 for one outside the image.
    pub origin: isize,
    /// Strips held at once.
    pub strips: usize,
}

/// A run of right sites.
pub struct Chunk<F> {
    pub sites: Range<usize>,
    pub strips: Vec<Strip>,
    /// Right windows with all their weights in the chunk or in the zeros behind it.
    pub whole: Range<usize>,
    /// The first site of each of them, counted from the chunk's.
    pub firsts: Vec<usize>,
    /// Sites from one whole window to the next, if always as many.
    pub step: Option<usize>,
    /// Right windows that end or begin in another chunk, or that the far edge cuts.
    pub cut: Vec<Cut>,
    /// The weights of a trace, for the reach of one left site after the other.
    pub trace: Vec<F>,
    /// The place of its ring of columns among those of all chunks, zeros included.
    pub ring: Range<usize>,
}

/// Left columns that are summed together.
#[derive(Clone)]
pub struct Strip {
    pub index: usize,
    /// The place of the first left column.
    pub start: usize,
    /// The distance to the next one.
    pub stride: usize,
    /// In a left column, right column `origin` stands at `pad`.
    pub origin: usize,
    pub pad: usize,
    /// The right columns.
    pub reach: Range<usize>,
    /// The sites whose last column is in this strip.
    pub blocks: Vec<Block>,
}

/// Left sites that are evaluated together, one after the other.
#[derive(Clone)]
pub struct Block {
    pub sites: Vec<Site>,
}

/// A left site against the right sites of a chunk.
#[derive(Clone)]
pub struct Site {
    /// Index of the left site.
    pub index: usize,
    /// The right sites, counted from the chunk's first.
    pub reach: Range<usize>,
    /// For each offset, the place of the column that the first of them reads.
    pub bases: Vec<usize>,
    /// The right windows that are pooled.
    pub windows: Range<usize>,
    /// In a trace, the place of the weights for `reach` among the chunk's.
    pub trace: usize,
}

/// A part of a right window.
pub struct Cut {
    pub window: usize,
    /// The first site, counted from the chunk's.
    pub first: usize,
    pub taps: Range<usize>,
}

impl<F> Chunk<F> {
    /// Right sites of the chunk, counted from its first.
    pub fn places(&self, sites: &Range<usize>) -> Range<usize> {
        sites.start - self.sites.start..sites.end - self.sites.start
    }

    /// The whole windows that a site needs.
    pub fn windows_of(&self, site: &Site) -> Range<usize> {
        let start = self.whole.start.max(site.windows.start);
        start..self.whole.end.min(site.windows.end).max(start)
    }
}

impl Strip {
    /// The sites that it completes.
    pub fn sites(&self) -> impl Iterator<Item = &Site> + Clone {
        self.blocks.iter().flat_map(|block| &block.sites)
    }

    /// From right column `right` on, each left column in `ring`.
    pub fn columns<'a, T>(
        &self,
        ring: &'a mut [T],
        right: usize,
    ) -> impl Iterator<Item = &'a mut [T]> {
        let at = self.pad + right - self.origin;
        let columns = ring[self.start..].chunks_exact_mut(self.stride);
        columns.take(BLOCK).map(move |column| &mut column[at..])
    }
}

/// Length of a row of values by right site.
pub fn values_row<F>(chunks: &[Chunk<F>]) -> usize {
    chunks.last().map_or(0, |longest| longest.sites.len() + PAD)
}

impl Columns {
    /// The columns of an axis; those of sparse sites are `folded`.
    pub fn new(cols: &Axis, folded: bool) -> Self {
        let (width, offsets, origin) = if folded {
            (cols.sites.len(), 1, 0)
        } else {
            (cols.inputs.len(), cols.placement.offsets.len(), origin(cols))
        };
        let mut columns = Self { width, folded, offsets, step: cols.step, origin, strips: 1 };
        let held = |site| columns.last_strip(site) + 1 - columns.first_strip(site);
        // A block's first site was completed by the same strip as its last one.
        columns.strips = (0..cols.sites.len()).map(held).max().unwrap_or(1);
        columns
    }

    pub fn clip(&self, column: isize) -> usize {
        column.clamp(0, self.width as isize - 1) as usize
    }

    /// The strips that hold the columns of a left site.
    pub fn first_strip(&self, site: usize) -> usize {
        self.clip(self.origin + site as isize) / BLOCK
    }

    pub fn last_strip(&self, site: usize) -> usize {
        self.clip(self.origin + (site + self.span()) as isize) / BLOCK
    }

    /// The strips that a left site reads.
    pub fn strips_of(&self, site: usize) -> RangeInclusive<usize> {
        self.first_strip(site)..=self.last_strip(site)
    }

    /// The columns that a run of sites reads.
    pub fn read_by(&self, sites: &Range<usize>) -> Range<usize> {
        let first = self.clip(self.origin + sites.start as isize);
        let last = self.clip(self.origin + (sites.end - 1 + self.span()) as isize);
        first..last + 1
    }

    /// Columns from a patch's first one to its last.
    pub fn span(&self) -> usize {
        (self.offsets - 1) * self.step
    }
}

/// The column that site 0 reads first, when columns are inputs; below 0 for one outside the image.
fn origin(cols: &Axis) -> isize {
    let inputs = cols.patch_inputs.iter().map(|inputs| inputs[0]).enumerate();
    let mut inside = inputs.filter_map(|(offset, input)| Some((offset, input?)));
    let (offset, column) = inside.next().expect("a patch has a position inside");
    column as isize - (offset * cols.step) as isize
}
