//! `PgBouncer` in front of a PostgreSQL.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::home::{command_as_owner, make_folder};

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running pooler. It is killed when this is dropped.
#[derive(Debug)]
pub struct PgBouncer {
    port: u16,
    process: Child,
}

impl PgBouncer {
    /// Starts one with its files in `folder`, in front of the server at `server_port`. `mode` is
    /// `session`, `transaction` or `statement`.
    pub fn start(folder: &Path, server_port: u16, mode: &str) -> anyhow::Result<Self> {
        crate::may_start("PgBouncer")?;
        make_folder(folder)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let users = folder.join("users");
        fs::write(&users, "\"guerdon\" \"\"\n")?;
        let config = folder.join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server_port}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\npool_mode = {mode}\n",
            users.display()
        );
        fs::write(&config, text)?;
        let log = fs::File::create(folder.join("log"))?;
        let process = command_as_owner(&program()?)?
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("pgbouncer can't be run")?;
        let mut pooler = Self { port, process };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let has_ended = pooler.process.try_wait()?.is_some();
            if has_ended || started.elapsed() > PATIENCE {
                let said = fs::read_to_string(folder.join("log")).unwrap_or_default();
                bail!("PgBouncer did not start: {said}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(pooler)
    }

    /// The URL of one of the server's databases, through the pooler.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        crate::postgres::url(self.port, database)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Where Debian installs it, administrators have it on their path, and others may not.
fn program() -> anyhow::Result<std::path::PathBuf> {
    let places = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
    let there = places.iter().map(Path::new).find(|program| program.exists());
    let there = there.map(Path::to_path_buf);
    there.context("PgBouncer isn't installed; on Debian: apt-get install -y pgbouncer")
}

/// Whether one is installed.
#[must_use]
pub fn has_pgbouncer() -> bool {
    program().is_ok_and(|program| Command::new(program).arg("--version").output().is_ok())
}
