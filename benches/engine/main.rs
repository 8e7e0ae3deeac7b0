//! Benchmarks of the engine. Criterion's elements are pairs of images. For `norms` they are images,
//! and for `steps` they are entries of a map.
//!
//! `cargo bench` runs all, `cargo bench -- pair` one group, `cargo bench -- pair/exp/` one model. A
//! benchmark's parameter is the instruction set. All benchmarks are one program, because each
//! program compiles the engine again. Samples are few and short, so that a whole run takes a
//! minute. `make bench-compare` compares a run with the last record.
//!
//! With `--count` callgrind counts the instructions of pairs, norms and steps (`make bench-count`).

mod images;
mod matrix;
mod meter;
mod models;
mod norms;
mod pair;
mod steps;

use std::time::Duration;

use ckn_rs::simd::Isa;
use criterion::{Criterion, criterion_group};

use crate::meter::Counter;

criterion_group! {
    name = engine;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(2500));
    targets = pair::bench, matrix::bench, norms::bench, steps::bench
}

/// The level of the counts. Valgrind runs no wider instructions.
const COUNTED: Isa = Isa::Avx2;

fn main() {
    if std::env::args().any(|argument| argument == "--count") {
        steps::all(&mut Counter { group: "steps", runs: 64 }, COUNTED);
        norms::all(&mut Counter { group: "norms", runs: 1 }, COUNTED);
        pair::all(&mut Counter { group: "pair", runs: 1 }, COUNTED, pair::COUNTED);
        return;
    }
    engine();
    Criterion::default().configure_from_args().final_summary();
}
