//! A Python with packages from `PyPI`, in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::home::{home, lock};

/// The Kafka client of the examples in Python.
pub const PYTHON_KAFKA: &str = "confluent-kafka==2.16.1";

/// The interpreter of an environment with this package in it, made once. Tests run in several
/// processes at once; the one with the lock makes it.
pub fn python_with(package: &str) -> anyhow::Result<PathBuf> {
    crate::may_start("Python")?;
    let folder = home()?.join(format!("python-{package}"));
    let interpreter = folder.join("bin/python");
    let _lock = lock("python")?;
    let is_whole = folder.join("is-whole");
    if !is_whole.exists() {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let missing = "Python with venv is needed; on Debian: apt-get install -y python3-venv";
        run(Path::new("python3"), &["-m", "venv"], &folder.display().to_string(), missing)?;
        let missing = format!("pip can't install {package}");
        run(&interpreter, &["-m", "pip", "install", "--quiet"], package, &missing)?;
        fs::write(is_whole, "")?;
    }
    Ok(interpreter)
}

fn run(program: &Path, args: &[&str], last: &str, remedy: &str) -> anyhow::Result<()> {
    let output = Command::new(program).args(args).arg(last).output();
    let output = output.with_context(|| remedy.to_owned())?;
    if !output.status.success() {
        bail!("{remedy}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
