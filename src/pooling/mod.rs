//! Poolings: which positions an output reads, and with which weights.
//!
//! Along one axis of `n` positions, output `P` reads positions `s P + start + t` with weight
//! `w[t]`, those below `n`; a window cut by the far edge is not renormalised. One file a pooling;
//! a new one is that file, and a line in the registry below.

mod average;
mod gaussian;
mod strided;

/// What a pooling does along one axis, whatever its length.
#[derive(Clone, Debug, PartialEq)]
pub struct Taps {
    /// Position of output 0's first tap.
    pub start: usize,
    /// Weights of the successive taps.
    pub weights: Vec<f64>,
    /// Number of outputs is `n / s` less this.
    pub dropped_outputs: usize,
}

/// The registry: variant, name in models, function `(subsampling, poolfactor) -> Taps`.
macro_rules! poolings {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $taps:path;)*) => {
        /// A pooling by its name in models.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Pooling {
            $($(#[$doc])* $variant,)*
        }

        impl Pooling {
            /// Every pooling.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The name in models.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The taps for a stride of `subsampling` and a width of `poolfactor`.
            pub fn taps(self, subsampling: usize, poolfactor: usize) -> Taps {
                match self {
                    $(Self::$variant => $taps(subsampling, poolfactor),)*
                }
            }
        }
    };
}

poolings! {
    /// Gaussian weights over `2 f + 1` positions.
    Gaussian, "gaussian", gaussian::taps;
    /// Equal weights over `f` positions.
    Average, "average", average::taps;
    /// One position, no blurring.
    Strided, "strided", strided::taps;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_averages() {
        for pooling in Pooling::ALL {
            for subsampling in 1..=5 {
                for poolfactor in 1..=7 {
                    let taps = pooling.taps(subsampling, poolfactor);
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
    fn gaussian_reads_twice_its_width_and_one() {
        let taps = Pooling::Gaussian.taps(3, 2);
        assert_eq!((taps.start, taps.dropped_outputs), (0, 1));
        assert_eq!(taps.weights.len(), 5);
        let ratio = |t: usize| taps.weights[t] / taps.weights[2];
        assert!((ratio(1) - (-0.25_f64).exp()).abs() < 1e-15);
        assert!((ratio(0) - (-1.0_f64).exp()).abs() < 1e-15);
    }

    #[test]
    fn average_reads_its_width() {
        let taps = Pooling::Average.taps(3, 4);
        assert_eq!((taps.start, taps.dropped_outputs), (0, 0));
        assert_eq!(taps.weights, [0.25; 4]);
    }

    #[test]
    fn strided_reads_one_position_a_stride() {
        let taps = Pooling::Strided.taps(3, 4);
        assert_eq!((taps.start, taps.dropped_outputs), (3, 1));
        assert_eq!(taps.weights, [1.0]);
    }
}
