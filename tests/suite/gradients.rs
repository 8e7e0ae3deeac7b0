//! Derivatives with respect to the logarithms of parameters: `sigma`, and scales of weights and biases.

use crate::common::{
    SHAPE, Wanted, all, assert_close, assert_same, cast, gram, images, largest, layer, oracle,
    pick, rng, shape, unusual_models,
};
use ckn_rs::convention::Convention;
use ckn_rs::error::Error;
use ckn_rs::kernel::Kernel;
use ckn_rs::model::{Dense, Layer, Model, Padding, Readout};
use ckn_rs::plan::{Carried, Parameter, Plan, Shape, Wrt};
use ckn_rs::pooling::Pooling;
use ndarray::Array2;
use rand::RngExt;

/// Bounds on errors, relative to the largest entry of the kernel and of the derivatives.
const DOUBLE: f64 = 1e-6;
const SINGLE: f64 = 1e-4;

/// Step of `log sigma`. Central differences with this step are exact to some 1e-9.
const STEP: f64 = 1e-4;

/// Step of `log sigma`, and so on.
fn moved(model: &Model, (kind, layer): Parameter, step: f64) -> Model {
    let mut model = model.clone();
    let value = match (kind, layer) {
        (Wrt::Sigma, Some(layer)) => &mut model.layers[layer].sigma,
        (Wrt::WeightStd, Some(layer)) => &mut model.layers[layer].weight_std,
        (Wrt::BiasStd, Some(layer)) => &mut model.layers[layer].bias_std,
        (Wrt::WeightStd, None) => &mut model.dense.as_mut().unwrap().weight_std,
        (Wrt::BiasStd, None) => &mut model.dense.as_mut().unwrap().bias_std,
        (Wrt::Sigma, None) => panic!("a dense layer has no sigma"),
    };
    *value *= step.exp();
    model
}

/// Central differences of `of`, one for each parameter.
fn differences(
    model: &Model,
    parameters: &[Parameter],
    of: impl Fn(&Model) -> Array2<f64>,
) -> Vec<Array2<f64>> {
    let at = |parameter, step| of(&moved(model, parameter, step));
    let slope = |&parameter| (at(parameter, STEP) - at(parameter, -STEP)) / (2.0 * STEP);
    parameters.iter().map(slope).collect()
}

/// Kinds of parameters, in several orders.
const KINDS: [&[Wrt]; 4] = [
    &[Wrt::Sigma],
    &[Wrt::WeightStd],
    &[Wrt::BiasStd, Wrt::WeightStd],
    &[Wrt::WeightStd, Wrt::BiasStd, Wrt::Sigma],
];

/// The kernel without gradients, and with them.
const KERNELS: [[Carried; 2]; 2] =
    [[Carried::Nothing, Carried::Gradients], [Carried::Ntk, Carried::NtkGradients]];

/// Compares gradients of random images with central differences, of the engine and of the oracle.
fn check(model: &Model, wrt: &[Wrt], shape: Shape, seed: u64) {
    for [alone, gradients] in KERNELS {
        // A kernel without a slope has no NTK.
        if alone == Carried::Nothing || Plan::new(model, shape, alone).is_ok() {
            check_one(model, wrt, shape, seed, [alone, gradients]);
        }
    }
}

fn check_one(
    model: &Model,
    wrt: &[Wrt],
    shape: Shape,
    seed: u64,
    [alone, gradients]: [Carried; 2],
) {
    let what = format!("{shape} {gradients:?} {wrt:?} {model:?}");
    let mut rng = rng(seed);
    let (x, y) = (images(&mut rng, 3, shape), images(&mut rng, 5, shape));
    let plan = Plan::with_respect_to(model, shape, gradients, wrt).unwrap();
    let value = |model: &Model| gram(&Plan::new(model, shape, alone).unwrap(), &x, Some(&y));
    let naive = |model: &Model| {
        let (ckn, ntk) = oracle::gram(model, shape, &x, &y);
        if alone.has_ntk() { ntk } else { ckn }
    };
    let got = all(&plan, &x, Some(&y));
    let single = all(&plan, &cast::<f32>(&x), Some(&cast::<f32>(&y)));
    assert_same(&what, &got[0], &value(model));
    assert_eq!(got.len(), 1 + plan.parameters.len());
    let all_of = |of: &dyn Fn(&Model) -> Array2<f64>| differences(model, &plan.parameters, of);
    for wanted in [all_of(&value), all_of(&naive)] {
        for ((got, single), wanted) in got[1..].iter().zip(&single[1..]).zip(&wanted) {
            // A kernel may hardly depend on a parameter, or not at all. So the scale is at least that of the
            // kernel.
            let scale = largest(wanted).max(largest(&value(model)));
            let is_near = |got: f64, wanted: f64, bound: f64| (got - wanted).abs() <= bound * scale;
            for ((&got, &single), &wanted) in got.iter().zip(single).zip(wanted) {
                assert!(is_near(got, wanted, DOUBLE), "{what}: {got} for {wanted}");
                assert!(
                    is_near(single.into(), wanted, SINGLE),
                    "float32 {what}: {single} for {wanted}"
                );
            }
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
                let mut model = oracle::suited(model, shape, images(&mut rng, 1, shape).row(0));
                model.dense =
                    pick(&mut rng, &[None, Some(Dense { weight_std: 1.4, bias_std: 0.3 })]);
                check(&model, pick(&mut rng, &KINDS), shape, rng.random());
            }
        }
    }
}

#[test]
fn unusual_geometry_has_derivatives_too() {
    for (seed, model) in unusual_models().iter().enumerate() {
        check(model, KINDS[seed % KINDS.len()], SHAPE, seed as u64);
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
        for (got, wanted) in got[1..].iter().zip(differences(&model, &plan.parameters, value)) {
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
            let wanted = differences(&model, &plan.parameters, value);
            for (got, wanted) in all(&plan, &x, None)[1..].iter().zip(&wanted) {
                assert_close(&format!("{gradients:?}, images of {scale}"), got, wanted, DOUBLE);
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

/// A network with all its parameters, and images of which some are blank or nearly.
fn network() -> (Model, Array2<f64>) {
    let of = |kernel, side, pooling, weight_std, bias_std| Layer {
        weight_std,
        bias_std,
        ..layer(kernel, side, 2, &pooling)
    };
    let layers = vec![
        of(Kernel::Exp, 3, Pooling::None, 1.3, 0.4),
        of(Kernel::Relu, 2, Pooling::Average, 0.8, 0.0),
        of(Kernel::Gelu, 3, Pooling::Gaussian, 1.1, 0.6),
    ];
    let dense = Some(Dense { weight_std: 0.7, bias_std: 0.2 });
    let model = Model { dense, ..Model::new(layers).unwrap() };
    let mut x = images(&mut rng(54), 5, SHAPE);
    x.row_mut(0).fill(0.0);
    x.row_mut(1).iter_mut().skip(7).for_each(|value| *value = 0.0);
    (model, x)
}

#[test]
fn blank_images_have_derivatives_too() {
    let (model, x) = network();
    let y = images(&mut rng(55), 4, SHAPE);
    for [alone, gradients] in KERNELS {
        let plan = Plan::with_respect_to(&model, SHAPE, gradients, &Wrt::ALL).unwrap();
        let value = |model: &Model| gram(&Plan::new(model, SHAPE, alone).unwrap(), &x, Some(&y));
        let wanted = differences(&model, &plan.parameters, value);
        for (got, wanted) in all(&plan, &x, Some(&y))[1..].iter().zip(&wanted) {
            assert_close(&format!("{gradients:?}"), got, wanted, DOUBLE);
        }
    }
}

/// Results come in the order of kinds, then of layers, and a derivative has the same bits among others.
#[test]
fn derivatives_come_in_the_order_of_parameters() {
    use Wrt::{BiasStd, Sigma, WeightStd};
    let (model, x) = network();
    for gradients in [Carried::Gradients, Carried::NtkGradients] {
        let of = |wrt: &[Wrt]| {
            let plan = Plan::with_respect_to(&model, SHAPE, gradients, wrt).unwrap();
            (plan.parameters.clone(), all(&plan, &x, None))
        };
        let (parameters, together) = of(&[BiasStd, Sigma, WeightStd]);
        let wanted: Vec<Parameter> = [
            (BiasStd, &[Some(0), Some(2), None][..]),
            (Sigma, &[Some(0), Some(2)]),
            (WeightStd, &[Some(0), Some(1), Some(2), None]),
        ]
        .iter()
        .flat_map(|(kind, layers)| layers.iter().map(move |layer| (*kind, *layer)))
        .collect();
        assert_eq!(parameters, wanted);
        let mut together = together[1..].iter();
        for wrt in [BiasStd, Sigma, WeightStd] {
            let (_, alone) = of(&[wrt]);
            for alone in &alone[1..] {
                assert_same(&format!("{gradients:?} {wrt:?}"), together.next().unwrap(), alone);
            }
        }
    }
}

#[test]
fn a_scale_needs_the_slope_of_its_own_layer() {
    let step = Model::new(vec![layer(Kernel::Step, 3, 1, &Pooling::Average)]).unwrap();
    let plan = |wrt: &[Wrt]| Plan::with_respect_to(&step, SHAPE, Carried::Gradients, wrt);
    assert!(plan(&[Wrt::Sigma, Wrt::BiasStd]).unwrap().parameters.is_empty());
    let Err(Error::Value(message)) = plan(&[Wrt::WeightStd]) else { panic!("accepted") };
    for word in ["layer 0", "step", "gradient", "weight_std"] {
        assert!(message.contains(word), "{message}");
    }
}
