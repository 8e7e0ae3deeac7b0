//! A layer's tables, narrowed to the sites of a batch that are not blank.
//!
//! The tables of [`chunk`](super::chunk) stay as they are, for all threads and batches. Here are copies
//! that a thread narrows: to left sites once a visit, to right sites whenever another range of them holds
//! all that is not blank.

use std::ops::Range;

use super::chunk::{Chunk, SITES, Site, Strip};
use super::stage::Stage;
use super::support::SiteBits;
use crate::plan::{Axis, ROWS, hull};
use crate::simd::Real;

/// The tables for the rows at hand.
#[derive(Default)]
pub struct Narrowed<F> {
    /// By chunk and strip.
    pub strips: Vec<Vec<NarrowStrip>>,
    pub lefts: [LeftRow<F>; ROWS],
    /// The runs of entries in a pair of rows pooled along columns, for left windows that are not blank.
    pub across_reach: Vec<Range<usize>>,
    /// The right sites, and the right windows over them.
    pub right: Range<usize>,
    pub windows: Range<usize>,
    /// The right sites of a chunk outside of which the values of blocks are 0.
    pub dirty: Range<usize>,
    /// For each site the windows over it, as a range.
    windows_over: Vec<Range<usize>>,
}

/// A strip and the sites that it completes.
pub struct NarrowStrip {
    /// The strip, for the right columns that are read.
    pub strip: Strip,
    /// Whether sites that are not blank read its columns.
    pub is_read: bool,
    /// For each left row.
    pub rows: [RowSites; ROWS],
}

/// The sites that a strip completes, for one left row.
pub struct RowSites {
    pub sites: Vec<Site>,
    /// The runs of sites that are not blank, none longer than a block.
    pub runs: Vec<Range<usize>>,
}

/// The sites of a left row, and the windows along columns over them.
#[derive(Default)]
pub struct LeftRow<F> {
    pub is_blank: bool,
    /// For each site.
    blank: Vec<bool>,
    /// A weight and a site that is not blank, for one left window after the other.
    taps: Vec<(F, usize)>,
    /// For each left window the end of its taps.
    ends: Vec<usize>,
}

impl<F: Real> Narrowed<F> {
    pub fn new(stage: &Stage<F>) -> Self {
        let cols = &stage.plan.cols;
        let narrow = |chunk: &Chunk<F>| chunk.strips.iter().map(NarrowStrip::new).collect();
        Self {
            strips: stage.chunks.iter().map(narrow).collect(),
            lefts: std::array::from_fn(|_| LeftRow::new(cols)),
            across_reach: Vec::with_capacity(stage.across_reach.len()),
            right: 0..0,
            windows: 0..0,
            dirty: 0..0,
            windows_over: windows_over(cols),
        }
    }

    /// The bytes of the tables.
    pub fn bytes(stage: &Stage<F>) -> usize {
        let cols = &stage.plan.cols;
        let range = size_of::<Range<usize>>();
        let chunks = stage.chunks.iter().map(|chunk| {
            let strips = chunk.strips.iter().map(NarrowStrip::bytes).sum::<usize>();
            size_of::<Vec<NarrowStrip>>() + strips
        });
        let ranges = stage.across_reach.len() + cols.sites.len();
        chunks.sum::<usize>() + ROWS * LeftRow::<F>::bytes(cols) + ranges * range
    }

    /// The bytes that are allocated.
    #[cfg(test)]
    pub fn allocated(&self) -> usize {
        let strips = self.strips.iter().map(|strips| {
            let rows = strips.iter().flat_map(|strip| &strip.rows).map(RowSites::allocated);
            strips.capacity() * size_of::<NarrowStrip>() + rows.sum::<usize>()
        });
        let ranges = self.across_reach.capacity() + self.windows_over.capacity();
        self.strips.capacity() * size_of::<Vec<NarrowStrip>>()
            + strips.sum::<usize>()
            + self.lefts.iter().map(LeftRow::allocated).sum::<usize>()
            + ranges * size_of::<Range<usize>>()
    }

    /// Narrow the tables to the left sites of `rows` that are not blank.
    pub fn begin(&mut self, stage: &Stage<F>, rows: &Range<usize>, left: &SiteBits) {
        let cols = &stage.plan.cols;
        for (slot, row) in self.lefts.iter_mut().enumerate() {
            let index = rows.clone().nth(slot);
            row.begin(stage, |site| index.is_some_and(|index| left.has(index, site)));
        }
        for strip in self.strips.iter_mut().flatten() {
            strip.begin(stage, &self.lefts);
        }
        // Other left sites were narrowed last time, and other batches may have left other values.
        self.right = 0..0;
        let longest = stage.chunks.last().map_or(0, |chunk| chunk.sites.len());
        self.dirty = 0..longest;
        let windows = hull(rows.clone().map(|row| self.windows_over(&left.hull(row))));
        let width = cols.windows.len();
        let entries = windows.start * width..windows.end * width;
        let reach = stage.across_reach.iter().map(|reach| common(reach, &entries));
        self.across_reach.clear();
        self.across_reach.extend(reach.filter(|reach| !reach.is_empty()));
    }

    /// Narrow the tables to the right sites `right`.
    pub fn narrow(&mut self, stage: &Stage<F>, right: Range<usize>) {
        if self.right == right {
            return;
        }
        self.windows = self.windows_over(&right);
        for (chunk, narrow) in stage.chunks.iter().zip(&mut self.strips) {
            let sites = common(&chunk.sites, &right);
            if sites.is_empty() {
                continue;
            }
            let columns = stage.columns.read_by(&sites);
            let clip = chunk.places(&sites);
            for (strip, narrow) in chunk.strips.iter().zip(narrow) {
                narrow.strip.reach = common(&strip.reach, &columns);
                for row in &mut narrow.rows {
                    row.narrow(strip, &clip, &self.windows);
                }
            }
        }
        self.right = right;
    }

    /// The windows over some of these sites, as a range.
    fn windows_over(&self, sites: &Range<usize>) -> Range<usize> {
        hull(self.windows_over[sites.clone()].iter().cloned())
    }
}

/// For each site the windows over it, as a range.
fn windows_over(cols: &Axis) -> Vec<Range<usize>> {
    let mut over = vec![0..0; cols.sites.len()];
    for (index, window) in cols.windows.iter().enumerate() {
        for windows in &mut over[window.sites()] {
            *windows = hull([windows.clone(), index..index + 1].into_iter());
        }
    }
    over
}

impl<F: Real> LeftRow<F> {
    fn new(cols: &Axis) -> Self {
        Self {
            is_blank: true,
            blank: vec![true; cols.sites.len()],
            taps: Vec::with_capacity(tap_count(cols)),
            ends: Vec::with_capacity(cols.windows.len()),
        }
    }

    fn bytes(cols: &Axis) -> usize {
        cols.sites.len()
            + tap_count(cols) * size_of::<(F, usize)>()
            + cols.windows.len() * size_of::<usize>()
    }

    #[cfg(test)]
    fn allocated(&self) -> usize {
        self.blank.capacity()
            + self.taps.capacity() * size_of::<(F, usize)>()
            + self.ends.capacity() * size_of::<usize>()
    }

    fn begin(&mut self, stage: &Stage<F>, has: impl Fn(usize) -> bool) {
        for (site, blank) in self.blank.iter_mut().enumerate() {
            *blank = !has(site);
        }
        self.is_blank = self.blank.iter().all(|&blank| blank);
        self.taps.clear();
        self.ends.clear();
        for window in &stage.plan.cols.windows {
            let taps = stage.col_weights.iter().copied().zip(window.sites());
            self.taps.extend(taps.filter(|(_, site)| !self.blank[*site]));
            self.ends.push(self.taps.len());
        }
    }

    /// The sites under a left window, with their weights.
    #[inline(always)]
    pub fn taps(&self, window: usize) -> &[(F, usize)] {
        let start = window.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.taps[start..self.ends[window]]
    }

    /// The sites.
    pub fn sites(&self) -> impl Iterator<Item = usize> {
        let blank = self.blank.iter().enumerate();
        blank.filter_map(|(site, &blank)| (!blank).then_some(site))
    }
}

/// The taps of all windows.
fn tap_count(cols: &Axis) -> usize {
    cols.windows.iter().map(|window| window.weights.len()).sum()
}

impl NarrowStrip {
    fn new(strip: &Strip) -> Self {
        let mut narrow = strip.clone();
        narrow.blocks = Vec::new();
        let rows = std::array::from_fn(|_| RowSites::new(strip));
        Self { strip: narrow, is_read: false, rows }
    }

    fn bytes(strip: &Strip) -> usize {
        let site = |site: &Site| size_of::<Site>() + site.bases.len() * size_of::<usize>();
        let sites = strip.sites().map(|each| site(each) + size_of::<Range<usize>>());
        size_of::<Self>() + ROWS * sites.sum::<usize>()
    }

    fn begin<F: Real>(&mut self, stage: &Stage<F>, lefts: &[LeftRow<F>; ROWS]) {
        let index = self.strip.index;
        let mut sites = lefts.iter().flat_map(LeftRow::sites);
        self.is_read = sites.any(|site| stage.columns.strips_of(site).contains(&index));
        for (row, left) in self.rows.iter_mut().zip(lefts) {
            row.begin(&left.blank);
        }
    }
}

impl RowSites {
    fn new(strip: &Strip) -> Self {
        let count = strip.sites().count();
        let mut sites = Vec::with_capacity(count);
        sites.extend(strip.sites().cloned());
        Self { sites, runs: Vec::with_capacity(count) }
    }

    /// Find the runs of sites that are not blank.
    fn begin(&mut self, blank: &[bool]) {
        self.runs.clear();
        for (at, site) in self.sites.iter().enumerate() {
            if blank[site.index] {
                continue;
            }
            match self.runs.last_mut() {
                Some(run) if run.end == at && run.len() < SITES => run.end = at + 1,
                _ => self.runs.push(at..at + 1),
            }
        }
    }

    /// Narrow the sites of `strip` to right sites `clip`, counted from the chunk's first, and to right
    /// `windows`.
    fn narrow(&mut self, strip: &Strip, clip: &Range<usize>, windows: &Range<usize>) {
        for run in &self.runs {
            let whole = strip.sites().skip(run.start);
            for (site, whole) in self.sites[run.clone()].iter_mut().zip(whole) {
                narrow_site(site, whole, clip, windows);
            }
        }
    }

    #[cfg(test)]
    fn allocated(&self) -> usize {
        let bases: usize = self.sites.iter().map(|site| site.bases.capacity()).sum();
        self.sites.capacity() * size_of::<Site>()
            + bases * size_of::<usize>()
            + self.runs.capacity() * size_of::<Range<usize>>()
    }
}

/// Narrow a site to the right sites `clip` and the right `windows` of the `whole` one.
fn narrow_site(site: &mut Site, whole: &Site, clip: &Range<usize>, windows: &Range<usize>) {
    site.reach = common(&whole.reach, clip);
    let skipped = site.reach.start - whole.reach.start;
    for (base, whole) in site.bases.iter_mut().zip(&whole.bases) {
        *base = whole + skipped;
    }
    site.trace = whole.trace + skipped;
    site.windows = common(&whole.windows, windows);
}

/// The part of a range that lies in another; its ends are in the range, even if it is empty.
pub fn common(range: &Range<usize>, other: &Range<usize>) -> Range<usize> {
    let start = other.start.clamp(range.start, range.end);
    start..other.end.clamp(start, range.end)
}
