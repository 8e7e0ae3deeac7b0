//! A pair of images, on one thread, with norms given. This is the cost of a pair in a large matrix.
//! With gradients norms are not given: their derivatives are needed, too.

use ckn_rs::engine::{Compiled, Job};
use ckn_rs::simd::Isa;
use criterion::{Criterion, SamplingMode};
use ndarray::{Array2, Axis, s};

use crate::images;
use crate::meter::{Meter, repeated};
use crate::models::{self, Case};

/// How many pairs one iteration has.
#[derive(Clone, Copy)]
pub struct Size {
    /// The least number of entries of their first maps.
    entries: usize,
    /// Number of right images.
    right: usize,
}

/// Some tens of milliseconds, in batches that are full at every vector width, in both precisions.
const TIMED: Size = Size { entries: 1 << 25, right: 16 };

/// Full batches of AVX2, and a single left image of 32x32: under valgrind a pair takes half a second.
pub const COUNTED: Size = Size { entries: 1 << 21, right: 8 };

pub fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("pair");
    group.sampling_mode(SamplingMode::Flat);
    all(&mut group, Isa::best(), TIMED);
    let flagship = models::flagship();
    for isa in Isa::available().into_iter().skip(1) {
        pair::<f32>(&mut group, flagship.name, &flagship, isa, TIMED);
    }
    group.finish();
}

/// All models on one instruction set.
pub fn all(meter: &mut impl Meter, isa: Isa, size: Size) {
    for case in models::all() {
        pair::<f32>(meter, case.name, &case, isa, size);
    }
    pair::<f64>(meter, "exp, float64", &models::flagship(), isa, size);
}

fn pair<F: Compiled>(meter: &mut impl Meter, name: &str, case: &Case, isa: Isa, size: Size) {
    let plan = case.plan();
    let entries = (plan.shape.height * plan.shape.width).pow(2);
    let left = size.entries.div_ceil(size.right * entries);
    let job = Job::new(1, Some(isa)).unwrap();
    let pixels = images::random::<F>(&plan, left + size.right);
    let norms = (plan.gradients() == 0).then(|| images::norms(&plan, pixels.view(), &job));
    let (left_pixels, right_pixels) = pixels.view().split_at(Axis(0), left);
    let given = norms.as_ref().map(|norms| norms.view().split_at(Axis(0), left));
    let left = images::set(left_pixels, given.map(|(norms, _)| norms));
    let right = images::set(right_pixels, given.map(|(_, norms)| norms));
    let mut out = Array2::from_elem((left_pixels.nrows(), size.right), F::ZERO);
    let pairs = out.len() as u64;
    let mut timed = repeated(|| images::gram(&plan, left, Some(right), &mut out, &job));
    let mut empty = Array2::from_elem((0, size.right), F::ZERO);
    let no_norms = left.norms.map(|norms| norms.slice_move(s![..0, ..]));
    let no_left = images::set(left.pixels.slice_move(s![..0, ..]), no_norms);
    meter.measure(name, isa, pairs, &mut |runs| {
        if runs == 0 {
            // A call does this before its first pair, and the count is that of the pairs alone.
            images::gram(&plan, no_left, Some(right), &mut empty, &job);
        }
        timed(runs)
    });
}
