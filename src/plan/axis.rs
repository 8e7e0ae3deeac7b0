//! One axis of one layer: the positions that are read, evaluated and pooled.
//!
//! Rows and columns never mix in a convolution or a pooling. So the needed entries of a map are a
//! product: pairs of rows times pairs of columns. Each factor is planned here, from the output back to
//! the pixels.

use std::ops::Range;

use super::placement::Placement;
use super::scale::readout_scale;
use crate::model::{Layer, Model, Readout};
use crate::pooling::{PooledAxis, Taps};

/// The window of one pooled position.
#[derive(Clone, Debug)]
pub struct Window {
    /// Index of the first site read; the others follow.
    pub first: usize,
    /// Their weights.
    pub weights: Vec<f64>,
}

impl Window {
    /// The indices of the sites read.
    pub fn sites(&self) -> Range<usize> {
        self.first..self.first + self.weights.len()
    }

    /// The weight of `site`, zero outside the window.
    pub fn weight(&self, site: usize) -> f64 {
        let tap = site.checked_sub(self.first);
        tap.and_then(|t| self.weights.get(t)).copied().unwrap_or(0.0)
    }
}

/// One axis of one layer. "Left" and "right" are the two images of a pair.
#[derive(Clone, Debug)]
pub struct Axis {
    /// The places of the patches.
    pub placement: Placement,
    /// Coordinates of the input map that are read, ascending; around a circular one they go on
    /// beyond its ends.
    pub inputs: Vec<isize>,
    /// Index distance of inputs that follow each other in a patch.
    pub step: usize,
    /// Patches for which the kernel is evaluated, ascending.
    pub sites: Vec<usize>,
    /// For each left site, the right sites with which it is evaluated.
    pub reach: Vec<Range<usize>>,
    /// `patch_inputs[o][i]`: the index in `inputs` of the position that site `i` reads at offset `o`;
    /// none beyond the edge.
    pub patch_inputs: Vec<Vec<Option<usize>>>,
    /// Weights of a whole window.
    pub weights: Vec<f64>,
    /// The pooled positions that the next layer reads, one an input of it; none for the last layer.
    pub windows: Vec<Window>,
    /// The windows in ascending order, without those that a circular map repeats around its ends.
    pub ascending: Range<usize>,
    /// For each left window, the right windows with which it is needed.
    pub window_reach: Vec<Range<usize>>,
    /// For each left site, the right windows that it contributes to.
    pub site_window_reach: Vec<Range<usize>>,
    /// Weights of the trace, `trace[i][j]` for sites `i` and `j`; of the last layer only.
    pub trace: Vec<Vec<f64>>,
}

/// The end of a chain of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// A number that is read from the last layer's pooled map.
    Number(Readout),
    /// The diagonal of that map.
    Diagonal,
}

/// The pooled positions that are needed, and for each left one the right ones, by index.
struct Needed {
    positions: Vec<usize>,
    reach: Vec<Range<usize>>,
}

/// The pooling of one axis of a layer.
struct Pooled {
    stride: usize,
    taps: Taps,
}

/// The pooling of `layer` along axis `along`, of so many patches.
pub(super) fn taps(model: &Model, layer: &Layer, along: usize, patches: usize) -> Taps {
    layer.poolings[along].taps(&PooledAxis {
        positions: patches,
        subsampling: layer.subsampling[along],
        poolfactor: layer.poolfactor[along],
        convention: model.convention,
    })
}

/// The factor, along one axis, of both maps whose products layer `index` sums over a patch. It makes
/// the sums means where the convention of 2019 wants means.
pub(super) fn mean_scale(model: &Model, index: usize, along: usize) -> f64 {
    let divisor = |layer: &Layer| model.convention.divisor(layer.npatch[along]);
    1.0 / (model.layers.get(index).map_or(1, divisor) as f64).sqrt()
}

/// Plan axis `along`, of `size` positions, through the first `count` layers.
pub(super) fn plan(
    model: &Model,
    count: usize,
    along: usize,
    mut size: usize,
    output: Output,
) -> Vec<Axis> {
    let mut forward = Vec::new();
    for (index, layer) in model.layers[..count].iter().enumerate() {
        let placement = Placement::new(layer, model.convention, along, size);
        let mut taps = taps(model, layer, along, placement.patches);
        let scale = mean_scale(model, index + 1, along);
        taps.weights.iter_mut().for_each(|weight| *weight *= scale);
        size = taps.outputs;
        forward.push((placement, Pooled { stride: layer.subsampling[along], taps }));
    }
    let mut needed = Needed::of_output(size, output);
    let mut readout = match output {
        Output::Number(readout) => Some(readout),
        Output::Diagonal => None,
    };
    let mut axes = Vec::new();
    for (placement, pooled) in forward.into_iter().rev() {
        let axis = Axis::new(placement, &pooled, &needed, readout.take());
        needed = Needed::of_inputs(&axis);
        axes.push(axis);
    }
    axes.reverse();
    if let (Output::Number(_), Some(last)) = (output, axes.last_mut()) {
        let scale = readout_scale(model, size);
        last.trace.iter_mut().flatten().for_each(|weight| *weight *= scale);
    }
    axes
}

impl Needed {
    fn of_output(size: usize, output: Output) -> Self {
        let reach = |position: usize| match output {
            Output::Number(Readout::Mean) => 0..size,
            Output::Number(Readout::Trace) | Output::Diagonal => position..position + 1,
        };
        Self { positions: (0..size).collect(), reach: (0..size).map(reach).collect() }
    }

    /// The positions that the patch sums of `axis` read.
    fn of_inputs(axis: &Axis) -> Self {
        let mut reach = vec![0..0; axis.inputs.len()];
        for (left, partners) in axis.reach.iter().enumerate() {
            for inputs in &axis.patch_inputs {
                let Some(left) = inputs[left] else { continue };
                let rights = &inputs[partners.clone()];
                let ends = [rights.iter().flatten().next(), rights.iter().rev().flatten().next()];
                if let [Some(&first), Some(&last)] = ends {
                    reach[left] = hull([reach[left].clone(), first..last + 1].into_iter());
                }
            }
        }
        let position = |&coordinate: &isize| axis.placement.position(coordinate);
        Self { positions: axis.inputs.iter().map(position).collect(), reach }
    }

    /// Whether a position is needed with any other, on the left or on the right.
    fn has(&self, index: usize) -> bool {
        !self.reach[index].is_empty() || self.reach.iter().any(|reach| reach.contains(&index))
    }
}

impl Pooled {
    /// The first position of an output's window in an axis of `size` positions, and its weights.
    fn window(&self, output: usize, size: usize) -> (usize, &[f64]) {
        let Taps { start, weights, .. } = &self.taps;
        let first = self.stride * output + start;
        (first, &weights[..weights.len().min(size.saturating_sub(first))])
    }
}

impl Axis {
    /// `readout` says which number is read from the pooled map of a last layer; none for other layers.
    fn new(
        placement: Placement,
        pooled: &Pooled,
        needed: &Needed,
        readout: Option<Readout>,
    ) -> Self {
        let patches = placement.patches;
        let window = |output: usize| pooled.window(output, patches);
        // For each left position, the hull of the right ones with which it is needed.
        let mut partners = vec![0..0; patches];
        let mut used = vec![false; patches];
        for (&left, reach) in needed.positions.iter().zip(&needed.reach) {
            let covered = |position: usize| {
                let (first, weights) = window(position);
                first..first + weights.len()
            };
            let rights = &needed.positions[reach.clone()];
            for &right in rights {
                used[covered(right)].fill(true);
            }
            let all = hull(rights.iter().map(|&right| covered(right)));
            for position in covered(left).filter(|_| !all.is_empty()) {
                partners[position] = hull([partners[position].clone(), all.clone()].into_iter());
                used[position] = true;
            }
        }
        let sites: Vec<usize> = (0..patches).filter(|&position| used[position]).collect();
        let index_of = |position: usize| sites.partition_point(|&site| site < position);
        let among_sites = |all: &Range<usize>| index_of(all.start)..index_of(all.end);
        let reach = sites.iter().map(|&site| among_sites(&partners[site])).collect();
        let outputs = needed.positions.iter().enumerate();
        let windows: Vec<Window> = outputs
            .map(|(index, &output)| {
                let (first, weights) = window(output);
                let weights = if needed.has(index) { weights } else { &[] };
                Window { first: index_of(first), weights: weights.to_vec() }
            })
            .collect();
        let readers_reach = |site: usize| {
            let reads = |(window, _): &(&Window, _)| window.sites().contains(&site);
            let readers = windows.iter().zip(&needed.reach).filter(reads);
            hull(readers.map(|(_, reach)| reach.clone()))
        };
        let mut axis = Self {
            inputs: Vec::new(),
            step: 1,
            reach,
            patch_inputs: Vec::new(),
            weights: pooled.taps.weights.clone(),
            ascending: ascending(&needed.positions),
            window_reach: needed.reach.clone(),
            site_window_reach: (0..sites.len()).map(readers_reach).collect(),
            trace: readout.map_or(Vec::new(), |readout| weights_of(readout, &windows, sites.len())),
            windows: if readout.is_some() { Vec::new() } else { windows },
            sites,
            placement,
        };
        axis.read_inputs();
        axis
    }

    /// Find the inputs of all patches.
    fn read_inputs(&mut self) {
        let Placement { offsets, dilation, .. } = &self.placement;
        let coordinates: Vec<Vec<Option<isize>>> = offsets
            .iter()
            .map(|&o| self.sites.iter().map(|&site| self.placement.coordinate(site, o)).collect())
            .collect();
        let mut inputs: Vec<isize> = coordinates.iter().flatten().copied().flatten().collect();
        inputs.sort_unstable();
        inputs.dedup();
        // Without gaps, so that all patches take the same steps.
        if *dilation > 1
            && let (Some(&first), Some(&last)) = (inputs.first(), inputs.last())
        {
            inputs = (first..=last).collect();
        }
        let index_of = |coordinate: isize| inputs.partition_point(|&input| input < coordinate);
        let indices = |row: &Vec<Option<isize>>| row.iter().map(|c| c.map(index_of)).collect();
        self.patch_inputs = coordinates.iter().map(indices).collect();
        self.step = *dilation;
        self.inputs = inputs;
    }

    /// The position of the input map that an input stands for.
    pub fn position(&self, input: usize) -> usize {
        self.placement.position(self.inputs[input])
    }

    /// Whether sites and inputs are runs without gaps, so that a patch's offset is one shift.
    pub fn is_dense(&self) -> bool {
        let has_no_gap = |[a, b]: [isize; 2]| b == a + 1;
        let sites = self.sites.windows(2).map(|pair| [pair[0] as isize, pair[1] as isize]);
        let inputs = self.inputs.windows(2).map(|pair| [pair[0], pair[1]]);
        let is_shift = self.placement.stride == 1 || self.sites.len() == 1;
        is_shift && sites.chain(inputs).all(has_no_gap)
    }

    /// Whether each pooled position is a site of its own, as it is.
    pub fn is_unpooled(&self) -> bool {
        let is_itself = |(index, window): (usize, &Window)| window.sites() == (index..index + 1);
        self.weights == [1.0]
            && self.windows.len() == self.sites.len()
            && self.windows.iter().enumerate().all(is_itself)
    }

    /// The windows that read `site`.
    pub fn windows_of(&self, site: usize) -> impl Iterator<Item = (usize, &Window)> {
        let reads = move |(_, window): &(usize, &Window)| window.sites().contains(&site);
        self.windows.iter().enumerate().filter(reads)
    }
}

/// The longest run of ascending positions.
fn ascending(positions: &[usize]) -> Range<usize> {
    let ends = (1..positions.len()).filter(|&index| positions[index] <= positions[index - 1]);
    let mut first = 0;
    let runs = ends.chain([positions.len()]).map(|end| std::mem::replace(&mut first, end)..end);
    runs.max_by_key(|run| run.len()).unwrap_or(0..0)
}

/// The least range that holds all of `ranges`.
pub(crate) fn hull(ranges: impl Iterator<Item = Range<usize>>) -> Range<usize> {
    ranges
        .filter(|range| !range.is_empty())
        .reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
        .unwrap_or(0..0)
}

/// The weight of each pair of sites in a number that is read out.
fn weights_of(readout: Readout, windows: &[Window], sites: usize) -> Vec<Vec<f64>> {
    let mean = |i| windows.iter().map(|w| w.weight(i)).sum::<f64>() / windows.len() as f64;
    match readout {
        Readout::Mean => {
            let means: Vec<f64> = (0..sites).map(mean).collect();
            means.iter().map(|a| means.iter().map(|b| a * b).collect()).collect()
        }
        // `sum_P A[P, i] A[P, j]`.
        Readout::Trace => {
            let mut weights = vec![vec![0.0; sites]; sites];
            for window in windows {
                for (i, a) in window.sites().zip(&window.weights) {
                    let row = &mut weights[i][window.sites()];
                    row.iter_mut().zip(&window.weights).for_each(|(sum, b)| *sum += a * b);
                }
            }
            weights
        }
    }
}

#[cfg(test)]
mod tests;
