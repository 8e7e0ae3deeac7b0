//! The conventions for patches and poolings: that of the original, that of its first release, and that of
//! the library `neural_tangents`.

/// How patches and poolings are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Convention {
    /// The original's since 2020. Patches are summed; even patches reach further back; a window begins
    /// at its output's position and has all its weights.
    #[default]
    Original,
    /// That of the original's first release, of 2019. Patches are averaged; even patches reach further
    /// ahead; a window lacks its last weight.
    First,
    /// That of networks in `neural_tangents`, with its parametrisation `ntk`: patch sums are divided by
    /// the number of weights, patches stand where XLA puts them, kernels are expectations, and a trace
    /// is a mean over positions.
    NeuralTangents,
}

impl Convention {
    /// Every convention.
    pub const ALL: [Self; 3] = [Self::Original, Self::First, Self::NeuralTangents];

    /// The name in models.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::First => "2019",
            Self::NeuralTangents => "neural_tangents",
        }
    }

    /// The offsets along one axis of a patch of `npatch` positions, ascending.
    pub fn offsets(self, npatch: usize) -> std::ops::RangeInclusive<isize> {
        let (fewer, more) = ((npatch - 1) / 2, npatch / 2);
        let (back, ahead) = match self {
            Self::Original => (more, fewer),
            Self::First | Self::NeuralTangents => (fewer, more),
        };
        -(back as isize)..=ahead as isize
    }

    /// The divisor of patch sums, along one axis, that comes with the two maps.
    pub fn divisor(self, npatch: usize) -> usize {
        match self {
            Self::Original | Self::NeuralTangents => 1,
            Self::First => npatch,
        }
    }

    /// The divisor of patch sums that comes with the variance of weights: how many weights a neuron has,
    /// for patches of these lengths on maps of so many channels.
    pub fn fan_in(self, npatch: [usize; 2], channels: usize) -> f64 {
        match self {
            Self::Original | Self::First => 1.0,
            Self::NeuralTangents => {
                npatch.iter().map(|&length| length as f64).product::<f64>() * channels as f64
            }
        }
    }

    /// Whether patch kernels are expectations. Some are twice that in other conventions.
    pub fn takes_expectations(self) -> bool {
        self == Self::NeuralTangents
    }

    /// Whether a trace is divided by the number of positions.
    pub fn averages_traces(self) -> bool {
        self == Self::NeuralTangents
    }

    /// Whether patches around the edge stand where XLA puts them.
    pub fn places_as_xla(self) -> bool {
        self == Self::NeuralTangents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_patches_reach_further_to_one_side() {
        for npatch in [1, 3, 5] {
            let half = npatch as isize / 2;
            for convention in Convention::ALL {
                assert_eq!(convention.offsets(npatch), -half..=half);
            }
        }
        assert_eq!(Convention::Original.offsets(6), -3..=2);
        assert_eq!(Convention::First.offsets(6), -2..=3);
        assert_eq!(Convention::NeuralTangents.offsets(6), -2..=3);
    }
}
