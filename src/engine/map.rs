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

/// Patch norms at some sites, and their inverses.
pub(super) struct Norms<'a, S: Simd, F: Real> {
    pub norms: &'a [Vector<S, F>],
    pub inverses: &'a [Vector<S, F>],
}

/// A block's patch kernels.
pub(super) struct BlockMap<'a, S: Simd, F: Real> {
    pub simd: S,
    pub kernel: Kernel,
    pub sigma: f64,
    pub maps: Maps,
    /// Right site `j` at offset `o` of left site `i` reads `bases[i + o] + j + o`.
    pub bases: &'a [usize],
    /// The rings of columns: the CKN's, and the NTK's if it differs.
    pub columns: [&'a [Vector<S, F>]; 2],
    /// The right sites.
    pub reach: Range<usize>,
    /// Of the [`BLOCK`] left sites; the inverses are multiplied by the cosine scale.
    pub left: Norms<'a, S, F>,
    /// Of the right sites in `reach`.
    pub right: Norms<'a, S, F>,
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
        match self.block.bases.len() + 1 - BLOCK {
            1 => self.one_offset::<K, MAPS>(kernel),
            3 => self.three_offsets::<K, MAPS>(kernel),
            _ => self.any_offsets::<K, MAPS>(kernel),
        }
    }

    #[inline(always)]
    fn one_offset<K: PatchKernel<F>, const MAPS: usize>(self, kernel: K) {
        let Self { block, values, tangents } = self;
        let sums = block.offset(block.columns[0], 0);
        let tangent_sums = match Maps::ALL[MAPS] {
            Maps::Ntk => block.offset(block.columns[1], 0),
            _ => sums,
        };
        let (value, tangent) = (
            |i: usize, j: usize, _: &_| sums[i][j],
            |i: usize, j: usize, _: &_| tangent_sums[i][j],
        );
        block.evaluate::<K, MAPS>(kernel, values, tangents, value, tangent);
    }

    /// Patches of side 3, summed in registers.
    #[inline(always)]
    fn three_offsets<K: PatchKernel<F>, const MAPS: usize>(self, kernel: K) {
        let Self { block, values, tangents } = self;
        let terms = |columns| {
            [block.offset(columns, 0), block.offset(columns, 1), block.offset(columns, 2)]
        };
        let [a, b, c] = terms(block.columns[0]);
        let [ta, tb, tc] = match Maps::ALL[MAPS] {
            Maps::Ntk => terms(block.columns[1]),
            _ => [a, b, c],
        };
        let (value, tangent) = (
            |i: usize, j: usize, _: &_| a[i][j] + b[i][j] + c[i][j],
            |i: usize, j: usize, _: &_| ta[i][j] + tb[i][j] + tc[i][j],
        );
        block.evaluate::<K, MAPS>(kernel, values, tangents, value, tangent);
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

impl<'a, S: Simd, F: Real> BlockMap<'a, S, F> {
    /// The terms of offset `o` for each left site, by right site of `reach`.
    #[inline(always)]
    fn offset(&self, columns: &'a [Vector<S, F>], o: usize) -> [&'a [Vector<S, F>]; BLOCK] {
        let (start, count) = (self.reach.start + o, self.reach.len());
        let of_site = |i: usize| &columns[self.bases[i + o] + start..][..count];
        [of_site(0), of_site(1), of_site(2), of_site(3)]
    }

    #[inline(always)]
    fn sum_offsets(&self, columns: &'a [Vector<S, F>], sums: &mut [Values<S, F>]) {
        let sums = &mut sums[..self.reach.len()];
        for o in 0..self.bases.len() + 1 - BLOCK {
            let columns = self.offset(columns, o);
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
        let (norms, inverses) = (&self.right.norms[..count], &self.right.inverses[..count]);
        let (left_norms, left_inverses) = (&self.left.norms[..BLOCK], &self.left.inverses[..BLOCK]);
        let values = &mut values[..count];
        let tangents = &mut tangents[..if MAPS == 0 { 0 } else { count }];
        for (j, value) in values.iter_mut().enumerate() {
            for i in 0..BLOCK {
                let sum = sum(i, j, value);
                let cosine = Cosine(sum * inverses[j], left_inverses[i]);
                let norms = left_norms[i] * norms[j];
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
