//! The instruction set and the precision of a computation, in one value.

use std::marker::PhantomData;

use super::real::Real;
use super::vector::{Simd, SimdBase, Vector};

/// An instruction set `S` and a precision `F`; it has no size.
///
/// [`Vector`] is a projection, from which the compiler infers neither `S` nor `F`. A context has
/// both in its type, so that `cx.splat(x)` needs no type arguments. The elementary functions are
/// its methods, too.
#[derive(Clone, Copy)]
pub struct Context<S, F> {
    simd: S,
    precision: PhantomData<F>,
}

impl<S: Simd, F: Real> Context<S, F> {
    /// The context of a token of `fearless_simd`.
    #[inline(always)]
    pub fn new(simd: S) -> Self {
        Self { simd, precision: PhantomData }
    }

    /// The token.
    #[inline(always)]
    pub fn simd(self) -> S {
        self.simd
    }

    /// The number of lanes of a vector.
    #[inline(always)]
    pub fn lanes(self) -> usize {
        Vector::<S, F>::LEN
    }

    /// `x` in every lane.
    #[inline(always)]
    pub fn splat(self, x: F) -> Vector<S, F> {
        Vector::<S, F>::splat(self.simd, x)
    }

    /// 0 in every lane.
    #[inline(always)]
    pub fn zero(self) -> Vector<S, F> {
        self.splat(F::ZERO)
    }

    /// 1 in every lane.
    #[inline(always)]
    pub fn one(self) -> Vector<S, F> {
        self.splat(F::ONE)
    }

    /// `lane(k)` in lane `k`.
    #[inline(always)]
    pub fn from_fn(self, lane: impl FnMut(usize) -> F) -> Vector<S, F> {
        Vector::<S, F>::from_fn(self.simd, lane)
    }

    /// `len` zero vectors, aligned as vectors are.
    #[inline(always)]
    pub fn zeros(self, len: usize) -> Vec<Vector<S, F>> {
        vec![self.zero(); len]
    }

    /// Run `body` in a function that is compiled for the instruction set.
    ///
    /// Only code that is inlined into `body` is compiled so: mark the closure and all that it calls
    /// with `#[inline(always)]`.
    #[inline(always)]
    pub fn vectorize<R>(self, body: impl FnOnce() -> R) -> R {
        self.simd.vectorize(body)
    }
}
