//! The engine against the naive oracle, on random models, shapes and images.

use crate::common::{assert_close, assert_same, cast, gram, images, layer, norms, oracle, shape};
use ckn_rs::kernel::Kernel;
use ckn_rs::model::Model;
use ckn_rs::plan::{Plan, Shape};
use ckn_rs::pooling::Pooling;
use ndarray::Array2;
use rand::{RngExt, rngs::StdRng};

/// Of the largest entry, float64.
const DOUBLE: f64 = 1e-11;
/// Of the largest entry, float32; of the CKN.
const SINGLE: f64 = 5e-6;

fn random_shape(rng: &mut StdRng) -> Shape {
    let channels = rng.random_range(1..=3);
    shape(rng.random_range(4..=10), rng.random_range(4..=10), channels)
}

/// CKN and NTK of a model, in both precisions, against the oracle.
fn check(model: &Model, shape: Shape, rng: &mut StdRng) {
    let what = format!("{shape} {:?}", model.layers);
    let (x, y) = (images(rng, 2, shape), images(rng, 3, shape));
    let (ckn, ntk) = oracle::gram(model, shape, &x, &y);
    let ckn_plan = Plan::new(model, shape, false).unwrap();
    let ntk_plan = Plan::new(model, shape, true).unwrap();
    let got = gram(&ckn_plan, &x, Some(&y));
    assert_close(&what, &got, &ckn, DOUBLE);
    let [got_ntk, got_ckn] = crate::common::both(&ntk_plan, &x, Some(&y));
    assert_close(&format!("NTK {what}"), &got_ntk, &ntk, DOUBLE);
    assert_same(&what, &got_ckn, &got);
    assert_same(&what, &got_ntk, &gram(&ntk_plan, &x, Some(&y)));

    let (x, y) = (cast::<f32>(&x), cast::<f32>(&y));
    let got = gram(&ckn_plan, &x, Some(&y));
    assert_close(&format!("float32 {what}"), &got, &ckn, SINGLE);
    let [_, got_ckn] = crate::common::both(&ntk_plan, &x, Some(&y));
    assert_same(&what, &got_ckn, &got);
}

#[test]
fn every_kernel_with_every_pooling() {
    let mut rng = crate::common::rng(1);
    for kernel in Kernel::ALL {
        for pooling in Pooling::ALL {
            for depth in 1..=3 {
                for _ in 0..2 {
                    let shape = random_shape(&mut rng);
                    let chosen = (kernel, pooling);
                    let (model, _) =
                        crate::common::random_plan(&mut rng, shape, depth, chosen, false);
                    check(&model, shape, &mut rng);
                }
            }
        }
    }
}

#[test]
fn every_patch_and_window_size() {
    let mut rng = crate::common::rng(2);
    for npatch in 1..=6 {
        for subsampling in 1..=3 {
            for poolfactor in 1..=4 {
                let pooling = Pooling::ALL[(npatch + subsampling + poolfactor) % 3];
                let mut layer = layer(Kernel::Relu, npatch, subsampling, pooling);
                layer.poolfactor = poolfactor;
                let model = Model::new(vec![layer]).unwrap();
                check(&model, shape(7, 10, 2), &mut rng);
            }
        }
    }
}

/// Wider than a block of columns and a tile of them, in the first layer and in deeper ones.
#[test]
fn wide_and_flat_images() {
    let mut rng = crate::common::rng(3);
    let average = layer(Kernel::Exp, 3, 1, Pooling::Average);
    let gaussian = layer(Kernel::Relu, 3, 2, Pooling::Gaussian);
    for (layers, shape) in [
        (vec![gaussian, gaussian], shape(10, 29, 2)),
        (vec![gaussian, gaussian], shape(29, 10, 2)),
        (vec![average, average], shape(1, 17, 3)),
        (vec![average, average], shape(17, 1, 3)),
        (vec![average, gaussian], shape(4, 19, 2)),
    ] {
        check(&Model::new(layers).unwrap(), shape, &mut rng);
    }
}

/// Wider than a chunk of columns, with windows that two chunks share, in steps of their own.
#[test]
fn images_of_several_chunks() {
    let mut rng = crate::common::rng(5);
    let average = layer(Kernel::Relu, 3, 1, Pooling::Average);
    let gaussian = layer(Kernel::Exp, 3, 2, Pooling::Gaussian);
    let strided = layer(Kernel::Exp, 2, 2, Pooling::Strided);
    let mut long = layer(Kernel::Exp, 5, 3, Pooling::Gaussian);
    long.poolfactor = 4;
    for (layers, shape) in [
        (vec![average, average], shape(1, 70, 2)),
        (vec![gaussian, average], shape(5, 67, 1)),
        (vec![average, long], shape(6, 75, 1)),
        (vec![long, gaussian], shape(18, 101, 1)),
        (vec![strided, average], shape(6, 140, 1)),
    ] {
        check(&Model::new(layers).unwrap(), shape, &mut rng);
    }
}

#[test]
fn norms_are_the_oracles() {
    let mut rng = crate::common::rng(4);
    for case in 0..40 {
        let shape = random_shape(&mut rng);
        let chosen = (Kernel::ALL[case % 7], Pooling::ALL[case % 3]);
        let (model, plan) =
            crate::common::random_plan(&mut rng, shape, 1 + case % 3, chosen, false);
        let x = images(&mut rng, 3, shape);
        let mut wanted = Array2::zeros((3, plan.norms_len()));
        for (image, mut row) in x.rows().into_iter().zip(wanted.rows_mut()) {
            for (l, norms) in oracle::norms(&model, shape, image).iter().enumerate() {
                for (p, &norm) in norms.iter().enumerate() {
                    row[l * plan.layer_stride() + p] = norm;
                }
            }
        }
        let what = format!("{shape} {:?}", model.layers);
        // Each layer has its own scale.
        for l in 0..model.layers.len() {
            let columns = l * plan.layer_stride()..(l + 1) * plan.layer_stride();
            let part = |all: &Array2<f64>| all.slice(ndarray::s![.., columns.clone()]).to_owned();
            let wanted = part(&wanted);
            assert_close(&what, &part(&norms(&plan, &x)), &wanted, DOUBLE);
            let single = crate::common::widen(&norms(&plan, &cast::<f32>(&x)));
            assert_close(&what, &part(&single), &wanted, SINGLE);
        }
    }
}
