//! Balances as they were last answered, in memory, for as long as they are current.
//!
//! A balance is kept with the position as of which it was read and the time at which more falls
//! due; it is answered again while neither has been passed.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::AccountId;
use log_record::{Place, Position};
use quick_cache::sync::Cache;
use read_model::LogChanges;
use wire::{JsonAnswer, Problem};

use super::Kept;
use crate::QueryApi;
use crate::clock::Clock;

/// How many balances are kept, unknown accounts among them; about half a kilobyte each. One that is
/// asked for again stays before those that were asked for once.
const BALANCES_MAX: usize = 100_000;

/// How long a balance is kept: after a rebuild in another process nobody says that it has changed.
const LIFE_MAX: Duration = Duration::from_secs(10);

pub(super) type Balances = Kept<AccountId, Balance>;

pub(super) fn empty() -> Balances {
    Kept::of(|| Cache::new(BALANCES_MAX), LIFE_MAX)
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
}

impl QueryApi {
    /// What is answered for an account, kept or read, by events up to `wanted` at least; nothing
    /// where there is no such account.
    pub(crate) async fn balance(
        &self,
        account_id: &AccountId,
        wanted: &[Place],
        headers: &HeaderMap,
    ) -> Result<Option<Response>, Problem> {
        if self.reads_memory_only() {
            return self.last_balance(account_id, wanted, headers);
        }
        let answers = &self.metrics.balances;
        let Some(changes) = self.changes_of(wanted) else {
            answers.loaded.inc();
            return Ok(Balance::read(self, account_id, wanted, 0).await?.answer(headers));
        };
        self.until_projected(wanted).await?;
        if self.has_no_account(account_id, wanted) {
            return Ok(None);
        }
        let stands = |kept: &Balance| {
            kept.stands(account_id, changes, kept.clock.now_by(changes, &self.read_model))
        };
        let load = async {
            let era = changes.era();
            Balance::read(self, account_id, wanted, era).await
        };
        let kept = self.caches.balances.get(account_id, wanted, answers, stands, load).await?;
        Ok(kept.answer(headers))
    }

    /// What an account was answered last, however old that is.
    fn last_balance(
        &self,
        account_id: &AccountId,
        wanted: &[Place],
        headers: &HeaderMap,
    ) -> Result<Option<Response>, Problem> {
        let changes = self.changes_of(wanted).ok_or_else(Problem::not_cached)?;
        if self.has_no_account(account_id, wanted) {
            return Ok(None);
        }
        let kept = self.caches.balances.last(account_id).ok_or_else(Problem::not_cached)?;
        if !kept.has(wanted, account_id, changes) {
            return Err(Problem::cached_before());
        }
        let Some(mut answer) = kept.answer(headers) else {
            // There was no such account, and there may be one by now.
            let is_none = kept.is_untouched(account_id, changes);
            return if is_none { Ok(None) } else { Err(Problem::not_cached()) };
        };
        self.metrics.balances.kept.inc();
        kept.tell_age(&mut answer);
        Ok(Some(answer))
    }

    /// The changes that the projector in this process reports, if it does of all these places.
    pub(super) fn changes_of(&self, wanted: &[Place]) -> Option<&LogChanges> {
        let changes = self.read_model.changes();
        changes.filter(|changes| wanted.iter().all(|place| changes.has(place)))
    }
}

impl Balance {
    fn stands(&self, account_id: &AccountId, changes: &LogChanges, now: i64) -> bool {
        (self.from..self.until).contains(&now) && self.is_untouched(account_id, changes)
    }

    /// Whether no event has changed it.
    fn is_untouched(&self, account_id: &AccountId, changes: &LogChanges) -> bool {
        changes.has_not_touched(account_id, self.era, self.position)
    }

    /// Whether it has all of these places that matter to the account: it was read as of one, or no
    /// event up to there has changed it since. Of several accounts nobody knows that.
    fn has(&self, wanted: &[Place], account_id: &AccountId, changes: &LogChanges) -> bool {
        let home = changes.partition_of(account_id);
        let is_one = self.from < self.until;
        let is_current = is_one && self.is_untouched(account_id, changes);
        wanted.iter().all(|place| {
            let was_read = place.partition == home && place.position <= self.position;
            was_read || (is_current && changes.has_come_to(place))
        })
    }

    /// The answer; nothing where there is no such account.
    fn answer(&self, headers: &HeaderMap) -> Option<Response> {
        self.answer.as_ref().map(|answer| answer.conditional(headers))
    }
}
