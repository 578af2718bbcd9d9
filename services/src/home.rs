//! Where services keep their files, and as whom they run.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// A folder under `target/`, or, where that is closed to the user that PostgreSQL runs as, under
/// the system's folder for temporary files.
pub fn home() -> anyhow::Result<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    fs::create_dir_all(&target)?;
    let target = target.canonicalize()?;
    let is_open = |folder: &Path| {
        fs::metadata(folder).is_ok_and(|folder| folder.permissions().mode() & 0o001 != 0)
    };
    let is_reachable = !is_root()? || target.ancestors().all(is_open);
    let base = if is_reachable { target } else { std::env::temp_dir() };
    let home = base.join("guerdon-services");
    fs::create_dir_all(&home).with_context(|| format!("can't make {}", home.display()))?;
    Ok(home)
}

/// Keeps other processes out until what it gives is dropped: tests run in several at once.
pub(crate) fn lock(name: &str) -> anyhow::Result<File> {
    let path = home()?.join(format!("{name}.lock"));
    let lock = File::options().create(true).append(true).open(&path)?;
    lock.lock().with_context(|| format!("can't lock {}", path.display()))?;
    Ok(lock)
}

/// PostgreSQL refuses to run as root; then it runs as the user that Debian's package makes.
pub(crate) fn command_as_owner(program: &Path) -> anyhow::Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    // A folder that the user may not enter would only be complained about.
    command.current_dir("/");
    Ok(command)
}

/// Makes a folder that belongs to the user that services run as.
pub(crate) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    if is_root()? {
        let owned = Command::new("chown").arg("postgres:postgres").arg(folder).status()?;
        anyhow::ensure!(owned.success(), "can't give {} to postgres", folder.display());
    }
    Ok(())
}

fn is_root() -> anyhow::Result<bool> {
    Ok(fs::metadata("/proc/self").context("there is no /proc")?.uid() == 0)
}
