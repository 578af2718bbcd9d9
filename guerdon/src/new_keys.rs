//! `guerdon new-keys`: for keys that were lost, or told to the wrong people.

use event_store::Access;

use crate::config::DataConfig;
use crate::{api_keys, serve};

pub(crate) async fn new_keys(config: DataConfig) -> anyhow::Result<()> {
    // The writer's access, so that no running server goes on with the old keys.
    let store = config.open(Access::Write(serve::new_log(1))).await?;
    api_keys::make(&store, &config.api_keys()).await?;
    println!(
        "new API keys are in {}; the old ones are no longer known",
        config.api_keys().display()
    );
    Ok(())
}
