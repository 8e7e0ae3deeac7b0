//! Step 2: patch sums to patch kernels, for a block of left sites against a run of right sites.
//!
//! ```text
//! S[i, j] = sum over dx of V[i + dx, j + dx]
//! M[i, j] = n[i] n'[j] kappa(S[i, j] / (n[i] n'[j]))
//! NTK:  T[i, j] = (dM/dS)[i, j] S_T[i, j] + M[i, j]
//! ```

use std::ops::Range;

use crate::kernel::{Cosine, Kernel, PatchKernel, Visitor};
use crate::plan::BLOCK;
use crate::simd::{Real, Simd, SimdFloat, Vector};

/// The values of a block at one right site.
pub(super) type Values<S, F> = [Vector<S, F>; BLOCK];

/// Which maps go in and come out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Maps {
    /// The CKN's alone.
    Ckn,
    /// The CKN's and the NTK's; the patch sums of the first layer are the same for both.
    FirstNtk,
    /// The CKN's and the NTK's.
    Ntk,
}

impl Maps {
    const ALL: [Self; 3] = [Self::Ckn, Self::FirstNtk, Self::Ntk];

    pub fn of(ntk: bool, layer: usize) -> Self {
        match (ntk, layer) {
            (false, _) => Self::Ckn,
            (true, 0) => Self::FirstNtk,
            (true, _) => Self::Ntk,
        }
    }
}

/// A block's patch kernels.
pub(super) struct BlockMap<'a, S: Simd, F: Real> {
    pub simd: S,
    pub kernel: Kernel,
    pub sigma: f64,
    pub maps: Maps,
    /// For each horizontal offset and left site, where right site 0's term stands.
    pub terms: &'a [[usize; BLOCK]],
    /// The rings of vertical sums: the CKN's, and the NTK's if it differs.
    pub columns: [&'a [Vector<S, F>]; 2],
    /// The right sites.
    pub reach: Range<usize>,
    /// Of the left sites: norms, and inverse norms times the cosine scale.
    pub left: (Values<S, F>, Values<S, F>),
    /// Of the right sites in `reach`: norms and inverse norms.
    pub right: (&'a [Vector<S, F>], &'a [Vector<S, F>]),
}

impl<S: Simd, F: Real> BlockMap<'_, S, F> {
    /// Write `M`, and `T` if there is one, for each right site of `reach`.
    #[inline(always)]
    pub fn run(self, values: &mut [Values<S, F>], tangents: &mut [Values<S, F>]) {
        let (kernel, sigma) = (self.kernel, self.sigma);
        kernel.visit(sigma, Evaluate { block: self, values, tangents });
    }
}

struct Evaluate<'a, S: Simd, F: Real> {
    block: BlockMap<'a, S, F>,
    values: &'a mut [Values<S, F>],
    tangents: &'a mut [Values<S, F>],
}

impl<S: Simd, F: Real> Visitor<F> for Evaluate<'_, S, F> {
    #[inline(always)]
    fn visit<K: PatchKernel<F>>(self, kernel: K) {
        let simd = self.block.simd;
        match self.block.maps {
            Maps::Ckn => simd.vectorize(
                #[inline(always)]
                || self.maps::<K, 0>(kernel),
            ),
            Maps::FirstNtk => simd.vectorize(
                #[inline(always)]
                || self.maps::<K, 1>(kernel),
            ),
            Maps::Ntk => simd.vectorize(
                #[inline(always)]
                || self.maps::<K, 2>(kernel),
            ),
        }
    }
}

impl<S: Simd, F: Real> Evaluate<'_, S, F> {
    /// `MAPS` indexes [`Maps::ALL`].
    #[inline(always)]
    fn maps<K: PatchKernel<F>, const MAPS: usize>(self, kernel: K) {
        match self.block.terms.len() {
            1 => self.offsets::<K, MAPS, 1>(kernel),
            3 => self.offsets::<K, MAPS, 3>(kernel),
            _ => self.any_offsets::<K, MAPS>(kernel),
        }
    }

    /// `O` horizontal offsets, summed in registers.
    #[inline(always)]
    fn offsets<K: PatchKernel<F>, const MAPS: usize, const O: usize>(self, kernel: K) {
        let Self { block, values, tangents } = self;
        let count = block.reach.len();
        let terms: [_; O] = std::array::from_fn(|o| block.terms[o]);
        let start = block.reach.start;
        let columns = terms.map(|terms| slices(block.columns[0], terms, start, count));
        let tangent_columns = match Maps::ALL[MAPS] {
            Maps::Ntk => terms.map(|terms| slices(block.columns[1], terms, start, count)),
            _ => columns,
        };
        let sum = |columns: &[[&[Vector<S, F>]; BLOCK]; O], i: usize, j: usize| {
            let mut sum = columns[0][i][j];
            for columns in &columns[1..] {
                sum = sum + columns[i][j];
            }
            sum
        };
        block.evaluate::<K, MAPS>(
            kernel,
            values,
            tangents,
            |i, j, _| sum(&columns, i, j),
            |i, j, _| sum(&tangent_columns, i, j),
        );
    }

    /// Any number of horizontal offsets, summed where the results will stand.
    #[inline(always)]
    fn any_offsets<K: PatchKernel<F>, const MAPS: usize>(self, kernel: K) {
        let Self { block, values, tangents } = self;
        block.sum_offsets(block.columns[0], values);
        if Maps::ALL[MAPS] == Maps::Ntk {
            block.sum_offsets(block.columns[1], tangents);
        }
        block.evaluate::<K, MAPS>(
            kernel,
            values,
            tangents,
            |i, _, value| value[i],
            |i, _, tangent| tangent[i],
        );
    }
}

/// The `count` terms from right site `start` on.
#[inline(always)]
fn slices<V>(columns: &[V], terms: [usize; BLOCK], start: usize, count: usize) -> [&[V]; BLOCK] {
    terms.map(|term| &columns[term + start..][..count])
}

impl<S: Simd, F: Real> BlockMap<'_, S, F> {
    #[inline(always)]
    fn sum_offsets(&self, columns: &[Vector<S, F>], sums: &mut [Values<S, F>]) {
        let count = self.reach.len();
        let sums = &mut sums[..count];
        for (o, terms) in self.terms.iter().enumerate() {
            let columns = slices(columns, *terms, self.reach.start, count);
            for (j, sums) in sums.iter_mut().enumerate() {
                for (sum, column) in sums.iter_mut().zip(&columns) {
                    *sum = if o == 0 { column[j] } else { *sum + column[j] };
                }
            }
        }
    }

    /// `sum` and `tangent_sum` give patch sums from left site, right site and the place where the
    /// result will stand.
    #[inline(always)]
    fn evaluate<K: PatchKernel<F>, const MAPS: usize>(
        &self,
        kernel: K,
        values: &mut [Values<S, F>],
        tangents: &mut [Values<S, F>],
        sum: impl Fn(usize, usize, &Values<S, F>) -> Vector<S, F>,
        tangent_sum: impl Fn(usize, usize, &Values<S, F>) -> Vector<S, F>,
    ) {
        let count = self.reach.len();
        let (norms, inverses) = (&self.right.0[..count], &self.right.1[..count]);
        let values = &mut values[..count];
        let tangents = &mut tangents[..if MAPS == 0 { 0 } else { count }];
        for (j, value) in values.iter_mut().enumerate() {
            for i in 0..BLOCK {
                let sum = sum(i, j, value);
                let cosine = Cosine(sum * inverses[j], self.left.1[i]);
                let norms = self.left.0[i] * norms[j];
                if MAPS == 0 {
                    value[i] = kernel.value(self.simd, cosine, norms);
                    continue;
                }
                let tangent = &mut tangents[j];
                let tangent_sum =
                    if Maps::ALL[MAPS] == Maps::Ntk { tangent_sum(i, j, tangent) } else { sum };
                let (mapped, slope) = kernel.value_and_slope(self.simd, cosine, norms);
                value[i] = mapped;
                tangent[i] = slope.mul_add(tangent_sum, mapped);
            }
        }
    }
}
