//! What this crate may depend on: its dependency list proves that it is pure.

use std::fs;
use std::path::Path;

/// Nothing here knows of JSON, HTTP, SQL or tokio. `serde` makes snapshots, `chrono` counts days,
/// `foldhash` hashes, and `chrono-tz` has the time zones as tables in the code: it reads no file
/// and no clock.
const DOMAIN: [&str; 8] =
    ["chrono", "chrono-tz", "foldhash", "indexmap", "log-record", "serde", "sha2", "thiserror"];

/// `log-record` is beneath the domain, so what it depends on counts, too.
const LOG_RECORD: [&str; 4] = ["serde", "sha2", "thiserror", "uuid"];

#[test]
fn the_domain_depends_on_nothing_but_these() {
    assert_eq!(dependencies("Cargo.toml"), DOMAIN);
    assert_eq!(dependencies("../log-record/Cargo.toml"), LOG_RECORD);
}

/// The names of a crate's normal dependencies.
fn dependencies(manifest: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
    let text = fs::read_to_string(path).expect("it can be read");
    let section = text.split("\n[dependencies]\n").nth(1).expect("it has dependencies");
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let name = |line: &str| line.split(['.', ' ', '=']).next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = names.map(name).collect();
    names.sort();
    names
}
