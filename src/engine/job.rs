//! A running computation, as seen from another thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::simd::Isa;

/// How a computation runs, how far it is, and the switch that stops it.
#[derive(Debug)]
pub struct Job {
    /// Threads, at least 1.
    pub threads: usize,
    /// The instruction set.
    pub isa: Isa,
    cancelled: AtomicBool,
    done: AtomicU64,
}

impl Job {
    /// A job on `threads` threads, on the best instruction set unless one is given.
    ///
    /// # Errors
    /// [`Error::Value`] for no threads, and for an instruction set that this processor lacks.
    pub fn new(threads: usize, isa: Option<Isa>) -> Result<Self> {
        if threads == 0 {
            return Err(Error::Value("n_threads must be at least 1, got 0".into()));
        }
        let isa = isa.unwrap_or_else(Isa::best);
        if isa.level().is_none() {
            let names: Vec<_> = Isa::available().iter().map(|isa| isa.name()).collect();
            let message =
                format!("this processor has no {} (it has: {})", isa.name(), names.join(", "));
            return Err(Error::Value(message));
        }
        Ok(Self { threads, isa, cancelled: AtomicBool::new(false), done: AtomicU64::new(0) })
    }

    /// Ask the computation to stop; it does within milliseconds, with [`Error::Interrupted`].
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`Job::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Pairs of images (for norms, images) done so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    pub(super) fn advance(&self, pairs: usize) {
        self.done.fetch_add(pairs as u64, Ordering::Relaxed);
    }

    pub(super) fn finish(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Threads to use when the caller does not say: `CKN_NUM_THREADS`, or one a processor.
///
/// # Errors
/// [`Error::Value`] if the variable is set to anything but a whole number above 0.
pub fn default_threads() -> Result<usize> {
    match std::env::var("CKN_NUM_THREADS") {
        Ok(text) => match text.trim().parse() {
            Ok(threads) if threads >= 1 => Ok(threads),
            _ => Err(Error::Value(format!(
                "CKN_NUM_THREADS must be a whole number of at least 1, got {text:?}"
            ))),
        },
        Err(_) => Ok(std::thread::available_parallelism().map_or(1, Into::into)),
    }
}
