//! Chunks, made from the plan of an axis: the places of their columns, and the sites that read them.

use std::ops::Range;

use super::chunk::{BLOCK, Block, Chunk, Columns, Cut, PAD, SITES, Site, Strip, TILE};
use crate::plan::{Axis, Window, hull};
use crate::simd::Real;

/// Most right sites of a chunk. Narrower ones would fit the first-level cache with room to spare, but
/// cost more in overhead than they save: see `docs/performance.md`.
const WIDEST: usize = 32;

impl Columns {
    /// Divide the right sites into chunks, about equal and the last one the longest.
    pub fn chunks<F: Real>(&self, cols: &Axis) -> Vec<Chunk<F>> {
        let sites = cols.sites.len();
        let count = sites.div_ceil(WIDEST);
        let mut ring = 0;
        (0..count)
            .map(|k| {
                let sites = sites * k / count..sites * (k + 1) / count;
                let chunk = self.chunk(cols, sites, ring);
                ring = chunk.ring.end;
                chunk
            })
            .collect()
    }

    fn chunk<F: Real>(&self, cols: &Axis, sites: Range<usize>, ring: usize) -> Chunk<F> {
        let lowest = self.origin + sites.start as isize;
        let highest = self.origin + (sites.end + self.span()) as isize;
        let inside = self.clip(lowest)..self.clip(highest - 1) + 1;
        // Position 0 of a column: a tile's first, or left of the image.
        let base = if lowest < 0 { lowest } else { (inside.start / TILE * TILE) as isize };
        let end = inside.end.next_multiple_of(TILE) as isize;
        let stride = (end.max(highest) - base) as usize;
        let layout = Layout { columns: *self, stride, base };
        let is_last = sites.end == cols.sites.len();
        let whole_sites = |w: &Window| {
            let missing = cols.weights.len() - w.weights.len();
            let fits = missing == 0 || (is_last && missing < PAD);
            fits && w.first >= sites.start && w.sites().end <= sites.end
        };
        let ascending = cols.ascending.clone().filter(|&w| w < cols.windows.len());
        let whole = ascending.filter(|&w| whole_sites(&cols.windows[w]));
        let whole = hull(whole.map(|w| w..w + 1));
        let cut = cols.windows.iter().enumerate().filter_map(|(index, window)| {
            let inside = window.first.max(sites.start)..window.sites().end.min(sites.end);
            (!inside.is_empty() && !whole.contains(&index)).then(|| Cut {
                window: index,
                first: inside.start - sites.start,
                taps: inside.start - window.first..inside.end - window.first,
            })
        });
        let firsts: Vec<_> =
            cols.windows[whole.clone()].iter().map(|w| w.first - sites.start).collect();
        let (strips, trace) = layout.strips(cols, &sites);
        Chunk {
            strips,
            trace,
            cut: cut.collect(),
            step: firsts
                .windows(2)
                .map(|pair| pair[1] - pair[0])
                .reduce(|a, b| if a == b { a } else { 0 }),
            firsts,
            whole,
            sites,
            ring: ring..ring + (self.strips * BLOCK + 1) * stride,
        }
    }
}

/// The places of a chunk's columns.
struct Layout {
    columns: Columns,
    stride: usize,
    /// Right column at position 0.
    base: isize,
}

impl Layout {
    /// The place of a left column; one outside the image is the column of zeros.
    fn start(&self, column: isize) -> usize {
        let Columns { width, strips, .. } = self.columns;
        let slot = match usize::try_from(column) {
            Ok(column) if column < width => column / BLOCK % strips * BLOCK + column % BLOCK,
            _ => strips * BLOCK,
        };
        slot * self.stride
    }

    /// The strips, and the weights of the trace.
    fn strips<F: Real>(&self, cols: &Axis, sites: &Range<usize>) -> (Vec<Strip>, Vec<F>) {
        let columns = &self.columns;
        let count = columns.width.div_ceil(BLOCK);
        let mut completed: Vec<Vec<Site>> = (0..count).map(|_| Vec::new()).collect();
        let mut trace = Vec::new();
        let mut reaches = vec![0..0; count];
        for (index, reach) in cols.reach.iter().enumerate() {
            let reach = reach.start.max(sites.start)..reach.end.min(sites.end);
            if reach.is_empty() {
                continue;
            }
            let read = columns.read_by(&reach);
            let last = columns.last_strip(index);
            for reach in &mut reaches[columns.first_strip(index)..=last] {
                *reach = hull([reach.clone(), read.clone()].into_iter());
            }
            let weights = cols.trace.get(index).map_or(&[][..], |row| &row[reach.clone()]);
            completed[last].push(self.site(cols, index, reach, (sites.start, trace.len())));
            trace.extend(weights.iter().map(|&weight| F::from_f64(weight)));
        }
        let strips = completed.into_iter().zip(reaches).enumerate();
        let strips = strips
            .filter(|(_, (_, reach))| !reach.is_empty())
            .map(|(index, (sites, reach))| Strip {
                index,
                start: self.start((index * BLOCK) as isize),
                stride: self.stride,
                origin: self.base.max(0) as usize,
                pad: (-self.base).max(0) as usize,
                reach,
                blocks: blocks(sites),
            })
            .collect();
        (strips, trace)
    }

    fn site(
        &self,
        cols: &Axis,
        index: usize,
        reach: Range<usize>,
        (first, trace): (usize, usize),
    ) -> Site {
        let Columns { origin, offsets, step, .. } = self.columns;
        let base = |o: usize| {
            let right = (origin + (reach.start + step * o) as isize - self.base) as usize;
            self.start(origin + (index + step * o) as isize) + right
        };
        Site {
            index,
            bases: (0..offsets).map(base).collect(),
            windows: cols.site_window_reach[index].clone(),
            trace,
            reach: reach.start - first..reach.end - first,
        }
    }
}

fn blocks(sites: Vec<Site>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for site in sites {
        match blocks.last_mut() {
            Some(Block { sites }) if sites.len() < SITES && follows(sites, &site) => {
                sites.push(site)
            }
            _ => blocks.push(Block { sites: vec![site] }),
        }
    }
    blocks
}

/// Whether `site` comes next after `sites`.
fn follows(sites: &[Site], site: &Site) -> bool {
    sites.last().is_none_or(|last| last.index + 1 == site.index)
}
