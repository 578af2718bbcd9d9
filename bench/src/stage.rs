//! What a turn is played on: a fresh folder on the measured disk, and a PostgreSQL in it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use services::Postgres;
use tempfile::TempDir;

use crate::contender::Contender;
use crate::disk::{Disk, check_preloaded, slow_library};

/// What a careful operator raises, the same for all who stand on PostgreSQL; all else is as it
/// comes, `fsync` and `synchronous_commit` on with it.
pub(crate) const POSTGRES_SETTINGS: [&str; 3] =
    ["shared_buffers=1GB", "max_wal_size=8GB", "max_connections=300"];

#[derive(Debug)]
pub(crate) struct Stage {
    folder: TempDir,
    /// What makes the disk slow, where it is to be.
    slow: Option<PathBuf>,
}

impl Stage {
    pub(crate) fn new(folder: &Path, contender: &Contender) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("guerdon-bench-").tempdir_in(folder)?;
        // PostgreSQL runs as another user where this is run by root.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let slow = match contender.disk {
            Disk::AsItIs => None,
            Disk::Slow => Some(slow_library(folder.path())?),
        };
        Ok(Self { folder, slow })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A program on this disk.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(library) = &self.slow {
            command.env("LD_PRELOAD", library);
        }
        command
    }

    /// An empty server with a database of that name.
    pub(crate) fn postgres(&self, database: &str) -> anyhow::Result<Postgres> {
        let folder = self.folder().join("postgres");
        let postgres = match &self.slow {
            None => Postgres::start(&folder, &POSTGRES_SETTINGS)?,
            Some(library) => Postgres::start_preloaded(&folder, &POSTGRES_SETTINGS, library)?,
        };
        self.check(postgres.pid().context("PostgreSQL has no process")?)?;
        postgres.sql("postgres", &format!("create database {database}"))?;
        Ok(postgres)
    }

    /// The disk of a process is as it should be.
    pub(crate) fn check(&self, pid: u32) -> anyhow::Result<()> {
        self.slow.as_ref().map_or(Ok(()), |library| check_preloaded(pid, library))
    }
}
