//! An account's credit now: what was recorded, and all that has fallen due since.
//!
//! What falls due by itself is recorded when a command or the background comes to it. A read
//! doesn't wait for that: it applies it to what it has read, by the function that the writer uses
//! (`domain::Credit::apply_due`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::{AccountId, Credit, LiveHold, LotPart, Pending, Points, Timestamp, UnitId};
use log_record::{PackedPlace, Place};
use read_model::{NEVER, Query, Reading};
use serde::Deserialize;

use crate::clock::now;
use crate::family::Family;
use crate::recorded::{Recorded, RecordedHold};
use crate::tier::Tiers;

const TOTALS: Query = Query::same(include_str!("sql/list_unit_totals.sql"));
const ACCOUNT: Query = Query::same(include_str!("sql/find_account.sql"));

/// In microseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000_000;

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
    /// Its lot's.
    pub(crate) unit: UnitId,
}

/// An account's credit at a time.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) now: i64,
    /// When more falls due; until then nothing changes by itself.
    pub(crate) until: i64,
    /// What it has of points, and of each further unit that it ever had some of.
    pub(crate) wallets: BTreeMap<UnitId, Wallet>,
    pub(crate) tiers: Tiers,
    /// The place of the last event that changed the account.
    pub(crate) partition: i64,
    pub(crate) position: i64,
    /// Where it was merged, or has taken others over: all of them, whose credit is in here.
    pub(crate) family: Option<Family>,
}

/// What an account has of a unit at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wallet {
    now: i64,
    /// In spending order.
    pub(crate) parts: Vec<Part>,
    pub(crate) owed: i64,
}

/// Whether there is such an account.
pub(crate) async fn is_there(reading: &mut Reading, account_id: &str) -> Result<bool, sqlx::Error> {
    let found: Option<(i64,)> = reading.optional(ACCOUNT, &[account_id.into()]).await?;
    Ok(found.is_some())
}

/// What an account has of each unit as it was recorded, less what it owes; of points always.
pub(crate) async fn recorded_totals(
    reading: &mut Reading,
    account_id: &str,
) -> Result<BTreeMap<UnitId, i64>, sqlx::Error> {
    let rows: Vec<(String, i64)> = reading.all(TOTALS, &[account_id.into()]).await?;
    let totals = rows.into_iter().map(|(unit, total)| Ok((unit_id(&unit)?, total)));
    totals.collect()
}

impl Standing {
    /// An account's credit now; nothing where there is no such account.
    pub(crate) async fn read(
        reading: &mut Reading,
        account_id: &AccountId,
    ) -> Result<Option<Self>, sqlx::Error> {
        let now = now(reading.as_of());
        Self::at(reading, account_id, now).await
    }

    /// An account's credit at a time, with that of those that were merged with it; nothing where
    /// there is no such account.
    pub(crate) async fn at(
        reading: &mut Reading,
        account_id: &AccountId,
        now: i64,
    ) -> Result<Option<Self>, sqlx::Error> {
        let Some(recorded) = Recorded::read(reading, account_id.as_str()).await? else {
            return Ok(None);
        };
        let has_family = recorded.has_family;
        let mut standing = Self::of(recorded, now)?;
        if has_family {
            let family = Family::read(reading, account_id).await?;
            for other in family.accounts.iter().filter(|other| *other != account_id) {
                // Tables of the past may lack it.
                if let Some(other_one) = Recorded::read(reading, other.as_str()).await? {
                    standing.join(Self::of(other_one, now)?, *other == family.end);
                }
            }
            standing.family = Some(family);
        }
        Ok(Some(standing))
    }

    /// Adds what another account has that was merged into it, or into which it was; the tiers are
    /// those of the account that has all now.
    fn join(&mut self, other: Self, is_end: bool) {
        self.until = self.until.min(other.until);
        for (unit, theirs) in other.wallets {
            let wallet = self.wallets.entry(unit).or_default();
            wallet.now = self.now;
            wallet.owed += theirs.owed;
            for part in theirs.parts {
                let key = |part: &Part| (part.expires_at, part.lot, part.graced);
                match wallet.parts.iter_mut().find(|own| key(own) == key(&part)) {
                    Some(own) => {
                        own.available += part.available;
                        own.held += part.held;
                        own.pending += part.pending;
                        own.available_at = own.available_at.or(part.available_at);
                    }
                    None => wallet.parts.push(part),
                }
            }
            wallet.parts.sort_by_key(|part| (part.expires_at, part.lot, part.graced));
        }
        if is_end {
            self.tiers = other.tiers;
        }
    }

    /// The credit at a time, from what was recorded.
    pub(crate) fn of(recorded: Recorded, now: i64) -> Result<Self, sqlx::Error> {
        let Recorded {
            partition,
            position,
            owed,
            parts,
            holds,
            standings,
            ladders,
            has_family: _read_apart,
        } = recorded;
        let (mut until, mut wallets) = (NEVER, BTreeMap::new());
        for (unit, owed) in owed {
            let parts = parts.iter().filter(|part| part.unit == unit);
            let holds = holds.iter().filter(|hold| hold.3 == unit);
            let mut credit = credit(parts, holds, owed)?;
            credit.apply_due(Timestamp::EPOCH, time(now)?);
            until = credit.next_due().map_or(until, |due| until.min(due.micros()));
            let (parts, owed) = (parts_of(&credit, unit), signed(credit.owed()));
            wallets.insert(unit, Wallet { now, parts, owed });
        }
        let tiers = Tiers::of(ladders.as_deref(), standings, time(now)?)?;
        until = tiers.until.map_or(until, |tiers| until.min(tiers));
        Ok(Self { now, until, wallets, tiers, partition, position, family: None })
    }

    /// What the account has of a unit.
    pub(crate) fn wallet(&self, unit: UnitId) -> Cow<'_, Wallet> {
        match self.wallets.get(&unit) {
            Some(wallet) => Cow::Borrowed(wallet),
            None => Cow::Owned(Wallet { now: self.now, ..Wallet::default() }),
        }
    }

    /// The parts of all units, in spending order.
    pub(crate) fn into_parts(self) -> Vec<Part> {
        let mut parts: Vec<Part> =
            self.wallets.into_values().flat_map(|wallet| wallet.parts).collect();
        parts.sort_by_key(|part| (part.expires_at, part.lot, part.graced));
        parts
    }

    /// When more falls due, or will within so many days.
    pub(crate) fn stands_until(&self, days: i64) -> i64 {
        let parts = self.wallets.values().flat_map(|wallet| &wallet.parts);
        let expiring = parts.map(|part| part.expires_at.saturating_sub(days * DAY));
        expiring.filter(|time| *time > self.now).min().unwrap_or(NEVER).min(self.until)
    }
}

impl Wallet {
    pub(crate) fn available(&self) -> i64 {
        self.parts.iter().map(|part| part.available).sum()
    }

    pub(crate) fn held(&self) -> i64 {
        self.parts.iter().map(|part| part.held).sum()
    }

    pub(crate) fn pending(&self) -> i64 {
        self.parts.iter().map(|part| part.pending).sum()
    }

    /// What there is, less what is owed.
    pub(crate) fn total(&self) -> i64 {
        self.available() + self.held() + self.pending() - self.owed
    }

    /// What is available now and won't be any more so many days on.
    pub(crate) fn expiring_within(&self, days: i64) -> i64 {
        let until = self.now.saturating_add(days.saturating_mul(DAY));
        let expiring =
            self.parts.iter().filter(|part| part.expires_at <= until && part.expires_at != NEVER);
        expiring.map(|part| part.available).sum()
    }
}

/// The credit of a unit that the tables have, as it was recorded.
fn credit<'a>(
    parts: impl Iterator<Item = &'a Part>,
    holds: impl Iterator<Item = &'a RecordedHold>,
    owed: i64,
) -> Result<Credit, sqlx::Error> {
    let (mut available, mut pending) = (vec![], vec![]);
    for part in parts {
        if part.available > 0 {
            available.push(part.of(part.available)?);
        }
        if let Some(available_at) = part.available_at.filter(|_| part.pending > 0) {
            let available_at = time(available_at)?;
            pending.push(Pending { available_at, part: part.of(part.pending)? });
        }
    }
    // The first to be earned is the first of those that become available at the same time.
    pending.sort_by_key(|pending| pending.part.lot);
    let holds = holds.map(|RecordedHold(deadline, lots, grace_days, _)| {
        let (lots, grace_days) = (lots.clone(), *grace_days);
        Ok(LiveHold { deadline: time(*deadline)?, lots, grace_days })
    });
    let holds = holds.collect::<Result<Vec<_>, sqlx::Error>>()?;
    let credit = Credit::new(available, pending, holds, points(owed)?);
    credit.ok_or_else(|| undecodable("an account has more credit than an amount can be"))
}

/// All parts of lots, in spending order, whether they can be spent or not.
fn parts_of(credit: &Credit, unit: UnitId) -> Vec<Part> {
    let mut parts: BTreeMap<(i64, i64, bool), Part> = BTreeMap::new();
    let mut part_of = |part: &LotPart, add: fn(&mut Part, i64)| {
        let expires_at = part.expires_at.map_or(NEVER, Timestamp::micros);
        let (lot, graced) = (lot_key(part), part.graced);
        let sum = parts.entry((expires_at, lot, graced)).or_insert(Part {
            expires_at,
            lot,
            graced,
            available: 0,
            held: 0,
            pending: 0,
            available_at: None,
            unit,
        });
        add(sum, signed(part.points));
    };
    credit.available().for_each(|part| part_of(part, |sum, points| sum.available += points));
    credit.held().for_each(|part| part_of(part, |sum, points| sum.held += points));
    credit
        .pending()
        .for_each(|pending| part_of(&pending.part, |sum, points| sum.pending += points));
    for pending in credit.pending() {
        let part = &pending.part;
        let expires_at = part.expires_at.map_or(NEVER, Timestamp::micros);
        if let Some(sum) = parts.get_mut(&(expires_at, lot_key(part), part.graced)) {
            sum.available_at = Some(pending.available_at.micros());
        }
    }
    parts.into_values().collect()
}

impl Part {
    /// So many points of the part.
    fn of(&self, amount: i64) -> Result<LotPart, sqlx::Error> {
        let expires_at = Some(self.expires_at).filter(|at| *at != NEVER).map(time).transpose()?;
        let place = Place::from(PackedPlace::from_i64(self.lot));
        Ok(LotPart { lot: place.into(), points: points(amount)?, expires_at, graced: self.graced })
    }
}

/// A unit as the tables name it.
pub(crate) fn unit_id(text: &str) -> Result<UnitId, sqlx::Error> {
    text.parse().map_err(undecodable)
}

fn points(amount: i64) -> Result<Points, sqlx::Error> {
    let amount = u64::try_from(amount).ok().and_then(Points::sum_of);
    amount.ok_or_else(|| undecodable("an account has points that are no amount"))
}

const fn signed(points: Points) -> i64 {
    points.get().cast_signed()
}

fn time(micros: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_micros(micros).map_err(undecodable)
}

fn undecodable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
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
        let unit = UnitId::POINTS;
        Part { expires_at, lot, graced: false, available, held, pending, available_at, unit }
    }

    #[test]
    fn the_parts_of_an_account_are_those_that_were_recorded_where_nothing_is_due() {
        let parts = [part(1, 30, [100, 0, 0]), part(2, NEVER, [0, 7, 50])];
        let held = LotPart { expires_at: None, ..parts[1].of(7).expect("a part") };
        let credit =
            credit(parts.iter(), [RecordedHold(40, vec![held], 0, UnitId::POINTS)].iter(), 0)
                .expect("credit");
        assert_eq!(parts_of(&credit, UnitId::POINTS), parts);
        assert_eq!(credit.next_due().map(Timestamp::micros), Some(20));
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
        let (now, parts) = (day, parts.to_vec());
        let wallet = Wallet { now, parts, owed: 0 };
        assert_eq!(wallet.expiring_within(30), 30);
        assert_eq!(wallet.expiring_within(i64::MAX), 70);
        let wallets = BTreeMap::from([(UnitId::POINTS, wallet)]);
        let tiers = Tiers::default();
        let (partition, position, family) = (0, 1, None);
        let standing = Standing { now, until: NEVER, wallets, tiers, partition, position, family };
        assert_eq!(standing.stands_until(30), day + 1, "then a part begins to count as expiring");
    }
}
