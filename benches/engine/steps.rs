//! Times of the steps that a pair of rows takes in the first layer, for each entry of its map.

use ckn_rs::engine::Job;
use ckn_rs::engine::steps::{Step, Steps};
use ckn_rs::kernel::Kernel;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};

use crate::images;
use crate::models::{self, Case};

/// Number of images: full batches at every vector width.
const COUNT: usize = 16;

pub fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("steps");
    let flagship = models::flagship();
    step(&mut group, "packing", &flagship, Step::Pack);
    step(&mut group, "patch sums", &flagship, Step::PatchSums);
    for kernel in Kernel::ALL {
        let case = models::flagship_with(kernel);
        step(&mut group, &format!("map, {}", case.name), &case, Step::Map);
    }
    let ntk = models::flagship_ntk();
    step(&mut group, &format!("map, {}", ntk.name), &ntk, Step::Map);
    step(&mut group, "pooling of right columns", &flagship, Step::Pool);
    group.finish();
}

fn step(group: &mut BenchmarkGroup<WallTime>, name: &str, case: &Case, step: Step) {
    let plan = case.plan();
    let job = Job::new(1, None).unwrap();
    let pixels = images::random::<f32>(&plan, COUNT);
    let steps = Steps::new(&plan, pixels.view(), &job).unwrap();
    group.throughput(Throughput::Elements(steps.time(step, 0).elements));
    group.bench_function(BenchmarkId::new(name, job.isa.name()), |b| {
        b.iter_custom(|runs| steps.time(step, runs).elapsed);
    });
}
