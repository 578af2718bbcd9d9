//! Verifying an export, also against signed checkpoints of the transparency log.

use std::fmt::{Display, Formatter};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use event_store::with_causes;
use log_export::{Export, ExportError, PartitionVerified, Signed};
use serde::Serialize;
use transparency::VerifierKey;

use crate::command_line::path;
use crate::exit::FoundWrong;
use crate::progress::Progress;
use crate::verify::log_key;

/// How many events are verified before a signal is heard.
const PORTION: u64 = 4_096;

/// The checkpoints that an export must fit.
#[derive(Args, Clone, Debug)]
pub(crate) struct CheckpointArgs {
    /// A file with a signed checkpoint of the transparency log that the events must fit, such as
    /// the one that `guerdon verify log --kept` keeps. May be given for each partition. Without it,
    /// --key must have signed the checkpoint in the manifest.
    #[arg(long, value_name = "FILE", value_parser = path, requires = "key")]
    checkpoint: Vec<PathBuf>,

    /// The verifier key that signed the checkpoint, in the form NAME+ID+KEY, as GET /log/keys gives
    /// it. Get it from somebody else than whoever made the export. May be given several times.
    #[arg(long, value_parser = log_key)]
    key: Vec<VerifierKey>,
}

impl CheckpointArgs {
    /// Whether nothing was given.
    pub(crate) const fn is_empty(&self) -> bool {
        self.key.is_empty()
    }

    /// The checkpoints, each signed by a given key. Those in the manifest must be so, too, unless
    /// other ones are given.
    pub(crate) fn signed(&self, export: &Export) -> anyhow::Result<Vec<Signed>> {
        let Self { checkpoint: files, key: keys } = self;
        let manifest = export.manifest();
        let of_manifest = if files.is_empty() { &keys[..] } else { &[] };
        let mut signed = Signed::in_manifest(manifest, of_manifest).map_err(found_wrong)?;
        for file in files {
            let text = fs::read_to_string(file);
            let text = text.with_context(|| format!("can't read {}", file.display()))?;
            let what = format!("the checkpoint {}", file.display());
            signed.push(Signed::by(keys, &what, &text).map_err(found_wrong)?);
        }
        for range in manifest.ranges.iter().filter(|range| !keys.is_empty() && range.events() > 0) {
            let is_of = |it: &Signed| it.checkpoint.origin.partition.0 == range.partition;
            ensure!(
                signed.iter().any(|it| it.key.is_some() && is_of(it)),
                "the manifest has no checkpoint of partition {}; name a file with one by \
                 --checkpoint, or leave --key out",
                range.partition
            );
        }
        Ok(signed)
    }
}

/// Reads an export from end to end; gives what was verified.
pub(crate) async fn verify(
    export: &Export,
    signed: Vec<Signed>,
    progress: &Progress,
) -> anyhow::Result<Vec<PartitionVerified>> {
    let mut verifying = export.verify(signed).map_err(found_wrong)?;
    let mut events = 0_u64;
    while verifying.next_event().map_err(found_wrong)?.is_some() {
        events += 1;
        if events.is_multiple_of(PORTION) {
            progress.set(events);
            tokio::task::yield_now().await;
        }
    }
    progress.set(events);
    Ok(verifying.verified())
}

/// What isn't in order has an exit code of its own.
pub(crate) fn found_wrong(error: ExportError) -> anyhow::Error {
    if error.is_finding() { FoundWrong(with_causes(&error)).into() } else { error.into() }
}

/// What was verified of a partition, to be printed.
#[derive(Serialize)]
pub(crate) struct PartitionRow {
    partition: u16,
    events: u64,
    /// The root of the tree over the events; absent where they don't begin with the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    /// How many of the events a given key has signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_events: Option<u64>,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl From<PartitionVerified> for PartitionRow {
    fn from(verified: PartitionVerified) -> Self {
        let by_a_key = verified.checkpoints.into_iter().filter(|signed| signed.key.is_some());
        let newest = by_a_key.max_by_key(|signed| signed.checkpoint.size);
        Self {
            partition: verified.partition.0,
            events: verified.events,
            root: verified.root.map(|root| root.to_string()),
            signed_events: newest.as_ref().map(|signed| signed.checkpoint.size),
            key: newest.and_then(|signed| signed.key).map(|key| key.to_string()),
        }
    }
}

impl Display for PartitionRow {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { partition, events, root, signed_events, key } = self;
        write!(f, "partition {partition}: {events} events")?;
        if let Some(root) = root {
            write!(f, " with the root {root}")?;
        }
        match (signed_events, key) {
            (Some(signed), Some(key)) if signed == events => write!(f, ", signed by {key}"),
            (Some(signed), Some(key)) => {
                write!(f, ", of which the first {signed} are signed by {key}")
            }
            _ => f.write_str("; no key was given, so nothing shows whose events they are"),
        }
    }
}
