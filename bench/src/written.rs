//! Bytes written to disk, as the kernel counts them.

use std::fs;

use crate::processor::children;

/// The bytes that a process and its children that still run have given to disks.
pub(crate) fn bytes_written(pid: u32) -> u64 {
    own_bytes(pid).unwrap_or_default() + children(pid).into_iter().map(bytes_written).sum::<u64>()
}

fn own_bytes(pid: u32) -> Option<u64> {
    let counts = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let line = counts.lines().find_map(|line| line.strip_prefix("write_bytes: "))?;
    line.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_a_process_writes_is_counted() -> std::io::Result<()> {
        let before = bytes_written(std::process::id());
        let mut file = tempfile::tempfile()?;
        file.write_all(&[7; 100_000])?;
        file.sync_all()?;
        // On a file system in memory nothing reaches a disk.
        let written = bytes_written(std::process::id()) - before;
        assert!(written == 0 || written >= 100_000, "{written}");
        Ok(())
    }
}
