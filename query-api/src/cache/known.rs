//! Ids that there are none of, which nobody has to look for: a rush brings many, by mistake or on
//! purpose, and none of them is ever in a cache.
//!
//! The ids that there are stand in a filter, which the projector brings up to date. It answers for
//! the position that it was brought up to: a read that wants more looks into the tables.

use std::time::Duration;

use domain::{AccountId, OfferId};
use log_record::Place;
use read_model::{Learning, Query, ReadError};

use crate::QueryApi;

/// How many ids are read at once.
const PAGE: u32 = 10_000;

/// How long it may take until the tables can be read.
const READ_WITHIN: Duration = Duration::from_secs(1);

const ACCOUNTS: Query = Query::same(include_str!("../sql/list_account_ids.sql"));
const OFFERS: Query = Query::same(include_str!("../sql/list_offer_ids.sql"));

impl QueryApi {
    /// That there is no such account, by events up to `wanted` at least; false where that isn't
    /// known.
    pub(crate) fn has_no_account(&self, account_id: &AccountId, wanted: &[Place]) -> bool {
        let changes = self.read_model.changes();
        self.note_unknown(changes.is_some_and(|known| known.has_no_account(account_id, wanted)))
    }

    /// Likewise of an offer.
    pub(super) fn has_no_offer(&self, offer_id: &OfferId, wanted: &[Place]) -> bool {
        let changes = self.read_model.changes();
        self.note_unknown(changes.is_some_and(|known| known.has_no_offer(offer_id, wanted)))
    }

    fn note_unknown(&self, is_unknown: bool) -> bool {
        self.metrics.unknown_ids.inc_by(u64::from(is_unknown));
        is_unknown
    }

    /// Learns which ids there are, where that isn't known.
    pub(super) async fn learn_ids(&self) -> Result<(), ReadError> {
        let Some(changes) = self.read_model.changes() else { return Ok(()) };
        while let Some(room) = changes.room_wanted() {
            let learning = changes.learn(room);
            let accounts = self.note_ids(&learning, ACCOUNTS, |id| {
                id.parse::<AccountId>().map(|id| learning.note_account(&id)).is_ok()
            });
            let has_accounts = accounts.await?;
            let offers = self.note_ids(&learning, OFFERS, |id| {
                id.parse::<OfferId>().map(|id| learning.note_offer(&id)).is_ok()
            });
            if !has_accounts || !offers.await? {
                return Ok(());
            }
            if !learning.is_full() {
                learning.finish();
            }
        }
        let known = i64::try_from(changes.known_ids()).unwrap_or(i64::MAX);
        self.metrics.known_ids.set(known);
        Ok(())
    }

    /// Reads a table's ids, until there are more than there is room for; false where it gives up,
    /// because nobody is to ask a database. Each page is a read of its own: whatever is committed
    /// meanwhile the projector notes.
    async fn note_ids(
        &self,
        learning: &Learning,
        ids: Query,
        note: impl Fn(&str) -> bool,
    ) -> Result<bool, ReadError> {
        let mut after = String::new();
        while !learning.is_full() {
            if self.reads_memory_only() {
                return Ok(false);
            }
            let mut reading = self.read_model.read(&[], READ_WITHIN).await?;
            let page = reading.all(ids, &[after.as_str().into(), PAGE.into()]).await;
            let page: Vec<(String,)> = page.map_err(ReadError::Unreachable)?;
            drop(reading);
            let Some((last,)) = page.last() else { break };
            for (id,) in &page {
                if !note(id) {
                    tracing::error!(id, "the read model holds an id that is none");
                }
            }
            after.clone_from(last);
        }
        Ok(true)
    }
}
