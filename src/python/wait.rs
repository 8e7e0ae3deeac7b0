//! Waiting for the engine with Python's lock released, a few times a second asking it about
//! signals and telling it of progress.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use crate::engine::Job;
use crate::error::Result;

/// How often signals are checked.
const TICK: Duration = Duration::from_millis(100);

/// Run `compute` in a thread of its own and wait for it; an exception on the way (Ctrl-C, or one
/// of `progress`) cancels the job and is raised once it has stopped.
pub(super) fn for_job<T: Send>(
    py: Python<'_>,
    job: &Job,
    progress: Option<Bound<'_, PyAny>>,
    compute: impl FnOnce() -> Result<T> + Send,
) -> PyResult<T> {
    let progress = progress.map(Bound::unbind);
    let tell = |py: Python<'_>| -> PyResult<()> {
        py.check_signals()?;
        if let Some(progress) = &progress {
            progress.call1(py, (job.done(),))?;
        }
        Ok(())
    };
    let result = py.detach(|| {
        thread::scope(|scope| {
            let (sender, receiver) = channel();
            let worker = scope.spawn(move || {
                let result = compute();
                // The receiver is gone only if this thread is not waited for, which it is.
                let _ = sender.send(());
                result
            });
            let mut outcome = Ok(());
            while let Err(RecvTimeoutError::Timeout) = receiver.recv_timeout(TICK) {
                if outcome.is_ok() {
                    outcome = Python::attach(tell);
                    if outcome.is_err() {
                        job.cancel();
                    }
                }
            }
            let result = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            outcome.and(Ok(result))
        })
    })?;
    let value = result?;
    tell(py)?;
    Ok(value)
}
