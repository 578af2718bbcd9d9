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

    /// Runs `job` on the thread, also if the caller gives up meanwhile.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        // Whoever asked may have gone; the job is done all the same.
        self.queue(move |connection| drop(answer.send(job(connection))))?;
        answered.await.map_err(|_| StoreError::Closed)
    }

    /// Runs `job` on the thread, unless its caller has given up before its turn: callers that give
    /// up and ask again don't make the queue longer than what they still wait for.
    pub(super) async fn run_while_wanted<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue(move |connection| {
            if !answer.is_closed() {
                drop(answer.send(job(connection)));
            }
        })?;
        answered.await.map_err(|_| StoreError::Closed)
    }

    /// Has `job` run on the thread, and waits for nothing.
    pub(super) fn queue(
        &self,
        job: impl FnOnce(&mut Connection) + Send + 'static,
    ) -> Result<(), StoreError> {
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        jobs.send(Box::new(job)).map_err(|_| StoreError::Closed)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::super::open;
    use super::*;

    #[tokio::test]
    async fn a_read_that_nobody_waits_for_any_more_is_left_undone_and_a_write_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("log.sqlite");
        let connection = open::connection_beside(&file).expect("it opens");
        let thread = ConnectionThread::start(connection, &file).expect("it starts");
        let (go_on, waits) = mpsc::channel::<()>();
        let has_read = Arc::new(AtomicBool::new(false));
        let has_written = Arc::new(AtomicBool::new(false));
        let mark = |mark: &Arc<AtomicBool>| {
            let mark = Arc::clone(mark);
            move |_: &mut Connection| mark.store(true, Ordering::Relaxed)
        };
        thread.queue(move |_| waits.recv().unwrap_or_default()).expect("queued");
        let moment = Duration::from_millis(20);
        let read = timeout(moment, thread.run_while_wanted(mark(&has_read))).await;
        let written = timeout(moment, thread.run(mark(&has_written))).await;
        assert!(read.is_err() && written.is_err(), "the thread is busy");
        drop(go_on);
        thread.run_while_wanted(|_| ()).await.expect("it is wanted");
        let done = [has_read, has_written].map(|mark| mark.load(Ordering::Relaxed));
        assert_eq!(done, [false, true]);
    }
}
