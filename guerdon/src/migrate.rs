//! `guerdon migrate`: the schemas in PostgreSQL, made and brought up to date apart from serving, so
//! that an operator chooses when, and by which user.

use event_store::{EventStore, StoreUrl};

use crate::config::DataConfig;

pub(crate) async fn migrate(config: DataConfig) -> anyhow::Result<()> {
    let store = config.store();
    EventStore::migrate(&store).await?;
    if let StoreUrl::Postgres(url) = &store {
        println!("the schema of the log in {url} is up to date");
    } else {
        println!("the log {store} migrates by itself when it is opened");
    }
    Ok(())
}
