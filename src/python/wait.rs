//! Waiting for the engine with Python's lock released. A few times a second the waiting thread asks
//! Python for signals and tells it of progress.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use crate::engine::Job;
use crate::error::Result;

/// How often signals are checked.
const TICK: Duration = Duration::from_millis(100);

/// The job that the calling thread waits for.
pub(super) struct Watch<'a> {
    job: &'a Job,
    progress: Option<Py<PyAny>>,
}

impl<'a> Watch<'a> {
    pub fn new(job: &'a Job, progress: Option<Bound<'_, PyAny>>) -> Self {
        Self { job, progress: progress.map(Bound::unbind) }
    }

    /// Check signals and tell of progress; an error is Ctrl-C's, or the progress callback's.
    pub fn look(&self, py: Python<'_>) -> PyResult<()> {
        py.check_signals()?;
        if let Some(progress) = &self.progress {
            progress.call1(py, (self.job.done(),))?;
        }
        Ok(())
    }

    /// Run `compute` in a thread of its own and wait for it, looking again and again; an error of
    /// that cancels the job and is raised once the job has stopped.
    pub fn wait_for<T: Send>(
        &self,
        py: Python<'_>,
        compute: impl FnOnce() -> Result<T> + Send,
    ) -> PyResult<Result<T>> {
        py.detach(|| {
            thread::scope(|scope| {
                let (sender, receiver) = channel();
                let worker = scope.spawn(move || {
                    let result = compute();
                    // The receiver lives until this thread has ended.
                    let _ = sender.send(());
                    result
                });
                let mut outcome = Ok(());
                while let Err(RecvTimeoutError::Timeout) = receiver.recv_timeout(TICK) {
                    if outcome.is_ok() {
                        outcome = Python::attach(|py| self.look(py));
                        if outcome.is_err() {
                            self.job.cancel();
                        }
                    }
                }
                let result = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                outcome.and(Ok(result))
            })
        })
    }
}
