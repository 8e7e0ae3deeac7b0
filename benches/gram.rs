//! The time a pair takes, on one thread, with the norms given.
//!
//! `cargo bench --bench gram`; criterion's elements are pairs.

use std::time::Duration;

use ckn_rs::engine::{self, Images, Job, Outputs};
use ckn_rs::model::Model;
use ckn_rs::plan::{Plan, Shape};
use ckn_rs::simd::{Isa, Real};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use rand::{RngExt, SeedableRng, rngs::StdRng};

const CIFAR: Shape = Shape { height: 32, width: 32, channels: 3 };
const DIGITS: Shape = Shape { height: 8, width: 8, channels: 1 };

fn two_layers(kernel: &str, last: usize) -> String {
    let layer = |subsampling| {
        format!(
            "[[layers]]\nnpatch = 3\nsubsampling = {subsampling}\nkernel = \"{kernel}\"\nsigma = 0.6\n"
        )
    };
    layer(2) + &layer(last)
}

/// Blocks of left and right images that keep a thread busy for some milliseconds.
const SIDE: usize = 16;

fn bench_pairs<F: Real>(
    c: &mut Criterion,
    name: &str,
    model: &str,
    shape: Shape,
    ntk: bool,
    isa: Isa,
) {
    let plan = Plan::new(&Model::from_toml(model, ntk).unwrap(), shape, ntk).unwrap();
    let mut rng = StdRng::seed_from_u64(1);
    let len = shape.height * shape.width * shape.channels;
    let x = Array2::from_shape_simple_fn((2 * SIDE, len), || F::from_f64(rng.random()));
    let job = Job::new(1, Some(isa)).unwrap();
    let mut norms = Array2::from_elem((2 * SIDE, plan.norms_len()), F::ZERO);
    engine::norms(&plan, x.view(), norms.view_mut(), &job).unwrap();
    let (left, right) = x.view().split_at(ndarray::Axis(0), SIDE);
    let (left_norms, right_norms) = norms.view().split_at(ndarray::Axis(0), SIDE);
    let mut out = Array2::from_elem((SIDE, SIDE), F::ZERO);
    let mut group = c.benchmark_group("gram");
    group.throughput(Throughput::Elements((SIDE * SIDE) as u64));
    group.bench_function(name, |b| {
        b.iter(|| {
            let images = |pixels, norms| Images {
                name: "images",
                pixels,
                norms: Some(norms),
                inverses: None,
            };
            let out = Outputs { kernel: out.view_mut(), ckn: None };
            let right = Some(images(right, right_norms));
            engine::gram(&plan, images(left, left_norms), right, out, &job).unwrap();
        });
    });
    group.finish();
}

fn benches(c: &mut Criterion) {
    let best = Isa::best();
    bench_pairs::<f32>(c, "32x32x3 exp", &two_layers("exp", 5), CIFAR, false, best);
    bench_pairs::<f32>(c, "32x32x3 relu", &two_layers("relu", 5), CIFAR, false, best);
    bench_pairs::<f32>(c, "32x32x3 relu ntk", &two_layers("relu", 5), CIFAR, true, best);
    bench_pairs::<f64>(c, "32x32x3 exp float64", &two_layers("exp", 5), CIFAR, false, best);
    bench_pairs::<f32>(c, "8x8x1 exp", &two_layers("exp", 1), DIGITS, false, best);
    bench_pairs::<f32>(
        c,
        "32x32x3 exp baseline",
        &two_layers("exp", 5),
        CIFAR,
        false,
        Isa::Baseline,
    );
}

criterion_group! {
    name = group;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3));
    targets = benches
}
criterion_main!(group);
