//! `guerdon migrate`: the schemas in PostgreSQL, made and brought up to date apart from serving, so
//! that an operator chooses when, and by which user.

use event_store::{EventStore, StoreUrl};
use projector::ReadModelUrl;
use publisher::StateUrl;

use crate::config::DataConfig;

pub(crate) async fn migrate(config: DataConfig) -> anyhow::Result<()> {
    let log = config.store();
    EventStore::migrate(&log).await?;
    say("log", &log, matches!(log, StoreUrl::Postgres(_)));
    let read_model = config.read_model();
    if let ReadModelUrl::Postgres(_) = read_model {
        projector::migrate(&read_model).await?;
    }
    say("read model", &read_model, matches!(read_model, ReadModelUrl::Postgres(_)));
    let publisher = config.publisher_state();
    if let StateUrl::Postgres(_) = publisher {
        publisher::migrate_state(&publisher).await?;
    }
    say("publisher", &publisher, matches!(publisher, StateUrl::Postgres(_)));
    Ok(())
}

fn say(what: &str, url: &impl std::fmt::Display, is_done: bool) {
    if is_done {
        println!("the schema of the {what} in {url} is up to date");
    } else {
        println!("the {what} {url} migrates by itself when it is opened");
    }
}
