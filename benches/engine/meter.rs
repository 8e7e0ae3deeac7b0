//! What measures a benchmark: criterion's clock, or callgrind's count of instructions.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ckn_rs::simd::Isa;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Throughput};

/// Measures the benchmarks of one group.
pub trait Meter {
    /// Measure `run`, which does its work a given number of times and returns the time that all of
    /// it took. One time has `elements` elements. With 0 times it only prepares.
    fn measure(
        &mut self,
        name: &str,
        isa: Isa,
        elements: u64,
        run: &mut dyn FnMut(u64) -> Duration,
    );
}

/// A benchmark that does `work`.
pub fn repeated(mut work: impl FnMut()) -> impl FnMut(u64) -> Duration {
    move |runs| {
        let begin = Instant::now();
        for _ in 0..runs {
            work();
        }
        begin.elapsed()
    }
}

impl Meter for BenchmarkGroup<'_, WallTime> {
    fn measure(
        &mut self,
        name: &str,
        isa: Isa,
        elements: u64,
        run: &mut dyn FnMut(u64) -> Duration,
    ) {
        self.throughput(Throughput::Elements(elements));
        self.bench_function(BenchmarkId::new(name, isa.name()), |b| b.iter_custom(&mut *run));
    }
}

/// Runs each benchmark under callgrind, which writes the number of instructions at each call of
/// [`next_part`]. A benchmark has three parts: its preparation, no run, and some runs. The difference
/// of the last two is the count, because `run` may prepare something, too.
pub struct Counter {
    pub group: &'static str,
    /// Number of runs. What `run` prepares varies by some hundred instructions, so that a short step
    /// needs several.
    pub runs: u64,
}

impl Meter for Counter {
    fn measure(
        &mut self,
        name: &str,
        isa: Isa,
        elements: u64,
        run: &mut dyn FnMut(u64) -> Duration,
    ) {
        next_part();
        for runs in [0, self.runs] {
            black_box(run(black_box(runs)));
            next_part();
        }
        println!("{}/{name}\t{}\t{}", self.group, isa.name(), elements * self.runs);
    }
}

/// `benches/count.py` gives this name to callgrind.
#[inline(never)]
fn next_part() {
    black_box(());
}
