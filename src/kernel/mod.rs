//! Patch kernels: `M[p, q]` from the patch sum `S[p, q]` and the two patch norms.
//!
//! With `u = S / (max(n, 1e-6) max(n', 1e-6))` the cosine of two patches and `n n'` the product of
//! their norms, a homogeneous kernel gives `M = n n' kappa(u)`; others are functions of `S`, `n` and
//! `n'`. For the NTK a kernel has its slope `dM/dS`, and for gradients its [`Jet`]. One file a kernel;
//! a new one is that file, and a line in the registry below.

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
mod polynomial;
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

/// A patch kernel with its parameters, in precision `F`.
pub trait PatchKernel<F: Real>: Sized {
    /// Its parameters beside `sigma`.
    const PARAMETERS: &'static [Parameter] = &[];

    /// Whether it depends on `sigma`; gradients are taken with respect to its logarithm.
    const HAS_SIGMA: bool = false;

    /// Why the slope cannot be used, if it has a singularity that cannot be avoided.
    const SINGULAR: Option<&'static str> = None;

    /// Whether the kernel's loops sum patches themselves, narrow ones in registers: a twelfth faster
    /// for a short formula, and ten times the code.
    const INLINES: bool = false;

    /// The kernel at one left site.
    type AtSite<'k, S: Simd>: SiteKernel<S, F>
    where
        Self: 'k;

    /// The kernel with `sigma > 0` and the parameters that it declares.
    fn new(sigma: f64, parameters: &Parameters) -> Self;

    /// The variance `h` of noise on patches, if it sees them so: their inverses are then
    /// `1 / sqrt(h + n^2)`.
    fn noise(&self) -> Option<F> {
        None
    }

    /// Nominal multiply-adds of a value, from the patch sum on, and of a slope beside it.
    fn multiply_adds(&self) -> [usize; 2];

    /// Call `visitor` with the kernel, or with the form of it that suits its parameters.
    #[inline(always)]
    fn choose(&self, visitor: impl Visitor<F>) {
        visitor.visit(self);
    }

    /// The kernel at a left site.
    ///
    /// Whatever does not depend on the right site is computed here, once for a row of them.
    fn at<S: Simd>(&self, cx: Context<S, F>, left: Patch<S, F>) -> Self::AtSite<'_, S>;
}

/// What a kernel knows of one patch.
#[derive(Clone, Copy)]
pub struct Patch<S: Simd, F: Real> {
    /// The patch norm `n`.
    pub norm: Vector<S, F>,
    /// `1 / max(n, 1e-6)`, or what [`PatchKernel::noise`] makes of it.
    pub inverse: Vector<S, F>,
}

impl<S: Simd, F: Real> Patch<S, F> {
    /// A patch of this norm, as a kernel that sees such noise knows it.
    #[inline(always)]
    pub fn new(cx: Context<S, F>, norm: Vector<S, F>, noise: Option<F>) -> Self {
        let splat = |x| cx.splat(x);
        let size = match noise {
            Some(noise) => norm.mul_add(norm, splat(noise)).sqrt(),
            None => norm.max(splat(F::NORM_FLOOR)),
        };
        Self { norm, inverse: splat(F::ONE) / size }
    }
}

/// A patch kernel at one left site, against any right one.
///
/// It gets the patch sum `S` and what is known of the right patch: to multiply the two inverses
/// first keeps them off the critical path. Rounding can put a cosine a few ulp outside `[-1, 1]`; a
/// kernel that minds clamps it.
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

/// Multiplications for a cosine and the product with two norms. A layer's cost has them for every
/// kernel; one that goes without counts so many less.
const COSINE_AND_NORMS: usize = 4;

/// `sigma^2` for kernels in which weights have it as their variance: where it has an inverse with room
/// to spare. One past that counts as the bound.
fn variance<F: Real>(sigma: f64) -> f64 {
    let least = F::LEAST_INVERTIBLE.to_f64();
    (sigma * sigma).clamp(least, 1.0 / least)
}

/// Something to do with a kernel once its type is known.
pub trait Visitor<F: Real> {
    /// Do it.
    fn visit<K: PatchKernel<F>>(self, kernel: &K);
}

/// The registry: variant, names in models (the first one is shown), type.
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

            /// The names it goes by, the usual one first.
            pub fn names(self) -> &'static [&'static str] {
                match self {
                    $(Self::$variant => &[$name $(, $alias)*],)*
                }
            }

            /// The parameters that it declares, beside `sigma`.
            pub fn parameters(self) -> &'static [Parameter] {
                type F = f64;
                match self {
                    $(Self::$variant => <$kernel as PatchKernel<F>>::PARAMETERS,)*
                }
            }

            /// Whether it depends on `sigma`.
            pub fn has_sigma(self) -> bool {
                type F = f64;
                match self {
                    $(Self::$variant => <$kernel as PatchKernel<F>>::HAS_SIGMA,)*
                }
            }

            /// Why the slope cannot be used, if so.
            pub fn singular(self) -> Option<&'static str> {
                type F = f64;
                match self {
                    $(Self::$variant => <$kernel as PatchKernel<F>>::SINGULAR,)*
                }
            }

            /// The kernel with its parameters.
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

            /// The variance of noise on patches, if the kernel sees them so.
            pub fn noise(&self) -> Option<F> {
                match self {
                    $(Self::$variant(kernel) => PatchKernel::<F>::noise(kernel),)*
                }
            }

            /// Nominal multiply-adds of a value, and of a slope beside it.
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
    Poly2, ["poly2"], poly::Power<2>;
    /// `n n' u^3`.
    Poly3, ["poly3"], poly::Power<3>;
    /// `n n' u^4`.
    Poly4, ["poly4"], poly::Power<4>;
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
    Poly, ["poly"], polynomial::Poly<F>;
    /// `n n' sum_k c_k u^k`, or `sum_k c_k S^k`.
    Series, ["series"], series::Series<F>;
}
