//! A batch: as many pairs of images as a vector has lanes, through all layers of a pipeline.
//!
//! ```text
//! pack the left and the right images, one a lane                      pack
//! for each pair of left rows, of the layer that the plan says         layer
//!     for each right row that they meet
//!         sum patches vertically                                      patch
//!         sum patches horizontally, apply the patch kernel            map, gradient
//!         pool along right and left columns, or add to the trace      pool, trace
//!     pool along right and left rows, into a ring                     pool, ring
//! ```
//!
//! By displacements, a visit has one right row for each left one.
//!
//! The rings hold the pairs of rows that the next layer still reads. No map is ever held
//! whole. `stage` and `chunk` turn a layer's plan into the tables that the steps walk through;
//! `rows` has the weighted sum of rows that most steps come down to.
//!
//! Where many patches are blank in all lanes, `blank` takes the place of `layer`. `finder` finds these
//! patches in images, `support` unites those of a batch, and `narrow` has its tables.
//!
//! Lanes never mix, and the order of a lane's operations follows from the plan alone. So the bits of
//! a pair are the same in any batch.

pub mod blank;
pub mod block;
pub mod chunk;
pub mod clear;
pub mod finder;
pub mod gradient;
pub mod layer;
pub mod layout;
pub mod map;
pub mod narrow;
pub mod pack;
pub mod patch;
pub mod pool;
pub mod ring;
pub mod rows;
pub mod scratch;
pub mod shortcut;
pub mod stage;
pub mod support;
pub mod trace;

use crate::plan::{Plan, Visit};
use crate::simd::{Context, Real, Simd};
use layer::LayerRows;
use pack::{Role, Source};
use scratch::{Scratch, Total};
use stage::{Stage, Stages};

/// Put image `indices[k]` in lane `k` of one operand; the last one fills the lanes left over.
pub fn fill<S: Simd, F: Real>(
    scratch: &mut Scratch<S, F>,
    cx: Context<S, F>,
    plan: &Plan,
    stages: &Stages<F>,
    (role, images): (Role, Source<F>),
    indices: &[usize],
) {
    let packed = match role {
        Role::Left => &mut scratch.left,
        Role::Right => &mut scratch.right,
    };
    cx.vectorize(
        #[inline(always)]
        || packed.fill(cx, plan, stages, images, indices),
    );
}

/// Run the pairs that the lanes hold through the pipeline; stop early if `stop` says so.
pub fn run<S: Simd, F: Real>(
    scratch: &mut Scratch<S, F>,
    cx: Context<S, F>,
    stages: &Stages<F>,
    stop: impl Fn() -> bool,
) {
    scratch.totals.fill(Total::new(cx));
    let has_blanks = scratch.left.support.has_blanks() || scratch.right.support.has_blanks();
    for visit in &stages.pipeline.schedule {
        if stop() {
            return;
        }
        let stage = &stages.stages[visit.layer];
        let rows = LayerRows { cx, stage, visit };
        if has_blanks && blank::pays([&scratch.left.support, &scratch.right.support], &rows) {
            blank::run(&rows, scratch);
        } else {
            rows.run(scratch);
        }
        if visit.layer + 1 == stages.stages.len() && !stage.is_trace() {
            read_diagonal(scratch, stage, visit);
        }
    }
}

/// Copy the diagonal of the output rows that a visit completes.
fn read_diagonal<S: Simd, F: Real>(scratch: &mut Scratch<S, F>, stage: &Stage<F>, visit: &Visit) {
    let width = stage.plan.cols.windows.len();
    let Some(rings) = scratch.rings.last() else { return };
    for (y, window) in stage.plan.rows.windows.iter().enumerate() {
        if visit.completes(window, window) {
            for (map, diagonal) in scratch.diagonal.iter_mut().enumerate() {
                for x in 0..width {
                    diagonal[y * width + x] = rings.map(map).diagonal(y, x);
                }
            }
        }
    }
}
