//! Benchmarks of the engine. Criterion's elements are pairs of images. For `norms` they are images,
//! and for `steps` they are entries of a map.
//!
//! `cargo bench` runs all, `cargo bench -- pair` one group, `cargo bench -- pair/exp/` one model. A
//! benchmark's parameter is the instruction set. All benchmarks are one program, because each
//! program compiles the engine again. Samples are few and short, so that a whole run takes a
//! minute. `make bench-compare` compares a run with the last record.
//!
//! With `--count GROUP` callgrind counts the instructions of pairs, norms and steps (`make bench-count`).

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
    let arguments: Vec<_> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--count") {
        count(arguments.get(at + 1).map_or("", String::as_str));
        return;
    }
    engine();
    Criterion::default().configure_from_args().final_summary();
}

/// Run the benchmarks of a group for callgrind.
fn count(group: &str) {
    match group {
        "steps" => steps::all(&mut Counter { group: "steps", runs: 256 }, COUNTED),
        "norms" => norms::all(&mut Counter { group: "norms", runs: 1 }, COUNTED),
        "pair" => pair::all(&mut Counter { group: "pair", runs: 1 }, COUNTED, pair::COUNTED),
        _ => panic!("--count takes steps, norms or pair, got {group:?}"),
    }
}
