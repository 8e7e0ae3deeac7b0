//! Two rows of left sites through one layer, around the blank patches of a batch.
//!
//! The map is +0 wherever a patch is blank, so these parts of [`layer`](super::layer) are left out:
//!
//! - rows that meet, if one of them is blank;
//! - blank left sites, and strips of left columns that no other site reads;
//! - right sites, columns and windows before the first site of a row that is not blank, and after the
//!   last one.
//!
//! The steps are those of all other batches. They walk through tables of their own: copies of the
//! layer's, [narrowed](super::narrow) to the sites that are not blank. What is left out would only add
//! +0, so that all bits stay the same. Batches without blank patches do not come here.

use super::clear::{clear_around, clear_pooled, clear_values};
use super::layer::{LayerRows, Meeting};
use super::narrow::{LeftRow, NarrowStrip, Narrowed, RowSites, common};
use super::pool::RightWindow;
use super::rows::weigh_rows;
use super::scratch::{LayerScratch, Scratch};
use super::support::Support;
use crate::plan::{ROWS, Visit, hull};
use crate::simd::{Real, Simd, Vector};

/// A layer of which more than this part of the entries is left runs as if nothing were blank.
const NEARLY_ALL: f64 = 0.95;

/// The first and the last right site are multiples of this. Loops then keep their length for more rows,
/// which made them faster: see `docs/performance.md`.
const STEP: usize = 4;

/// Whether rows of left sites have so many blank entries that it pays to go around them. A map that is
/// not pooled is whole: its blank entries are written with the others.
pub fn pays<S: Simd, F: Real>(supports: [&Support; 2], rows: &LayerRows<S, F>) -> bool {
    let LayerRows { stage, visit: Visit { layer, rows, displacement }, .. } = rows;
    let [left, right] = supports.map(|support| support.layer(*layer));
    let is_whole = stage.is_unpooled || displacement.is_some();
    !is_whole && left.part(rows.clone()) * right.hull_part() < NEARLY_ALL
}

/// [`LayerRows::run`] around blank patches.
pub fn run<S: Simd, F: Real>(layer: &LayerRows<S, F>, scratch: &mut Scratch<S, F>) {
    let mut narrowed = std::mem::take(&mut scratch.layers[layer.visit.layer].narrowed);
    if narrowed.strips.is_empty() {
        narrowed = Narrowed::new(layer.stage);
    }
    narrowed.begin(layer.stage, &layer.visit.rows, scratch.left.support.layer(layer.visit.layer));
    let mut around = Around { layer, narrowed };
    for diagonal in layer.diagonals() {
        let meetings = layer.meetings(diagonal);
        if meetings.iter().any(Option::is_some) {
            around.meet(meetings, scratch);
        }
        around.pool_rows(diagonal, scratch);
    }
    scratch.layers[layer.visit.layer].narrowed = around.narrowed;
}

/// A few rows of left sites of one layer.
struct Around<'a, S: Simd, F: Real> {
    layer: &'a LayerRows<'a, S, F>,
    narrowed: Narrowed<F>,
}

impl<S: Simd, F: Real> Around<'_, S, F> {
    /// Evaluate pairs of rows on one diagonal, and pool their columns or trace them.
    fn meet(&mut self, meetings: [Option<Meeting>; ROWS], scratch: &mut Scratch<S, F>) {
        let support = scratch.right.support.layer(self.layer.visit.layer);
        let lefts = &self.narrowed.lefts;
        let met = meetings.map(|meeting| {
            meeting.filter(|m| !lefts[m.slot].is_blank && !support.hull(m.right).is_empty())
        });
        if met.iter().any(Option::is_some) {
            let right = hull(met.iter().flatten().map(|meeting| support.hull(meeting.right)));
            let end = right.end.next_multiple_of(STEP).min(self.layer.stage.plan.cols.sites.len());
            self.narrowed.narrow(self.layer.stage, right.start / STEP * STEP..end);
            self.evaluate(met, scratch);
        }
        if self.layer.stage.is_trace() {
            // To add 0 changes a total, too: its sum takes up a part of its rounding error.
            meetings.iter().flatten().for_each(|meeting| self.layer.add_trace(meeting, scratch));
        } else {
            met.iter().flatten().for_each(|meeting| self.pool_left_columns(meeting, scratch));
        }
    }

    /// Evaluate rows that meet, and pool them along right columns or trace them.
    fn evaluate(&mut self, met: [Option<Meeting>; ROWS], scratch: &mut Scratch<S, F>) {
        let Self { layer, narrowed } = self;
        let rows = layer.pair_rows(met);
        if layer.stage.chunks.len() > 1 {
            met.iter().flatten().for_each(|met| clear_pooled(layer, narrowed, met, scratch));
        }
        for (index, chunk) in layer.stage.chunks.iter().enumerate() {
            let sites = common(&chunk.sites, &narrowed.right);
            if sites.is_empty() {
                continue;
            }
            clear_values(layer, chunk.places(&sites), &mut narrowed.dirty, scratch);
            for NarrowStrip { strip, is_read, rows: sites } in &narrowed.strips[index] {
                if !is_read {
                    continue;
                }
                // Sites that meet nothing still have windows, with a sum of 0.
                if !strip.reach.is_empty() {
                    layer.sum_columns(chunk, strip, &rows, scratch);
                }
                for meeting in met.iter().flatten() {
                    let RowSites { sites, runs } = &sites[meeting.slot];
                    for run in runs {
                        layer.map(chunk, &sites[run.clone()], meeting, scratch);
                        layer.pool_block(chunk, &sites[run.clone()], meeting, scratch);
                    }
                }
            }
        }
    }

    /// [`pool_left_columns`](super::pool::pool_left_columns) without blank sites.
    fn pool_left_columns(&self, meeting: &Meeting, scratch: &mut Scratch<S, F>) {
        let LayerRows { cx, stage, visit } = *self.layer;
        let layer = visit.layer;
        let left = &self.narrowed.lefts[meeting.slot];
        let LayerScratch { pooled, across, .. } = &mut scratch.layers[layer];
        for map in 0..stage.plan.gives {
            let across = stage.across_row(meeting.right, &mut across[meeting.slot][map]);
            let pooled = &pooled[meeting.slot][map];
            cx.vectorize(
                #[inline(always)]
                || self.weigh_left_columns(left, pooled, across),
            );
        }
    }

    #[inline(always)]
    fn weigh_left_columns(
        &self,
        left: &LeftRow<F>,
        pooled: &[Vector<S, F>],
        across: &mut [Vector<S, F>],
    ) {
        let LayerRows { cx, stage, .. } = *self.layer;
        let cols = &stage.plan.cols;
        let width = cols.windows.len();
        for (window, reach) in cols.window_reach.iter().enumerate() {
            let target = &mut across[window * width..][..width];
            let taps = left.taps(window);
            if taps.is_empty() {
                target[reach.clone()].fill(cx.zero());
                continue;
            }
            let run = common(reach, &self.narrowed.windows);
            target[reach.start..run.start].fill(cx.zero());
            target[run.end..reach.end].fill(cx.zero());
            let rows = taps.iter().map(|&(w, site)| (w, &pooled[site * width..][run.clone()]));
            weigh_rows(cx, rows, false, &mut target[run.clone()]);
        }
    }

    /// [`LayerRows::pool_rows`] without blank rows and without blank left windows.
    fn pool_rows(&self, diagonal: isize, scratch: &mut Scratch<S, F>) {
        let LayerRows { cx, stage, visit: Visit { layer, rows, .. } } = *self.layer;
        let Narrowed { lefts, across_reach, .. } = &self.narrowed;
        let axis = &stage.plan.rows;
        let support = scratch.right.support.layer(*layer);
        let (buffers, output) = (&mut scratch.layers[*layer], &mut scratch.rings[*layer]);
        for &index in self.layer.complete(diagonal) {
            for &top in &stage.tops[rows.start] {
                let is_new = axis.windows[top].first >= rows.start;
                if is_new && axis.window_reach[top].contains(&index) {
                    for map in 0..stage.plan.gives {
                        clear_around(across_reach, output.pair_mut(map, top, index), cx.zero());
                    }
                }
            }
            let is_blank = |row: usize| support.hull(row).is_empty();
            let right = RightWindow { index, is_blank, reach: across_reach };
            self.layer.pool_window(&right, |slot| lefts[slot].is_blank, buffers, output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::batch;
    use crate::engine::batch::finder::{Finder, support_words};
    use crate::engine::batch::pack::{PerImage, Role, Source};
    use crate::engine::batch::stage::Stages;
    use crate::kernel::Kernel;
    use crate::model::{Layer, Model};
    use crate::plan::{Carried, Plan, Shape};
    use crate::simd::{Context, Isa, Task};

    /// An image with pixels in one corner, against itself.
    struct Corner<'a>(&'a Plan);

    impl Task for Corner<'_> {
        type Output = [f32; 2];

        /// The kernel, and the kernel when all that depends on a blank left site or a blank right row is
        /// spoilt.
        fn run<S: Simd>(self, simd: S) -> [f32; 2] {
            let Self(plan) = self;
            let Shape { height, width, .. } = plan.shape;
            let pixel =
                |at| if at / width < 4 && at % width < 5 { (at % 7 + 1) as f32 } else { 0.0 };
            let pixels: Vec<_> = (0..height * width).map(pixel).collect();
            let pixels = PerImage { data: &pixels, len: pixels.len() };
            let norms = vec![0.0; plan.norms_len()];
            let norms = PerImage { data: &norms, len: norms.len() };
            let mut words = vec![0; support_words(plan)];
            assert!(Finder::new(plan, pixels).unwrap().find(pixels, norms, &mut words));
            let supports = Some(PerImage { data: &words[..], len: support_words(plan) });
            let source = Source { pixels, norms, log_derivatives: None, supports };

            let cx = Context::<S, f32>::new(simd);
            let stages = Stages::new(&plan.pair, 1);
            let mut scratch = Scratch::new(cx, &stages);
            for role in [Role::Left, Role::Right] {
                batch::fill(&mut scratch, cx, plan, &stages, (role, source), &[0]);
            }
            let mut kernel = |spoilt: f32| {
                for (layer, stage) in stages.stages.iter().enumerate() {
                    let width = stage.plan.cols.sites.len();
                    for slot in 0..stage.plan.rows.sites.len() * width {
                        let (row, site) = (slot / width, slot % width);
                        let left = scratch.left.support.layer(layer).has(row, site);
                        let right = !scratch.right.support.layer(layer).hull(row).is_empty();
                        for (packed, is_blank) in
                            [(&mut scratch.left, !left), (&mut scratch.right, !right)]
                        {
                            let norm = if is_blank { spoilt } else { 1.0 };
                            packed.norms[layer].norms[slot] = cx.splat(norm);
                            packed.norms[layer].inverses[slot] = cx.splat(norm);
                        }
                    }
                }
                batch::run(&mut scratch, cx, &stages, || false);
                scratch.totals.last().unwrap().value()[0]
            };
            [kernel(0.0), kernel(f32::NAN)]
        }
    }

    /// If a blank site were evaluated, the kernel would not be a number.
    #[test]
    fn blank_sites_are_not_evaluated() {
        let two =
            |kernel| [2, 2].map(|s| Layer { sigma: 0.7, ..Layer::new(kernel, 3, s) }).to_vec();
        for (layers, width, carried) in [
            (two(Kernel::Exp), 12, Carried::Nothing),
            // Several chunks of columns; a map beside the CKN's; patches that are traced in registers.
            (two(Kernel::Exp), 75, Carried::Nothing),
            (two(Kernel::Relu), 12, Carried::Ntk),
            (two(Kernel::Gelu), 12, Carried::Nothing),
            (vec![Layer::new(Kernel::Relu, 5, 3)], 12, Carried::Nothing),
        ] {
            let shape = Shape { height: 12, width, channels: 1 };
            let model = Model::new(layers).unwrap();
            let plan = Plan::new(&model, shape, carried).unwrap();
            for isa in Isa::available() {
                let [kernel, spoilt] = isa.run(Corner(&plan));
                let what = format!("{} {shape} {:?}", isa.name(), model.layers);
                assert!(kernel > 0.0 && kernel == spoilt, "{what}: {kernel}, {spoilt}");
            }
        }
    }
}
