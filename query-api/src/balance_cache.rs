//! Balances as they were last answered, in memory, for as long as they are current.
//!
//! Only where the projector runs in this process and reports its changes. A balance is kept
//! with the position as of which it was read and the time at which more falls due; it is answered
//! again while neither has been passed. The first reader to find it outdated reads it anew,
//! and all others that ask for it meanwhile wait for that one read.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::AccountId;
use log_record::{Place, Position};
use quick_cache::sync::{Cache, EntryAction, EntryResult};
use read_model::LogChanges;
use tokio::time::{Instant, timeout};
use wire::{JsonAnswer, Problem};

use crate::QueryApi;
use crate::clock::Clock;
use crate::freshness::unread;

/// How many balances are kept, unknown accounts among them; about half a kilobyte each. One that is
/// asked for again stays before those that were asked for once.
const BALANCES_MAX: usize = 100_000;

/// How long a balance is kept: after a rebuild in another process nobody says that it has changed.
const KEPT_MAX: Duration = Duration::from_secs(10);

/// How long a read waits for another one of the same account before it reads for itself.
const LOAD_WAIT_MAX: Duration = Duration::from_secs(1);

/// The balances that are kept.
#[derive(Debug)]
pub(crate) struct BalanceCache {
    kept: Cache<AccountId, Arc<Balance>>,
}

/// What an account's balance was answered with.
#[derive(Debug)]
pub(crate) struct Balance {
    /// Nothing where there was no such account.
    pub(crate) answer: Option<JsonAnswer>,
    /// As of which position it was read.
    pub(crate) position: Position,
    pub(crate) clock: Clock,
    /// From when until when it is true, if nothing changes.
    pub(crate) from: i64,
    pub(crate) until: i64,
    /// Before it was read.
    pub(crate) era: u64,
    pub(crate) read_at: Instant,
}

impl BalanceCache {
    pub(crate) fn new() -> Self {
        Self { kept: Cache::new(BALANCES_MAX) }
    }

    /// What is answered for an account, kept or read, by events up to `wanted` at least.
    pub(crate) async fn get(
        &self,
        api: &QueryApi,
        account_id: &AccountId,
        wanted: &[Place],
    ) -> Result<Arc<Balance>, Problem> {
        let read = async |era| {
            api.metrics.balances_read.inc();
            Balance::read(api, account_id, wanted, era).await.map(Arc::new)
        };
        let Some(changes) = api.read_model.changes() else { return read(0).await };
        if !wanted.iter().all(|place| changes.has(place)) {
            return read(0).await;
        }
        if !wanted.is_empty() {
            api.read_model.wait_for(wanted, api.wait_max).await.map_err(unread)?;
        }
        let is_current = |kept: &Balance| {
            let recorded_at = changes.recorded_at();
            let now = kept.clock.now(recorded_at, api.read_model.log_time(recorded_at));
            kept.is_current(account_id, changes, now)
        };
        let kept = self.kept.get(account_id).filter(|kept| is_current(kept));
        if let Some(kept) = kept {
            api.metrics.balances_cached.inc();
            return Ok(kept);
        }
        let entry = self.kept.entry_async(account_id, |_, kept: &mut Arc<Balance>| {
            if is_current(kept) {
                EntryAction::Retain(Arc::clone(kept))
            } else {
                EntryAction::ReplaceWithGuard
            }
        });
        match timeout(LOAD_WAIT_MAX, entry).await {
            Ok(EntryResult::Retained(kept)) => {
                api.metrics.balances_cached.inc();
                Ok(kept)
            }
            Ok(EntryResult::Vacant(place) | EntryResult::Replaced(place, _)) => {
                let balance = read(changes.era()).await?;
                // Only somebody who removed the place could mind.
                drop(place.insert(Arc::clone(&balance)));
                Ok(balance)
            }
            Ok(EntryResult::Removed(..) | EntryResult::Timeout) | Err(_) => {
                read(changes.era()).await
            }
        }
    }
}

impl Balance {
    fn is_current(&self, account_id: &AccountId, changes: &LogChanges, now: i64) -> bool {
        (self.from..self.until).contains(&now)
            && changes.has_not_touched(account_id, self.era, self.position)
            && self.read_at.elapsed() < KEPT_MAX
    }

    /// The answer; nothing where there is no such account.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Option<Response> {
        self.answer.as_ref().map(|answer| answer.conditional(headers))
    }
}
