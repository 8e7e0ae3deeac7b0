//! The steps that a pair of rows takes in the first layer, for each entry of its map.

use ckn_rs::engine::Job;
use ckn_rs::engine::steps::{Step, Steps};
use ckn_rs::kernel::Kernel;
use ckn_rs::simd::Isa;
use criterion::Criterion;

use crate::images;
use crate::meter::Meter;
use crate::models::{self, Case};

/// Number of images: a full batch of AVX2. A wider one takes them again.
const COUNT: usize = 8;

pub fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("steps");
    all(&mut group, Isa::best());
    group.finish();
}

/// All steps on one instruction set.
pub fn all(meter: &mut impl Meter, isa: Isa) {
    let flagship = models::flagship();
    step(meter, isa, "packing", &flagship, Step::Pack);
    step(meter, isa, "patch sums", &flagship, Step::PatchSums);
    for kernel in Kernel::ALL {
        let case = models::flagship_with(kernel);
        step(meter, isa, &format!("map, {}", case.name), &case, Step::Map);
    }
    let ntk = models::flagship_ntk();
    step(meter, isa, &format!("map, {}", ntk.name), &ntk, Step::Map);
    step(meter, isa, "pooling of right columns", &flagship, Step::Pool);
}

fn step(meter: &mut impl Meter, isa: Isa, name: &str, case: &Case, step: Step) {
    let plan = case.plan();
    let job = Job::new(1, Some(isa)).unwrap();
    let pixels = images::random::<f32>(&plan, COUNT);
    let steps = Steps::new(&plan, pixels.view(), &job).unwrap();
    let elements = steps.time(step, 0).elements;
    meter.measure(name, isa, elements, &mut |runs| steps.time(step, runs).elapsed);
}
