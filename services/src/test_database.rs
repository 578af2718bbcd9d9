//! The server that all tests share, and an empty database on it for each of them.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use uuid::Uuid;

use crate::home::{home, lock};
use crate::postgres::{Postgres, is_ready, psql, url};
use crate::process::wait_for_end;

/// An empty database, dropped with this.
#[derive(Debug)]
pub struct TestDatabase {
    port: u16,
    name: String,
}

impl TestDatabase {
    /// Makes one, and starts the shared server where it doesn't run yet.
    pub fn create() -> anyhow::Result<Self> {
        let port = shared_port()?;
        let name = format!("t{}", Uuid::now_v7().simple());
        psql(port, "postgres", &format!("create database {name}"))?;
        Ok(Self { port, name })
    }

    /// Another with the same in it; nobody may be connected to this one.
    pub fn copy(&self) -> anyhow::Result<Self> {
        let name = format!("t{}", Uuid::now_v7().simple());
        psql(self.port, "postgres", &format!("create database {name} template {}", self.name))?;
        Ok(Self { port: self.port, name })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port, &self.name)
    }

    /// Runs SQL in it as the superuser; what it gives, unaligned.
    pub fn sql(&self, sql: &str) -> anyhow::Result<String> {
        psql(self.port, &self.name, sql)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        // What is left goes with the server.
        drop(psql(self.port, "postgres", &sql));
    }
}

/// Stops the shared server and forgets its data.
pub(crate) fn stop_shared() -> anyhow::Result<()> {
    let folder = home()?.join("postgres");
    let postmaster = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
    if let Some(pid) = postmaster.lines().next()
        && shared_port_of(&folder).is_some_and(|port| is_ready(port).unwrap_or_default())
    {
        Command::new("kill").args(["-QUIT", pid]).status()?;
        wait_for_end(pid)?;
    }
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Tests run in several processes at once; the one with the lock starts it.
fn shared_port() -> anyhow::Result<u16> {
    crate::may_start("PostgreSQL")?;
    let _lock = lock("postgres")?;
    let folder = home()?.join("postgres");
    if let Some(port) = shared_port_of(&folder)
        && is_ready(port)?
    {
        return Ok(port);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let server = Postgres::start(&folder, &["max_connections=300"])?;
    let port = server.port();
    fs::write(folder.join("port"), port.to_string())?;
    server.leave();
    Ok(port)
}

fn shared_port_of(folder: &Path) -> Option<u16> {
    fs::read_to_string(folder.join("port")).ok()?.parse().ok()
}
