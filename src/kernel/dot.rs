//! Kernels that are a function of one number: `M = n n' f(u)`, or `M = f(S)` without normalisation.

use super::interface::{
    COSINE_AND_NORMS, Domain, Jet, Parameter, Patch, Setting, SiteKernel, homogeneous,
    log_derivatives,
};
use crate::simd::{Context, Real, Simd, Vector};

/// The parameter that chooses one of the two forms.
pub(super) const HOMOGENEOUS: Parameter =
    Parameter { name: "homogeneous", domain: Domain::Flag, default: Some(Setting::Flag(true)) };

/// The function `f`.
pub(super) trait Function<F: Real>: Copy {
    /// `f(x)`.
    fn value<S: Simd>(self, cx: Context<S, F>, x: Vector<S, F>) -> Vector<S, F>;

    /// `f(x)` and `f'(x)`; the first has the bits of [`Function::value`].
    fn value_and_slope<S: Simd>(self, cx: Context<S, F>, x: Vector<S, F>) -> [Vector<S, F>; 2];

    /// `f''(x)`.
    fn curvature<S: Simd>(self, cx: Context<S, F>, x: Vector<S, F>) -> Vector<S, F>;
}

/// The multiply-adds of a kernel from those of `f`. The form `f(S)` has no cosine and no norms.
pub(super) fn multiply_adds(homogeneous: bool, [value, slope]: [usize; 2]) -> [usize; 2] {
    let value = if homogeneous { value } else { value.saturating_sub(COSINE_AND_NORMS) };
    [value, slope]
}

/// The kernel at a left site.
#[derive(Clone, Copy)]
pub struct AtSite<S: Simd, F: Real, G> {
    pub(super) function: G,
    pub(super) homogeneous: bool,
    pub(super) left: Patch<S, F>,
}

impl<S: Simd, F: Real, G> AtSite<S, F, G> {
    #[inline(always)]
    fn cosine(&self, sum: Vector<S, F>, right: Patch<S, F>) -> Vector<S, F> {
        sum * right.inverse * self.left.inverse
    }
}

impl<S: Simd, F: Real, G: Function<F>> SiteKernel<S, F> for AtSite<S, F, G> {
    #[inline(always)]
    fn value(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Vector<S, F> {
        if self.homogeneous {
            let value = self.function.value(cx, self.cosine(sum, right));
            self.left.norm * right.norm * value
        } else {
            self.function.value(cx, sum)
        }
    }

    #[inline(always)]
    fn value_and_slope(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2] {
        if self.homogeneous {
            let cosine = self.cosine(sum, right);
            let [value, slope] = self.function.value_and_slope(cx, cosine);
            [self.left.norm * right.norm * value, slope]
        } else {
            self.function.value_and_slope(cx, sum)
        }
    }

    #[inline(always)]
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>> {
        let [value, slope] = self.value_and_slope(cx, sum, right);
        if self.homogeneous {
            return homogeneous(cx, F::ONE, sum, [self.left, right], [value, slope]);
        }
        let zero = cx.zero();
        Jet { value, slope, left: zero, right: zero, sigma: zero }
    }

    #[inline(always)]
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>> {
        let [_, slope] = self.value_and_slope(cx, sum, right);
        if self.homogeneous {
            let inverses = right.inverse * self.left.inverse;
            let curvature = self.function.curvature(cx, self.cosine(sum, right)) * inverses;
            return log_derivatives(cx, F::ZERO, sum, [self.left, right], [slope, curvature]);
        }
        let zero = cx.zero();
        let curvature = self.function.curvature(cx, sum);
        Jet { value: slope, slope: curvature, left: zero, right: zero, sigma: zero }
    }
}
