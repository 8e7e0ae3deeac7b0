//! Threads: a queue of tasks, emptied by the job's own pool.

use std::sync::Mutex;

use super::job::Job;
use crate::error::{Error, Result};

/// Tasks still to be done, and the first error.
pub(super) struct Queue<'a, T> {
    job: &'a Job,
    tasks: Mutex<std::vec::IntoIter<T>>,
    error: Mutex<Option<Error>>,
}

impl<T> Queue<'_, T> {
    /// The next task, unless there is none left or the job was cancelled.
    pub fn next(&self) -> Option<T> {
        if self.stopped() {
            return None;
        }
        self.tasks.lock().expect("no task panics while it is taken").next()
    }

    /// Whether work should stop.
    pub fn stopped(&self) -> bool {
        self.job.is_cancelled() || self.error.lock().expect("errors are only stored").is_some()
    }

    /// End the job with `error`.
    pub fn fail(&self, error: Error) {
        self.error.lock().expect("errors are only stored").get_or_insert(error);
    }
}

/// Let every thread of the job run `worker`, which takes tasks from the queue until it is empty.
///
/// The pool lives as long as the call: nothing of it is left to be missed in a forked process.
pub(super) fn run<T: Send>(
    job: &Job,
    tasks: Vec<T>,
    worker: impl Fn(&Queue<T>) + Sync,
) -> Result<()> {
    let threads = job.threads.min(tasks.len());
    let queue = Queue { job, tasks: Mutex::new(tasks.into_iter()), error: Mutex::new(None) };
    if threads <= 1 {
        worker(&queue);
    } else {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("ckn-{index}"))
            .build()
            .map_err(|error| Error::Value(format!("cannot start {threads} threads: {error}")))?;
        pool.broadcast(|_| worker(&queue));
    }
    match queue.error.into_inner().expect("errors are only stored") {
        Some(error) => Err(error),
        None => job.finish(),
    }
}
