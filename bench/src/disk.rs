//! The disk that is measured: how long it takes to sync, and a slower one.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde::Serialize;

/// What is added to every fsync and fdatasync on a slow disk; `slow_disk.c` says the same.
pub(crate) const SLOWER_BY_MS: u64 = 2;

/// How a contender's disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    AsItIs,
    /// Every sync takes [`SLOWER_BY_MS`] longer.
    Slow,
}

/// How long it takes to append 4 KiB with fdatasync, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Fsync {
    pub(crate) median_micros: u64,
    pub(crate) p99_micros: u64,
}

impl Fsync {
    pub(crate) fn measure(folder: &Path) -> anyhow::Result<Self> {
        const TIMES: usize = 300;
        let path = folder.join(format!("bench-fsync-{}", std::process::id()));
        let mut file = File::create(&path).context("can't write where the data is to be")?;
        let mut micros = vec![];
        for _ in 0..TIMES {
            let started = Instant::now();
            file.write_all(&[7; 4096])?;
            file.sync_data()?;
            micros.push(u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        drop(file);
        fs::remove_file(path)?;
        micros.sort_unstable();
        Ok(Self { median_micros: micros[TIMES / 2], p99_micros: micros[TIMES * 99 / 100] })
    }
}

/// Compiles what makes a disk slow into the folder; it is to be preloaded.
pub(crate) fn slow_library(folder: &Path) -> anyhow::Result<PathBuf> {
    let (source, library) = (folder.join("slow_disk.c"), folder.join("slow_disk.so"));
    fs::write(&source, include_str!("slow_disk.c"))?;
    let built = Command::new("cc")
        .args(["-O2", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status()
        .context("a C compiler is needed")?;
    ensure!(built.success(), "slow_disk.c can't be compiled");
    Ok(library)
}

/// A library that can't be preloaded is passed over without a word that anybody would read.
pub(crate) fn check_preloaded(pid: u32, library: &Path) -> anyhow::Result<()> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).context("no such process")?;
    let name = library.to_string_lossy();
    ensure!(maps.contains(&*name), "process {pid} runs without {name}");
    Ok(())
}
