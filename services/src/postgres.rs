//! A PostgreSQL server of one's own, as it comes: `fsync` and `synchronous_commit` are on.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::home::{command_as_owner, make_folder};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It is stopped at once when this is dropped.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    settings: Vec<String>,
    preload: Option<PathBuf>,
    process: Option<Child>,
}

/// How to stop a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Connections are closed, and what is in memory is written.
    Fast,
    /// As if the power had gone.
    Kill,
}

impl Postgres {
    /// Makes a cluster in `folder` and starts it, with further settings as in `max_connections=9`.
    pub fn start(folder: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        Self::init(folder)?;
        Self::run(folder, settings)
    }

    /// The same with a library preloaded to each of the server's processes, that makes what lies
    /// under it slow or faulty.
    pub fn start_preloaded(
        folder: &Path,
        settings: &[&str],
        library: &Path,
    ) -> anyhow::Result<Self> {
        Self::init(folder)?;
        let mut server = Self::stopped(folder, settings)?;
        server.preload = Some(library.into());
        server.restart()?;
        Ok(server)
    }

    fn init(folder: &Path) -> anyhow::Result<()> {
        make_folder(folder)?;
        let data = folder.join("data");
        let initdb = command_as_owner(&bin_folder()?.join("initdb"))?
            .args(["--username=guerdon", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .arg("--no-sync")
            .arg("--pgdata")
            .arg(&data)
            .output()
            .context("initdb can't be run")?;
        if !initdb.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&initdb.stderr));
        }
        Ok(())
    }

    /// Starts the cluster that is in `folder`, on a free port.
    pub fn run(folder: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        let mut server = Self::stopped(folder, settings)?;
        server.restart()?;
        Ok(server)
    }

    fn stopped(folder: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        let port = free_port()?;
        let settings = settings.iter().map(ToString::to_string).collect();
        Ok(Self { folder: folder.into(), port, settings, preload: None, process: None })
    }

    /// Starts it again after it was stopped, on the same port.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        crate::may_start("PostgreSQL")?;
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        let mut command = command_as_owner(&bin_folder()?.join("postgres"))?;
        command.arg("-D").arg(self.folder.join("data"));
        command.args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories="]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        if let Some(library) = &self.preload {
            command.env("LD_PRELOAD", library);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut process = command.spawn().context("postgres can't be run")?;
        let started = Instant::now();
        while !is_ready(self.port)? {
            if started.elapsed() > PATIENCE {
                drop(process.kill());
                bail!("PostgreSQL did not start; see {}", self.folder.join("log").display());
            }
            std::thread::sleep(Duration::from_millis(30));
            // A child of a server that was killed may not have noticed yet, and somebody's
            // connection may have the port.
            if process.try_wait()?.is_some() {
                process = command.spawn().context("postgres can't be run")?;
            }
        }
        self.process = Some(process);
        Ok(())
    }

    /// Stops it. What it was asked before is answered, or not, as in life.
    pub fn stop(&mut self, how: Stop) -> anyhow::Result<()> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", process.id()));
        let signal = if how == Stop::Fast { "-INT" } else { "-KILL" };
        Command::new("kill").args([signal, &process.id().to_string()]).status()?;
        if how == Stop::Kill {
            // They end when they notice; a new start must not meet them. Some have noticed.
            for child in children.unwrap_or_default().split_whitespace() {
                drop(Command::new("kill").args(["-KILL", child]).output());
            }
        }
        process.wait().context("PostgreSQL did not stop")?;
        Ok(())
    }

    /// From now on nothing reaches the disk but what somebody waits for: a kill takes all else with
    /// it. Settings that it needs: `wal_buffers=64MB` and `autovacuum=off`.
    pub fn hold_back_commits(&self) -> anyhow::Result<()> {
        let writer = "select pid from pg_stat_activity where backend_type = 'walwriter'";
        let writer = self.sql("postgres", writer)?;
        let stopped = Command::new("kill").args(["-STOP", &writer]).status()?;
        anyhow::ensure!(
            stopped.success(),
            "the server's process that writes its log can't be held"
        );
        Ok(())
    }

    /// A standby that streams from this server under the name `standby`.
    pub fn standby(&self, folder: &Path, settings: &[&str]) -> anyhow::Result<Self> {
        make_folder(folder)?;
        let data = folder.join("data");
        let backup = command_as_owner(&bin_folder()?.join("pg_basebackup"))?
            .args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--dbname"])
            .arg(format!("{} application_name=standby", self.conninfo("postgres")))
            .arg("--pgdata")
            .arg(&data)
            .output()
            .context("pg_basebackup can't be run")?;
        if !backup.status.success() {
            bail!("pg_basebackup failed: {}", String::from_utf8_lossy(&backup.stderr));
        }
        Self::run(folder, settings)
    }

    /// Makes a standby the primary, and waits until it takes writes.
    pub fn promote(&self) -> anyhow::Result<()> {
        self.sql("postgres", "select pg_promote()").map(drop)
    }

    /// Runs SQL as the superuser; what it gives, unaligned.
    pub fn sql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        psql(self.port, database, sql)
    }

    /// Changes a setting while the server runs.
    pub fn set(&self, name: &str, value: &str) -> anyhow::Result<()> {
        self.sql("postgres", &format!("alter system set {name} = '{value}'"))?;
        self.sql("postgres", "select pg_reload_conf()")?;
        let started = Instant::now();
        while self.sql("postgres", &format!("show {name}"))? != value {
            if started.elapsed() > PATIENCE {
                bail!("PostgreSQL does not take {name} = {value}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // A new connection sees it at once, one that is open when it next asks for something.
        Ok(())
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The process that listens.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// The URL of one of its databases.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    fn conninfo(&self, database: &str) -> String {
        format!("host=127.0.0.1 port={} user=guerdon dbname={database}", self.port)
    }

    /// Leaves it running.
    pub(crate) fn leave(mut self) {
        self.process = None;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.stop(Stop::Kill));
    }
}

/// The folder of `initdb` and `postgres`: `GUERDON_POSTGRES_BIN`, or the newest that Debian
/// installed.
pub fn bin_folder() -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("GUERDON_POSTGRES_BIN") {
        return Ok(folder.into());
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number =
        |folder: &PathBuf| folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let folders =
        versions.map(|entry| entry.path()).filter(|path| path.join("bin/initdb").exists());
    let newest = folders.max_by_key(number).map(|folder| folder.join("bin"));
    newest.context(
        "PostgreSQL isn't installed; on Debian: apt-get install -y postgresql (any from 15 on)",
    )
}

pub(crate) fn url(port: u16, database: &str) -> String {
    format!("postgres://guerdon@127.0.0.1:{port}/{database}")
}

pub(crate) fn psql(port: u16, database: &str, sql: &str) -> anyhow::Result<String> {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
        .args(["--set", "ON_ERROR_STOP=1", "--dbname", &url(port, database), "--command", sql])
        .output()
        .context("psql can't be run")?;
    if !output.status.success() {
        bail!("{sql}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

pub(crate) fn is_ready(port: u16) -> anyhow::Result<bool> {
    let asked = Command::new("pg_isready")
        .args(["--quiet", "--host=127.0.0.1", "--port", &port.to_string()])
        .status()
        .context("pg_isready can't be run")?;
    Ok(asked.success())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
