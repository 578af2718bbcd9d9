//! Where a ledger keeps its data: the options that `serve` and the tools share.

use std::path::PathBuf;

use clap::Args;
use command_api::Snapshots;
use event_store::{Access, EventStore, StoreError, StoreUrl};
use publisher::StateUrl;
use read_model::ReadModelUrl;
use sealer::SealFolder;

use crate::command_line::{database_url, path};
use crate::file_modes::sqlite_files;
use crate::fork_note::ForkNotes;

/// Where a ledger keeps its data.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataConfig {
    /// The folder for everything that no other option places elsewhere; created if missing.
    #[arg(
        long,
        env = "GUERDON_DATA_DIR",
        default_value = "./guerdon-data",
        value_parser = path
    )]
    pub(crate) data_dir: PathBuf,

    /// The log: sqlite:PATH, postgres://USER:PASSWORD@HOST:PORT/DATABASE,
    /// kurrentdb://USER:PASSWORD@HOST:PORT?log=NAME (in builds with the feature `kurrent`), or
    /// `memory:` (nothing survives the process).
    /// [default: log.sqlite in the data folder]
    #[arg(
        long,
        env = "GUERDON_STORE",
        hide_env_values = true,
        value_parser = database_url::<StoreUrl>
    )]
    pub(crate) store: Option<StoreUrl>,

    /// The folder of the old events that `guerdon archive` has moved out of the log. [default:
    /// archive in the data folder]
    #[arg(long, env = "GUERDON_ARCHIVE_DIR", value_parser = path)]
    pub(crate) archive_dir: Option<PathBuf>,

    /// The folder of the transparency log: its secret signing keys and its trees. A server that
    /// takes over the log needs the same signing-keys.json. [default: transparency in the data
    /// folder]
    #[arg(long, env = "GUERDON_TRANSPARENCY_DIR", value_parser = path)]
    pub(crate) transparency_dir: Option<PathBuf>,

    /// The read model: sqlite:PATH, or postgres://USER:PASSWORD@HOST:PORT/DATABASE, on the log's
    /// server or another. Separate several hosts by commas; the projector uses the host that
    /// accepts writes. [default: read-model.sqlite in the data folder]
    #[arg(
        long,
        env = "GUERDON_READ_MODEL",
        hide_env_values = true,
        value_parser = database_url::<ReadModelUrl>
    )]
    pub(crate) read_model: Option<ReadModelUrl>,

    /// The publisher's own state, which no rebuild of the read model touches: sqlite:PATH or
    /// postgres://… [default: publisher.sqlite in the data folder, or a schema of its own on the
    /// read model's PostgreSQL]
    #[arg(
        long,
        env = "GUERDON_PUBLISHER_STATE",
        hide_env_values = true,
        value_parser = database_url::<StateUrl>
    )]
    pub(crate) publisher_state: Option<StateUrl>,
}

impl DataConfig {
    pub(crate) fn store(&self) -> StoreUrl {
        self.store.clone().unwrap_or_else(|| StoreUrl::Sqlite(self.data_dir.join("log.sqlite")))
    }

    /// Opens the log together with its archive, which must not be another log's.
    pub(crate) async fn open(&self, access: Access) -> Result<EventStore, StoreError> {
        let store = EventStore::open(&self.store(), access).await?;
        let store = store.with_archive(self.archive_dir());
        store.check_archive_log()?;
        Ok(store)
    }

    pub(crate) fn archive_dir(&self) -> PathBuf {
        self.archive_dir.clone().unwrap_or_else(|| self.data_dir.join("archive"))
    }

    pub(crate) fn transparency(&self) -> SealFolder {
        let folder = self.transparency_dir.clone();
        SealFolder::at(folder.unwrap_or_else(|| self.data_dir.join("transparency")))
    }

    pub(crate) fn read_model(&self) -> ReadModelUrl {
        let file = || ReadModelUrl::Sqlite(self.data_dir.join("read-model.sqlite"));
        self.read_model.clone().unwrap_or_else(file)
    }

    pub(crate) fn publisher_state(&self) -> StateUrl {
        self.publisher_state.clone().unwrap_or_else(|| match self.read_model() {
            ReadModelUrl::Sqlite(_) => StateUrl::Sqlite(self.data_dir.join("publisher.sqlite")),
            ReadModelUrl::Postgres(url) => StateUrl::Postgres(url),
        })
    }

    pub(crate) fn snapshots(&self) -> Snapshots {
        Snapshots::in_folder(self.data_dir.join("snapshots"))
    }

    pub(crate) fn fork_notes(&self) -> ForkNotes {
        ForkNotes::in_folder(&self.data_dir)
    }

    /// The files that hold keys, addresses or what was redeemed, as far as this machine has them.
    pub(crate) fn private_files(&self) -> Vec<PathBuf> {
        let mut files =
            vec![self.api_keys(), self.transparency().keys(), self.transparency().balance_salts()];
        let store = self.store();
        let read_model = self.read_model();
        let state = self.publisher_state();
        let log = if let StoreUrl::Sqlite(file) = &store { Some(file) } else { None };
        let read = if let ReadModelUrl::Sqlite(file) = &read_model { Some(file) } else { None };
        let state = if let StateUrl::Sqlite(file) = &state { Some(file) } else { None };
        let databases = [log, read, state].into_iter().flatten();
        files.extend(databases.flat_map(|file| sqlite_files(file)));
        files
    }

    pub(crate) fn api_keys(&self) -> PathBuf {
        self.data_dir.join("api-keys.json")
    }
}
