//! Results of every instruction set that this processor has, compared with each other.
//!
//! Lanes never mix, so a result does not depend on the width of a vector. All instruction sets that
//! round a multiply-add once give the same bits. The baseline of x86 has no such instruction: it
//! rounds the product and the sum, and its results agree to rounding. If a machine has only one
//! instruction set with fused multiply-adds, that one is compared only with the baseline.

use crate::common::{
    SHAPE, assert_close, assert_same, cast, images, layer, shape, try_all, try_norms,
    unusual_models, widen,
};
use ckn_rs::engine::{Compiled, Job};
use ckn_rs::kernel::Kernel;
use ckn_rs::model::Model;
use ckn_rs::plan::{Carried, Plan, Shape};
use ckn_rs::pooling::Pooling;
use ckn_rs::simd::Isa;

/// Compares kernels and norms of one plan at every instruction set.
fn check<F: Compiled>(plan: &Plan, tolerance: f64) {
    let mut rng = crate::common::rng(11);
    // More images than a batch holds in either precision, and not a multiple of it.
    let x = cast::<F>(&images(&mut rng, 3, plan.shape));
    let y = cast::<F>(&images(&mut rng, 19, plan.shape));
    let results = |isa: Isa| {
        let job = Job::new(2, Some(isa)).unwrap();
        let mut results = try_all(plan, &x, Some(&y), &job).unwrap();
        results.push(try_norms(plan, &x, &job).unwrap());
        results
    };
    let best = Isa::available()[0];
    let wanted = results(best);
    for isa in Isa::available() {
        let what = format!("{} on {} {:?}", isa.name(), plan.shape, plan.model.layers);
        for (got, wanted) in results(isa).iter().zip(&wanted) {
            if isa.fuses() == best.fuses() {
                assert_same(&what, got, wanted);
            } else {
                assert_close(&what, got, &widen(wanted), tolerance);
            }
        }
    }
}

fn check_both(model: &Model, shape: Shape) {
    for carried in Carried::ALL {
        // A kernel without a slope has only a CKN.
        let Ok(plan) = Plan::new(model, shape, carried) else { continue };
        // A derivative is a difference of larger numbers, so its bound is wider.
        let factor = if carried.has_gradients() { 4.0 } else { 1.0 };
        check::<f32>(&plan, factor * 5e-6);
        check::<f64>(&plan, factor * 1e-13);
    }
}

#[test]
fn every_kernel_with_every_pooling() {
    for kernel in Kernel::ALL {
        for pooling in Pooling::ALL {
            let model = Model::new(vec![
                layer(kernel, 3, 2, &pooling),
                layer(kernel, 2, 1, &Pooling::Average),
            ]);
            check_both(&model.unwrap(), shape(9, 11, 2));
        }
    }
}

#[test]
fn unusual_geometry() {
    for model in unusual_models() {
        check_both(&model, SHAPE);
    }
}

#[test]
fn patches_of_every_size() {
    for npatch in 1..=6 {
        let mut first = layer(Kernel::Relu, npatch, 2, &Pooling::Gaussian);
        first.poolfactor = [3; 2];
        let sparse = layer(Kernel::Exp, npatch.min(4), 2, &Pooling::Strided);
        check_both(&Model::new(vec![first, sparse]).unwrap(), shape(10, 13, 3));
    }
}

#[test]
fn the_best_is_the_first_and_the_baseline_is_always_there() {
    let available = Isa::available();
    assert_eq!(available[0], Isa::best());
    if cfg!(target_arch = "x86_64") {
        assert_eq!(available.last(), Some(&Isa::Baseline));
    }
    for isa in Isa::ALL {
        assert_eq!(Job::new(1, Some(isa)).is_ok(), available.contains(&isa));
    }
}
