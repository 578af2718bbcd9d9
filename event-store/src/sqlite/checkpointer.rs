//! Moves what was appended from the write-ahead file into the log's file, beside the appends.
//!
//! Left to SQLite, the connection that appends does it, and no append is answered for as long as it
//! takes to copy and sync tens of megabytes. Here another connection copies while appends go on,
//! and only the last few pages, without which the write-ahead file couldn't begin anew, are copied
//! between two appends.
//!
//! While nothing is appended, the write-ahead file is cut, and it is looked whether the files are
//! still there.

use std::path::Path;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;

use super::in_place::{InPlace, wal_of};
use super::open::{self, PAGE_BYTES};
use super::thread::Jobs;
use crate::StoreError;

/// After about so many pages more in the write-ahead file, they are copied: 8 MB.
const COPY_AFTER: u64 = (8 << 20) / PAGE_BYTES as u64;

/// Of about 400 bytes each.
const EVENTS_A_PAGE: u64 = PAGE_BYTES as u64 / 400;

/// So many pages, and the file begins anew: 40 MB.
const BEGIN_ANEW_AFTER: i64 = (40 << 20) / PAGE_BYTES as i64;

/// So few are left to be copied that appends may wait for them: 2 MB, a few milliseconds.
const FEW: i64 = (2 << 20) / PAGE_BYTES as i64;

/// How often it is tried to come so near to the end; faster appends than that are let go on.
const TRIES: usize = 4;

/// How long it waits for the next append. Then there is time for other things.
const QUIET: Duration = Duration::from_secs(1);

/// A larger write-ahead file is cut in quiet times.
const QUIET_BYTES_MAX: u64 = 1 << 20;

/// How long cutting may keep an append waiting that comes just then.
const CUT_WAIT: Duration = Duration::from_millis(50);

/// How far the write-ahead file is, in pages.
#[derive(Debug)]
struct Progress {
    written: i64,
    copied: i64,
}

/// A handle to the thread that copies. Dropping it ends the thread and waits.
#[derive(Debug)]
pub(super) struct Checkpointer {
    appended: Option<mpsc::Sender<u64>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// `writer` is the thread that appends.
    pub(super) fn start(file: &Path, writer: Jobs, in_place: InPlace) -> Result<Self, StoreError> {
        let connection = open::connection_beside(file)?;
        let wal = wal_of(file);
        let (appended, appends) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("checkpointer".into())
            .spawn(move || keep_copying(&connection, &wal, &writer, &in_place, &appends))
            .map_err(|source| StoreError::Io {
                doing: "start a thread for",
                file: file.into(),
                source,
            })?;
        Ok(Self { appended: Some(appended), thread: Some(thread) })
    }

    /// Tells it of an append of so many events.
    pub(super) fn appended(&self, events: u64) {
        // Each append writes its last page anew, the head's, and one of the tree above them.
        let pages = 3 + events / EVENTS_A_PAGE;
        if let Some(appended) = &self.appended {
            // The thread ends with the store.
            appended.send(pages).ok();
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.appended = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn keep_copying(
    connection: &Connection,
    wal: &Path,
    writer: &Jobs,
    in_place: &InPlace,
    appends: &mpsc::Receiver<u64>,
) {
    let mut pages = 0;
    loop {
        let more = match appends.recv_timeout(QUIET) {
            Ok(more) => more,
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                rest(connection, wal, writer, in_place);
                continue;
            }
        };
        pages += more + appends.try_iter().sum::<u64>();
        if pages < COPY_AFTER {
            continue;
        }
        pages = 0;
        if let Err(error) = copy(connection, writer) {
            // Nothing is lost: it all stays in the write-ahead file, and is copied the next time.
            tracing::warn!(%error, "the log's write-ahead file can't be copied, and grows");
        }
    }
}

fn rest(connection: &Connection, wal: &Path, writer: &Jobs, in_place: &InPlace) {
    if in_place.was_checked().is_err() {
        return;
    }
    let looking = in_place.clone();
    if let Some(Err(error)) = writer.run_and_wait(move |connection| looking.check(connection)) {
        tracing::error!(%error, "the log's files were moved");
        return;
    }
    let is_large = std::fs::metadata(wal).is_ok_and(|wal| wal.len() > QUIET_BYTES_MAX);
    if is_large && let Err(error) = cut(connection) {
        tracing::warn!(%error, "the log's write-ahead file can't be cut");
    }
}

/// Copies all that is in the write-ahead file and cuts it to nothing, unless somebody still reads
/// what is in it.
fn cut(connection: &Connection) -> rusqlite::Result<()> {
    let Progress { written, copied } = checkpoint(connection)?;
    if copied < written {
        return Ok(());
    }
    connection.busy_timeout(CUT_WAIT)?;
    let cut = connection.query_row("pragma wal_checkpoint(truncate)", (), |_| Ok(()));
    connection.busy_timeout(open::BUSY_TIMEOUT)?;
    cut
}

fn copy(connection: &Connection, writer: &Jobs) -> rusqlite::Result<()> {
    let mut progress = checkpoint(connection)?;
    if progress.written < BEGIN_ANEW_AFTER {
        return Ok(());
    }
    for _ in 0..TRIES {
        if progress.written - progress.copied <= FEW {
            break;
        }
        progress = checkpoint(connection)?;
    }
    if progress.written - progress.copied > FEW {
        return Ok(());
    }
    // Between two appends nothing is written, so all can be copied; the next append begins the
    // file anew, unless somebody still reads what is in it.
    let done = writer.run_and_wait(|connection| checkpoint(connection).map(drop));
    done.unwrap_or(Ok(()))
}

/// Copies what no reader needs as it was, and syncs the log's file. Nobody waits for it but its
/// caller.
fn checkpoint(connection: &Connection) -> rusqlite::Result<Progress> {
    connection.query_row("pragma wal_checkpoint(passive)", (), |row| {
        Ok(Progress { written: row.get(1)?, copied: row.get(2)? })
    })
}
