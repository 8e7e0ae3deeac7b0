//! One axis of one layer: which positions are read, evaluated and pooled.
//!
//! Rows and columns never mix in a convolution or a pooling, so that the set of entries of a map
//! that are needed is a product: pairs of rows times pairs of columns. Each factor is planned here,
//! from the output back to the pixels.

use std::ops::Range;

use crate::model::Layer;

/// The entries of a map that are needed along one axis: `mask[p][q]`, `p` left and `q` right.
pub(super) type Mask = Vec<Vec<bool>>;

/// One pooled position and what it reads.
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
    /// Length of the layer's input map.
    pub size: usize,
    /// Patch offsets, in the order in which they are summed.
    pub offsets: Vec<isize>,
    /// Positions of the input map that are read, ascending.
    pub inputs: Vec<usize>,
    /// Positions where the patch kernel is evaluated, ascending.
    pub sites: Vec<usize>,
    /// For each left site, the right sites with which it is evaluated.
    pub reach: Vec<Range<usize>>,
    /// `taps[o][i]`: index in `inputs` of site `i` moved by offset `o`, if inside the image.
    pub taps: Vec<Vec<Option<usize>>>,
    /// The pooled positions that the next layer reads; none for the last layer.
    pub windows: Vec<Window>,
    /// For each left window, the right windows with which it is needed.
    pub window_reach: Vec<Range<usize>>,
    /// For each left site, the right windows that it contributes to.
    pub site_window_reach: Vec<Range<usize>>,
    /// Weights of the trace, `trace[i][j]` for sites `i` and `j`; of the last layer only.
    pub trace: Vec<Vec<f64>>,
}

/// What a chain of layers ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// The trace of the last layer's pooled map.
    Trace,
    /// The diagonal of the last layer's pooled map.
    Diagonal,
}

/// Number of pooled positions on an axis of `size` positions.
pub(super) fn outputs(layer: &Layer, size: usize) -> usize {
    let taps = layer.pooling.taps(layer.subsampling, layer.poolfactor);
    (size / layer.subsampling).saturating_sub(taps.dropped_outputs)
}

/// Plan the axis through all `layers`, for an image of `size` positions.
pub(super) fn plan(layers: &[Layer], size: usize, output: Output) -> Vec<Axis> {
    let mut sizes = vec![size];
    for layer in layers {
        sizes.push(outputs(layer, sizes[sizes.len() - 1]));
    }
    let mut needed = diagonal(sizes[layers.len()]);
    let mut axes = Vec::new();
    for (index, layer) in layers.iter().enumerate().rev() {
        let is_trace = index + 1 == layers.len() && output == Output::Trace;
        let axis = Axis::new(layer, sizes[index], &needed, is_trace);
        needed = axis.needed_inputs();
        axes.push(axis);
    }
    axes.reverse();
    axes
}

fn diagonal(size: usize) -> Mask {
    (0..size).map(|p| (0..size).map(|q| p == q).collect()).collect()
}

/// The positions with an entry in their row or column, and each one's hull of partners.
fn compress(mask: &Mask) -> (Vec<usize>, Vec<Range<usize>>) {
    let used = |p: usize| (0..mask.len()).any(|q| mask[p][q] || mask[q][p]);
    let positions: Vec<usize> = (0..mask.len()).filter(|&p| used(p)).collect();
    let hull_of = |&p: &usize| {
        let partners = (0..positions.len()).filter(|&j| mask[p][positions[j]]);
        hull(partners.map(|j| j..j + 1))
    };
    let reach = positions.iter().map(hull_of).collect();
    (positions, reach)
}

impl Axis {
    /// `needed` is the mask over the layer's pooled map.
    fn new(layer: &Layer, size: usize, needed: &Mask, is_trace: bool) -> Self {
        let taps = layer.pooling.taps(layer.subsampling, layer.poolfactor);
        let window = |output: usize| {
            let first = layer.subsampling * output + taps.start;
            let len = taps.weights.len().min(size.saturating_sub(first));
            (first, &taps.weights[..len])
        };

        let (outputs, window_reach) = compress(needed);
        let mut mask = vec![vec![false; size]; size];
        for (&left, reach) in outputs.iter().zip(&window_reach) {
            for &right in &outputs[reach.clone()] {
                let ((p, left), (q, right)) = (window(left), window(right));
                for row in &mut mask[p..p + left.len()] {
                    row[q..q + right.len()].fill(true);
                }
            }
        }
        let (sites, reach) = compress(&mask);

        let index_of = |position: usize| sites.partition_point(|&site| site < position);
        let windows: Vec<Window> = outputs
            .iter()
            .map(|&output| {
                let (first, weights) = window(output);
                Window { first: index_of(first), weights: weights.to_vec() }
            })
            .collect();
        let site_window_reach = (0..sites.len())
            .map(|site| {
                let reads = |(window, _): &(&Window, _)| window.sites().contains(&site);
                let readers = windows.iter().zip(&window_reach).filter(reads);
                hull(readers.map(|(_, reach)| reach.clone()))
            })
            .collect();
        let trace = if is_trace { trace_weights(&windows, sites.len()) } else { Vec::new() };

        let half = (layer.npatch / 2) as isize;
        let mut axis = Self {
            size,
            offsets: (0..layer.npatch as isize).map(|o| o - half).collect(),
            inputs: Vec::new(),
            sites,
            reach,
            taps: Vec::new(),
            windows: if is_trace { Vec::new() } else { windows },
            window_reach,
            site_window_reach,
            trace,
        };
        axis.inputs = compress(&axis.needed_inputs()).0;
        axis.taps = axis.offsets.iter().map(|&offset| axis.tap_indices(offset)).collect();
        axis
    }

    /// The position of `site` moved by `offset`, if inside the image.
    fn moved(&self, site: usize, offset: isize) -> Option<usize> {
        let position = self.sites[site].checked_add_signed(offset);
        position.filter(|&p| p < self.size)
    }

    fn tap_indices(&self, offset: isize) -> Vec<Option<usize>> {
        let index_of = |p: usize| self.inputs.binary_search(&p).expect("every tap is an input");
        (0..self.sites.len()).map(|site| self.moved(site, offset).map(index_of)).collect()
    }

    /// The entries of the input map that the patch sums read.
    fn needed_inputs(&self) -> Mask {
        let mut mask = vec![vec![false; self.size]; self.size];
        for (left, reach) in self.reach.iter().enumerate() {
            for right in reach.clone() {
                for &offset in &self.offsets {
                    if let (Some(p), Some(q)) =
                        (self.moved(left, offset), self.moved(right, offset))
                    {
                        mask[p][q] = true;
                    }
                }
            }
        }
        mask
    }

    /// Whether sites and inputs are runs without gaps, so that a patch's offset is one shift.
    pub fn is_dense(&self) -> bool {
        let has_no_gap =
            |positions: &[usize]| positions.windows(2).all(|pair| pair[1] == pair[0] + 1);
        has_no_gap(&self.sites) && has_no_gap(&self.inputs)
    }

    /// The windows that read `site`.
    pub fn windows_of(&self, site: usize) -> impl Iterator<Item = (usize, &Window)> {
        let reads = move |(_, window): &(usize, &Window)| window.sites().contains(&site);
        self.windows.iter().enumerate().filter(reads)
    }
}

/// The least range that holds all of `ranges`.
pub(crate) fn hull(ranges: impl Iterator<Item = Range<usize>>) -> Range<usize> {
    ranges
        .filter(|range| !range.is_empty())
        .reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
        .unwrap_or(0..0)
}

/// `sum_P A[P, i] A[P, j]`.
fn trace_weights(windows: &[Window], sites: usize) -> Vec<Vec<f64>> {
    let product = |i: usize, j: usize| windows.iter().map(|w| w.weight(i) * w.weight(j)).sum();
    (0..sites).map(|i| (0..sites).map(|j| product(i, j)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;
    use crate::pooling::Pooling;

    fn layer(npatch: usize, subsampling: usize, poolfactor: usize, pooling: Pooling) -> Layer {
        Layer { npatch, subsampling, poolfactor, kernel: Kernel::Exp, sigma: 1.0, pooling }
    }

    #[test]
    fn outputs_are_counted_as_documented() {
        for size in 1..=20 {
            for s in 1..=4 {
                let count = |pooling| outputs(&layer(1, s, 2, pooling), size);
                let less_one = (size / s).saturating_sub(1);
                assert_eq!(count(Pooling::Gaussian), less_one);
                assert_eq!(count(Pooling::Strided), less_one);
                assert_eq!(count(Pooling::Average), size / s);
            }
        }
    }

    #[test]
    fn even_patches_reach_further_back() {
        let offsets = |npatch| {
            let layer = layer(npatch, 1, 1, Pooling::Average);
            plan(&[layer], 8, Output::Trace)[0].offsets.clone()
        };
        assert_eq!(offsets(1), [0]);
        assert_eq!(offsets(2), [-1, 0]);
        assert_eq!(offsets(3), [-1, 0, 1]);
        assert_eq!(offsets(6), [-3, -2, -1, 0, 1, 2]);
    }

    #[test]
    fn strided_layers_are_evaluated_where_they_are_sampled() {
        let strided = layer(3, 3, 3, Pooling::Strided);
        let [axis] = &plan(&[strided], 14, Output::Trace)[..] else { panic!() };
        assert_eq!(axis.sites, [3, 6, 9]);
        assert_eq!(axis.inputs, (2..=10).collect::<Vec<_>>());
        assert_eq!(axis.reach, [0..1, 1..2, 2..3]);
        assert!(!axis.is_dense());

        // Sampled at 2 and 4 of 7 by the second layer, whose patches are single positions: at
        // 6 and 10 of 16 by the first one.
        let first = layer(2, 2, 2, Pooling::Strided);
        let second = layer(1, 2, 2, Pooling::Strided);
        let axes = plan(&[first, second], 16, Output::Trace);
        assert_eq!(axes[1].sites, [2, 4]);
        assert_eq!(axes[0].sites, [6, 10]);
        assert_eq!(axes[0].inputs, [5, 6, 9, 10]);
    }

    /// The last layer's trace needs no more than a band, as wide as its windows.
    #[test]
    fn a_trace_reads_a_band() {
        let axes = plan(&[layer(3, 4, 1, Pooling::Gaussian)], 20, Output::Trace);
        let axis = &axes[0];
        assert_eq!(axis.sites, [0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14]);
        for (site, reach) in axis.reach.iter().enumerate() {
            assert_eq!(*reach, site / 3 * 3..site / 3 * 3 + 3);
        }
        assert!(axis.windows.is_empty());
    }

    /// Weights of the trace are `A^T A`, whatever is not evaluated.
    #[test]
    fn trace_weights_are_those_of_the_pooled_diagonal() {
        for pooling in Pooling::ALL {
            for (s, f, size) in [(1, 2, 7), (2, 3, 11), (3, 2, 9), (2, 5, 6)] {
                let layer = layer(3, s, f, pooling);
                let taps = pooling.taps(s, f);
                let weight = |output: usize, p: usize| {
                    let tap = p.checked_sub(s * output + taps.start);
                    tap.and_then(|tap| taps.weights.get(tap)).copied()
                };
                let axis = &plan(&[layer], size, Output::Trace)[0];
                for p in 0..size {
                    for q in 0..size {
                        let products = (0..outputs(&layer, size))
                            .filter_map(|output| Some(weight(output, p)? * weight(output, q)?));
                        let wanted: f64 = products.sum();
                        let site = |p| axis.sites.binary_search(&p).ok();
                        let got = match (site(p), site(q)) {
                            (Some(i), Some(j)) => {
                                assert!(wanted == 0.0 || axis.reach[i].contains(&j));
                                axis.trace[i][j]
                            }
                            _ => 0.0,
                        };
                        assert!((got - wanted).abs() < 1e-15, "{pooling:?} at ({p}, {q})");
                    }
                }
            }
        }
    }
}
