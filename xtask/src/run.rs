//! Running other programs, with what they print passed on.

use std::process::Command;

use anyhow::{Context as _, bail};

/// `cargo` with these arguments.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(args);
    command
}

/// Runs a command that must succeed, and says which it was.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = show(command);
    let status = command.status().with_context(|| format!("can't start {shown}"))?;
    if !status.success() {
        bail!("{shown} failed: {status}");
    }
    Ok(())
}

/// The same, and what the command prints is passed on only where it fails.
pub(crate) fn run_silently(command: &mut Command) -> anyhow::Result<()> {
    let shown = show(command);
    let output = command.output().with_context(|| format!("can't start {shown}"))?;
    if !output.status.success() {
        let printed = [output.stdout, output.stderr].concat();
        bail!("{shown} failed: {}: {}", output.status, String::from_utf8_lossy(&printed));
    }
    Ok(())
}

fn show(command: &Command) -> String {
    let shown = format!("{command:?}").replace('"', "");
    eprintln!("+ {shown}");
    shown
}

/// What a command prints, where it can be run and succeeds.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
