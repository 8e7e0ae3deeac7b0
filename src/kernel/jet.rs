//! Derivatives of a patch kernel with respect to the patch sum, both norms and `sigma`.

use super::patch::{NORM_FLOOR, Patch};
use crate::simd::{Context, Real, Simd, Vector};

/// A kernel's value and its derivatives.
///
/// Derivatives with respect to norms and `sigma` are with respect to their logarithms. So a blank
/// patch, whose norm is 0, needs no exception.
#[derive(Clone, Copy)]
pub struct Jet<V> {
    /// `M`.
    pub value: V,
    /// `dM/dS` at fixed norms.
    pub slope: V,
    /// `n dM/dn`.
    pub left: V,
    /// `n' dM/dn'`.
    pub right: V,
    /// `sigma dM/dsigma`; 0 for a kernel without `sigma`.
    pub sigma: V,
}

/// The jet of `M = (n n')^degree kappa(u)` without its derivative with respect to `sigma`; the degree
/// is at least 1.
///
/// `slope` is `dM/dS` as the NTK takes it: for norms above the floor of cosines. The jet's slope is
/// that times `n / max(n, 1e-6)` of both norms, which is right below the floor, too.
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
    log_derivatives(cx, degree, sum, [left, right], [value, slope])
}

/// The jet of `M = (n n')^degree kappa(u)` from a `slope` that holds at all norms, below the floor of
/// cosines too.
///
/// `n dM/dn` is a radial part, `degree M`, less the angular part `u dM/du = S dM/dS`. Below the floor
/// the cosine does not depend on its norm, and the angular part is left out.
///
/// The slope of such a kernel, as the NTK takes it, is `(n n')^(degree - 1) kappa'(u)`. So this is its jet,
/// too, with one degree less.
#[inline(always)]
pub fn log_derivatives<S: Simd, F: Real>(
    cx: Context<S, F>,
    degree: F,
    sum: Vector<S, F>,
    [left, right]: [Patch<S, F>; 2],
    [value, slope]: [Vector<S, F>; 2],
) -> Jet<Vector<S, F>> {
    let floor = F::from_f64(NORM_FLOOR);
    let radial = value * degree;
    let angular = sum * slope;
    let by_norm = |patch: Patch<S, F>| radial - angular * cx.indicator(patch.norm - floor);
    Jet { value, slope, left: by_norm(left), right: by_norm(right), sigma: cx.zero() }
}
