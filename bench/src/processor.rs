//! Processor time, as the kernel counts it.

use std::fs;

/// Processor seconds that a process, its children and those that ended have used, in hundredths.
pub(crate) fn hundredths(pid: u32) -> u64 {
    let children: u64 = children(pid).into_iter().map(hundredths).sum();
    own_hundredths(pid).unwrap_or_default() + children
}

/// The same without children that still run.
pub(crate) fn own_hundredths(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the program's name, which may hold anything, in parentheses.
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    // Its own in user and system mode, then that of children it has waited for.
    fields.take(4).map(|field| field.parse::<u64>().ok()).sum()
}

/// A child belongs to the thread that made it.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_thread = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children"));
    let texts = threads.filter_map(|thread| of_thread(thread).ok());
    texts
        .flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_to_whoever_did_it() {
        let before = hundredths(std::process::id());
        let started = std::time::Instant::now();
        while started.elapsed().as_millis() < 300 {
            std::hint::spin_loop();
        }
        assert!(hundredths(std::process::id()) > before);
    }
}
