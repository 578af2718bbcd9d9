//! `guerdon transparency`: the keys of the transparency log, and the log as files.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use event_store::Access;
use log_record::{Generation, LogId, Partition, hex};
use sealer::{Exported, SealFolder, SigningKeys, export};
use serde::Serialize;
use transparency::{Origin, VerifierKey};

use crate::command_line::path;
use crate::data_config::DataConfig;
use crate::printing::Printing;

/// What to do about the transparency log. The options of the data may come before or after the name
/// of an act.
#[derive(Args, Clone, Debug)]
#[command(mut_args(|option| option.global(true)))]
pub(crate) struct TransparencyArgs {
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    printing: Printing,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand, Clone, Debug)]
enum Act {
    /// Write a partition's checkpoint, tiles and entries into a folder, for any web server or for
    /// guerdon verify log. A further export writes what is new.
    Export {
        /// The folder.
        #[arg(value_name = "DIR", value_parser = path)]
        folder: PathBuf,
        /// The partition.
        #[arg(long, default_value_t = 0)]
        partition: u16,
        /// Leave the entries out: they name accounts.
        #[arg(long)]
        without_entries: bool,
    },
    /// Print the verifier key of each partition, for whoever verifies the log.
    Keys,
    /// Make the first signing key anew, where the keys are lost for good. Auditors who know the
    /// lost key refuse what this one signs: give them both.
    NewKey,
    /// Add a signing key. The ledger that takes commands hands over to it within two seconds.
    RotateKey,
}

pub(crate) async fn run(args: TransparencyArgs) -> anyhow::Result<()> {
    let TransparencyArgs { data, printing, act } = args;
    let folder = data.transparency();
    let store = data.open(Access::Read).await?;
    match act {
        Act::Export { folder: into, partition, without_entries } => {
            printing.about(format_args!("exporting partition {partition} to {}", into.display()));
            let partition = Partition(partition);
            let exported = export(&store, &folder, partition, !without_entries, &into).await?;
            printing.one(&Export(exported))
        }
        Act::Keys => {
            let keys = SigningKeys::load(&folder)?;
            let mut rows = vec![];
            for partition in (0..store.partitions()).map(Partition) {
                let generation = store.head(partition).await?.generation;
                rows.push(PartitionKey::new(store.log_id(), generation, partition, &keys)?);
            }
            let cells = |row: &PartitionKey| [row.partition.to_string(), row.key.clone()];
            printing.rows(["partition", "key"], &rows, cells)
        }
        Act::NewKey => {
            let keys = SigningKeys::replace_lost(&folder)?;
            printing.one(&Made(Rotated::new(&folder, &keys)?))
        }
        Act::RotateKey => {
            let _ = SigningKeys::load(&folder)?;
            let keys = SigningKeys::add(&folder)?;
            printing.one(&Rotated::new(&folder, &keys)?)
        }
    }
}

#[derive(Serialize)]
#[serde(transparent)]
struct Export(Exported);

impl Display for Export {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Exported { origin, size, files_written, folder } = &self.0;
        let folder = folder.display();
        write!(f, "{origin}: {size} events, {files_written} files written to {folder}")
    }
}

/// A partition's present key.
#[derive(Serialize)]
struct PartitionKey {
    partition: u16,
    key: String,
}

impl PartitionKey {
    fn new(
        log_id: LogId,
        generation: Generation,
        partition: Partition,
        keys: &SigningKeys,
    ) -> anyhow::Result<Self> {
        let origin = Origin { log_id, generation, partition };
        let public = keys.public().context("there is no key")?;
        let key = VerifierKey::new(origin.to_string(), public)?;
        Ok(Self { partition: partition.0, key: key.to_string() })
    }
}

/// A key that was added.
#[derive(Serialize)]
struct Rotated {
    /// The public key in hexadecimal digits.
    public_key: String,
    /// How many keys there are now.
    keys: usize,
    file: PathBuf,
}

impl Rotated {
    fn new(folder: &SealFolder, keys: &SigningKeys) -> anyhow::Result<Self> {
        let public = keys.public().context("there is no key")?;
        Ok(Self { public_key: hex(&public), keys: keys.count(), file: folder.keys() })
    }
}

impl Display for Rotated {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { public_key, keys, file } = self;
        write!(
            f,
            "key {keys}, {public_key}, is in {}. Keep a copy of the file: without it nothing can be \
             signed. The ledger hands over to the new key within some seconds",
            file.display()
        )
    }
}

/// A key in the place of a lost one.
#[derive(Serialize)]
#[serde(transparent)]
struct Made(Rotated);

impl Display for Made {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Rotated { public_key, file, .. } = &self.0;
        write!(
            f,
            "the key {public_key} is in {}. Keep a copy of the file. The ledger signs with it within \
             half a minute. Tell the auditors: they know another key, and refuse this one until you \
             give it to them",
            file.display()
        )
    }
}
