//! `cargo xtask services`: the real services that tests and benchmarks stand on.

use std::path::Path;

use anyhow::bail;

use crate::run::{output, run_silently};

/// Installs what services need where that can be done, and says what is missing otherwise.
pub(crate) fn install() -> anyhow::Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let is_root = output("id", &["--user"]).is_some_and(|user| user == "0");
    if !is_root || !Path::new("/usr/bin/apt-get").exists() {
        let list = missing.join(" ");
        bail!("the tests need more programs; on Debian: apt-get install -y {list}");
    }
    let apt = || {
        let mut command = std::process::Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run_silently(apt().args(["update", "--quiet=2"]))?;
    let install = ["install", "--quiet=2", "--yes", "--no-install-recommends"];
    run_silently(apt().args(install).args(missing))
}

/// Debian's packages for what can't be run: PostgreSQL (any from 15 on), and a pooler for it; what
/// librdkafka is built with; Java (17 on), and Maven, which fetches Kafka; Python for the warehouse
/// that is written in it.
fn missing() -> Vec<&'static str> {
    let runs = |program: &str, args: &[&str]| output(program, args).is_some();
    let needed = [
        ("postgresql", services::bin_folder().is_ok() && runs("psql", &["--version"])),
        ("pgbouncer", services::has_pgbouncer()),
        ("make", runs("make", &["--version"])),
        ("g++", runs("c++", &["--version"])),
        ("default-jre-headless", runs("java", &["--version"])),
        ("maven", runs("mvn", &["--version"])),
        ("openssl", runs("openssl", &["version"])),
        ("python3-venv", runs("python3", &["-c", "import venv, ensurepip"])),
    ];
    needed.into_iter().filter(|(_, is_there)| !is_there).map(|(package, _)| package).collect()
}

/// `kafka` starts the broker that tests share, to try things out with; `stop` ends the servers that
/// tests share.
pub(crate) fn services(what: Option<&str>) -> anyhow::Result<()> {
    match what {
        Some("kafka") => {
            install()?;
            println!("a Kafka listens on {}", services::shared_kafka()?);
            Ok(())
        }
        Some("stop") => services::stop_shared(),
        _ => bail!(
            "it is `cargo xtask services kafka`, or `cargo xtask services stop`; tests start by \
             themselves what they need"
        ),
    }
}
