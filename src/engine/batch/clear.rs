//! Zeros for what is left out around blank patches, where a later step reads it.

use std::ops::Range;

use super::layer::{LayerRows, Meeting};
use super::narrow::{Narrowed, common};
use super::scratch::Scratch;
use crate::simd::{Real, Simd};

/// Clear all entries but those in `runs`.
pub fn clear_around<T: Copy>(runs: &[Range<usize>], entries: &mut [T], zero: T) {
    let mut done = 0;
    for run in runs {
        entries[done..run.start].fill(zero);
        done = run.end;
    }
    entries[done..].fill(zero);
}

/// Clear the values of blocks outside of the right sites `clip` of a chunk; so far they are 0 outside of
/// `dirty`. Windows at the ends of the clip read them.
pub fn clear_values<S: Simd, F: Real>(
    layer: &LayerRows<S, F>,
    clip: Range<usize>,
    dirty: &mut Range<usize>,
    scratch: &mut Scratch<S, F>,
) {
    if *dirty == clip {
        return;
    }
    for values in &mut scratch.layers[layer.visit.layer].values {
        for row in values.chunks_exact_mut(layer.stage.values_row) {
            let inside = common(dirty, &clip);
            row[dirty.start..inside.start].fill(layer.cx.zero());
            row[inside.end..dirty.end].fill(layer.cx.zero());
        }
    }
    *dirty = clip;
}

/// Clear the windows that several chunks share: the first of these chunks may be left out.
pub fn clear_pooled<S: Simd, F: Real>(
    layer: &LayerRows<S, F>,
    narrowed: &Narrowed<F>,
    meeting: &Meeting,
    scratch: &mut Scratch<S, F>,
) {
    let width = layer.stage.plan.cols.windows.len();
    for pooled in &mut scratch.layers[layer.visit.layer].pooled[meeting.slot] {
        for site in narrowed.lefts[meeting.slot].sites() {
            pooled[site * width..][narrowed.windows.clone()].fill(layer.cx.zero());
        }
    }
}
