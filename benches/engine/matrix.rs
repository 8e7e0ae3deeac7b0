//! Times of whole calls, norms included: symmetric matrices on one thread and on two, and one pair.

use ckn_rs::engine::{self, Compiled, Job, Outputs};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use ndarray::{Array1, Array2};

use crate::images;
use crate::models::{self, Case};

pub fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("matrix");
    group.sampling_mode(SamplingMode::Flat);
    for (threads, name) in [(1, "1 thread"), (2, "2 threads")] {
        symmetric(
            &mut group,
            &format!("8x8x1, 192 images, {name}"),
            &models::digits(),
            192,
            threads,
        );
        symmetric(
            &mut group,
            &format!("32x32x3, 10 images, {name}"),
            &models::flagship(),
            10,
            threads,
        );
    }
    single::<f32>(&mut group, "32x32x3, one pair");
    single::<f64>(&mut group, "32x32x3, one pair, float64");
    group.finish();
}

fn symmetric(
    group: &mut BenchmarkGroup<WallTime>,
    name: &str,
    case: &Case,
    count: usize,
    threads: usize,
) {
    let plan = case.plan();
    let job = Job::new(threads, None).unwrap();
    let pixels = images::random::<f32>(&plan, count);
    let mut out = Array2::zeros((count, count));
    group.throughput(Throughput::Elements((count * (count + 1) / 2) as u64));
    group.bench_function(BenchmarkId::new(name, job.isa.name()), |b| {
        b.iter(|| images::gram(&plan, images::set(pixels.view(), None), None, &mut out, &job));
    });
}

/// The kernel of one pair, as `compute_kernel` of the Python package computes it.
fn single<F: Compiled>(group: &mut BenchmarkGroup<WallTime>, name: &str) {
    let plan = models::flagship().plan();
    let job = Job::new(1, None).unwrap();
    let pixels = images::random::<F>(&plan, 2);
    let mut out = Array1::from_elem(1, F::ZERO);
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new(name, job.isa.name()), |b| {
        b.iter(|| {
            let pair = images::set(pixels.view(), None);
            let out = Outputs { kernel: out.view_mut(), beside: Vec::new() };
            engine::pairs(&plan, pair, &[(0, 1)], out, &job).unwrap();
        });
    });
}
