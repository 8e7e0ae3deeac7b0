//! The two conventions for patches and poolings: that of the original, and that of its first release.

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
}

impl Convention {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Original, Self::First];

    /// The name in models.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::First => "2019",
        }
    }

    /// The offsets along one axis of a patch of `npatch` positions, ascending.
    pub fn offsets(self, npatch: usize) -> std::ops::RangeInclusive<isize> {
        let (fewer, more) = ((npatch - 1) / 2, npatch / 2);
        let (back, ahead) = match self {
            Self::Original => (more, fewer),
            Self::First => (fewer, more),
        };
        -(back as isize)..=ahead as isize
    }

    /// The divisor of patch sums, along one axis.
    pub fn divisor(self, npatch: usize) -> usize {
        match self {
            Self::Original => 1,
            Self::First => npatch,
        }
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
    }
}
