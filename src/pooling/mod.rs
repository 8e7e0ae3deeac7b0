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
