//! The program's tools, each run in a process of its own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use event_store::StoreUrl;

use super::ends;

/// `guerdon` with these words, about the data in a folder.
pub(crate) fn tool<T: AsRef<OsStr>>(folder: &Path, words: &[T]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(words).env("GUERDON_DATA_DIR", folder);
    command.env("RUST_LOG", "warn").stdin(Stdio::null());
    command
}

/// The same, run to its end.
pub(crate) fn guerdon<T: AsRef<OsStr>>(folder: &Path, words: &[T]) -> Output {
    ends(tool(folder, words))
}

/// Makes the tables of the log and of the read model in a database.
#[track_caller]
pub(crate) fn migrate(folder: &Path, store: &str) {
    succeeds(guerdon(folder, &["migrate", "--store", store, "--read-model", store]));
}

#[track_caller]
pub(crate) fn succeeds(output: Output) -> Output {
    assert!(output.status.success(), "{output:?}");
    output
}

#[track_caller]
pub(crate) fn fails(output: &Output, code: i32, what: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(told.contains(what), "{told}");
}

/// What it printed.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn text(path: &Path) -> String {
    path.display().to_string()
}

pub(crate) fn sqlite(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

pub(crate) fn url(store: &str) -> StoreUrl {
    store.parse().expect("a URL")
}
