//! How many bytes on disk a redemption takes: a log with redemptions beside one with the same
//! accounts and none, and the read model of each.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::ensure;
use serde_json::json;

use crate::binary::Binary;
use crate::machine::Machine;
use crate::make_log::{Content, make_log};

/// How many accounts there are, and how many redemptions.
const ACCOUNTS: u64 = 50_000;
const REDEMPTIONS: u64 = 250_000;

/// Makes both logs and their read models, and compares them.
pub(crate) async fn footprint(guerdon: &Binary) -> anyhow::Result<()> {
    let guerdon = guerdon.path()?;
    let [plain_log, plain_both] = bytes(&guerdon, 0).await?;
    let [log, both] = bytes(&guerdon, REDEMPTIONS).await?;
    let each = |with: u64, without: u64| with.saturating_sub(without) / REDEMPTIONS;
    let (log, both) = (each(log, plain_log), each(both, plain_both));
    println!("{}\n", Machine::here(&std::env::temp_dir()));
    println!("| bytes a redemption | log | log and read model |");
    println!("|---|---|---|");
    println!("| of {REDEMPTIONS} | {log} | {both} |");
    println!("\n{:#}", json!({"redemptions": REDEMPTIONS, "log_bytes": log, "both_bytes": both}));
    Ok(())
}

/// The size of a log, and with its read model.
async fn bytes(guerdon: &Path, redemptions: u64) -> anyhow::Result<[u64; 2]> {
    let folder = tempfile::tempdir()?;
    let path = folder.path();
    // Credit is one event each, a redemption two; the offers come before.
    let content = Content { accounts: ACCOUNTS, events: ACCOUNTS + 2 * redemptions };
    make_log(&content, path).await?;
    let log = size(path)?;
    let rebuilt = Command::new(guerdon)
        .args(["rebuild", "--data-dir"])
        .arg(path)
        .stdout(Stdio::null())
        .status()?;
    ensure!(rebuilt.success(), "there is no read model");
    Ok([log, size(path)?])
}

fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
