//! The order of rows by displacements.
//!
//! A layer visits its displacements in ascending order, and on each of them its left rows, two at a
//! time. A visit comes as soon as all that its patches read is complete, so that as little as possible
//! is held at once.

use std::ops::Range;

use super::axis::{Axis, hull};
use super::order::{Held, ROWS, Visit};
use super::shortcut::RowShortcut;

/// The visits, and what is held of each layer's input; the output's is the last.
///
/// `shortcuts` stand beside the layers at which their blocks begin.
pub(super) fn schedule(
    rows: &[Axis],
    shortcuts: &[(usize, RowShortcut)],
) -> (Vec<Visit>, Vec<Held>) {
    let layers: Vec<LayerSteps> = rows.iter().map(LayerSteps::new).collect();
    let spans = vec![Span::default(); layers.len()];
    let next = vec![0; layers.len()];
    let mut flow = Flow { next, layers, shortcuts, visits: Vec::new(), spans };
    while flow.layers[0].steps.len() > flow.next[0] {
        flow.run(0);
    }
    let held = flow.spans.iter().zip(rows).map(|(span, axis)| span.held(axis.windows.len()));
    (flow.visits, std::iter::once(Held::Rows(0)).chain(held).collect())
}

/// A displacement and the left rows that meet right rows on it.
#[derive(Clone, Debug)]
struct Step {
    displacement: isize,
    rows: Range<usize>,
}

/// A layer's rows and its visits.
struct LayerSteps<'a> {
    axis: &'a Axis,
    /// For each row of sites, the windows that it contributes to.
    windows: Vec<Range<usize>>,
    steps: Vec<Step>,
}

impl<'a> LayerSteps<'a> {
    fn new(axis: &'a Axis) -> Self {
        let sites = 0..axis.sites.len();
        let windows_of = |row: usize| hull(axis.windows_of(row).map(|(index, _)| index..index + 1));
        let apart = |row: usize| {
            let (reach, row) = (&axis.reach[row], row as isize);
            (!reach.is_empty()).then(|| reach.start as isize - row..reach.end as isize - row)
        };
        let displacements = sites.clone().filter_map(apart);
        let displacements = displacements.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end));
        let starts = || sites.clone().step_by(ROWS);
        let steps = displacements.unwrap_or(0..0).flat_map(|displacement| {
            starts().map(move |row| Step { displacement, rows: row..row + ROWS })
        });
        let steps = steps.map(|Step { displacement, rows }| Step {
            displacement,
            rows: rows.start..rows.end.min(sites.end),
        });
        let meets = |step: &Step| meetings(axis, step).next().is_some();
        Self {
            axis,
            windows: sites.clone().map(windows_of).collect(),
            steps: steps.filter(meets).collect(),
        }
    }
}

/// The pairs of a left and a right row of sites that meet in a step.
fn meetings<'a>(axis: &'a Axis, step: &Step) -> impl Iterator<Item = [usize; 2]> + use<'a> {
    let displacement = step.displacement;
    step.rows.clone().filter_map(move |left| {
        let right = left.checked_add_signed(displacement)?;
        axis.reach[left].contains(&right).then_some([left, right])
    })
}

/// The pairs of input rows under the patches of a step.
fn inputs<'a>(axis: &'a Axis, step: &Step) -> impl Iterator<Item = [usize; 2]> + use<'a> {
    meetings(axis, step).flat_map(move |[left, right]| {
        let pairs = axis.patch_inputs.iter().map(move |inputs| (inputs[left], inputs[right]));
        pairs.filter_map(|(left, right)| Some([left?, right?]))
    })
}

fn displacement([left, right]: [usize; 2]) -> isize {
    right as isize - left as isize
}

/// What must be held of a map.
#[derive(Clone, Default)]
struct Span {
    /// All displacements that the map has.
    all: Option<(isize, isize)>,
    /// Whether a layer reads the map.
    is_read: bool,
    displacements: usize,
    rows: usize,
}

impl Span {
    /// Note the pairs of rows that a visit adds to, and the first pairs that the next layer still reads.
    fn note(&mut self, added: impl Iterator<Item = [usize; 2]>, read: Vec<[usize; 2]>) {
        let added: Vec<_> = added.collect();
        let key = |pair: &[usize; 2]| displacement(*pair);
        let newest = added.iter().map(key).max();
        let oldest = added.iter().chain(&read).map(key).min();
        let (Some(newest), Some(oldest)) = (newest, oldest) else { return };
        self.is_read |= !read.is_empty();
        let all = self.all.unwrap_or((oldest, newest));
        self.all = Some((all.0.min(oldest), all.1.max(newest)));
        self.displacements = self.displacements.max((newest - oldest + 1) as usize);
        let rows = |pairs: &[[usize; 2]]| -> Vec<usize> {
            pairs.iter().filter(|pair| displacement(**pair) == newest).map(|pair| pair[0]).collect()
        };
        let (added, read) = (rows(&added), rows(&read));
        if let (Some(&newest), Some(&oldest)) =
            (added.iter().max(), added.iter().chain(&read).min())
        {
            self.rows = self.rows.max(newest + 1 - oldest);
        }
    }

    /// `height` is that of the whole map.
    fn held(&self, height: usize) -> Held {
        let (displacements, rows) = match self.all {
            None => (0, 0),
            Some((first, last)) if !self.is_read => ((last - first + 1) as usize, height),
            Some(_) if self.displacements == 1 => (1, self.rows),
            Some(_) => (self.displacements, height),
        };
        Held::Displacements { displacements, rows }
    }
}

struct Flow<'a> {
    layers: Vec<LayerSteps<'a>>,
    shortcuts: &'a [(usize, RowShortcut<'a>)],
    /// The next step of each layer.
    next: Vec<usize>,
    visits: Vec<Visit>,
    /// For the output of each layer.
    spans: Vec<Span>,
}

impl<'a> Flow<'a> {
    fn pending(&self, layer: usize) -> Option<(&'a Axis, &Step)> {
        let LayerSteps { axis, steps, .. } = self.layers.get(layer)?;
        Some((axis, steps.get(self.next[layer])?))
    }

    /// The first pairs of rows that are still read of the input of `layer`.
    fn read(&self, layer: usize) -> Vec<[usize; 2]> {
        let own = self.pending(layer).into_iter().flat_map(|(axis, step)| inputs(axis, step));
        let around = self.shortcuts.iter().filter(|(from, _)| *from == layer);
        let around = around.flat_map(|(_, shortcut)| {
            let pending = self.pending(shortcut.last).into_iter();
            let meetings = pending.flat_map(|(axis, step)| meetings(axis, step));
            meetings.flat_map(|meeting| shortcut.pairs(meeting))
        });
        own.chain(around).collect()
    }

    /// Take the next step of `layer`, then the steps of the layers below for which all is complete now.
    fn run(&mut self, layer: usize) {
        let LayerSteps { axis, windows, steps } = &self.layers[layer];
        let step = steps[self.next[layer]].clone();
        self.next[layer] += 1;
        let read = self.read(layer + 1);
        let added = meetings(axis, &step).flat_map(|[left, right]| {
            let rights = windows[right].clone();
            windows[left].clone().flat_map(move |left| {
                rights
                    .clone()
                    .filter(move |right| axis.window_reach[left].contains(right))
                    .map(move |right| [left, right])
            })
        });
        self.spans[layer].note(added, read);
        let Step { displacement, rows } = step;
        self.visits.push(Visit { layer, rows, displacement: Some(displacement) });
        while let Some((below, step)) = self.pending(layer + 1)
            && inputs(below, step).all(|pair| self.is_complete(layer, pair))
        {
            self.run(layer + 1);
        }
    }

    /// Whether all pairs of rows under the windows of a pair of pooled rows were visited.
    fn is_complete(&self, layer: usize, [left, right]: [usize; 2]) -> bool {
        let Some((axis, next)) = self.pending(layer) else { return true };
        let (left, right) = (axis.windows[left].sites(), axis.windows[right].sites());
        let last = displacement([left.start, right.end - 1]);
        (last, left.start) < (next.displacement, next.rows.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::check_rows;

    /// A place of a ring: the pair of pooled rows in it, and how many pairs of rows were added to it.
    type Place = Option<([usize; 2], usize)>;

    /// Run the schedule on rings of the size it asks for, and check each pair of rows that is read.
    fn simulate(rows: &[Axis], shortcuts: &[(usize, RowShortcut)], what: &str) {
        let (visits, held) = schedule(rows, shortcuts);
        let heights: Vec<_> = rows.iter().map(|axis| axis.windows.len()).collect();
        let mut rings: Vec<Vec<Place>> = held[1..]
            .iter()
            .zip(&heights)
            .map(|(held, &height)| vec![None; held.pairs(height)])
            .collect();
        let mut met = vec![0; rows.len()];
        for Visit { layer, rows: pair, displacement } in visits {
            let axis = &rows[layer];
            let step = Step { displacement: displacement.unwrap(), rows: pair };
            if let Some(above) = layer.checked_sub(1) {
                for [left, right] in inputs(axis, &step) {
                    let place = rings[above][held[layer].place(left, right, heights[above])];
                    let lengths = [left, right].map(|row| rows[above].windows[row].weights.len());
                    let complete = lengths[0] * lengths[1];
                    assert_eq!(place, Some(([left, right], complete)), "{what}: layer {layer}");
                }
            }
            for &(from, shortcut) in shortcuts.iter().filter(|(_, one)| one.last == layer) {
                for [left, right] in meetings(axis, &step).flat_map(|pair| shortcut.pairs(pair)) {
                    let above = from - 1;
                    let place = rings[above][held[from].place(left, right, heights[above])];
                    let lengths = [left, right].map(|row| rows[above].windows[row].weights.len());
                    let complete = lengths[0] * lengths[1];
                    assert_eq!(place, Some(([left, right], complete)), "{what}: around {layer}");
                }
            }
            for [left, right] in meetings(axis, &step) {
                met[layer] += 1;
                for (top, first) in axis.windows_of(left) {
                    for (bottom, second) in axis.windows_of(right) {
                        if !axis.window_reach[top].contains(&bottom) {
                            continue;
                        }
                        let place = held[layer + 1].place(top, bottom, heights[layer]);
                        let place = &mut rings[layer][place];
                        if [left + 1, right] == [first.sites().end, second.first] {
                            *place = Some(([top, bottom], 1));
                        } else {
                            let (resident, pairs) = place.expect("a window begins at its corner");
                            assert_eq!(resident, [top, bottom], "{what}: layer {layer}");
                            *place = Some((resident, pairs + 1));
                        }
                    }
                }
            }
        }
        for (met, axis) in met.iter().zip(rows) {
            let all: usize = axis.reach.iter().map(|reach| reach.len()).sum();
            assert_eq!(*met, all, "{what}: every pair of rows");
        }
    }

    #[test]
    fn rings_hold_what_is_read() {
        let checked = check_rows(|rows, shortcuts, what| {
            let is_steady = rows.iter().all(Axis::has_steady_displacements);
            if is_steady {
                simulate(rows, shortcuts, what);
            }
            is_steady
        });
        assert!(checked > 3000, "{checked}");
    }
}
