//! Tests of the plan of an axis.

use super::*;
use crate::convention::Convention;
use crate::kernel::Kernel;
use crate::pooling::Pooling;

fn layer(npatch: usize, subsampling: usize, poolfactor: usize, pooling: Pooling) -> Layer {
    let layer = Layer::new(Kernel::Exp, npatch, subsampling).pooled(pooling);
    Layer { poolfactor: [poolfactor; 2], ..layer }
}

fn plan(layers: &[Layer], size: usize, output: Output) -> Vec<Axis> {
    super::plan(&Model::new(layers.to_vec()).unwrap(), layers.len(), 0, size, output)
}

#[test]
fn strided_layers_are_evaluated_where_they_are_sampled() {
    let strided = layer(3, 3, 3, Pooling::Strided);
    let [axis] = &plan(&[strided], 14, Output::Number(Readout::Trace))[..] else { panic!() };
    assert_eq!(axis.sites, [3, 6, 9]);
    assert_eq!(axis.inputs, (2..=10).collect::<Vec<_>>());
    assert_eq!(axis.reach, [0..1, 1..2, 2..3]);
    assert!(!axis.is_dense());

    // Sampled at 2 and 4 of 7 by the second layer, whose patches are single positions: at
    // 6 and 10 of 16 by the first one.
    let first = layer(2, 2, 2, Pooling::Strided);
    let second = layer(1, 2, 2, Pooling::Strided);
    let axes = plan(&[first, second], 16, Output::Number(Readout::Trace));
    assert_eq!(axes[1].sites, [2, 4]);
    assert_eq!(axes[0].sites, [6, 10]);
    assert_eq!(axes[0].inputs, [5, 6, 9, 10]);
}

/// The last layer's trace needs no more than a band, as wide as its windows.
#[test]
fn a_trace_reads_a_band() {
    let axes = plan(&[layer(3, 4, 1, Pooling::Gaussian)], 20, Output::Number(Readout::Trace));
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
    for pooling in [Pooling::Gaussian, Pooling::Average, Pooling::Strided] {
        for (s, f, size) in [(1, 2, 7), (2, 3, 11), (3, 2, 9), (2, 5, 6)] {
            let layer = layer(3, s, f, pooling.clone());
            let along = PooledAxis {
                positions: size,
                subsampling: s,
                poolfactor: f,
                convention: Convention::Original,
            };
            let taps = pooling.taps(&along);
            let weight = |output: usize, p: usize| {
                let tap = p.checked_sub(s * output + taps.start);
                tap.and_then(|tap| taps.weights.get(tap)).copied()
            };
            let axis = &plan(&[layer], size, Output::Number(Readout::Trace))[0];
            for p in 0..size {
                for q in 0..size {
                    let products = (0..taps.outputs)
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
