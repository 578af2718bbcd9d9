//! What the figures were measured on.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    memory: String,
    kernel: String,
    /// Of the folder for data: its kind and device.
    file_system: String,
    rustc: String,
    sqlite: &'static str,
    postgres: String,
    commit: String,
}

impl Machine {
    pub(crate) fn here(folder: &Path) -> Self {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim_start_matches([':', '\t', ' ']).to_owned()
        };
        let folder = folder.to_string_lossy();
        let server = services::bin_folder().map(|bin| bin.join("postgres")).ok();
        let server = server.map(|server| said(&server.to_string_lossy(), &["--version"]));
        Self {
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            processor: field("/proc/cpuinfo", "model name"),
            memory: field("/proc/meminfo", "MemTotal"),
            kernel: field("/proc/sys/kernel/osrelease", ""),
            file_system: said("findmnt", &["-no", "FSTYPE,SOURCE", "-T", &folder]),
            rustc: said("rustc", &["--version"]),
            sqlite: rusqlite::version(),
            postgres: server.unwrap_or_else(|| "no PostgreSQL".into()),
            commit: said("git", &["describe", "--always", "--dirty"]),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cores, processor, memory, kernel, file_system, .. } = self;
        writeln!(f, "{cores} cores, {processor}, {memory}, Linux {kernel}, {file_system}  ")?;
        let Self { rustc, sqlite, postgres, commit, .. } = self;
        write!(f, "{rustc}, SQLite {sqlite}, {postgres}, commit {commit}  ")
    }
}

fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    let words = text.unwrap_or_default();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
