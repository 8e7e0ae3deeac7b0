//! Derivatives with respect to the logarithm of each layer's `sigma`.

use crate::common::{
    SHAPE, Wanted, all, assert_close, assert_same, cast, gram, images, largest, layer, oracle,
    pick, rng, shape, unusual_models,
};
use ckn_rs::convention::Convention;
use ckn_rs::error::Error;
use ckn_rs::kernel::Kernel;
use ckn_rs::model::{Model, Padding, Readout};
use ckn_rs::plan::{Carried, Plan, Shape};
use ckn_rs::pooling::Pooling;
use ndarray::Array2;
use rand::RngExt;

/// Bounds on errors, relative to the largest entry of the kernel and of the derivatives.
const DOUBLE: f64 = 1e-6;
const SINGLE: f64 = 1e-4;

/// Step of `log sigma`. Central differences with this step are exact to some 1e-9.
const STEP: f64 = 1e-4;

/// Central differences of `of`, one for each layer with a `sigma`.
fn differences(model: &Model, of: impl Fn(&Model) -> Array2<f64>) -> Vec<Array2<f64>> {
    let moved = |layer: usize, step: f64| {
        let mut model = model.clone();
        model.layers[layer].sigma *= step.exp();
        of(&model)
    };
    let slope = |layer| (moved(layer, STEP) - moved(layer, -STEP)) / (2.0 * STEP);
    model.layers_with_sigma().map(slope).collect()
}

/// The kernel without gradients, and with them.
const KERNELS: [[Carried; 2]; 2] =
    [[Carried::Nothing, Carried::Gradients], [Carried::Ntk, Carried::NtkGradients]];

/// Compares gradients of random images with central differences, of the engine and of the oracle.
fn check(model: &Model, shape: Shape, seed: u64) {
    for [alone, gradients] in KERNELS {
        // A kernel without a slope has no NTK.
        if alone == Carried::Nothing || Plan::new(model, shape, alone).is_ok() {
            check_one(model, shape, seed, [alone, gradients]);
        }
    }
}

fn check_one(model: &Model, shape: Shape, seed: u64, [alone, gradients]: [Carried; 2]) {
    let what = format!("{shape} {gradients:?} {model:?}");
    let mut rng = rng(seed);
    let (x, y) = (images(&mut rng, 3, shape), images(&mut rng, 5, shape));
    let plan = Plan::new(model, shape, gradients).unwrap();
    let value = |model: &Model| gram(&Plan::new(model, shape, alone).unwrap(), &x, Some(&y));
    let naive = |model: &Model| {
        let (ckn, ntk) = oracle::gram(model, shape, &x, &y);
        if alone.has_ntk() { ntk } else { ckn }
    };
    let got = all(&plan, &x, Some(&y));
    let single = all(&plan, &cast::<f32>(&x), Some(&cast::<f32>(&y)));
    assert_same(&what, &got[0], &value(model));
    assert_eq!(got.len(), 1 + model.layers_with_sigma().count());
    for wanted in [differences(model, value), differences(model, naive)] {
        for ((got, single), wanted) in got[1..].iter().zip(&single[1..]).zip(&wanted) {
            // A kernel may hardly depend on a sigma. So the scale is at least that of the kernel.
            let scale = largest(wanted).max(largest(&value(model)));
            assert_close(
                &what,
                &(got / scale),
                &(wanted / scale),
                DOUBLE / largest(&(wanted / scale)),
            );
            let bound = SINGLE / largest(&(wanted / scale));
            assert_close(&what, &(single.mapv(f64::from) / scale), &(wanted / scale), bound);
        }
    }
}

#[test]
fn derivatives_are_those_of_differences() {
    let with_sigma: Vec<_> = Kernel::ALL.into_iter().filter(|kernel| kernel.has_sigma()).collect();
    let mut rng = rng(51);
    for kernel in with_sigma {
        for padding in Padding::ALL {
            for depth in 1..=3 {
                let wanted = Wanted {
                    kernel,
                    pooling: pick(&mut rng, &Pooling::ALL),
                    padding,
                    convention: pick(&mut rng, &Convention::ALL),
                    readout: pick(&mut rng, &Readout::ALL),
                };
                let shape = shape(rng.random_range(4..=8), rng.random_range(4..=8), 2);
                let model = wanted.model(&mut rng, shape, depth, Carried::Gradients);
                let model = oracle::suited(model, shape, images(&mut rng, 1, shape).row(0));
                check(&model, shape, rng.random());
            }
        }
    }
}

#[test]
fn unusual_geometry_has_derivatives_too() {
    for (seed, model) in unusual_models().iter().enumerate() {
        check(model, SHAPE, seed as u64);
    }
}

#[test]
fn derivatives_of_a_symmetric_matrix() {
    let model =
        Model::new([3, 2].map(|side| layer(Kernel::Exp, side, 2, &Pooling::Average)).to_vec());
    let (model, x) = (model.unwrap(), images(&mut rng(52), 37, SHAPE));
    for [alone, gradients] in KERNELS {
        let plan = Plan::new(&model, SHAPE, gradients).unwrap();
        let value = |model: &Model| gram(&Plan::new(model, SHAPE, alone).unwrap(), &x, None);
        let got = all(&plan, &x, None);
        for (got, wanted) in got[1..].iter().zip(differences(&model, value)) {
            assert_close(&format!("symmetric, {gradients:?}"), got, &wanted, DOUBLE);
        }
    }
}

/// Patch norms are near the floor of 1e-6. Below it, the cosine's denominator is constant.
#[test]
fn tiny_images_have_derivatives() {
    let model = Model::new(vec![layer(Kernel::Exp, 3, 2, &Pooling::Average); 2]).unwrap();
    for [alone, gradients] in KERNELS {
        let plan = Plan::new(&model, SHAPE, gradients).unwrap();
        for scale in [3e-7, 1e-6] {
            let x = images(&mut rng(53), 4, SHAPE) * scale;
            let value = |model: &Model| gram(&Plan::new(model, SHAPE, alone).unwrap(), &x, None);
            for (got, wanted) in all(&plan, &x, None)[1..].iter().zip(differences(&model, value)) {
                assert_close(&format!("{gradients:?}, images of {scale}"), got, &wanted, DOUBLE);
            }
        }
    }
}

#[test]
fn a_kernel_without_slope_ends_gradients() {
    let exp = layer(Kernel::Exp, 3, 1, &Pooling::Average);
    for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.singular().is_some()) {
        let singular = layer(kernel, 3, 1, &Pooling::Average);
        let plan =
            |layers: Vec<_>| Plan::new(&Model::new(layers).unwrap(), SHAPE, Carried::Gradients);
        // Before the first layer with a sigma, the derivative is 0 and needs no slope.
        assert!(plan(vec![singular.clone(), exp.clone()]).is_ok());
        let Err(Error::Value(message)) = plan(vec![exp.clone(), singular]) else {
            panic!("accepted")
        };
        for word in ["layer 1", kernel.name(), "gradient"] {
            assert!(message.contains(word), "{message}");
        }
    }
}
