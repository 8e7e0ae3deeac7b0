//! Patch kernels: `M[p, q]` from the patch sum `S[p, q]` and the two patch norms.
//!
//! With `u = S / (max(n, 1e-6) max(n', 1e-6))` the cosine of two patches and `n n'` the product of
//! their norms, a kernel gives `M = n n' kappa(u)` and, for the NTK, its slope `dM/dS`. One file a
//! kernel; a new one is that file, and a line in the registry below.

mod exp;
mod linear;
mod poly;
mod relu;
mod square;

use crate::simd::{Real, Simd, Vector};

/// A patch kernel with its parameter, in precision `F`.
pub trait PatchKernel<F: Real>: Copy {
    /// The kernel at one left site.
    type AtSite<S: Simd>: SiteKernel<S, F>;

    /// The kernel with parameter `sigma > 0`, which some ignore.
    fn new(sigma: f64) -> Self;

    /// Call `visitor` with the kernel, or with the form of it that suits its parameter.
    #[inline(always)]
    fn choose(self, visitor: impl Visitor<F>) {
        visitor.visit(self);
    }

    /// The kernel at a left site with patch norm `norm`; `inverse` is `1 / max(norm, 1e-6)`.
    ///
    /// Whatever does not depend on the right site is computed here, once for a row of them.
    fn at<S: Simd>(self, simd: S, norm: Vector<S, F>, inverse: Vector<S, F>) -> Self::AtSite<S>;
}

/// A patch kernel at one left site, against any right one.
///
/// It gets the patch sum `S` and of the right site `norm = n'` and `inverse = 1 / max(n', 1e-6)`:
/// to multiply the two inverses first keeps them off the critical path. Rounding can put a cosine
/// a few ulp outside `[-1, 1]`; a kernel that minds clamps it.
pub trait SiteKernel<S: Simd, F: Real>: Copy {
    /// `M`.
    #[inline(always)]
    fn value(
        self,
        simd: S,
        sum: Vector<S, F>,
        norm: Vector<S, F>,
        inverse: Vector<S, F>,
    ) -> Vector<S, F> {
        self.value_and_slope(simd, sum, norm, inverse).0
    }

    /// `M` and `dM/dS`; `M` has the bits of [`SiteKernel::value`].
    fn value_and_slope(
        self,
        simd: S,
        sum: Vector<S, F>,
        norm: Vector<S, F>,
        inverse: Vector<S, F>,
    ) -> (Vector<S, F>, Vector<S, F>);
}

/// Something to do with a kernel once its type is known.
pub trait Visitor<F: Real> {
    /// Do it.
    fn visit<K: PatchKernel<F>>(self, kernel: K);
}

/// The registry: variant, name in models, type.
macro_rules! kernels {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $kernel:ty;)*) => {
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

            /// The kernel with its parameter.
            pub fn prepare<F: Real>(self, sigma: f64) -> Prepared<F> {
                match self {
                    $(Self::$variant => Prepared::$variant(PatchKernel::<F>::new(sigma)),)*
                }
            }
        }

        /// A [`Kernel`] with its parameter, in precision `F`.
        #[derive(Clone, Copy)]
        pub enum Prepared<F: Real> {
            $($(#[$doc])* $variant($kernel),)*
        }

        impl<F: Real> Prepared<F> {
            /// Call `visitor` with this kernel's type.
            #[inline(always)]
            pub fn visit(self, visitor: impl Visitor<F>) {
                match self {
                    $(Self::$variant(kernel) => PatchKernel::<F>::choose(kernel, visitor),)*
                }
            }
        }
    };
}

kernels! {
    /// `n n' exp((u - 1) / sigma^2)`.
    Exp, "exp", exp::Exp<F>;
    /// Arc-cosine kernel of order 1, the dual of the ReLU.
    Relu, "relu", relu::Relu;
    /// `n n' sigma u`.
    Linear, "linear", linear::Linear<F>;
    /// `n n' u^2`.
    Poly2, "poly2", poly::Poly<2>;
    /// `n n' u^3`.
    Poly3, "poly3", poly::Poly<3>;
    /// `n n' u^4`.
    Poly4, "poly4", poly::Poly<4>;
    /// `(n n' u)^2`, not homogeneous.
    Square, "square", square::Square;
}
