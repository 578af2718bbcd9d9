//! `guerdon new-keys`: for keys that were lost, or told to the wrong people.

use event_store::Access;

use crate::config::DataConfig;
use crate::{api_keys, serve};

pub(crate) async fn new_keys(config: DataConfig) -> anyhow::Result<()> {
    // It must be there: keys for a log that isn't are of no use.
    config.open(Access::Read).await?;
    // The writer's access: beside a server on SQLite, which has the file's lock, it is refused.
    let store = config.open(Access::Write(serve::new_log(1))).await?;
    api_keys::make(&store, &config.api_keys()).await?;
    println!(
        "new API keys are in {}; the old ones are no longer known",
        config.api_keys().display()
    );
    Ok(())
}
