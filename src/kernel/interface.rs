//! The interface of a kernel: the traits that it implements, and all else that its file needs.

pub use super::jet::{Jet, homogeneous, log_derivatives};
pub use super::parameters::{Domain, Parameter, Parameters, Setting};
pub use super::patch::Patch;
use crate::simd::{Context, Real, Simd, Vector};

/// A patch kernel with its parameters, in precision `F`.
pub trait PatchKernel<F: Real>: Sized {
    /// The parameters that it declares, apart from `sigma`.
    const PARAMETERS: &'static [Parameter] = &[];

    /// Whether it depends on `sigma`. Gradients are with respect to the logarithm of `sigma`.
    const HAS_SIGMA: bool = false;

    /// Whether it is twice the expectation of a product of activations over standard normal weights. The
    /// factor gives the arc-cosine kernels their usual form.
    const IS_DOUBLED: bool = false;

    /// The reason why the slope cannot be used, if it has a singularity that images always reach.
    const SINGULAR: Option<&'static str> = None;

    /// Whether the sums over patches are compiled into the kernel's loops, instead of a function that all
    /// kernels share. The sums of narrow patches then stay in registers.
    ///
    /// For a short formula this is faster by a twelfth, but the code is ten times as long.
    const INLINES: bool = false;

    /// The kernel at one left site.
    type AtSite<'k, S: Simd>: SiteKernel<S, F>
    where
        Self: 'k;

    /// The kernel with `sigma > 0` and the parameters that it declares.
    fn new(sigma: f64, parameters: &Parameters) -> Self;

    /// The variance `h` of the noise that the kernel adds to patches, if it does. A patch's inverse is
    /// then `1 / sqrt(h + n^2)`.
    fn noise(&self) -> Option<F> {
        None
    }

    /// Whether `M` and all its derivatives are exactly +0 if one of the patches is 0 everywhere. The engine
    /// leaves such patches out.
    fn vanishes(&self) -> bool {
        true
    }

    /// The nominal multiply-adds of a value, given the patch sum, and of a slope computed with it.
    fn multiply_adds(&self) -> [usize; 2];

    /// Call `visitor` with this kernel, or with the form of it that suits its parameters.
    #[inline(always)]
    fn choose(&self, visitor: impl Visitor<F>) {
        visitor.visit(self);
    }

    /// The kernel at a left site.
    ///
    /// Terms that do not depend on the right site are computed here, once for a row of right sites.
    fn at<S: Simd>(&self, cx: Context<S, F>, left: Patch<S, F>) -> Self::AtSite<'_, S>;
}

/// A patch kernel at one left site.
///
/// Its methods take the patch sum `S` and the right patch. A kernel should multiply the two inverses
/// first: that product does not wait for the patch sum. Rounding can put a cosine a few units in the last
/// place outside `[-1, 1]`. A kernel that needs it inside clamps it.
pub trait SiteKernel<S: Simd, F: Real>: Copy {
    /// `M`.
    #[inline(always)]
    fn value(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Vector<S, F> {
        self.value_and_slope(cx, sum, right)[0]
    }

    /// `M` and `dM/dS`; `M` has the bits of [`SiteKernel::value`].
    fn value_and_slope(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> [Vector<S, F>; 2];

    /// `M` and all its derivatives; `M` has the bits of [`SiteKernel::value`].
    fn jet(self, cx: Context<S, F>, sum: Vector<S, F>, right: Patch<S, F>) -> Jet<Vector<S, F>>;

    /// The slope and all its derivatives, for gradients of the NTK; its value has the bits of
    /// [`SiteKernel::value_and_slope`].
    ///
    /// The slopes of `relu` and `abrelu` have no derivative where patches are parallel. They count as
    /// constant there. This is right for patches that are parallel whatever `sigma` is, such as a patch
    /// and itself.
    fn slope_jet(
        self,
        cx: Context<S, F>,
        sum: Vector<S, F>,
        right: Patch<S, F>,
    ) -> Jet<Vector<S, F>>;
}

/// The multiplications for a cosine and for the product with two norms.
///
/// A layer's cost contains them for every kernel. A kernel without them subtracts them from its own
/// count.
pub(super) const COSINE_AND_NORMS: usize = 4;

/// `sigma^2` as the variance of weights, clamped to a range in which it and its inverse are finite with
/// room to spare.
pub(super) fn variance<F: Real>(sigma: f64) -> f64 {
    let least = F::LEAST_INVERTIBLE.to_f64();
    (sigma * sigma).clamp(least, 1.0 / least)
}

/// A computation that is generic over the type of the kernel.
pub trait Visitor<F: Real> {
    /// Run the computation with `kernel`.
    fn visit<K: PatchKernel<F>>(self, kernel: &K);
}
