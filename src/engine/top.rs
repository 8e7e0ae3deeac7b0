//! The dense layer on top of the number that is read from the last map, if the model has one.

use crate::model::Dense;
use crate::plan::{Plan, ResultOf};
use crate::simd::Real;

/// The variances of its weights and biases.
#[derive(Clone, Copy)]
pub(super) struct Top<F>(Option<[F; 2]>);

impl<F: Real> Top<F> {
    pub fn new(plan: &Plan) -> Self {
        let variances = |Dense { weight_std, bias_std }: Dense| {
            [weight_std, bias_std].map(|std| F::from_f64(std * std))
        };
        Self(plan.model.dense.map(variances))
    }

    /// A result, from the totals of maps. Of these `kernel` is that of the plan's kernel.
    #[inline(always)]
    pub fn result(self, result: ResultOf, kernel: F, total: impl Fn(usize) -> F) -> F {
        let Some([weight, bias]) = self.0 else {
            return match result {
                ResultOf::Kernel(map) | ResultOf::Derivative(map) => total(map),
                ResultOf::DenseWeight | ResultOf::DenseBias => F::ZERO,
            };
        };
        let double = F::from_f64(2.0);
        match result {
            ResultOf::Kernel(map) => weight * total(map) + bias,
            ResultOf::Derivative(map) => weight * total(map),
            ResultOf::DenseWeight => double * weight * kernel,
            ResultOf::DenseBias => double * bias,
        }
    }
}
