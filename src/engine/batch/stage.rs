//! A layer's plan as the tables that the steps walk through.
//!
//! Columns are divided into *chunks* of right sites, so that the data of a chunk stay in the
//! first-level cache, and each chunk into *strips* of left columns: see [`chunk`](super::chunk).

use std::ops::Range;

use super::chunk::{Chunk, Columns, values_row};
use super::ring::RingShape;
use crate::kernel::Prepared;
use crate::plan::{Axis, Carried, Held, LayerPlan, Order, Pipeline, ROWS, Window};
use crate::simd::Real;

/// A pipeline's stages, in precision `F`; shared by all threads.
pub struct Stages<'a, F: Real> {
    pub pipeline: &'a Pipeline,
    pub stages: Vec<Stage<'a, F>>,
}

/// The maps that a layer's patch kernel reads and gives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Maps {
    /// The CKN's alone.
    Ckn,
    /// The CKN's and the NTK's, in the first layer: the patch sums of both are those of pixels.
    FirstNtk,
    /// The CKN's and the NTK's.
    Ntk,
    /// The CKN's and its derivatives.
    Gradients,
    /// The CKN's, the NTK's, and the derivatives of both.
    NtkGradients,
}

impl Maps {
    /// Those whose values come from one pass over the patch sums.
    pub const FUSED: [Self; 3] = [Self::Ckn, Self::FirstNtk, Self::Ntk];
}

/// One layer.
pub struct Stage<'a, F: Real> {
    pub plan: &'a LayerPlan,
    pub kernel: Prepared<F>,
    /// Products that are summed for a pair of columns and a pair of rows, in the first layer.
    pub depth: usize,
    pub columns: Columns,
    pub chunks: Vec<Chunk<F>>,
    /// Length of a row of values by right site of a chunk.
    pub values_row: usize,
    /// The factor of the input map.
    pub scale: F,
    /// The derivatives of patch sums by the layer's own scales, each `a` times the sum plus `b`.
    pub scales: Vec<[F; 2]>,
    /// Where the sum of a column begins: all columns under a patch together begin with its bias.
    column_bias: F,
    /// For each row of sites, the input rows under its patch.
    row_inputs: Vec<RowInputs>,
    /// Index distance of a patch's rows.
    row_step: usize,
    /// Weights of a whole window of rows.
    pub row_weights: Vec<F>,
    /// Weights of a whole window of columns.
    pub col_weights: Vec<F>,
    /// The right windows that a right row of sites completes.
    pub completes: Vec<Vec<usize>>,
    /// The left windows that a left row of sites, and the next one, contribute to.
    pub tops: Vec<Vec<usize>>,
    /// Weights of the trace, for pairs of rows.
    pub row_trace: Vec<Vec<F>>,
    /// The runs of needed entries in a pair of rows pooled along columns, by
    /// `[left window][right window]`.
    pub across_reach: Vec<Range<usize>>,
    /// The order of the rows.
    pub order: Order,
    /// Right rows of which the pooled columns are held at once; one by displacements.
    pub held_rows: usize,
    /// Whether patch kernels are traced while they are in registers.
    pub traces_at_once: bool,
    /// Whether nothing is pooled: the map is written to the next layer's ring at once.
    pub is_unpooled: bool,
}

/// The input rows under the patch of a row of sites, which are equally far apart.
struct RowInputs {
    /// The patch offsets that stay inside the image.
    offsets: Range<usize>,
    /// The first one's row.
    first: usize,
}

/// Input rows under two patches: `count` left ones from `left` on, every `step`th, with as many right
/// ones from `right` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchRows {
    pub left: usize,
    pub right: usize,
    pub count: usize,
    pub step: usize,
}

impl<'a, F: Real> Stages<'a, F> {
    /// The stages on images of `channels`.
    pub fn new(pipeline: &'a Pipeline, channels: usize) -> Self {
        let stage = |plan| Stage::new(plan, pipeline.order, channels);
        Self { pipeline, stages: pipeline.layers.iter().map(stage).collect() }
    }

    pub fn last(&self) -> &Stage<'a, F> {
        &self.stages[self.stages.len() - 1]
    }
}

impl<'a, F: Real> Stage<'a, F> {
    fn new(plan: &'a LayerPlan, order: Order, channels: usize) -> Self {
        let (rows, cols) = (&plan.rows, &plan.cols);
        let columns = Columns::new(cols, plan.is_folded());
        let depth = channels * cols.placement.offsets.len() / columns.offsets;
        let row_inputs = |site: usize| {
            let inputs = rows.patch_inputs.iter().map(|inputs| inputs[site]).enumerate();
            let mut inputs = inputs.filter_map(|(offset, input)| Some((offset, input?)));
            let (start, first) = inputs.next().expect("a patch has a position inside");
            RowInputs { offsets: start..start + 1 + inputs.count(), first }
        };
        let to_real = |weights: &Vec<f64>| weights.iter().map(|&w| F::from_f64(w)).collect();
        let longest = rows.windows.iter().map(|window| window.weights.len()).max();
        let chunks = columns.chunks(cols);
        let windows_with = |reads: &dyn Fn(&Window) -> bool| -> Vec<usize> {
            (0..rows.windows.len()).filter(|&window| reads(&rows.windows[window])).collect()
        };
        let completes = |row: usize| windows_with(&|window| window.sites().end == row + 1);
        let tops = |row: usize| {
            windows_with(&|window| window.first < row + ROWS && row < window.sites().end)
        };
        let kernel = plan.layer.kernel.prepare(plan.layer.sigma, &plan.layer.parameters);
        Self {
            plan,
            traces_at_once: plan.is_trace()
                && !plan.carried.has_gradients()
                && kernel.inlines()
                && [3, 5].contains(&columns.offsets),
            kernel,
            completes: (0..rows.sites.len()).map(completes).collect(),
            tops: (0..rows.sites.len()).map(tops).collect(),
            row_step: rows.step,
            depth,
            values_row: values_row(&chunks),
            chunks,
            scale: F::from_f64(plan.scale),
            scales: plan.own.scales.iter().map(|scale| scale.map(F::from_f64)).collect(),
            column_bias: F::from_f64(plan.bias / columns.offsets as f64),
            columns,
            row_inputs: (0..rows.sites.len()).map(row_inputs).collect(),
            row_weights: to_real(&rows.weights),
            col_weights: to_real(&cols.weights),
            row_trace: rows.trace.iter().map(to_real).collect(),
            across_reach: runs(cols),
            order,
            held_rows: match order {
                Order::Rows => longest.map_or(0, |longest| longest + 1),
                Order::Displacements => 1,
            },
            is_unpooled: [rows, cols].into_iter().all(Axis::is_unpooled),
        }
    }

    /// The input rows under the patches of a left and a right row of sites, where both exist.
    pub fn patch_rows(&self, left: usize, right: usize) -> PatchRows {
        let (left, right) = (&self.row_inputs[left], &self.row_inputs[right]);
        let offsets =
            left.offsets.start.max(right.offsets.start)..left.offsets.end.min(right.offsets.end);
        PatchRows {
            left: left.first + (offsets.start - left.offsets.start) * self.row_step,
            right: right.first + (offsets.start - right.offsets.start) * self.row_step,
            count: offsets.len(),
            step: self.row_step,
        }
    }

    /// The maps that go through the patch kernel.
    pub fn maps(&self) -> Maps {
        match (self.plan.carried, self.plan.reads, self.plan.gives) {
            (_, _, 1) => Maps::Ckn,
            (Carried::Gradients, _, _) => Maps::Gradients,
            (Carried::NtkGradients, _, 3..) => Maps::NtkGradients,
            (_, 1, _) => Maps::FirstNtk,
            _ => Maps::Ntk,
        }
    }

    /// Where the columns of a map begin. The biases are in the CKN's map and in the NTK's, of which
    /// derivatives by other parameters have none.
    pub fn column_start(&self, map: usize) -> F {
        let biased = 1 + usize::from(self.plan.carried.has_ntk());
        if map < biased { self.column_bias } else { F::ZERO }
    }

    /// The longest run of right columns that are summed at once.
    pub fn longest_run(&self) -> usize {
        let strips = self.chunks.iter().flat_map(|chunk| &chunk.strips);
        strips.map(|strip| strip.reach.len()).max().unwrap_or(0)
    }

    /// Whether the layer ends in a trace instead of a pooled map.
    pub fn is_trace(&self) -> bool {
        self.plan.is_trace()
    }

    /// The place of a right row among those that are pooled along columns.
    #[inline(always)]
    pub fn across_row<'r, T>(&self, right: usize, across: &'r mut [T]) -> &'r mut [T] {
        let area = self.plan.cols.windows.len().pow(2);
        &mut across[right % self.held_rows * area..][..area]
    }

    /// The ring that the layer pools into.
    pub fn output(&self, held: Held) -> RingShape {
        let (height, width) = (self.plan.rows.windows.len(), self.plan.cols.windows.len());
        RingShape { held, height, width }
    }
}

fn runs(cols: &Axis) -> Vec<Range<usize>> {
    let width = cols.windows.len();
    let reach = cols.window_reach.iter().take(width).enumerate();
    let reach = reach.map(|(left, reach)| left * width + reach.start..left * width + reach.end);
    reach.fold(Vec::new(), |mut runs: Vec<Range<usize>>, next| {
        match runs.last_mut() {
            Some(run) if run.end == next.start => run.end = next.end,
            _ => runs.push(next),
        }
        runs
    })
}

impl PatchRows {
    pub const NONE: Self = Self { left: 0, right: 0, count: 0, step: 1 };

    /// `count` rows from the `skip`th on.
    fn part(self, skip: usize, count: usize) -> Self {
        let ahead = skip * self.step;
        Self { left: self.left + ahead, right: self.right + ahead, count, ..self }
    }

    /// The pairs of rows.
    pub fn pairs(self) -> impl Iterator<Item = [usize; 2]> {
        (0..self.count).map(move |k| [self.left + k * self.step, self.right + k * self.step])
    }

    /// The pairs of rows, one by one.
    pub fn each(self) -> impl Iterator<Item = Self> {
        (0..self.count).map(move |row| self.part(row, 1))
    }

    /// The rows that `self` shares with `next`, which are further down in both images, and the rest
    /// of each. Rows that do not follow each other share nothing.
    pub fn share(self, next: Self) -> (Self, [Self; 2]) {
        let skip = next.left.wrapping_sub(self.left);
        let aligned = self.step == 1 && next.right.wrapping_sub(self.right) == skip;
        if !aligned || skip >= self.count || next.count + skip < self.count {
            return (Self::NONE, [self, next]);
        }
        let common = self.count - skip;
        (self.part(skip, common), [self.part(0, skip), next.part(common, next.count - common)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(left: usize, right: usize, count: usize) -> PatchRows {
        PatchRows { left, right, count, step: 1 }
    }

    #[test]
    fn rows_under_both_patches_are_shared() {
        let (shared, own) = rows(4, 7, 3).share(rows(5, 8, 3));
        assert_eq!((shared, own), (rows(5, 8, 2), [rows(4, 7, 1), rows(7, 10, 1)]));
        // At the top edge the first patch is cut, at the bottom the second one.
        let (shared, own) = rows(0, 3, 2).share(rows(0, 3, 3));
        assert_eq!((shared, own), (rows(0, 3, 2), [rows(0, 3, 0), rows(2, 5, 1)]));
        let (shared, own) = rows(5, 2, 3).share(rows(6, 3, 2));
        assert_eq!((shared, own), (rows(6, 3, 2), [rows(5, 2, 1), rows(8, 5, 0)]));
    }

    #[test]
    fn rows_apart_share_nothing() {
        for next in [rows(8, 11, 3), rows(5, 9, 3), rows(3, 6, 3)] {
            let first = rows(4, 7, 3);
            assert_eq!(first.share(next), (PatchRows::NONE, [first, next]));
        }
    }

    #[test]
    fn dilated_rows_stand_apart() {
        let every_second = |left, right, count| PatchRows { left, right, count, step: 2 };
        let (first, next) = (every_second(4, 7, 3), every_second(6, 9, 3));
        assert_eq!(first.share(next), (PatchRows::NONE, [first, next]));
        assert_eq!(first.pairs().collect::<Vec<_>>(), [[4, 7], [6, 9], [8, 11]]);
    }
}
