//! Where an account stands now: what was recorded, and all that has fallen due since.
//!
//! What falls due by itself is recorded when a command or the background comes to it. A read
//! doesn't wait for that: it does in passing what the ledger will record, in the ledger's order.

use domain::{AccountId, LotPart};
use read_model::{NEVER, Query, Reading};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::clock::now;

const BALANCE: Query = Query::same(include_str!("sql/select_account_balance.sql"));

/// All that tells where an account stands, in one statement; it can be a single read.
pub(crate) const STANDING: Query = Query::each(
    include_str!("sql/select_standing.sqlite.sql"),
    include_str!("sql/select_standing.postgres.sql"),
);

/// In microseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// An account's balance, as it was recorded.
#[derive(Clone, Copy, Debug, sql_macros::FromRow)]
pub(crate) struct RecordedBalance {
    pub(crate) available: i64,
    pub(crate) held: i64,
    pub(crate) pending: i64,
    pub(crate) owed: i64,
}

/// A part of a lot.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Part {
    pub(crate) expires_at: i64,
    pub(crate) lot: i64,
    pub(crate) graced: bool,
    pub(crate) available: i64,
    pub(crate) held: i64,
    pub(crate) pending: i64,
    pub(crate) available_at: Option<i64>,
}

/// Where an account stands.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) now: i64,
    /// When more falls due; until then it stands like this.
    pub(crate) until: i64,
    /// In spending order; a part may have nothing left.
    pub(crate) parts: Vec<Part>,
    pub(crate) owed: i64,
    /// Where the last event stands that changed the account.
    pub(crate) partition: i64,
    pub(crate) position: i64,
}

/// What a partition has of an account: of all but its own, nothing.
#[derive(Debug, sql_macros::FromRow)]
pub(crate) struct Recorded {
    home: Option<i64>,
    changed_at: Option<i64>,
    owed: Option<i64>,
    /// As JSON; nothing or an empty list where there are none.
    parts: Option<String>,
    holds: Option<String>,
}

/// A hold that the log knows as live: its end, and the parts that it keeps.
#[derive(Debug, Deserialize)]
struct LiveHold(i64, Vec<LotPart>);

/// A hold that is over, and the parts that it sets free.
#[derive(Debug)]
struct EndedHold {
    deadline: i64,
    /// Lot, expiry, grace and points of each.
    parts: Vec<(i64, i64, bool, i64)>,
}

/// The balance as it was recorded; nothing where there is no such account.
pub(crate) async fn recorded_balance(
    reading: &mut Reading,
    account_id: &str,
) -> Result<Option<RecordedBalance>, sqlx::Error> {
    reading.optional(BALANCE, &[account_id.into()]).await
}

impl Standing {
    /// Where an account stands now; nothing where there is no such account.
    pub(crate) async fn read(
        reading: &mut Reading,
        account_id: &AccountId,
    ) -> Result<Option<Self>, sqlx::Error> {
        let now = now(reading.as_of());
        Self::at(reading, account_id.as_str(), now).await
    }

    /// Where it stands at a time.
    pub(crate) async fn at(
        reading: &mut Reading,
        account_id: &str,
        now: i64,
    ) -> Result<Option<Self>, sqlx::Error> {
        let recorded = reading.all(STANDING, &[account_id.into()]).await?;
        Self::of(recorded, now)
    }

    /// Where it stands at a time, by what was recorded; nothing where there is no such account.
    pub(crate) fn of(recorded: Vec<Recorded>, now: i64) -> Result<Option<Self>, sqlx::Error> {
        for Recorded { home, changed_at, owed, parts, holds } in recorded {
            let (Some(partition), Some(position), Some(owed)) = (home, changed_at, owed) else {
                continue;
            };
            let parts = read_list(parts.as_deref())?;
            let mut holds: Vec<LiveHold> = read_list(holds.as_deref())?;
            let live = holds.split_off(holds.partition_point(|LiveHold(end, ..)| *end <= now));
            let mut standing = Self { now, until: NEVER, parts, owed, partition, position };
            standing.until = standing.next_due(&live);
            let ended: Vec<EndedHold> = holds.into_iter().map(EndedHold::of).collect();
            standing.settle(&ended);
            return Ok(Some(standing));
        }
        Ok(None)
    }

    /// When the first thing falls due that isn't yet.
    fn next_due(&self, live: &[LiveHold]) -> i64 {
        let of_parts =
            self.parts.iter().flat_map(|part| [part.available_at, Some(part.expires_at)]);
        let of_holds = live.iter().map(|LiveHold(deadline, ..)| *deadline);
        let times = of_parts.flatten().chain(of_holds).filter(|time| *time > self.now);
        times.min().unwrap_or(NEVER)
    }

    pub(crate) fn available(&self) -> i64 {
        self.parts.iter().map(|part| part.available).sum()
    }

    pub(crate) fn held(&self) -> i64 {
        self.parts.iter().map(|part| part.held).sum()
    }

    pub(crate) fn pending(&self) -> i64 {
        self.parts.iter().map(|part| part.pending).sum()
    }

    /// What is available now and won't be any more so many days on.
    pub(crate) fn expiring_within(&self, days: i64) -> i64 {
        let until = self.now.saturating_add(days.saturating_mul(DAY));
        let expiring =
            self.parts.iter().filter(|part| part.expires_at <= until && part.expires_at != NEVER);
        expiring.map(|part| part.available).sum()
    }

    /// When more falls due, or will within so many days.
    pub(crate) fn stands_until(&self, days: i64) -> i64 {
        let expiring = self.parts.iter().map(|part| part.expires_at.saturating_sub(days * DAY));
        expiring.filter(|time| *time > self.now).min().unwrap_or(NEVER).min(self.until)
    }

    /// Does all that has fallen due. `holds` are those that are over, in the order of their ends.
    fn settle(&mut self, holds: &[EndedHold]) {
        let mut holds = holds.iter().peekable();
        for time in self.due_times(holds.clone()) {
            for part in &mut self.parts {
                if part.available_at.is_some_and(|available_at| available_at <= time) {
                    part.available += std::mem::take(&mut part.pending);
                }
            }
            while let Some(hold) = holds.next_if(|hold| hold.deadline <= time) {
                self.release(hold);
            }
            self.repay();
            for part in self.parts.iter_mut().filter(|part| part.expires_at <= time) {
                part.available = 0;
            }
        }
    }

    /// The times at which something falls due, and now. Where nothing is owed it all comes to the
    /// same at once; a debt is paid before what paid it could expire.
    fn due_times<'a>(&self, holds: impl Iterator<Item = &'a EndedHold>) -> Vec<i64> {
        if self.owed == 0 {
            return vec![self.now];
        }
        let matures = |part: &Part| part.available_at.filter(|_| part.pending > 0);
        let mut times: Vec<i64> = self
            .parts
            .iter()
            .flat_map(|part| [matures(part), Some(part.expires_at)])
            .flatten()
            .chain(holds.map(|hold| hold.deadline))
            .filter(|time| *time < self.now)
            .chain([self.now])
            .collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    fn release(&mut self, hold: &EndedHold) {
        for (lot, expires_at, graced, points) in &hold.parts {
            let part = self.parts.iter_mut().find(|part| {
                (part.lot, part.expires_at, part.graced) == (*lot, *expires_at, *graced)
            });
            if let Some(part) = part {
                part.held -= points;
                part.available += points;
            }
        }
    }

    /// What is available pays what is owed.
    fn repay(&mut self) {
        for part in &mut self.parts {
            let paid = part.available.min(self.owed);
            part.available -= paid;
            self.owed -= paid;
        }
    }
}

impl EndedHold {
    fn of(LiveHold(deadline, parts): LiveHold) -> Self {
        let parts = parts.iter().map(|part| {
            let expires_at = part.expires_at.map_or(NEVER, domain::Timestamp::micros);
            (lot_key(part), expires_at, part.graced, part.points.get().cast_signed())
        });
        Self { deadline, parts: parts.collect() }
    }
}

fn read_list<T: DeserializeOwned>(json: Option<&str>) -> Result<Vec<T>, sqlx::Error> {
    let list = json.map(serde_json::from_str).transpose();
    list.map(Option::unwrap_or_default).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// The parts that a table keeps as JSON.
pub(crate) fn read_parts(json: &str) -> Result<Vec<LotPart>, sqlx::Error> {
    serde_json::from_str(json).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A part's lot as the tables name it.
pub(crate) const fn lot_key(part: &LotPart) -> i64 {
    part.lot.place().as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(lot: i64, expires_at: i64, [available, held, pending]: [i64; 3]) -> Part {
        let available_at = (pending > 0).then_some(20);
        Part { expires_at, lot, graced: false, available, held, pending, available_at }
    }

    fn settled(now: i64, owed: i64, parts: &[Part], holds: &[EndedHold]) -> ([i64; 4], Standing) {
        let parts = parts.to_vec();
        let mut standing = Standing { now, until: NEVER, parts, owed, partition: 0, position: 1 };
        standing.settle(holds);
        let sums = [standing.available(), standing.held(), standing.pending(), standing.owed];
        (sums, standing)
    }

    #[test]
    fn credit_counts_from_when_it_is_available_until_before_it_expires() {
        let parts = [part(1, 30, [100, 0, 0]), part(2, NEVER, [0, 0, 50])];
        for (now, sums) in
            [(19, [100, 0, 50, 0]), (20, [150, 0, 0, 0]), (29, [150, 0, 0, 0]), (30, [50, 0, 0, 0])]
        {
            assert_eq!(settled(now, 0, &parts, &[]).0, sums, "at {now}");
        }
    }

    #[test]
    fn a_hold_that_is_over_gives_back_what_has_not_expired() {
        let parts = [part(1, 30, [0, 70, 0]), part(2, NEVER, [0, 40, 0])];
        let held = vec![(1, 30, false, 70), (2, NEVER, false, 40)];
        for (deadline, now, sums) in
            [(40, 39, [0, 110, 0, 0]), (40, 40, [40, 0, 0, 0]), (29, 29, [110, 0, 0, 0])]
        {
            let holds = [EndedHold { deadline, parts: held.clone() }];
            let holds = if deadline <= now { &holds[..] } else { &[] };
            assert_eq!(settled(now, 0, &parts, holds).0, sums, "at {now}");
        }
    }

    #[test]
    fn what_comes_in_pays_debts_before_it_can_expire() {
        // It was available at 20, paid what was owed then, and the rest of it expired at 30.
        let parts = [part(1, 30, [0, 0, 50])];
        assert_eq!(settled(40, 35, &parts, &[]).0, [0, 0, 0, 0]);
        assert_eq!(settled(25, 35, &parts, &[]).0, [15, 0, 0, 0]);
        assert_eq!(settled(25, 80, &parts, &[]).0, [0, 0, 0, 30]);
    }

    #[test]
    fn what_is_about_to_expire_is_available_and_has_an_end() {
        let day = 24 * 60 * 60 * 1_000_000;
        let parts = [
            part(1, 30 * day, [10, 0, 0]),
            part(2, 31 * day, [20, 5, 0]),
            part(3, 31 * day + 1, [40, 0, 0]),
            part(4, NEVER, [80, 0, 0]),
        ];
        let (_, standing) = settled(day, 0, &parts, &[]);
        assert_eq!(standing.expiring_within(30), 30);
        assert_eq!(standing.expiring_within(i64::MAX), 70);
        assert_eq!(standing.stands_until(30), day + 1, "then a part begins to count as expiring");
    }
}
