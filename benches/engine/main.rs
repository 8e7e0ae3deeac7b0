//! Benchmarks of the engine. Criterion's elements are pairs of images. For `norms` they are images,
//! and for `steps` they are entries of a map.
//!
//! `cargo bench` runs all, `cargo bench -- pair` one group, `cargo bench -- pair/exp/` one model. A
//! benchmark's parameter is the instruction set. All benchmarks are one program, because each
//! program compiles the engine again. Samples are few and short, so that a whole run takes a
//! minute. `make bench-compare` compares a run with the last record.

mod images;
mod matrix;
mod models;
mod norms;
mod pair;
mod steps;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

criterion_group! {
    name = engine;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(2500));
    targets = pair::bench, matrix::bench, norms::bench, steps::bench
}
criterion_main!(engine);
