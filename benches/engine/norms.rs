//! Times of an image's patch norms, on one thread.

use ckn_rs::engine::{self, Job};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use ndarray::Array2;

use crate::images;
use crate::models;

/// Number of images: full batches at every vector width.
const COUNT: usize = 32;

pub fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("norms");
    group.sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(COUNT as u64));
    for case in [models::flagship(), models::three_layers()] {
        let plan = case.plan();
        let job = Job::new(1, None).unwrap();
        let pixels = images::random::<f32>(&plan, COUNT);
        let mut out = Array2::zeros((COUNT, plan.norms_len()));
        group.bench_function(BenchmarkId::new(case.name, job.isa.name()), |b| {
            b.iter(|| engine::norms(&plan, pixels.view(), out.view_mut(), &job).unwrap());
        });
    }
    group.finish();
}
