//! A PostgreSQL of a test's own, with a log in it.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use services::Postgres;

use super::PATIENCE;
use super::tool::{guerdon, succeeds};

/// The database that the log is in.
pub(crate) const DATABASE: &str = "postgres";

/// The event at its end is the last.
const HEAD: &str = "select position from guerdon_log.partition_head";

/// A server that is gone with all its files when this is dropped.
pub(crate) struct Server {
    postgres: Postgres,
    folder: Folder,
}

/// The files of a server, which are gone with this.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Server {
    pub(crate) fn start(settings: &[&str]) -> Self {
        let folder = Folder::new();
        let postgres = Postgres::start(&folder.0, settings).expect("PostgreSQL starts");
        Self { postgres, folder }
    }

    /// One that streams from this one.
    pub(crate) fn streaming(&self) -> Self {
        let folder = Folder::new();
        let postgres = self.standby(&folder.0, &[]).expect("a standby starts");
        until(|| self.asked("select count(*) from pg_stat_replication") == "1");
        Self { postgres, folder }
    }

    /// The URL of the log.
    pub(crate) fn store(&self) -> String {
        self.url(DATABASE)
    }

    /// What SQL gives.
    pub(crate) fn asked(&self, sql: &str) -> String {
        self.sql(DATABASE, sql).expect("answered")
    }

    pub(crate) fn head(&self) -> u64 {
        self.asked(HEAD).parse().expect("a position")
    }

    /// `guerdon migrate`.
    pub(crate) fn migrate(&self, folder: &Path) {
        succeeds(guerdon(folder, &["migrate", "--store", &self.store()]));
    }
}

/// The URL of a log on two servers, of which one takes writes.
pub(crate) fn store_on(one: &Server, other: &Server) -> String {
    format!("postgres://guerdon@127.0.0.1:{},127.0.0.1:{}/{DATABASE}", one.port(), other.port())
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn until(is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "it doesn't come to be");
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Folder {
    pub(crate) fn new() -> Self {
        let name = uuid::Uuid::now_v7().to_string();
        Self(services::home().expect("a folder").join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the way of nobody.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

impl Deref for Server {
    type Target = Postgres;

    fn deref(&self) -> &Postgres {
        &self.postgres
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Postgres {
        &mut self.postgres
    }
}
