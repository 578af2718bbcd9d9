//! Processes that somebody else has started, by their number.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::bail;

/// How long a process may take to end after its signal.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a process was started as; nothing where there is none. One that has ended and that nobody
/// waits for is still listed, and has no command line.
pub(crate) fn command_line(pid: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Waits until it has ended.
pub(crate) fn wait_for_end(pid: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    while !command_line(pid).is_empty() {
        if started.elapsed() > PATIENCE {
            bail!("process {pid} was told to end and goes on: {}", command_line(pid));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_nobody_waits_for_has_ended_when_it_was_killed() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("it runs");
        let pid = child.id().to_string();
        // Right after it was started it has no command line yet.
        let started = Instant::now();
        while !command_line(&pid).contains("sleep") {
            assert!(started.elapsed() < PATIENCE, "it is started");
        }
        child.kill().expect("killed");
        wait_for_end(&pid).expect("it has ended");
        assert!(fs::exists(format!("/proc/{pid}")).expect("asked"), "and is still listed");
        child.wait().expect("gone");
    }
}
