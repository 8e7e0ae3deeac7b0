//! Derivatives of a patch kernel by all that it depends on.

use super::Patch;
use crate::simd::{Context, Real, Simd, Vector};

/// A kernel's value and its derivatives.
///
/// Those by norms are taken on a logarithmic scale, where a blank patch needs no exception.
#[derive(Clone, Copy)]
pub struct Jet<V> {
    /// `M`.
    pub value: V,
    /// `dM/dS`, the norms fixed.
    pub slope: V,
    /// `n dM/dn`.
    pub left: V,
    /// `n' dM/dn'`.
    pub right: V,
    /// `sigma dM/dsigma`; 0 for a kernel without.
    pub sigma: V,
}

/// The jet of `M = (n n')^degree kappa(u)`, but for `sigma`; the degree is at least 1.
///
/// `slope` is `dM/dS` as the NTK has it, which takes both norms to be above the floor of cosines.
#[inline(always)]
pub fn homogeneous<S: Simd, F: Real>(
    cx: Context<S, F>,
    degree: F,
    sum: Vector<S, F>,
    [left, right]: [Patch<S, F>; 2],
    [value, slope]: [Vector<S, F>; 2],
) -> Jet<Vector<S, F>> {
    let share = |patch: Patch<S, F>| patch.norm * patch.inverse;
    let slope = slope * (share(left) * share(right));
    turned(cx, degree, sum, [left, right], [value, slope])
}

/// The same from the slope at norms below the floor, too. There a cosine does not depend on its norm.
#[inline(always)]
pub fn turned<S: Simd, F: Real>(
    cx: Context<S, F>,
    degree: F,
    sum: Vector<S, F>,
    [left, right]: [Patch<S, F>; 2],
    [value, slope]: [Vector<S, F>; 2],
) -> Jet<Vector<S, F>> {
    let zero = cx.zero();
    let floor = F::NORM_FLOOR;
    let radial = value * degree;
    let turn = sum * slope;
    let along = |patch: Patch<S, F>| radial - turn * cx.indicator(patch.norm - floor);
    Jet { value, slope, left: along(left), right: along(right), sigma: zero }
}
