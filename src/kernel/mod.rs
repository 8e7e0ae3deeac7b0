//! Patch kernels: `M[p, q]` from the patch sum `S[p, q]` and the two patch norms.
//!
//! With `u = S / (max(n, 1e-6) max(n', 1e-6))` the cosine of two patches and `n n'` the product of
//! their norms, a homogeneous kernel gives `M = n n' kappa(u)`; others are functions of `S`, `n` and
//! `n'`. The NTK needs the kernel's slope `dM/dS` as well, and gradients need its [`Jet`].
//!
//! Each kernel has one file. A new kernel is a new file, and a line in the registry below;
//! CONTRIBUTING.md shows an example.

mod abrelu;
mod arccos2;
mod correlation;
mod dot;
mod erf;
mod exp;
mod gelu;
mod jet;
mod linear;
mod parameters;
mod poly;
mod powers;
mod rbf;
mod relu;
mod series;
mod sine;
mod square;
mod step;
#[cfg(test)]
mod testing;

pub use jet::{Jet, homogeneous};
pub use parameters::{Kind, MOST_TERMS, Parameter, Parameters, Setting};

use crate::simd::{Context, Real, Simd, SimdBase, SimdFloat, Vector};

/// The least norm of which cosines are formed: a smaller patch norm counts as this one there.
pub const NORM_FLOOR: f64 = 1e-6;

/// A patch kernel with its parameters, in precision `F`.
pub trait PatchKernel<F: Real>: Sized {
    /// The parameters that it declares, apart from `sigma`.
    const PARAMETERS: &'static [Parameter] = &[];

    /// Whether it depends on `sigma`. Gradients are with respect to the logarithm of `sigma`.
    const HAS_SIGMA: bool = false;

    /// The reason why the slope cannot be used, if it has a singularity that images always reach.
    const SINGULAR: Option<&'static str> = None;

    /// Whether the kernel's loops contain the sums over patches, those of narrow patches in registers.
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

/// The numbers of a patch that a kernel uses.
#[derive(Clone, Copy)]
pub struct Patch<S: Simd, F: Real> {
    /// The patch norm `n`.
    pub norm: Vector<S, F>,
    /// `1 / max(n, 1e-6)`; for a kernel with [`PatchKernel::noise`], `1 / sqrt(h + n^2)`.
    pub inverse: Vector<S, F>,
}

impl<S: Simd, F: Real> Patch<S, F> {
    /// The patch of this norm, for a kernel with this [`PatchKernel::noise`].
    #[inline(always)]
    pub fn new(cx: Context<S, F>, norm: Vector<S, F>, noise: Option<F>) -> Self {
        let size = match noise {
            Some(noise) => norm.mul_add(norm, cx.splat(noise)).sqrt(),
            None => norm.max(cx.splat(F::from_f64(NORM_FLOOR))),
        };
        Self { norm, inverse: cx.one() / size }
    }
}

/// A patch kernel at one left site.
///
/// Its methods take the patch sum `S` and the right patch. A kernel that multiplies the two inverses
/// first need not wait for the patch sum to do so. Rounding can put a cosine a few units in the last
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
}

/// The multiplications for a cosine and for the product with two norms.
///
/// A layer's cost contains them for every kernel. A kernel without them subtracts them from its own
/// count.
const COSINE_AND_NORMS: usize = 4;

/// `sigma^2` as the variance of weights, clamped to a range in which it and its inverse are finite with
/// room to spare.
fn variance<F: Real>(sigma: f64) -> f64 {
    let least = F::LEAST_INVERTIBLE.to_f64();
    (sigma * sigma).clamp(least, 1.0 / least)
}

/// A computation that is generic over the type of the kernel.
pub trait Visitor<F: Real> {
    /// Run the computation with `kernel`.
    fn visit<K: PatchKernel<F>>(self, kernel: &K);
}

/// The registry. An entry has a variant, the names in models (messages show the first), and a type.
macro_rules! kernels {
    ($($(#[$doc:meta])* $variant:ident, [$name:literal $(, $alias:literal)*], $kernel:ty;)*) => {
        /// A patch kernel by its name in models.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kernel {
            $($(#[$doc])* $variant,)*
        }

        impl Kernel {
            /// Every patch kernel.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$variant),*];

            /// The name in models.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// All names in models, the usual one first.
            pub fn names(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$name $(, $alias)*],)*
                }
            }

            /// The parameters that the kernel declares, apart from `sigma`.
            pub fn parameters(self) -> &'static [Parameter] {
                type F = f64;
                match self {
                    $(Self::$variant => <$kernel as PatchKernel<F>>::PARAMETERS,)*
                }
            }

            /// Whether the kernel depends on `sigma`.
            pub fn has_sigma(self) -> bool {
                type F = f64;
                match self {
                    $(Self::$variant => <$kernel as PatchKernel<F>>::HAS_SIGMA,)*
                }
            }

            /// The reason why the slope cannot be used, if there is one.
            pub fn singular(self) -> Option<&'static str> {
                type F = f64;
                match self {
                    $(Self::$variant => <$kernel as PatchKernel<F>>::SINGULAR,)*
                }
            }

            /// The kernel with these parameters.
            pub fn prepare<F: Real>(self, sigma: f64, parameters: &Parameters) -> Prepared<F> {
                match self {
                    $(Self::$variant => {
                        Prepared::$variant(PatchKernel::<F>::new(sigma, parameters))
                    })*
                }
            }
        }

        /// A [`Kernel`] with its parameters, in precision `F`.
        pub enum Prepared<F: Real> {
            $($(#[$doc])* $variant($kernel),)*
        }

        impl<F: Real> Prepared<F> {
            /// Call `visitor` with this kernel's type.
            #[inline(always)]
            pub fn visit(&self, visitor: impl Visitor<F>) {
                match self {
                    $(Self::$variant(kernel) => PatchKernel::<F>::choose(kernel, visitor),)*
                }
            }

            /// The variance of the noise that the kernel adds to patches, if it does.
            pub fn noise(&self) -> Option<F> {
                match self {
                    $(Self::$variant(kernel) => PatchKernel::<F>::noise(kernel),)*
                }
            }

            /// The nominal multiply-adds of a value, and of a slope computed with it.
            pub fn multiply_adds(&self) -> [usize; 2] {
                match self {
                    $(Self::$variant(kernel) => PatchKernel::<F>::multiply_adds(kernel),)*
                }
            }
        }
    };
}

kernels! {
    /// `n n' exp((u - 1) / sigma^2)`.
    Exp, ["exp"], exp::Exp<F>;
    /// Arc-cosine kernel of order 1, the dual of the ReLU.
    Relu, ["relu"], relu::Relu;
    /// `n n' sigma u`.
    Linear, ["linear"], linear::Linear<F>;
    /// `n n' u^2`.
    Poly2, ["poly2"], powers::Power<2>;
    /// `n n' u^3`.
    Poly3, ["poly3"], powers::Power<3>;
    /// `n n' u^4`.
    Poly4, ["poly4"], powers::Power<4>;
    /// `(n n' u)^2`, not homogeneous.
    Square, ["square"], square::Square;
    /// Arc-cosine kernel of order 0, the dual of the step function.
    Step, ["step"], step::Step;
    /// Arc-cosine kernel of order 2, the dual of the squared ReLU.
    Arccos2, ["arccos2"], arccos2::Arccos2;
    /// The dual of `a min(x, 0) + b max(x, 0)`.
    AbRelu, ["abrelu"], abrelu::AbRelu<F>;
    /// The dual of the error function.
    Erf, ["erf"], erf::Erf<F>;
    /// The dual of the Gaussian error linear unit.
    Gelu, ["gelu"], gelu::Gelu<F>;
    /// The Gaussian kernel.
    Rbf, ["rbf", "gaussian"], rbf::Rbf<F>;
    /// The dual of the sine.
    Sin, ["sin"], sine::Sin<F>;
    /// The dual of the cosine.
    Cos, ["cos"], sine::Cos<F>;
    /// `n n' (u + offset)^degree`, or `(S + offset)^degree`.
    Poly, ["poly"], poly::Poly<F>;
    /// `n n' sum_k c_k u^k`, or `sum_k c_k S^k`.
    Series, ["series"], series::Series<F>;
}
