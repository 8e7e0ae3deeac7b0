//! The order in which rows flow through the layers.
//!
//! A layer's row is computed as soon as the input rows under its patch are complete, so that as
//! few rows as possible are held at once.

use super::axis::Axis;

/// Compute one row of sites of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The layer.
    pub layer: usize,
    /// Index of the row in `rows.sites`.
    pub row: usize,
}

/// The steps, and for each layer and the output the number of input rows held at once.
pub(super) fn schedule(rows: &[Axis]) -> (Vec<Step>, Vec<usize>) {
    let mut flow = Flow {
        rows,
        next: vec![0; rows.len()],
        steps: Vec::new(),
        held: vec![0; rows.len() + 1],
    };
    for row in 0..rows[0].sites.len() {
        flow.run(0, row);
    }
    (flow.steps, flow.held)
}

struct Flow<'a> {
    rows: &'a [Axis],
    /// The next row of each layer.
    next: Vec<usize>,
    steps: Vec<Step>,
    held: Vec<usize>,
}

impl Flow<'_> {
    /// Compute `row`, then all that it completes further down.
    fn run(&mut self, layer: usize, row: usize) {
        self.steps.push(Step { layer, row });
        self.next[layer] = row + 1;
        let mut touched = self.rows[layer].windows_of(row).map(|(output, _)| output);
        if let Some(first) = touched.next() {
            let newest = touched.last().unwrap_or(first);
            let held = newest + 1 - self.oldest(layer + 1).min(first);
            self.held[layer + 1] = self.held[layer + 1].max(held);
        }
        let below = layer + 1;
        if below == self.rows.len() {
            return;
        }
        let pending = |window: &super::Window| window.sites().end > row + 1;
        let windows = &self.rows[layer].windows;
        let complete = windows.iter().position(pending).unwrap_or(windows.len());
        while self.next[below] < self.rows[below].sites.len() {
            let row = self.next[below];
            if self.tap_rows(below, row).any(|input| input >= complete) {
                break;
            }
            self.run(below, row);
        }
    }

    /// The oldest input row that `layer` still reads.
    fn oldest(&self, layer: usize) -> usize {
        if layer == self.rows.len() {
            return usize::MAX;
        }
        let remaining = self.next[layer]..self.rows[layer].sites.len();
        let rows = remaining.flat_map(|row| self.tap_rows(layer, row));
        rows.min().unwrap_or(usize::MAX)
    }

    fn tap_rows(&self, layer: usize, row: usize) -> impl Iterator<Item = usize> {
        self.rows[layer]
            .taps
            .iter()
            .filter_map(move |taps| taps[row])
    }
}
