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
mod interface;
mod jet;
mod linear;
mod parameters;
mod patch;
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

pub use interface::{PatchKernel, SiteKernel, Visitor};
pub use jet::{Jet, homogeneous};
pub use parameters::{Domain, MOST_TERMS, Parameter, Parameters, Setting};
pub use patch::{NORM_FLOOR, Patch};

use crate::simd::Real;

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

            /// Whether the kernel is twice the expectation over standard normal weights.
            pub fn is_doubled(self) -> bool {
                type F = f64;
                match self {
                    $(Self::$variant => <$kernel as PatchKernel<F>>::IS_DOUBLED,)*
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

            /// Whether its formula is a part of each loop: see [`PatchKernel::INLINES`].
            pub fn inlines(&self) -> bool {
                let mut inlines = false;
                self.visit(Inlines(&mut inlines));
                inlines
            }

            /// The variance of the noise that the kernel adds to patches, if it does.
            pub fn noise(&self) -> Option<F> {
                match self {
                    $(Self::$variant(kernel) => PatchKernel::<F>::noise(kernel),)*
                }
            }

            /// Whether the kernel and its derivatives are 0 for a blank patch.
            pub fn vanishes(&self) -> bool {
                match self {
                    $(Self::$variant(kernel) => PatchKernel::<F>::vanishes(kernel),)*
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

struct Inlines<'a>(&'a mut bool);

impl<F: Real> Visitor<F> for Inlines<'_> {
    fn visit<K: PatchKernel<F>>(self, _: &K) {
        *self.0 = K::INLINES;
    }
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
