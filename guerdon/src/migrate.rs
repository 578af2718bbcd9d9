//! `guerdon migrate`: creates and updates the schemas in PostgreSQL apart from `serve`, so that an
//! operator chooses when, and as which database user.

use std::fmt::{Display, Formatter};

use anyhow::ensure;
use clap::Args;
use event_store::{EventStore, StoreUrl};
use publisher::StateUrl;
use read_model::ReadModelUrl;
use serde::Serialize;

use crate::data_config::DataConfig;
use crate::printing::Printing;

/// The schemas, and what can be chosen only once.
#[derive(Args, Clone, Debug)]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    data: DataConfig,

    /// For a new log in PostgreSQL: the events of a partition in one range of the event table,
    /// which is one archive file; at least a million. [default: 10000000]
    // In fewer, fast appends would come to the end of a range before the next one is made.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000_000..=1_000_000_000))]
    range_positions: Option<u64>,

    #[command(flatten)]
    printing: Printing,
}

/// A store whose schema was looked after.
#[derive(Serialize)]
struct Migrated {
    /// `log`, `read model` or `publisher`.
    what: &'static str,
    /// Where it is, without its password.
    url: String,
    /// Whether it was done now; else the store does it by itself when it is opened.
    is_done: bool,
}

impl Display for Migrated {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { what, url, is_done } = self;
        if *is_done {
            write!(f, "the schema of the {what} in {url} is up to date")
        } else {
            write!(f, "the {what} {url} updates its schema by itself when it is opened")
        }
    }
}

pub(crate) async fn migrate(args: MigrateArgs) -> anyhow::Result<()> {
    let MigrateArgs { data: config, range_positions, printing } = args;
    let log = config.store();
    ensure!(
        range_positions.is_none() || matches!(log, StoreUrl::Postgres(_)),
        "--range-positions is for a log in PostgreSQL, and {log} is none"
    );
    printing.about("bringing the schemas of log, read model and publisher up to date");
    let say = |what, url: &dyn Display, is_done| {
        printing.one(&Migrated { what, url: url.to_string(), is_done })
    };
    EventStore::migrate(&log).await?;
    if let Some(positions) = range_positions {
        EventStore::choose_range_positions(&log, positions).await?;
    }
    say("log", &log, matches!(log, StoreUrl::Postgres(_)))?;
    let read_model = config.read_model();
    if let ReadModelUrl::Postgres(_) = read_model {
        read_model::migrate(&read_model).await?;
    }
    say("read model", &read_model, matches!(read_model, ReadModelUrl::Postgres(_)))?;
    let publisher = config.publisher_state();
    if let StateUrl::Postgres(_) = publisher {
        publisher::migrate_state(&publisher).await?;
    }
    say("publisher", &publisher, matches!(publisher, StateUrl::Postgres(_)))
}
