//! An image's patch norms, on one thread.

use ckn_rs::engine::{self, Job};
use ckn_rs::simd::Isa;
use criterion::{Criterion, SamplingMode};
use ndarray::Array2;

use crate::images;
use crate::meter::{Meter, repeated};
use crate::models;

/// Number of images: full batches at every vector width.
const COUNT: usize = 32;

pub fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("norms");
    group.sampling_mode(SamplingMode::Flat);
    all(&mut group, Isa::best());
    group.finish();
}

/// All models whose norms are measured, on one instruction set.
pub fn all(meter: &mut impl Meter, isa: Isa) {
    for case in [models::flagship(), models::three_layers()] {
        let plan = case.plan();
        let job = Job::new(1, Some(isa)).unwrap();
        let pixels = images::random::<f32>(&plan, COUNT);
        let mut out = Array2::zeros((COUNT, plan.norms_len()));
        let work = || engine::norms(&plan, pixels.view(), out.view_mut(), &job).unwrap();
        meter.measure(case.name, isa, COUNT as u64, &mut repeated(work));
    }
}
