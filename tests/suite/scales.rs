//! Scales of weights and biases, compared with the oracle and with what they must be.

use crate::common::{
    assert_close, assert_same, both, cast, gram, images, layer, norms, oracle, pick, rng, shape,
};
use ckn_rs::convention::Convention;
use ckn_rs::error::Error;
use ckn_rs::kernel::Kernel;
use ckn_rs::model::{Dense, Layer, Model, Padding, Readout};
use ckn_rs::plan::{Carried, Plan, Shape};
use ckn_rs::pooling::Pooling;
use ndarray::{Array2, s};
use rand::{RngExt, rngs::StdRng};

const DOUBLE: f64 = 1e-11;
const SINGLE: f64 = 5e-6;

/// The NTK of patches that are parallel by construction, as blank ones are, holds to the square root of
/// rounding errors.
const PARALLEL: f64 = 1e-6;

/// Images of which the first is blank and the second is blank but for a corner.
fn dark_images(rng: &mut StdRng, count: usize, shape: Shape) -> Array2<f64> {
    let mut images = images(rng, count, shape);
    images.row_mut(0).fill(0.0);
    let row = shape.width * shape.channels;
    images.slice_mut(s![1, row / 2..]).fill(0.0);
    images
}

/// Compares kernels and norms with the oracle, with blank images among the others.
fn check(model: &Model, shape: Shape, rng: &mut StdRng) {
    let what = format!("{shape} {model:?}");
    let (x, y) = (dark_images(rng, 3, shape), dark_images(rng, 4, shape));
    let (ckn, ntk) = oracle::gram(model, shape, &x, &y);
    let plan = Plan::new(model, shape, Carried::Nothing).unwrap();
    let got = gram(&plan, &x, Some(&y));
    assert_close(&what, &got, &ckn, DOUBLE);
    let single = gram(&plan, &cast::<f32>(&x), Some(&cast::<f32>(&y)));
    assert_close(&format!("float32 {what}"), &single, &ckn, SINGLE);
    if let Ok(plan) = Plan::new(model, shape, Carried::Ntk) {
        let [got_ntk, got_ckn] = both(&plan, &x, Some(&y));
        assert_same(&what, &got_ckn, &got);

        assert_close(&format!("NTK {what}"), &got_ntk, &ntk, PARALLEL);
    }
    let computed = norms(&plan, &x);
    for (image, computed) in x.rows().into_iter().zip(computed.rows()) {
        for (l, wanted) in oracle::norms(model, shape, image).iter().enumerate() {
            let first = l * plan.layer_stride();
            let scale = wanted.iter().fold(0.0_f64, |a, b| a.max(*b));
            for (got, wanted) in computed.slice(s![first..first + wanted.len()]).iter().zip(wanted)
            {
                assert!((got - wanted).abs() <= DOUBLE * scale, "{what}: {got} for {wanted}");
            }
        }
    }
}

fn scaled(layer: Layer, weight_std: f64, bias_std: f64) -> Layer {
    Layer { weight_std, bias_std, ..layer }
}

#[test]
fn every_kernel_pooling_and_padding() {
    let mut rng = rng(71);
    let weights = Pooling::Weights(vec![0.5, 0.25, -0.125]);
    let poolings: Vec<_> = Pooling::ALL.into_iter().chain([weights]).collect();
    for kernel in Kernel::ALL {
        for pooling in &poolings {
            for padding in Padding::ALL {
                let mut any = |kernel, pooling: &Pooling| {
                    let mut layer = layer(kernel, 1, 2, pooling);
                    layer.npatch = [rng.random_range(1..=4), rng.random_range(1..=4)];
                    layer.stride = [1, pick(&mut rng, &[1, 1, 2])];
                    layer.dilation = [pick(&mut rng, &[1, 1, 2]), 1];
                    layer.padding = padding;
                    scaled(layer, rng.random_range(0.7..1.4), pick(&mut rng, &[0.0, 0.3, 1.1]))
                };
                let layers = vec![any(kernel, pooling), any(Kernel::Relu, &Pooling::None)];
                let shape = shape(rng.random_range(8..=10), rng.random_range(9..=12), 2);
                let convention = pick(&mut rng, &Convention::ALL);
                let readout = pick(&mut rng, &Readout::ALL);
                let model = Model { layers, convention, readout, dense: None };
                if Plan::new(&model, shape, Carried::Nothing).is_err() {
                    continue;
                }
                let image = images(&mut rng, 1, shape);
                check(&oracle::suited(model, shape, image.row(0)), shape, &mut rng);
            }
        }
    }
}

/// Sites at the edge have no rows of input in reach of both patches, and columns beyond the image.
#[test]
fn patches_wider_than_the_map() {
    let mut rng = rng(72);
    for npatch in [[7, 1], [1, 9], [6, 8]] {
        let mut wide = layer(Kernel::Exp, 3, 1, &Pooling::Average);
        wide.npatch = npatch;
        let wide = scaled(wide, 0.9, 0.7);
        let plain = layer(Kernel::Relu, 2, 1, &Pooling::None);
        for layers in [vec![wide.clone(), plain.clone()], vec![plain, wide.clone()]] {
            check(&Model::new(layers).unwrap(), shape(5, 4, 2), &mut rng);
        }
    }
}

/// Maps are wider than a chunk of columns; sites are folded; layers go by displacements.
#[test]
fn all_ways_through_the_engine() {
    let mut rng = rng(73);
    let of = |kernel, npatch, subsampling, pooling| {
        scaled(layer(kernel, npatch, subsampling, &pooling), 1.1, 0.3)
    };
    let gaussian = of(Kernel::Exp, 3, 2, Pooling::Gaussian);
    let five = of(Kernel::Gelu, 5, 2, Pooling::Average);
    let strided = of(Kernel::Relu, 3, 2, Pooling::Strided);
    let unpooled = of(Kernel::Relu, 3, 1, Pooling::None);
    let last = of(Kernel::Exp, 1, 2, Pooling::Average);
    for (layers, shape) in [
        (vec![&gaussian, &last], shape(7, 67, 1)),
        (vec![&gaussian, &five], shape(6, 70, 1)),
        (vec![&five], shape(9, 8, 3)),
        (vec![&strided, &strided], shape(13, 14, 2)),
        (vec![&unpooled, &unpooled, &last], shape(9, 10, 2)),
        (vec![&unpooled, &gaussian, &last], shape(9, 40, 1)),
        (vec![&last, &last], shape(8, 9, 2)),
    ] {
        for readout in Readout::ALL {
            let layers = layers.iter().map(|&layer| layer.clone()).collect();
            let model = Model { readout, ..Model::new(layers).unwrap() };
            check(&model, shape, &mut rng);
        }
    }
}

/// Homogeneous kernels of degree 1 without a bias: the weights' variances are factors of both kernels.
#[test]
fn weights_alone_are_a_factor() {
    let shape = shape(13, 14, 2);
    let mut rng = rng(74);
    let (x, y) = (images(&mut rng, 3, shape), images(&mut rng, 3, shape));
    for pooling in [Pooling::Gaussian, Pooling::None, Pooling::Strided] {
        let plain = [3, 2].map(|side| layer(Kernel::Relu, side, 2, &pooling));
        let model = |stds: [f64; 2]| {
            let layers = plain.clone().into_iter().zip(stds);
            Model::new(layers.map(|(layer, std)| scaled(layer, std, 0.0)).collect()).unwrap()
        };
        let of = |stds| both(&Plan::new(&model(stds), shape, Carried::Ntk).unwrap(), &x, Some(&y));
        for (got, wanted) in of([0.5, 3.0]).iter().zip(of([1.0, 1.0])) {
            assert_close(&format!("{pooling:?}"), got, &(wanted * 2.25), 1e-13);
        }
        for (got, wanted) in of([1.0, 1.0]).iter().zip(both(
            &Plan::new(&Model::new(plain.to_vec()).unwrap(), shape, Carried::Ntk).unwrap(),
            &x,
            Some(&y),
        )) {
            assert_same("defaults", got, &wanted);
        }
    }
}

/// All pixels are 0, so that a kernel of dot products has only the biases.
#[test]
fn blank_images_have_the_biases_alone() {
    let shape = shape(6, 7, 1);
    let linear = |bias_std| scaled(layer(Kernel::Linear, 3, 1, &Pooling::None), 1.5, bias_std);
    let first = Layer { sigma: 1.0, ..linear(0.5) };
    let x = Array2::<f64>::zeros((2, 42));
    for padding in Padding::ALL {
        let last = Layer { sigma: 1.0, padding, ..linear(2.0) };
        let model = Model::new(vec![first.clone(), last]).unwrap();
        let plan = Plan::new(&model, shape, Carried::Nothing).unwrap();
        let model = Model { readout: Readout::Mean, ..model };
        let mean = Plan::new(&model, shape, Carried::Nothing).unwrap();
        if padding == Padding::Same {
            // Each patch sum is 2.25 / 4 a position that both patches have, and 4.
            let (ckn, _) = oracle::gram(&model, shape, &x, &x);
            assert_close("same", &gram(&mean, &x, None), &ckn, 1e-14);
        } else {
            let patches = if padding == Padding::Valid { 4 * 5 } else { 42 };
            let entry = 9.0 * 2.25 * 0.25 + 4.0;
            let wanted = Array2::from_elem((2, 2), entry);
            assert_close("mean", &gram(&mean, &x, None), &wanted, 1e-14);
            assert_close("trace", &gram(&plan, &x, None), &(wanted * f64::from(patches)), 1e-14);
        }
    }
}

/// A network as `neural_tangents` has it.
fn tangents(layers: Vec<Layer>, readout: Readout, dense: Option<Dense>) -> Model {
    Model { layers, convention: Convention::NeuralTangents, readout, dense }
}

/// Means over channels, patches and positions: of images of ones, each layer's kernel is a number that
/// stays the same, but for patches at the edge.
#[test]
fn tangents_of_constant_images_are_numbers() {
    let shape = shape(8, 7, 3);
    let x = Array2::<f64>::ones((2, 8 * 7 * 3));
    let of = |pooling: &Pooling| {
        let relu = layer(Kernel::Relu, 2, 2, pooling);
        let last = layer(Kernel::Relu, 3, 1, &Pooling::None);
        let valid = |layer| Layer { padding: Padding::Valid, ..scaled(layer, 1.5, 0.5) };
        vec![valid(relu), valid(last)]
    };
    for readout in Readout::ALL {
        for pooling in [Pooling::Average, Pooling::None] {
            for dense in [None, Some(Dense { weight_std: 2.0, bias_std: 3.0 })] {
                let model = tangents(of(&pooling), readout, dense);
                let plan = Plan::new(&model, shape, Carried::Ntk).unwrap();
                // Of a constant, relu has the expectation of half its square, and half the slope.
                let (mut ckn, mut ntk) = (1.0, 0.0);
                for _ in 0..2 {
                    (ckn, ntk) = (2.25 * ckn + 0.25, 2.25 * (ckn + ntk) + 0.25);
                    (ckn, ntk) = (0.5 * ckn, 0.5 * ntk);
                }
                let top = |x: f64| dense.map_or(x, |_| 4.0 * x + 9.0);
                let wanted = [top(ckn + ntk), top(ckn)].map(|x| Array2::from_elem((2, 2), x));
                for (got, wanted) in both(&plan, &x, None).iter().zip(&wanted) {
                    assert_close(&format!("{readout:?} {pooling:?}"), got, wanted, 1e-7);
                }
            }
        }
    }
}

/// Networks with scales of all sorts, against the oracle.
#[test]
fn random_networks_of_neural_tangents() {
    let mut rng = rng(75);
    for round in 0..60 {
        let depth = rng.random_range(1..=3);
        let mut any = || {
            let kernel = pick(&mut rng, &[Kernel::Relu, Kernel::Arccos2, Kernel::Erf, Kernel::Exp]);
            let pooling = pick(&mut rng, &[Pooling::None, Pooling::Average, Pooling::Global]);
            let mut layer = layer(kernel, 1, rng.random_range(1..=2), &pooling);
            layer.npatch = [rng.random_range(1..=4), rng.random_range(1..=5)];
            layer.stride = [pick(&mut rng, &[1, 1, 2]), pick(&mut rng, &[1, 2, 3])];
            layer.padding = pick(&mut rng, &Padding::ALL);
            layer.dilation = [1, pick(&mut rng, &[1, 1, 2])];
            scaled(layer, rng.random_range(0.7..1.6), pick(&mut rng, &[0.0, 0.2]))
        };
        let layers = (0..depth).map(|_| any()).collect();
        let dense = pick(&mut rng, &[None, Some(Dense { weight_std: 0.6, bias_std: 0.4 })]);
        let model = tangents(layers, Readout::ALL[round % 2], dense);
        let shape = shape(rng.random_range(6..=9), rng.random_range(6..=9), 3);
        if Plan::new(&model, shape, Carried::Nothing).is_ok() {
            check(&model, shape, &mut rng);
        }
    }
}

#[test]
fn a_patch_must_have_a_position() {
    let mut even = layer(Kernel::Relu, 2, 1, &Pooling::None);
    even.dilation = [4, 1];
    let plan = |layer: &Layer, height| {
        let model = tangents(vec![layer.clone()], Readout::Trace, None);
        Plan::new(&model, shape(height, 6, 1), Carried::Nothing)
    };
    assert!(plan(&even, 4).is_ok());
    let Err(Error::Value(message)) = plan(&even, 3) else { panic!("accepted") };
    for word in ["layer 0", "rows", "3x6", "npatch"] {
        assert!(message.contains(word), "{message}");
    }
    let mut wide = layer(Kernel::Relu, 3, 1, &Pooling::Average);
    wide.poolfactor = [5, 1];
    let Err(Error::Value(message)) = plan(&wide, 4) else { panic!("accepted") };
    for word in ["layer 0", "poolfactor", "rows", "4x6"] {
        assert!(message.contains(word), "{message}");
    }
}

/// A dense layer is a function of each entry of both kernels.
#[test]
fn a_dense_layer_scales_and_shifts() {
    let shape = shape(13, 14, 2);
    let mut rng = rng(76);
    let (x, y) = (images(&mut rng, 3, shape), images(&mut rng, 3, shape));
    let plain = Model::new(vec![layer(Kernel::Relu, 3, 2, &Pooling::Gaussian); 2]).unwrap();
    let of = |dense| {
        let model = Model { dense, ..plain.clone() };
        both(&Plan::new(&model, shape, Carried::Ntk).unwrap(), &x, Some(&y))
    };
    let alone = of(None);
    for (got, alone) in of(Some(Dense { weight_std: 3.0, bias_std: 0.5 })).iter().zip(&alone) {
        assert_close("dense", got, &(alone * 9.0 + 0.25), 1e-15);
    }
    for (got, alone) in of(Some(Dense::default())).iter().zip(&alone) {
        assert_same("weights of 1", got, alone);
    }
}
