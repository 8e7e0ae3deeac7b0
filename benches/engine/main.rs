//! What the engine takes. Criterion's elements are pairs of images, images for `norms`, and entries
//! of a map for `steps`.
//!
//! `cargo bench` runs all, `cargo bench -- pair` one group, `cargo bench -- pair/exp/` one model.
//! A benchmark's parameter is the instruction set. It is one program, since each would compile the
//! engine again for itself; its samples are few and short, so that all of it takes a minute.
//! `make bench-compare` sets a run beside the last record.

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
