//! The Complete Journey, real purchases and redemptions, as `guerdon import` brings it in. Its
//! source is in `data/complete-journey/README.md`.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::Ledger;

/// Where the whole year's files are, where `GUERDON_COMPLETE_JOURNEY` names their folder.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
pub(crate) fn year() -> Option<PathBuf> {
    std::env::var("GUERDON_COMPLETE_JOURNEY").ok().map(PathBuf::from)
}

/// The folder with the files of the year, or of the slice.
pub(crate) fn data_folder() -> PathBuf {
    let slice = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/complete-journey");
    year().unwrap_or_else(slice)
}

/// The file of purchases in such a folder.
pub(crate) fn purchases_file(data: &Path) -> PathBuf {
    let packed = data.join("purchases.csv.gz");
    if packed.exists() { packed } else { data.join("purchases.csv") }
}

/// The rows after the header; no field of these files is quoted.
pub(crate) fn rows(file: &Path) -> Vec<Vec<String>> {
    let bytes = std::fs::read(file).expect("the file is there");
    let mut text = String::new();
    if file.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut text).expect("it unpacks");
    } else {
        text = String::from_utf8(bytes).expect("UTF-8");
    }
    text.lines().skip(1).map(|line| line.split(',').map(ToOwned::to_owned).collect()).collect()
}

/// Imports the year where there is one, and else the slice of it; what the tool prints.
pub(crate) fn import(ledger: &Ledger, folder: &Path) -> String {
    let data = data_folder();
    let purchases = purchases_file(&data);
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
