//! `cargo xtask services`: the real services that tests and benchmarks stand on.

use std::path::Path;

use anyhow::bail;

use crate::run::{output, run};

/// Installs what services need where that can be done, and says what is missing otherwise.
pub(crate) fn install() -> anyhow::Result<()> {
    if services::bin_folder().is_ok() && output("psql", &["--version"]).is_some() {
        return Ok(());
    }
    let is_root = output("id", &["--user"]).is_some_and(|user| user == "0");
    if !is_root || !Path::new("/usr/bin/apt-get").exists() {
        bail!("PostgreSQL is needed, any from 15 on; on Debian: apt-get install -y postgresql");
    }
    let apt = || {
        let mut command = std::process::Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(apt().args(["update", "--quiet=2"]))?;
    run(apt().args(["install", "--quiet=2", "--yes", "--no-install-recommends", "postgresql"]))
}

/// `stop` ends the server that tests share.
pub(crate) fn services(what: Option<&str>) -> anyhow::Result<()> {
    match what {
        Some("stop") => services::stop_shared(),
        _ => bail!("it is `cargo xtask services stop`; tests start by themselves what they need"),
    }
}
