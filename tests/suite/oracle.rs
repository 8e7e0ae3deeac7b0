//! The engine compared with the naive oracle, on random models, shapes and images.

use crate::common::{
    Wanted, assert_close, assert_same, both, carried, cast, gram, images, layer, norms, oracle,
    pick, rng, shape,
};
use ckn_rs::convention::Convention;
use ckn_rs::kernel::Kernel;
use ckn_rs::model::{Layer, Model, Padding, Readout};
use ckn_rs::plan::{Carried, Order, Plan, Shape};
use ckn_rs::pooling::Pooling;
use ndarray::Array2;
use rand::{RngExt, rngs::StdRng};

/// Bound on errors in float64, relative to the largest entry.
const DOUBLE: f64 = 1e-11;
/// Bound on errors of the CKN in float32, relative to the largest entry.
const SINGLE: f64 = 5e-6;

fn random_shape(rng: &mut StdRng) -> Shape {
    let channels = rng.random_range(1..=3);
    shape(rng.random_range(4..=9), rng.random_range(4..=9), channels)
}

/// Compares the CKN and the NTK of a model with the oracle, in both precisions.
fn check(model: &Model, shape: Shape, rng: &mut StdRng) {
    let what = format!("{shape} {model:?}");
    let (x, y) = (images(rng, 2, shape), images(rng, 3, shape));
    let (ckn, ntk) = oracle::gram(model, shape, &x, &y);
    let ckn_plan = Plan::new(model, shape, Carried::Nothing).unwrap();
    // A kernel without a slope has only a CKN.
    let ntk_plan = Plan::new(model, shape, Carried::Ntk).ok();
    let got = gram(&ckn_plan, &x, Some(&y));
    assert_close(&what, &got, &ckn, DOUBLE);
    if let Some(plan) = &ntk_plan {
        let [got_ntk, got_ckn] = both(plan, &x, Some(&y));
        assert_close(&format!("NTK {what}"), &got_ntk, &ntk, DOUBLE);
        assert_same(&what, &got_ckn, &got);
        assert_same(&what, &got_ntk, &gram(plan, &x, Some(&y)));
    }

    let (x, y) = (cast::<f32>(&x), cast::<f32>(&y));
    let got = gram(&ckn_plan, &x, Some(&y));
    assert_close(&format!("float32 {what}"), &got, &ckn, SINGLE);
    if let Some(plan) = &ntk_plan {
        assert_same(&what, &both(plan, &x, Some(&y))[1], &got);
    }
}

/// Compares the norms of a model with the oracle, in both precisions.
fn check_norms(model: &Model, shape: Shape, rng: &mut StdRng) {
    let plan = Plan::new(model, shape, Carried::Nothing).unwrap();
    let x = images(rng, 3, shape);
    let mut wanted = Array2::zeros((3, plan.norms_len()));
    for (image, mut row) in x.rows().into_iter().zip(wanted.rows_mut()) {
        for (l, norms) in oracle::norms(model, shape, image).iter().enumerate() {
            for (p, &norm) in norms.iter().enumerate() {
                row[l * plan.layer_stride() + p] = norm;
            }
        }
    }
    let what = format!("{shape} {model:?}");
    // Norms of different layers differ in size, so each layer is compared alone.
    for l in 0..model.layers.len() {
        let columns = l * plan.layer_stride()..(l + 1) * plan.layer_stride();
        let part = |all: &Array2<f64>| all.slice(ndarray::s![.., columns.clone()]).to_owned();
        let wanted = part(&wanted);
        assert_close(&what, &part(&norms(&plan, &x)), &wanted, DOUBLE);
        let single = crate::common::widen(&norms(&plan, &cast::<f32>(&x)));
        assert_close(&what, &part(&single), &wanted, SINGLE);
    }
}

#[test]
fn every_kernel_with_every_pooling() {
    let mut rng = rng(1);
    let weights = Pooling::Weights(vec![0.2, 0.5, 0.3]);
    let poolings: Vec<_> = Pooling::ALL.into_iter().chain([weights]).collect();
    for kernel in Kernel::ALL {
        let ntk = kernel.singular().is_none();
        for pooling in &poolings {
            for padding in Padding::ALL {
                for convention in Convention::ALL {
                    let readout = pick(&mut rng, &Readout::ALL);
                    let pooling = pooling.clone();
                    let wanted = Wanted { kernel, pooling, padding, convention, readout };
                    let (shape, depth) = (random_shape(&mut rng), rng.random_range(1..=3));
                    let model = wanted.model(&mut rng, shape, depth, carried(ntk));
                    let image = images(&mut rng, 1, shape);
                    let model = oracle::suited(model, shape, image.row(0));
                    check(&model, shape, &mut rng);
                }
            }
        }
    }
}

#[test]
fn every_patch_and_window_size() {
    let mut rng = rng(2);
    for npatch in 1..=6 {
        for subsampling in 1..=3 {
            for poolfactor in 1..=4 {
                let pooling = &Pooling::ALL[(npatch + subsampling + poolfactor) % 3];
                let mut layer = layer(Kernel::Relu, npatch, subsampling, pooling);
                layer.poolfactor = [poolfactor; 2];
                let model = Model::new(vec![layer]).unwrap();
                check(&model, shape(7, 10, 2), &mut rng);
            }
        }
    }
}

/// Maps are wider than a block of columns and a tile of columns, in the first layer and in deeper
/// ones.
#[test]
fn wide_and_flat_images() {
    let mut rng = rng(3);
    let average = layer(Kernel::Exp, 3, 1, &Pooling::Average);
    let gaussian = layer(Kernel::Relu, 3, 2, &Pooling::Gaussian);
    for (layers, shape) in [
        ([&gaussian, &gaussian], shape(10, 29, 2)),
        ([&gaussian, &gaussian], shape(29, 10, 2)),
        ([&average, &average], shape(1, 17, 3)),
        ([&average, &average], shape(17, 1, 3)),
        ([&average, &gaussian], shape(4, 19, 2)),
    ] {
        check(&Model::new(layers.map(Layer::clone).to_vec()).unwrap(), shape, &mut rng);
    }
}

/// Maps are wider than a chunk of columns. Two chunks share some of the pooling windows. Strides
/// are 1, 2 and 3.
#[test]
fn images_of_several_chunks() {
    let mut rng = rng(5);
    let average = layer(Kernel::Relu, 3, 1, &Pooling::Average);
    let gaussian = layer(Kernel::Exp, 3, 2, &Pooling::Gaussian);
    let strided = layer(Kernel::Exp, 2, 2, &Pooling::Strided);
    let mut long = layer(Kernel::Exp, 5, 3, &Pooling::Gaussian);
    long.poolfactor = [4; 2];
    for (layers, shape) in [
        ([&average, &average], shape(1, 70, 2)),
        ([&gaussian, &average], shape(5, 67, 1)),
        ([&average, &long], shape(6, 75, 1)),
        ([&long, &gaussian], shape(18, 101, 1)),
        ([&strided, &average], shape(6, 140, 1)),
    ] {
        check(&Model::new(layers.map(Layer::clone).to_vec()).unwrap(), shape, &mut rng);
    }
}

/// Layers without pooling go by displacements, between layers whose windows overlap and layers that take
/// strides, on maps of one chunk of columns and of several.
#[test]
fn deep_stacks() {
    let mut rng = rng(7);
    let poolings = [Pooling::None, Pooling::None, Pooling::Average, Pooling::Gaussian];
    let mut deep = 0;
    for round in 0..60 {
        let depth = rng.random_range(1..=3);
        let mut any = || {
            let pooling = pick(&mut rng, &poolings);
            let kernel = pick(&mut rng, &[Kernel::Relu, Kernel::Exp, Kernel::Gelu]);
            let mut layer =
                layer(kernel, rng.random_range(1..=4), rng.random_range(1..=2), &pooling);
            layer.padding = pick(&mut rng, &[Padding::Same, Padding::Same, Padding::Valid]);
            layer.dilation[0] = pick(&mut rng, &[1, 1, 2]);
            layer.stride[1] = pick(&mut rng, &[1, 1, 2]);
            if round % 3 == 0 {
                // Columns that are pooled, with rows that are not.
                layer.poolings[0] = Pooling::None;
                (layer.subsampling[0], layer.poolfactor[0]) = (1, 1);
            }
            layer
        };
        let mut layers = vec![layer(Kernel::Relu, 3, 1, &Pooling::None)];
        layers.extend((0..depth).map(|_| any()));
        let readout = pick(&mut rng, &Readout::ALL);
        let model = Model { layers, convention: Convention::Original, readout, dense: None };
        let columns = if round % 10 == 0 { 70 } else { rng.random_range(4..=9) };
        let shape = shape(if columns == 70 { 4 } else { rng.random_range(5..=11) }, columns, 2);
        let Ok(plan) = Plan::new(&model, shape, Carried::Nothing) else { continue };
        deep += usize::from(plan.pair.order == Order::Displacements);
        check(&model, shape, &mut rng);
        check_norms(&model, shape, &mut rng);
    }
    assert!(deep > 20, "{deep}");
}

/// Sequences are images of one row. Their patches are circular, dilated or strided, and the map has
/// several chunks.
#[test]
fn sequences() {
    let mut rng = rng(6);
    let sequence = |padding, stride: usize, dilation: usize, pooling: Pooling| {
        let none = pooling == Pooling::None;
        let mut layer = layer(Kernel::Relu, 1, if none { 1 } else { 2 }, &pooling);
        layer.npatch = [1, 3];
        layer.padding = padding;
        (layer.stride, layer.dilation) = ([1, stride], [1, dilation]);
        layer.poolings[0] = Pooling::None;
        (layer.subsampling[0], layer.poolfactor[0]) = (1, 1);
        layer
    };
    let first = sequence(Padding::Circular, 1, 2, Pooling::Gaussian);
    for (layers, readout) in [
        (vec![first.clone()], Readout::Trace),
        (vec![first.clone(), sequence(Padding::Circular, 1, 1, Pooling::Average)], Readout::Trace),
        (vec![first.clone(), sequence(Padding::Circular, 2, 3, Pooling::Gaussian)], Readout::Mean),
        (vec![sequence(Padding::Valid, 2, 3, Pooling::None), first], Readout::Trace),
        (vec![sequence(Padding::Same, 3, 1, Pooling::Strided)], Readout::Mean),
    ] {
        let model = Model { layers, convention: Convention::Original, readout, dense: None };
        check(&model, shape(1, 71, 2), &mut rng);
    }
}

/// Patches and windows are wider than their map along rows, along columns or along both, with every
/// kernel and every pooling.
#[test]
fn patches_and_windows_wider_than_the_map() {
    let mut rng = rng(7);
    let shape = shape(6, 5, 2);
    let weights = Pooling::Weights((0..15).map(|k| 0.3 - 0.03 * f64::from(k)).collect());
    let poolings: Vec<_> = Pooling::ALL.into_iter().chain([weights]).collect();
    let sizes = [([9, 1], [2, 1]), ([2, 12], [1, 9]), ([13, 14], [20, 30])];
    for (k, kernel) in Kernel::ALL.into_iter().enumerate() {
        for (i, pooling) in poolings.iter().enumerate() {
            let (npatch, poolfactor) = sizes[(i + k) % sizes.len()];
            let convention = Convention::ALL[(i + k / 3) % 3];
            let mut wide = layer(kernel, 3, 1, pooling);
            wide.npatch = npatch;
            if pooling.name().is_some_and(|_| pooling.has_stride())
                && convention == Convention::Original
            {
                wide.poolfactor = poolfactor;
            }
            let plain = layer(Kernel::Relu, 2, 1, &Pooling::None);
            for layers in [vec![wide.clone(), plain.clone()], vec![plain, wide]] {
                let model = Model { layers, convention, readout: Readout::ALL[i % 2], dense: None };
                let image = images(&mut rng, 1, shape);
                let model = oracle::suited(model, shape, image.row(0));
                check(&model, shape, &mut rng);
            }
        }
    }
}

#[test]
fn norms_are_the_oracles() {
    let mut rng = rng(4);
    for case in 0..40 {
        let shape = random_shape(&mut rng);
        let wanted = Wanted {
            kernel: pick(&mut rng, &Kernel::ALL),
            pooling: pick(&mut rng, &Pooling::ALL),
            padding: pick(&mut rng, &Padding::ALL),
            convention: pick(&mut rng, &Convention::ALL),
            readout: Readout::Trace,
        };
        let model = wanted.model(&mut rng, shape, 1 + case % 3, Carried::Nothing);
        check_norms(&model, shape, &mut rng);
    }
}
