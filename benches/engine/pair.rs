//! Times of a pair of images, on one thread, with norms given, but for gradients. This is the cost of a
//! pair in a large matrix.

use ckn_rs::engine::{Compiled, Job};
use ckn_rs::simd::Isa;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};
use ndarray::{Array2, Axis};

use crate::images;
use crate::models::{self, Case};

/// The least number of entries of the first map in one iteration, which takes some tens of
/// milliseconds.
const ENTRIES: usize = 1 << 25;

/// Number of right images: full batches at every vector width, in both precisions.
const RIGHT: usize = 16;

pub fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("pair");
    group.sampling_mode(SamplingMode::Flat);
    for case in models::all() {
        pair::<f32>(&mut group, case.name, &case, Isa::best());
    }
    let flagship = models::flagship();
    pair::<f64>(&mut group, "exp, float64", &flagship, Isa::best());
    for isa in Isa::available().into_iter().skip(1) {
        pair::<f32>(&mut group, flagship.name, &flagship, isa);
    }
    group.finish();
}

fn pair<F: Compiled>(group: &mut BenchmarkGroup<WallTime>, name: &str, case: &Case, isa: Isa) {
    let plan = case.plan();
    let entries = (plan.shape.height * plan.shape.width).pow(2);
    let left = ENTRIES.div_ceil(RIGHT * entries);
    let job = Job::new(1, Some(isa)).unwrap();
    let pixels = images::random::<F>(&plan, left + RIGHT);
    let norms = images::norms(&plan, pixels.view(), &job);
    let (left_pixels, right_pixels) = pixels.view().split_at(Axis(0), left);
    let (left_norms, right_norms) = norms.view().split_at(Axis(0), left);
    // Gradients need norms with derivatives, which are computed in every run.
    let given = plan.gradients() == 0;
    let left = images::set(left_pixels, given.then_some(left_norms));
    let right = images::set(right_pixels, given.then_some(right_norms));
    let mut out = Array2::from_elem((left_pixels.nrows(), RIGHT), F::ZERO);
    group.throughput(Throughput::Elements(out.len() as u64));
    group.bench_function(BenchmarkId::new(name, isa.name()), |b| {
        b.iter(|| images::gram(&plan, left, Some(right), &mut out, &job));
    });
}
