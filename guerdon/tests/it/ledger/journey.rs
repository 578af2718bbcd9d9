//! The Complete Journey, real purchases and redemptions, as `guerdon import` brings it in. Its
//! source is in `data/complete-journey/README.md`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::Ledger;

/// Where the whole year's files are, where `GUERDON_COMPLETE_JOURNEY` names their folder.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
pub(crate) fn year() -> Option<PathBuf> {
    std::env::var("GUERDON_COMPLETE_JOURNEY").ok().map(PathBuf::from)
}

/// Imports the year where there is one, and else the slice of it; what the tool prints.
pub(crate) fn import(ledger: &Ledger, folder: &Path) -> String {
    let slice = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/complete-journey");
    let data = year().unwrap_or(slice);
    let packed = data.join("purchases.csv.gz");
    let purchases = if packed.exists() { packed } else { data.join("purchases.csv") };
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["import", "--url", &ledger.client.url]);
    for (option, file) in [
        ("--purchases", purchases),
        ("--redemptions", data.join("redemptions.csv")),
        ("--api-keys", folder.join("api-keys.json")),
        ("--journal", folder.join("journal.ndjson")),
    ] {
        command.arg(option).arg(file);
    }
    // A year takes a debug build longer than any other tool.
    let Output { status, stdout, stderr } = command.output().expect("it runs");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8_lossy(&stdout).into_owned()
}
