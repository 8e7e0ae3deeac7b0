//! Images and their norms, laid out so that lane `k` of every vector belongs to pair `k`.

use std::ops::Range;

use super::chunk::BLOCK;
use super::map::{Maps, Norms};
use super::stage::{Stage, Stages};
use crate::kernel::Patch;
use crate::plan::{Axis, Plan};
use crate::simd::{Context, Real, Simd, SimdBase, Vector};

/// Rows of equal length, one after the other.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, F> {
    pub data: &'a [F],
    pub len: usize,
}

impl<'a, F> Rows<'a, F> {
    pub fn row(&self, index: usize) -> &'a [F] {
        &self.data[index * self.len..][..self.len]
    }

    pub fn count(&self) -> usize {
        self.data.len() / self.len
    }

    pub fn iter(&self) -> std::slice::ChunksExact<'a, F> {
        self.data.chunks_exact(self.len)
    }
}

/// A set of images with their patch norms, one image a row.
#[derive(Clone, Copy)]
pub(super) struct Source<'a, F> {
    pub pixels: Rows<'a, F>,
    pub norms: Rows<'a, F>,
    /// For gradients, derivatives of the norms' logarithms, laid out as norms for each `sigma`.
    pub turns: Option<Rows<'a, F>>,
}

/// Which image of a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// One image a lane.
pub(super) struct Packed<S: Simd, F: Real> {
    /// Columns of a group.
    group: usize,
    /// By `[group of columns][row][term][column]`: the columns of a group are read together.
    pub pixels: Vec<Vector<S, F>>,
    /// For each layer.
    pub norms: Vec<SiteNorms<S, F>>,
}

/// Patch norms at the sites of a layer, by `[row][column]`.
pub(super) struct SiteNorms<S: Simd, F: Real> {
    pub norms: Vec<Vector<S, F>>,
    pub inverses: Vec<Vector<S, F>>,
    /// Derivatives of the norms' logarithms, for each derivative's map that the layer reads.
    pub turns: Vec<Vec<Vector<S, F>>>,
}

impl<S: Simd, F: Real> SiteNorms<S, F> {
    pub fn at(&self, sites: Range<usize>) -> Norms<'_, S, F> {
        Norms {
            norms: &self.norms[sites.clone()],
            inverses: &self.inverses[sites.clone()],
            turns: &self.turns,
            sites,
        }
    }
}

impl<S: Simd, F: Real> Packed<S, F> {
    pub fn new(simd: S, stages: &Stages<F>, side: Side) -> Self {
        let first = &stages.stages[0];
        let site_norms = |stage| SiteNorms {
            norms: Context::<S, F>::new(simd).zeros(sites(stage)),
            inverses: Context::<S, F>::new(simd).zeros(sites(stage)),
            turns: vec![Context::<S, F>::new(simd).zeros(sites(stage)); turns(stage)],
        };
        Self {
            group: group(first, side),
            pixels: Context::<S, F>::new(simd).zeros(pixels(first, side)),
            norms: stages.stages.iter().map(site_norms).collect(),
        }
    }

    /// Put image `indices[k]` in lane `k`; the last one fills the lanes left over.
    pub fn fill(
        &mut self,
        simd: S,
        plan: &Plan,
        stages: &Stages<F>,
        images: Source<F>,
        indices: &[usize],
    ) {
        self.fill_pixels(simd, plan, &stages.stages[0], &Lanes::new(images.pixels, indices));
        let norms = Lanes::new(images.norms, indices);
        let turns = images.turns.map(|turns| Lanes::new(turns, indices));
        for (index, (stage, target)) in stages.stages.iter().zip(&mut self.norms).enumerate() {
            let (rows, cols) = (&stage.plan.rows, &stage.plan.cols);
            let base = index * plan.layer_stride();
            let noise = stage.kernel.noise();
            let patches = cols.placement.patches;
            let positions = rows
                .sites
                .iter()
                .flat_map(|row| cols.sites.iter().map(move |col| base + row * patches + col));
            for (slot, position) in positions.enumerate() {
                let patch = Patch::new(Context::<S, F>::new(simd), norms.at(simd, position), noise);
                target.norms[slot] = patch.norm;
                target.inverses[slot] = patch.inverse;
                if let Some(turns) = &turns {
                    for (map, target) in target.turns.iter_mut().enumerate() {
                        target[slot] = turns.at(simd, map * plan.norms_len() + position);
                    }
                }
            }
        }
    }

    fn fill_pixels(&mut self, simd: S, plan: &Plan, first: &Stage<F>, images: &Lanes<F>) {
        let (width, channels) = (plan.shape.width, plan.shape.channels);
        let columns = column_sources(&first.plan.cols, first.plan.is_folded());
        let (rows, depth, group) = (first.plan.rows.inputs.len(), first.depth, self.group);
        let scale = F::from_f64(plan.pixel_scale);
        for row in 0..rows {
            let y = first.plan.rows.position(row);
            for (col, sources) in columns.iter().enumerate() {
                for (o, source) in sources.iter().enumerate() {
                    for channel in 0..channels {
                        let term = o * channels + channel;
                        let line = (col / group * rows + row) * depth + term;
                        self.pixels[line * group + col % group] = match source {
                            Some(x) => {
                                let at = (y * width + x) * channels + channel;
                                images.at(simd, at) * scale
                            }
                            None => Vector::<S, F>::splat(simd, F::ZERO),
                        };
                    }
                }
            }
        }
    }
}

/// Rows that are read side by side, one a lane; the last one in the lanes left over.
struct Lanes<'a, F> {
    rows: Vec<&'a [F]>,
}

impl<'a, F: Real> Lanes<'a, F> {
    fn new(rows: Rows<'a, F>, indices: &[usize]) -> Self {
        Self { rows: indices.iter().map(|&index| rows.row(index)).collect() }
    }

    #[inline(always)]
    fn at<S: Simd>(&self, simd: S, position: usize) -> Vector<S, F> {
        match self.rows.as_slice() {
            // The usual left image: to gather it from itself would take ten times as long.
            [row] => Vector::<S, F>::splat(simd, row[position]),
            rows => {
                let last = rows.len() - 1;
                Vector::<S, F>::from_fn(simd, |lane| rows[lane.min(last)][position])
            }
        }
    }
}

/// Columns that are read together.
fn group<F: Real>(first: &Stage<F>, side: Side) -> usize {
    match side {
        Side::Left => BLOCK,
        Side::Right => first.columns.tile,
    }
}

/// Vectors of pixels.
fn pixels<F: Real>(first: &Stage<F>, side: Side) -> usize {
    let width = first.columns.width.next_multiple_of(group(first, side));
    first.plan.rows.inputs.len() * width * first.depth
}

/// Sites of a map.
fn sites<F: Real>(stage: &Stage<F>) -> usize {
    stage.plan.rows.sites.len() * stage.plan.cols.sites.len()
}

/// Derivatives of a norm that a layer needs.
fn turns<F: Real>(stage: &Stage<F>) -> usize {
    if stage.maps() == Maps::Gradients { stage.plan.reads - 1 } else { 0 }
}

/// The vectors of a [`Packed`].
pub(super) fn packed_length<F: Real>(stages: &Stages<F>, side: Side) -> usize {
    let norms: usize = stages.stages.iter().map(|stage| (2 + turns(stage)) * sites(stage)).sum();
    pixels(&stages.stages[0], side) + norms
}

/// The image columns under each packed column: itself, or when folded the site's whole patch.
fn column_sources(cols: &Axis, folded: bool) -> Vec<Vec<Option<usize>>> {
    if !folded {
        return (0..cols.inputs.len()).map(|input| vec![Some(cols.position(input))]).collect();
    }
    let under = |site: usize| {
        let taps = cols.taps.iter();
        taps.map(|taps| taps[site].map(|tap| cols.position(tap))).collect()
    };
    (0..cols.sites.len()).map(under).collect()
}
