//! A thread that owns a connection and does one job after the other with it.

use std::path::Path;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::StoreError;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to such a thread. Dropping it finishes the jobs, closes the connection and waits.
#[derive(Debug)]
pub(super) struct ConnectionThread {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl ConnectionThread {
    /// For another thread, which may have jobs, too; the connection closes only when it is gone.
    pub(super) fn jobs(&self) -> Result<Jobs, StoreError> {
        self.jobs.clone().map(Jobs).ok_or(StoreError::Closed)
    }

    pub(super) fn start(mut connection: Connection, file: &Path) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = thread::Builder::new()
            .name("event-store".into())
            .spawn(move || {
                for job in queue {
                    job(&mut connection);
                }
            })
            .map_err(|source| StoreError::Io {
                doing: "start a thread for",
                file: file.into(),
                source,
            })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `job` on the thread. The queue has no bound of its own: callers await their answers,
    /// so it holds at most one job for each of them.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |connection: &mut Connection| {
            // Whoever asked may have gone; the job is done all the same.
            drop(answer.send(job(connection)));
        });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(job).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)
    }
}

/// The way to give such a thread jobs from a thread that may wait.
#[derive(Debug)]
pub(super) struct Jobs(mpsc::Sender<Job>);

impl Jobs {
    /// Runs `job` on the thread; nothing comes back where the thread has ended.
    pub(super) fn run_and_wait<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = mpsc::channel();
        let job = Box::new(move |connection: &mut Connection| drop(answer.send(job(connection))));
        self.0.send(job).ok()?;
        answered.recv().ok()
    }
}

impl Drop for ConnectionThread {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A job that panicked has said so already.
            drop(thread.join());
        }
    }
}
