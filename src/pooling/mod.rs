//! Poolings: the positions that an output reads, and their weights.
//!
//! PooledAxis one axis of `n` positions, output `P` reads positions `s P + start + t` with weight `w[t]`.
//! Positions from `n` on do not exist: the far edge cuts the window, and the other weights stay as they
//! are. Each pooling has a file; a new one is that file, and a line in the registry below.

mod average;
mod gaussian;
mod global;
mod none;
mod strided;
mod taps;
mod weights;

pub use taps::{PooledAxis, Taps};

/// The key of a layer for the stride of its pooling.
pub const SUBSAMPLING: &str = "subsampling";

/// The key of a layer for the width of its pooling.
pub const POOLFACTOR: &str = "poolfactor";

/// The registry: variant, name in models, function `(&PooledAxis) -> Taps`, and the keys of a layer that
/// the pooling may have.
macro_rules! poolings {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $taps:path, $keys:expr;)*) => {
        /// A pooling along one axis.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Pooling {
            $($(#[$doc])* $variant,)*
            /// Weights that the user gives.
            Weights(Vec<f64>),
        }

        impl Pooling {
            /// Every pooling that has a name.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The name in models; none of weights.
            pub fn name(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($name),)*
                    Self::Weights(_) => None,
                }
            }

            /// The keys of a layer that it may have; others have no meaning for it.
            pub fn keys(&self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => $keys,)*
                    Self::Weights(_) => &[SUBSAMPLING],
                }
            }

            /// Whether it has a stride.
            pub fn has_stride(&self) -> bool {
                self.keys().contains(&SUBSAMPLING)
            }

            /// Whether it has a width.
            pub fn has_width(&self) -> bool {
                self.keys().contains(&POOLFACTOR)
            }

            /// The taps along an axis.
            pub fn taps(&self, along: &PooledAxis) -> Taps {
                match self {
                    $(Self::$variant => $taps(along),)*
                    Self::Weights(given) => weights::taps(along, given),
                }
            }
        }
    };
}

poolings! {
    /// Gaussian weights over `2 f + 1` positions.
    Gaussian, "gaussian", gaussian::taps, &[SUBSAMPLING, POOLFACTOR];
    /// Equal weights over `f` positions.
    Average, "average", average::taps, &[SUBSAMPLING, POOLFACTOR];
    /// One position, no blurring. It reads no width, but the original's models may have one.
    Strided, "strided", strided::taps, &[SUBSAMPLING, POOLFACTOR];
    /// The mean of all positions.
    Global, "global", global::taps, &[];
    /// Every position, as it is.
    None, "none", none::taps, &[];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convention::Convention;

    fn along(positions: usize, subsampling: usize, poolfactor: usize) -> PooledAxis {
        PooledAxis { positions, subsampling, poolfactor, convention: Convention::Original }
    }

    fn first(positions: usize, subsampling: usize) -> PooledAxis {
        let convention = Convention::First;
        PooledAxis { positions, subsampling, poolfactor: subsampling, convention }
    }

    #[test]
    fn weights_are_averages() {
        for pooling in Pooling::ALL {
            for subsampling in 1..=5 {
                for poolfactor in 1..=7 {
                    let taps = pooling.taps(&along(15, subsampling, poolfactor));
                    let total: f64 = taps.weights.iter().sum();
                    assert!((total - 1.0).abs() < 1e-15, "{pooling:?}: {total}");
                    assert!(taps.weights.iter().all(|&weight| weight > 0.0));
                    let reversed = taps.weights.iter().rev();
                    assert!(reversed.eq(&taps.weights), "{pooling:?}");
                }
            }
        }
    }

    #[test]
    fn outputs_are_counted_as_documented() {
        for positions in 1..=20 {
            for s in 1..=4 {
                let count = |pooling: Pooling| pooling.taps(&along(positions, s, 2)).outputs;
                let less_one = (positions / s).saturating_sub(1);
                assert_eq!(count(Pooling::Gaussian), less_one);
                assert_eq!(count(Pooling::Strided), less_one);
                assert_eq!(count(Pooling::Average), positions / s);
                assert_eq!(count(Pooling::Weights(vec![1.0])), positions / s);
                assert_eq!(count(Pooling::Global), 1);
                assert_eq!(count(Pooling::None), positions);
            }
        }
    }

    #[test]
    fn gaussian_reads_twice_its_width_and_one() {
        let taps = Pooling::Gaussian.taps(&along(9, 3, 2));
        assert_eq!((taps.start, taps.weights.len()), (0, 5));
        let ratio = |t: usize| taps.weights[t] / taps.weights[2];
        assert!((ratio(1) - (-0.25_f64).exp()).abs() < 1e-15);
        assert!((ratio(0) - (-1.0_f64).exp()).abs() < 1e-15);
    }

    #[test]
    fn average_reads_its_width() {
        let taps = Pooling::Average.taps(&along(9, 3, 4));
        assert_eq!(taps, Taps { start: 0, weights: vec![0.25; 4], outputs: 3 });
    }

    #[test]
    fn no_average_of_neural_tangents_is_cut() {
        let outputs = |positions, subsampling, poolfactor| {
            let convention = Convention::NeuralTangents;
            let along = PooledAxis { positions, subsampling, poolfactor, convention };
            Pooling::Average.taps(&along).outputs
        };
        assert_eq!([outputs(9, 2, 2), outputs(9, 2, 3), outputs(9, 3, 4)], [4, 4, 2]);
        assert_eq!([outputs(4, 1, 4), outputs(4, 1, 5)], [1, 0]);
    }

    #[test]
    fn strided_reads_one_position_a_stride() {
        let taps = Pooling::Strided.taps(&along(9, 3, 4));
        assert_eq!(taps, Taps { start: 3, weights: vec![1.0], outputs: 2 });
    }

    #[test]
    fn global_reads_everything_and_none_nothing_else() {
        let taps = Pooling::Global.taps(&along(4, 1, 1));
        assert_eq!(taps, Taps { start: 0, weights: vec![0.25; 4], outputs: 1 });
        let taps = Pooling::None.taps(&along(4, 1, 1));
        assert_eq!(taps, Taps { start: 0, weights: vec![1.0], outputs: 4 });
    }

    #[test]
    fn given_weights_stay_as_they_are() {
        let taps = Pooling::Weights(vec![2.0, -1.0]).taps(&along(7, 2, 2));
        assert_eq!(taps, Taps { start: 0, weights: vec![2.0, -1.0], outputs: 3 });
    }

    /// The far edge cuts them; what is left keeps its weight.
    #[test]
    fn windows_wider_than_the_axis_are_cut() {
        for pooling in [Pooling::Gaussian, Pooling::Average] {
            let wide = pooling.taps(&along(4, 1, 6));
            assert_eq!(wide.weights, pooling.taps(&along(20, 1, 6)).weights[..4], "{pooling:?}");
        }
        let given = Pooling::Weights(vec![0.5, 0.25, 0.125]);
        assert_eq!(given.taps(&along(2, 1, 1)).weights, [0.5, 0.25]);
    }

    /// Windows of `2 s + 1` taps that sum to 1, less the last.
    #[test]
    fn the_first_convention_drops_a_weight() {
        let taps = Pooling::Average.taps(&first(9, 2));
        assert_eq!(taps, Taps { start: 0, weights: vec![0.2; 4], outputs: 3 });
        let taps = Pooling::Strided.taps(&first(9, 2));
        assert_eq!(taps, Taps { start: 2, weights: vec![1.0], outputs: 3 });
        let taps = Pooling::Gaussian.taps(&first(9, 2));
        let whole = Pooling::Gaussian.taps(&along(9, 2, 2));
        assert_eq!(taps.weights, whole.weights[..4]);
        assert_eq!((taps.start, taps.outputs), (0, 3));
    }
}
