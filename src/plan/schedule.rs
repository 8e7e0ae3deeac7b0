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
    let mut flow =
        Flow { rows, next: vec![0; rows.len()], steps: Vec::new(), held: vec![0; rows.len() + 1] };
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
        self.rows[layer].taps.iter().filter_map(move |taps| taps[row])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::model::Layer;
    use crate::plan::axis::{self, Output};
    use crate::pooling::Pooling;

    /// A slot of a ring: the pooled row in it, and how many rows were added to it.
    type Slot = Option<(usize, usize)>;

    /// Run the schedule on rings of the size it asks for, and check each row that is read.
    fn simulate(rows: &[Axis], what: &str) {
        let (steps, held) = schedule(rows);
        let mut rings: Vec<Vec<Slot>> = held.iter().map(|&len| vec![None; len]).collect();
        let mut done = vec![0; rows.len()];
        for Step { layer, row } in steps {
            assert_eq!(row, done[layer], "{what}: rows come once, in order");
            done[layer] += 1;
            let axis = &rows[layer];
            if layer > 0 {
                let windows = &rows[layer - 1].windows;
                for input in axis.taps.iter().filter_map(|taps| taps[row]) {
                    let slot = rings[layer][input % held[layer]];
                    let complete = windows[input].weights.len();
                    assert_eq!(slot, Some((input, complete)), "{what}: layer {layer}");
                }
            }
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
        for (done, axis) in done.iter().zip(rows) {
            assert_eq!(*done, axis.sites.len(), "{what}: every row");
        }
    }

    #[test]
    fn rings_hold_what_is_read() {
        let mut models = 0;
        for seed in 0..6000_usize {
            // Digits of the seed and of a shuffle of it.
            let mixed = seed.wrapping_mul(2_654_435_761);
            let choice = |index: usize, count: usize| (mixed >> (5 * index)) % count;
            let layer = |index: usize| Layer {
                npatch: 1 + choice(4 * index, 6),
                subsampling: 1 + choice(4 * index + 1, 3),
                poolfactor: 1 + choice(4 * index + 2, 4),
                kernel: Kernel::Exp,
                sigma: 1.0,
                pooling: Pooling::ALL[choice(4 * index + 3, 3)],
            };
            let layers: Vec<Layer> = (0..1 + seed % 3).map(layer).collect();
            let size = 6 + seed % 23;
            let outputs = layers.iter().fold(size, |size, layer| axis::outputs(layer, size));
            if outputs == 0 {
                continue;
            }
            models += 1;
            for output in [Output::Trace, Output::Diagonal] {
                let what = format!("{size} rows, {output:?}, {layers:?}");
                simulate(&axis::plan(&layers, size, output, 1), &what);
            }
        }
        assert!(models > 1000, "{models}");
    }

    /// The memory that the design promises: a patch's rows and a window's, whatever the height.
    #[test]
    fn rings_do_not_grow_with_the_image() {
        let layer = |subsampling| Layer {
            npatch: 3,
            subsampling,
            poolfactor: subsampling,
            kernel: Kernel::Exp,
            sigma: 1.0,
            pooling: Pooling::Gaussian,
        };
        let held = |size| schedule(&axis::plan(&[layer(2), layer(5)], size, Output::Trace, 1)).1;
        assert_eq!(held(32), held(200));
        assert!(held(200)[1] <= 6, "{:?}", held(200));
    }
}
