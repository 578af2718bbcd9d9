//! The transparency log beside the rest: its first key, its sealer, and where else its checkpoints
//! go.

use event_store::{EventStore, StoreUrl};
use publisher::{Checkpoints, Compared, publish_checkpoints};
use sealer::{Kept, NewestCheckpoint, SealedLog, Sealer, SigningKeys};
use tokio_util::sync::CancellationToken;

use super::remembered;
use crate::serve_config::{Part, ServeConfig};

/// Whether this process seals the log.
fn seals(config: &ServeConfig) -> bool {
    let is_kept = config.data.store() != StoreUrl::Memory;
    config.runs(Part::CommandApi) && is_kept && !config.unsealed
}

/// Makes the signing key of a log that nobody has used yet. A log in use had one: where it is
/// missing, sealing says so, and the operator restores it or declares it lost.
pub(super) async fn make_first_key(config: &ServeConfig, store: &EventStore) -> anyhow::Result<()> {
    if seals(config) && remembered::is_new(store).await? {
        SigningKeys::open(&config.data.transparency())?;
    }
    Ok(())
}

/// The sealer, where this process has one. Its checkpoints are also published to Kafka until
/// `stop`.
pub(super) fn start(
    config: &ServeConfig,
    store: &EventStore,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Sealer>> {
    if !seals(config) {
        return Ok(None);
    }
    let folder = config.data.transparency();
    let mut sealer = Sealer::new(store.clone(), folder, config.checkpoints_dir.clone());
    if let Some(witnesses) = config.witnesses.witnesses()? {
        sealer = sealer.with_witnesses(witnesses);
    }
    if let Some(topic) = config.kafka.checkpoints()? {
        for log in sealer.sealed_logs() {
            let (topic, stop) = (topic.clone(), stop.clone());
            tokio::spawn(publish_checkpoints(topic, Published(log), stop));
        }
    }
    Ok(Some(sealer))
}

/// A partition's checkpoints, for the publisher.
struct Published(SealedLog);

impl Checkpoints for Published {
    async fn newest(&mut self) -> Option<(String, String)> {
        let NewestCheckpoint { origin, note, .. } = self.0.newest().await?;
        Some((origin, note))
    }

    async fn compare(&self, note: &str, place: &str) -> Result<Compared, String> {
        let compared = self.0.compare(note, place).await;
        match compared.map_err(|error| event_store::with_causes(&error))? {
            Kept::OfAnother | Kept::Beginning => Ok(Compared::Fits),
            Kept::Ahead => Ok(Compared::NotYet),
            Kept::Rewritten => Ok(Compared::Rewritten),
        }
    }
}
