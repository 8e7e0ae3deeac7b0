//! Images and their norms, laid out so that lane `k` of every vector belongs to pair `k`.

use std::ops::Range;

use super::block::RowNorms;
use super::chunk::{BLOCK, TILE};
use super::stage::{Stage, Stages};
use super::support::Support;
use crate::kernel::Patch;
use crate::plan::{Axis, Plan};
use crate::simd::{Context, Real, Simd, Vector};

/// As many numbers for each image of a set, one image after the other.
#[derive(Clone, Copy)]
pub struct PerImage<'a, F> {
    pub data: &'a [F],
    /// The numbers of one image.
    pub len: usize,
}

impl<'a, F> PerImage<'a, F> {
    /// The numbers of image `index`.
    pub fn image(&self, index: usize) -> &'a [F] {
        &self.data[index * self.len..][..self.len]
    }

    /// How many images there are.
    pub fn count(&self) -> usize {
        self.data.len() / self.len
    }

    /// The numbers of each image.
    pub fn iter(&self) -> std::slice::ChunksExact<'a, F> {
        self.data.chunks_exact(self.len)
    }
}

/// A set of images with their patch norms.
#[derive(Clone, Copy)]
pub struct Source<'a, F> {
    pub pixels: PerImage<'a, F>,
    pub norms: PerImage<'a, F>,
    /// For gradients, the derivatives of the norms' logarithms: laid out as the norms, for one
    /// parameter after the other, in the order of their maps.
    pub log_derivatives: Option<PerImage<'a, F>>,
    /// The [`supports`](super::finder::supports) of images with blank patches.
    pub supports: Option<PerImage<'a, u64>>,
}

/// The role of an image in a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Left,
    Right,
}

/// One image a lane.
pub struct Packed<S: Simd, F: Real> {
    /// Columns of a group.
    group: usize,
    /// By `[group of columns][row][term][column]`: the columns of a group are read together.
    pub pixels: Vec<Vector<S, F>>,
    /// For each layer.
    pub norms: Vec<LayerNorms<S, F>>,
    pub support: Support,
}

/// Patch norms at the sites of a layer, by `[row][column]`.
pub struct LayerNorms<S: Simd, F: Real> {
    pub norms: Vec<Vector<S, F>>,
    pub inverses: Vec<Vector<S, F>>,
    /// Derivatives of the norms' logarithms, for each derivative's map that the layer reads.
    pub log_derivatives: Vec<Vec<Vector<S, F>>>,
}

impl<S: Simd, F: Real> LayerNorms<S, F> {
    fn new(cx: Context<S, F>, stage: &Stage<F>) -> Self {
        let len = site_count(stage);
        Self {
            norms: cx.zeros(len),
            inverses: cx.zeros(len),
            log_derivatives: vec![cx.zeros(len); stage.plan.chained()],
        }
    }

    /// The norms at a run of sites.
    pub fn at(&self, sites: Range<usize>) -> RowNorms<'_, S, F> {
        RowNorms {
            norms: &self.norms[sites.clone()],
            inverses: &self.inverses[sites.clone()],
            log_derivatives: &self.log_derivatives,
            sites,
        }
    }
}

impl<S: Simd, F: Real> Packed<S, F> {
    pub fn new(cx: Context<S, F>, stages: &Stages<F>, role: Role) -> Self {
        let first = &stages.stages[0];
        Self {
            group: group(role),
            pixels: cx.zeros(pixel_vectors(first, role)),
            norms: stages.stages.iter().map(|stage| LayerNorms::new(cx, stage)).collect(),
            support: Support::new(stages.stages.iter().map(|stage| stage.plan)),
        }
    }

    /// Put image `indices[k]` in lane `k`; the last one fills the lanes left over.
    pub fn fill(
        &mut self,
        cx: Context<S, F>,
        plan: &Plan,
        stages: &Stages<F>,
        images: Source<F>,
        indices: &[usize],
    ) {
        if let Some(supports) = images.supports {
            self.support.fill(indices.iter().map(|&index| supports.image(index)));
        } else if self.support.has_blanks() {
            self.support.clear();
        }
        self.fill_pixels(cx, plan, &stages.stages[0], &Lanes::new(images.pixels, indices));
        let norms = Lanes::new(images.norms, indices);
        let derivatives = images.log_derivatives.map(|each| Lanes::new(each, indices));
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
                let patch = Patch::new(cx, norms.at(cx, position), noise);
                target.norms[slot] = patch.norm;
                target.inverses[slot] = patch.inverse;
                if let Some(derivatives) = &derivatives {
                    for (map, target) in target.log_derivatives.iter_mut().enumerate() {
                        target[slot] = derivatives.at(cx, map * plan.norms_len() + position);
                    }
                }
            }
        }
    }

    fn fill_pixels(&mut self, cx: Context<S, F>, plan: &Plan, first: &Stage<F>, images: &Lanes<F>) {
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
                            Some(x) => images.at(cx, (y * width + x) * channels + channel) * scale,
                            None => cx.zero(),
                        };
                    }
                }
            }
        }
    }
}

/// The images of the lanes; the last one stands for the lanes left over.
struct Lanes<'a, F> {
    images: Vec<&'a [F]>,
}

impl<'a, F: Real> Lanes<'a, F> {
    fn new(all: PerImage<'a, F>, indices: &[usize]) -> Self {
        Self { images: indices.iter().map(|&index| all.image(index)).collect() }
    }

    #[inline(always)]
    fn at<S: Simd>(&self, cx: Context<S, F>, position: usize) -> Vector<S, F> {
        match self.images.as_slice() {
            // The usual left image: to gather it from itself would take ten times as long.
            [image] => cx.splat(image[position]),
            images => {
                let last = images.len() - 1;
                cx.from_fn(|lane| images[lane.min(last)][position])
            }
        }
    }
}

/// Columns that are read together.
fn group(role: Role) -> usize {
    match role {
        Role::Left => BLOCK,
        Role::Right => TILE,
    }
}

fn pixel_vectors<F: Real>(first: &Stage<F>, role: Role) -> usize {
    let width = first.columns.width.next_multiple_of(group(role));
    first.plan.rows.inputs.len() * width * first.depth
}

fn site_count<F: Real>(stage: &Stage<F>) -> usize {
    stage.plan.rows.sites.len() * stage.plan.cols.sites.len()
}

/// The vectors of a [`Packed`].
pub fn packed_length<F: Real>(stages: &Stages<F>, role: Role) -> usize {
    let of_layer = |stage: &Stage<F>| (2 + stage.plan.chained()) * site_count(stage);
    let norms: usize = stages.stages.iter().map(of_layer).sum();
    pixel_vectors(&stages.stages[0], role) + norms
}

/// The image columns under each packed column: itself, or when folded the site's whole patch.
fn column_sources(cols: &Axis, folded: bool) -> Vec<Vec<Option<usize>>> {
    if !folded {
        return (0..cols.inputs.len()).map(|input| vec![Some(cols.position(input))]).collect();
    }
    let under = |site: usize| {
        let offsets = cols.patch_inputs.iter();
        offsets.map(|inputs| inputs[site].map(|input| cols.position(input))).collect()
    };
    (0..cols.sites.len()).map(under).collect()
}
