//! Programs of Debian packages: those that are installed, or those of the package, downloaded and
//! unpacked in a folder of its own. Nothing is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::home::{home, lock};

/// Where a program is by its path in the package, such as `usr/bin/promtool` of `prometheus`: as it
/// is installed, or of the package, which is downloaded once. Where that can't be, the error says
/// what is missing.
pub fn debian_program(package: &str, path: &str) -> anyhow::Result<PathBuf> {
    let installed = Path::new("/").join(path);
    if installed.exists() {
        return Ok(installed);
    }
    let program = unpacked(package)?.join(path);
    anyhow::ensure!(program.exists(), "the package {package} has no {path}");
    Ok(program)
}

/// The folder of the unpacked package. Tests run in several processes at once; the one with the
/// lock makes it.
fn unpacked(package: &str) -> anyhow::Result<PathBuf> {
    crate::may_start(package)?;
    let folder = home()?.join(format!("debian-{package}"));
    let _lock = lock("debian")?;
    if folder.exists() {
        return Ok(folder);
    }
    let half = home()?.join(format!("debian-{package}.new"));
    if half.exists() {
        fs::remove_dir_all(&half)?;
    }
    fs::create_dir_all(&half)?;
    let download =
        |half: &Path| run(Command::new("apt-get").current_dir(half), &["download", package]);
    if download(&half).is_err() {
        // The lists of packages may be missing, or older than what the mirror has.
        run(&mut Command::new("apt-get"), &["update", "-qq"])?;
        download(&half).with_context(|| format!("can't download {package}"))?;
    }
    let names = fs::read_dir(&half)?.collect::<Result<Vec<_>, _>>()?;
    let file = names.iter().map(fs::DirEntry::path).find(|file| is_package(file));
    let file = file.with_context(|| format!("apt-get left no file of {package}"))?;
    run(Command::new("dpkg-deb").arg("-x").args([&file, &half]), &[])?;
    fs::remove_file(file)?;
    fs::rename(&half, &folder)?;
    Ok(folder)
}

fn is_package(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "deb")
}

fn run(command: &mut Command, args: &[&str]) -> anyhow::Result<()> {
    let output = command.args(args).output().with_context(|| format!("can't run {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed: {}", said.trim());
    }
    Ok(())
}
