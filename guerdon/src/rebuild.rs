//! `guerdon rebuild`: rebuilds the read model from the log alone. The ledger may be running.

use event_store::Access;

use crate::data_config::DataConfig;

pub(crate) async fn rebuild(config: DataConfig) -> anyhow::Result<()> {
    let store = config.open(Access::Read).await?;
    projector::rebuild(&config.read_model(), &store).await?;
    println!("rebuilt the read model {}", config.read_model());
    Ok(())
}
