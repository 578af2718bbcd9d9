//! A list beside a log in KurrentDB: a stream whose last entry has all of it.

use eventstore::EventData;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::catalogue::fact;
use super::connection::{Answer, Connection};
use super::rounds::Rounds;
use super::unfit;
use crate::StoreError;

/// A list's stream, and the type of its entries.
pub(super) struct List<'a> {
    pub(super) connection: &'a Connection,
    pub(super) stream: String,
    pub(super) event_type: &'static str,
}

impl List<'_> {
    /// The newest list; nothing where there was none yet.
    pub(super) async fn newest<Fact: DeserializeOwned>(&self) -> Result<Option<Fact>, StoreError> {
        let entry = self.connection.last(&self.stream).await?;
        Ok(entry.map(|entry| fact(&self.stream, &entry)).transpose()?)
    }

    /// Appends what the newest list is changed to, if it is; where somebody else was faster, again.
    pub(super) async fn change<Fact: Serialize + DeserializeOwned>(
        &self,
        mut change: impl FnMut(Option<Fact>) -> Result<Option<Fact>, StoreError>,
    ) -> Result<(), StoreError> {
        let mut rounds = Rounds::new(&self.stream);
        loop {
            let entry = self.connection.last(&self.stream).await?;
            let after = entry.as_ref().map(|entry| entry.revision);
            let newest = entry.map(|entry| fact(&self.stream, &entry)).transpose()?;
            let Some(changed) = change(newest)? else { return Ok(()) };
            let event = EventData::json(self.event_type, &changed).map_err(unfit)?;
            let event = event.id(Uuid::now_v7());
            let appended = self.connection.append(&self.stream, after, vec![event]).await?;
            if let Answer::Landed(_) = appended {
                return Ok(());
            }
            rounds.next().await?;
        }
    }
}
