//! The order of left rows, each with all right rows in reach.
//!
//! Left rows are computed two at a time, because their patches share rows. A pair of rows is computed
//! as soon as the input rows under both patches are complete, so that as few rows as possible are
//! held at once.

use std::ops::Range;

use super::axis::{Axis, Window};
use super::order::{ROWS, Visit};
use super::shortcut::RowShortcut;

/// The visits, and the number of input rows that each layer holds at once; the output's is the last.
///
/// `shortcuts` stand beside the layers at which their blocks begin.
pub(super) fn schedule(
    rows: &[Axis],
    shortcuts: &[(usize, RowShortcut)],
) -> (Vec<Visit>, Vec<usize>) {
    let mut flow = Flow {
        rows,
        shortcuts,
        oldest: rows.iter().map(oldest_inputs).collect(),
        next: vec![0; rows.len()],
        visits: Vec::new(),
        held: vec![0; rows.len() + 1],
    };
    while let Some(rows) = flow.pending(0) {
        flow.run(0, rows);
    }
    (flow.visits, flow.held)
}

struct Flow<'a> {
    rows: &'a [Axis],
    shortcuts: &'a [(usize, RowShortcut<'a>)],
    /// For each layer, the oldest input row that is read from each row of sites on.
    oldest: Vec<Vec<usize>>,
    /// The next row of each layer.
    next: Vec<usize>,
    visits: Vec<Visit>,
    held: Vec<usize>,
}

impl Flow<'_> {
    /// The rows that a layer computes next.
    fn pending(&self, layer: usize) -> Option<Range<usize>> {
        let (next, end) = (self.next[layer], self.rows[layer].sites.len());
        (next < end).then(|| next..end.min(next + ROWS))
    }

    /// The oldest row that is still read of the input of `layer`.
    fn oldest(&self, layer: usize) -> Option<usize> {
        let own = self.oldest.get(layer).zip(self.next.get(layer));
        let own = own.and_then(|(oldest, &next)| oldest.get(next)).copied();
        let around = self.shortcuts.iter().filter(|(from, _)| *from == layer);
        let around = around.filter_map(|(_, shortcut)| shortcut.oldest(self.next[shortcut.last]));
        own.into_iter().chain(around).min()
    }

    /// Visit `layer` to compute `rows`, then the layers below for all rows that are complete now.
    fn run(&mut self, layer: usize, rows: Range<usize>) {
        let end = rows.end;
        let windows = &self.rows[layer].windows;
        let touches = |window: &Window| window.touches(&rows);
        let first = windows.iter().position(touches);
        let newest = windows.iter().rposition(touches);
        self.next[layer] = end;
        if let (Some(first), Some(newest)) = (first, newest) {
            let held = newest + 1 - self.oldest(layer + 1).unwrap_or(usize::MAX).min(first);
            self.held[layer + 1] = self.held[layer + 1].max(held);
        }
        self.visits.push(Visit { layer, rows, displacement: None });
        let below = layer + 1;
        if below == self.rows.len() {
            return;
        }
        let is_complete = |input: usize| windows[input].sites().end <= end;
        while let Some(rows) = self.pending(below) {
            let axis = &self.rows[below];
            if !rows.clone().flat_map(|row| axis.input_rows(row)).all(is_complete) {
                break;
            }
            self.run(below, rows);
        }
    }
}

/// For each row of sites, the oldest input row that it or a later one reads.
fn oldest_inputs(rows: &Axis) -> Vec<usize> {
    let mut oldest = usize::MAX;
    let from_the_end = (0..rows.sites.len()).rev().map(|row| {
        oldest = rows.input_rows(row).fold(oldest, usize::min);
        oldest
    });
    let mut all: Vec<_> = from_the_end.collect();
    all.reverse();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::model::{Layer, Model, Readout};
    use crate::plan::axis::{self, Output};
    use crate::plan::testing::check_rows;

    /// A slot of a ring: the pooled row in it, and how many rows were added to it.
    type Slot = Option<(usize, usize)>;

    /// Run the schedule on rings of the size it asks for, and check each row that is read.
    fn simulate(rows: &[Axis], shortcuts: &[(usize, RowShortcut)], what: &str) {
        let (visits, held) = schedule(rows, shortcuts);
        let mut rings: Vec<Vec<Slot>> = held.iter().map(|&len| vec![None; len]).collect();
        let mut done = vec![0; rows.len()];
        for Visit { layer, rows: pair, .. } in visits {
            assert_eq!(pair.start, done[layer], "{what}: rows come once, in order");
            done[layer] = pair.end;
            let axis = &rows[layer];
            if layer > 0 {
                let windows = &rows[layer - 1].windows;
                for input in pair.clone().flat_map(|row| axis.input_rows(row)) {
                    let slot = rings[layer][input % held[layer]];
                    let complete = windows[input].weights.len();
                    assert_eq!(slot, Some((input, complete)), "{what}: layer {layer}");
                }
            }
            for &(from, shortcut) in shortcuts.iter().filter(|(_, one)| one.last == layer) {
                for row in pair.clone() {
                    for [input, _] in axis.reach[row].clone().flat_map(|r| shortcut.pairs([row, r]))
                    {
                        let slot = rings[from][input % held[from]];
                        let complete = rows[from - 1].windows[input].weights.len();
                        assert_eq!(slot, Some((input, complete)), "{what}: around layer {layer}");
                    }
                }
            }
            for row in pair {
                for (output, window) in axis.windows_of(row) {
                    let below = layer + 1;
                    let slot = &mut rings[below][output % held[below]];
                    if window.first == row {
                        *slot = Some((output, 1));
                    } else {
                        let (resident, rows) = slot.expect("a window begins with its first row");
                        assert_eq!(resident, output, "{what}: layer {layer}");
                        *slot = Some((output, rows + 1));
                    }
                }
            }
        }
        for (done, axis) in done.iter().zip(rows) {
            assert_eq!(*done, axis.sites.len(), "{what}: every row");
        }
    }

    #[test]
    fn rings_hold_what_is_read() {
        let checked = check_rows(|rows, shortcuts, what| {
            simulate(rows, shortcuts, what);
            true
        });
        assert!(checked > 3000, "{checked}");
    }

    /// The memory that the design promises: a patch's rows and a window's, whatever the height.
    #[test]
    fn rings_do_not_grow_with_the_image() {
        let model = Model::new([2, 5].map(|s| Layer::new(Kernel::Exp, 3, s)).to_vec()).unwrap();
        let held =
            |size| schedule(&axis::plan(&model, 2, 0, size, Output::Number(Readout::Trace)), &[]).1;
        assert_eq!(held(32), held(200));
        assert!(held(200)[1] <= 6, "{:?}", held(200));
    }
}
