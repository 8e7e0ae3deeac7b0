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

use crate::simd::{Real, Simd, SimdFloat, Vector};

/// A scaled cosine, left as a product of two factors so that a kernel can fuse it.
#[derive(Clone, Copy)]
pub struct Cosine<S: Simd, F: Real>(pub Vector<S, F>, pub Vector<S, F>);

impl<S: Simd, F: Real> Cosine<S, F> {
    /// Its value.
    #[inline(always)]
    pub fn value(self) -> Vector<S, F> {
        self.0 * self.1
    }

    /// Its value less `offset`, rounded once.
    #[inline(always)]
    pub fn minus(self, offset: Vector<S, F>) -> Vector<S, F> {
        self.0.mul_sub(self.1, offset)
    }
}

/// A patch kernel with its parameter, ready to be evaluated in precision `F`.
pub trait PatchKernel<F: Real>: Copy {
    /// The kernel with parameter `sigma > 0`, which some ignore.
    fn new(sigma: f64) -> Self;

    /// What the engine multiplies cosines by before it passes them, free of charge.
    fn cosine_scale(self) -> f64 {
        1.0
    }

    /// `M`, from the scaled cosine and the product of the norms.
    ///
    /// Rounding can put a cosine a few ulp outside `[-1, 1]`; a kernel that minds clamps it.
    fn value<S: Simd>(self, simd: S, cosine: Cosine<S, F>, norms: Vector<S, F>) -> Vector<S, F>;

    /// `M` and `dM/dS`; `M` has the bits of [`PatchKernel::value`].
    fn value_and_slope<S: Simd>(
        self,
        simd: S,
        cosine: Cosine<S, F>,
        norms: Vector<S, F>,
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

            /// Call `visitor` with this kernel's type.
            #[inline(always)]
            pub fn visit<F: Real>(self, sigma: f64, visitor: impl Visitor<F>) {
                match self {
                    $(Self::$variant => visitor.visit(<$kernel as PatchKernel<F>>::new(sigma)),)*
                }
            }

            /// [`PatchKernel::cosine_scale`] of this kernel.
            pub fn cosine_scale(self, sigma: f64) -> f64 {
                match self {
                    $(Self::$variant => {
                        PatchKernel::<f64>::cosine_scale(<$kernel as PatchKernel<f64>>::new(sigma))
                    })*
                }
            }
        }
    };
}

kernels! {
    /// `n n' exp((u - 1) / sigma^2)`.
    Exp, "exp", exp::Exp<_>;
    /// Arc-cosine kernel of order 1, the dual of the ReLU.
    Relu, "relu", relu::Relu;
    /// `n n' sigma u`.
    Linear, "linear", linear::Linear<_>;
    /// `n n' u^2`.
    Poly2, "poly2", poly::Poly<2>;
    /// `n n' u^3`.
    Poly3, "poly3", poly::Poly<3>;
    /// `n n' u^4`.
    Poly4, "poly4", poly::Poly<4>;
    /// `(n n' u)^2`, not homogeneous.
    Square, "square", square::Square;
}
