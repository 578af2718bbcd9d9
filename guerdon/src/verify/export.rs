//! `guerdon verify export DIR`: an export's files, events and, with a key, whose events they are.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use anyhow::ensure;
use clap::Args;
use log_export::{Export, Form, PrivateTexts};
use serde::Serialize;

use crate::command_line::path;
use crate::log::{CheckpointArgs, PartitionRow, found_wrong, verify};
use crate::printing::Printing;

/// An export, and what its auditor knows.
#[derive(Args, Clone, Debug)]
pub(super) struct ExportArgs {
    /// A folder that `guerdon log export` wrote.
    #[arg(value_name = "DIR", value_parser = path)]
    folder: PathBuf,

    #[command(flatten)]
    checkpoints: CheckpointArgs,
}

/// A verified export, to be printed.
#[derive(Serialize)]
struct VerifiedExport {
    log_id: String,
    form: Form,
    private: PrivateTexts,
    files: usize,
    events: u64,
    /// What was verified of the events; nothing where they can't be read.
    partitions: Vec<PartitionRow>,
}

impl Display for VerifiedExport {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { log_id, form, files, events, partitions, .. } = self;
        write!(f, "log {log_id}: {files} files of {form} with {events} events are the manifest's")?;
        if *form != Form::Ndjson {
            f.write_str("; the events in them weren't read")?;
        }
        for partition in partitions {
            write!(f, "\n{partition}")?;
        }
        Ok(())
    }
}

pub(super) async fn run(args: ExportArgs, printing: Printing) -> anyhow::Result<()> {
    let ExportArgs { folder, checkpoints } = args;
    printing.about(format_args!("verifying the export in {}", folder.display()));
    let export = Export::open(&folder).map_err(found_wrong)?;
    let manifest = export.manifest();
    let progress = printing.progress("events", Some(manifest.events()));
    let partitions = if manifest.form == Form::Ndjson {
        let signed = checkpoints.signed(&export)?;
        verify(&export, signed, &progress).await?
    } else {
        ensure!(
            checkpoints.is_empty(),
            "{} is an export as Parquet: only its files are verified, so leave --key out",
            folder.display()
        );
        export.compare_files(|events| progress.set(events)).map_err(found_wrong)?;
        vec![]
    };
    drop(progress);
    printing.one(&VerifiedExport {
        log_id: manifest.log_id.to_string(),
        form: manifest.form,
        private: manifest.private,
        files: manifest.files.len(),
        events: manifest.events(),
        partitions: partitions.into_iter().map(Into::into).collect(),
    })
}
