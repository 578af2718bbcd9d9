//! Ladders, where accounts stand on them, and how many accounts have a tier.
//!
//! A batch collects what counts and what becomes of tiers, in the order of the log.
//! `Rows::apply_tiers` applies it by the domain's own functions, after the ladders and the
//! standings that earlier batches left were looked up. A ledger without ladders looks nothing up.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    AccountId, Event, GrantId, Ladder, LadderId, LadderSet, Ladders, Standing, Standings,
    TierChanged, TierGrantEnded, TierGranted, TierId, TimeZone, Timestamp, UnitId,
};
use log_record::{Partition, Place, Position};
use read_model::{AccountTier, LadderVersion, LedgerEntry, TierTotal, ladders_of};
use serde::Serialize;

use super::credit::entry;
use super::{At, Change, Rows, int, json};

/// What a batch does to ladders and to those who stand on them.
#[derive(Debug, Default)]
pub(crate) struct Tiers {
    /// In the order of the log.
    steps: Vec<Step>,
    /// Every version of a ladder that the batch made.
    pub(crate) ladders: Vec<LadderVersion>,
}

/// An event that matters to ladders.
#[derive(Debug)]
struct Step {
    place: Place,
    recorded_at: Timestamp,
    event: Event,
    /// Its line of the statement, by its index, where its ladder gives the unit.
    entry: Option<usize>,
}

/// Where an account stands on a ladder, as earlier batches left it.
#[derive(Debug)]
pub(crate) struct FoundTier {
    pub(crate) account_id: String,
    pub(crate) ladder: String,
    pub(crate) standing: String,
    pub(crate) tier: Option<String>,
}

/// The rows of a batch once its steps are applied.
#[derive(Debug, Default)]
pub(crate) struct TierRows {
    pub(crate) accounts: Vec<AccountTier>,
    pub(crate) totals: Vec<TierTotal>,
}

/// An account while a batch is applied.
#[derive(Debug, Default)]
struct Account {
    standings: Standings,
    /// The tier that counted when the batch began.
    before: BTreeMap<LadderId, Option<String>>,
    /// The last event that changed it, by ladder.
    changed: BTreeMap<LadderId, Position>,
    /// The tiers that it had on the way: each has a number, so that the rows are the same however
    /// the log is cut.
    passed: BTreeSet<(LadderId, String)>,
}

/// What the statement keeps of an event of a tier.
#[derive(Serialize)]
struct EntryTier<'a> {
    ladder: LadderId,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<TierId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<TierId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_id: Option<&'a GrantId>,
}

/// A ladder's rows or events that no correct history has.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TierError {
    /// A row has a text that the projector doesn't write.
    #[error(transparent)]
    Row(#[from] serde_json::Error),
    /// The same of a ladder's row.
    #[error(transparent)]
    Ladders(#[from] read_model::LaddersError),
    /// The domain doesn't take an event.
    #[error("event {position}: {why}")]
    Event {
        /// The event's position.
        position: Position,
        /// What it breaks.
        why: &'static str,
    },
    /// A row is of a ladder that there isn't.
    #[error("an account stands on the ladder {0:?}, which doesn't exist")]
    Unknown(String),
}

impl Rows {
    /// Notes an event by which something counts.
    pub(super) fn note_counted(&mut self, at: At<'_>, event: &Event) {
        if event.counted_on().is_some() {
            self.step(at, event.clone(), None);
        }
    }

    pub(super) fn ladder_set(
        &mut self,
        at: At<'_>,
        fact: LadderSet,
    ) -> Result<(), serde_json::Error> {
        self.tiers.ladders.push(LadderVersion {
            partition: at.partition().into(),
            ladder: fact.ladder.to_string(),
            version: int(fact.version),
            unit: fact.terms.unit.to_string(),
            terms: json(&fact.terms)?,
            recorded_at: at.recorded_at.micros(),
            position: at.position(),
        });
        self.step(at, Event::LadderSet(fact), None);
        Ok(())
    }

    pub(super) fn tier_changed(
        &mut self,
        kind: &str,
        at: At<'_>,
        account_id: &AccountId,
        fact: &TierChanged,
        event: Event,
    ) -> Result<(), serde_json::Error> {
        let TierChanged { ladder, version: _, tier, before, counted, counted_from: _, until } =
            fact;
        let tier = EntryTier {
            ladder: *ladder,
            tier: *tier,
            before: *before,
            counted: Some(counted.get()),
            until: *until,
            grant_id: None,
        };
        self.tier_entry(kind, at, account_id, &tier, event)
    }

    pub(super) fn tier_granted(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &TierGranted,
        event: Event,
    ) -> Result<(), serde_json::Error> {
        let tier = EntryTier {
            ladder: fact.ladder,
            tier: Some(fact.tier),
            before: None,
            counted: None,
            until: Some(fact.until),
            grant_id: Some(&fact.grant_id),
        };
        self.tier_entry("tier-granted", at, account_id, &tier, event)
    }

    pub(super) fn tier_grant_ended(
        &mut self,
        at: At<'_>,
        account_id: &AccountId,
        fact: &TierGrantEnded,
        event: Event,
    ) -> Result<(), serde_json::Error> {
        let tier = EntryTier {
            ladder: fact.ladder,
            tier: None,
            before: Some(fact.tier),
            counted: None,
            until: None,
            grant_id: Some(&fact.grant_id),
        };
        self.tier_entry("tier-grant-ended", at, account_id, &tier, event)
    }

    /// Notes an event that changes where an account stands, and is no line of its statement.
    pub(super) fn tier_step(&mut self, at: At<'_>, event: Event) {
        self.step(at, event, None);
    }

    /// A line of the statement that moves no points.
    fn tier_entry(
        &mut self,
        kind: &str,
        at: At<'_>,
        account_id: &AccountId,
        tier: &EntryTier<'_>,
        event: Event,
    ) -> Result<(), serde_json::Error> {
        self.opened(at, account_id);
        let line = entry(kind, at, account_id, UnitId::POINTS, Change::default());
        self.step(at, event, Some(self.entries.len()));
        self.entries.push(LedgerEntry { lots: Some("[]".into()), tier: Some(json(tier)?), ..line });
        Ok(())
    }

    fn step(&mut self, at: At<'_>, event: Event, entry: Option<usize>) {
        let (place, recorded_at) = (at.row.place, at.recorded_at);
        self.tiers.steps.push(Step { place, recorded_at, event, entry });
    }

    /// Applies what the batch does to tiers, on the ladders (all their versions, as the query lists
    /// them) and the standings that earlier batches left.
    pub(crate) fn apply_tiers(
        &mut self,
        partition: Partition,
        versions: Option<&str>,
        found: Vec<FoundTier>,
    ) -> Result<TierRows, TierError> {
        let mut ladders = ladders_of(versions)?;
        let mut accounts = read_accounts(&ladders, found)?;
        for Step { place, recorded_at, event, entry } in std::mem::take(&mut self.tiers.steps) {
            let position = place.position;
            let wrong = |why| TierError::Event { position, why };
            if let Event::LadderSet(fact) = &event {
                // Tables of the past have events of the programme's home, too.
                if place.partition != partition {
                    continue;
                }
                // Where the days of its unit begin matters to those who decide and who read.
                let set = ladders.set(position, recorded_at, fact, &TimeZone::default());
                set.map_err(wrong)?;
                continue;
            }
            let Some(account_id) = event.account_id() else { continue };
            let account = accounts.entry(account_id.to_string()).or_default();
            account.evolve(&ladders, position, recorded_at, &event).map_err(wrong)?;
            let ladder = ladder_of(&event).and_then(|ladder| ladders.get(ladder));
            let line = entry.and_then(|index| self.entries.get_mut(index));
            if let Some((ladder, line)) = ladder.zip(line) {
                line.unit = ladder.terms.unit.to_string();
            }
        }
        rows_of(partition, &ladders, &accounts)
    }
}

impl Account {
    fn evolve(
        &mut self,
        ladders: &Ladders,
        position: Position,
        recorded_at: Timestamp,
        event: &Event,
    ) -> Result<(), &'static str> {
        let former = self.standings.clone();
        self.standings.evolve(ladders, position, recorded_at, event)?;
        for (number, standing) in self.standings.iter() {
            let Some((id, ladder)) = ladders.at(number) else { continue };
            if former.get(number) != Some(standing) {
                self.changed.insert(id, position);
                let tier = standing.recorded(ladder).map(|(held, _)| held.tier.to_string());
                self.passed.extend(tier.map(|tier| (id, tier)));
            }
        }
        Ok(())
    }
}

impl Tiers {
    /// Whether nothing has to be looked up.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The accounts whose standings the batch may change.
    pub(crate) fn accounts(&self) -> BTreeSet<&str> {
        let ids = self.steps.iter().filter_map(|step| step.event.account_id());
        ids.map(AccountId::as_str).collect()
    }
}

fn ladder_of(event: &Event) -> Option<LadderId> {
    Some(match event {
        Event::TierReached(_, fact) | Event::TierKept(_, fact) | Event::TierLapsed(_, fact) => {
            fact.ladder
        }
        Event::TierGranted(_, fact) => fact.ladder,
        Event::TierGrantEnded(_, fact) => fact.ladder,
        _ => return None,
    })
}

fn read_accounts(
    ladders: &Ladders,
    found: Vec<FoundTier>,
) -> Result<BTreeMap<String, Account>, TierError> {
    let mut accounts = BTreeMap::<String, Account>::new();
    let mut standings = BTreeMap::<String, Vec<_>>::new();
    for FoundTier { account_id, ladder, standing, tier } in found {
        let unknown = || TierError::Unknown(ladder.clone());
        let id: LadderId = ladder.parse().map_err(|_| unknown())?;
        let number = ladders.number(id).ok_or_else(unknown)?;
        let standing: Standing = serde_json::from_str(&standing)?;
        standings.entry(account_id.clone()).or_default().push((number, standing));
        accounts.entry(account_id).or_default().before.insert(id, tier);
    }
    for (account_id, standings) in standings {
        accounts.entry(account_id).or_default().standings = standings.into_iter().collect();
    }
    Ok(accounts)
}

fn rows_of(
    partition: Partition,
    ladders: &Ladders,
    accounts: &BTreeMap<String, Account>,
) -> Result<TierRows, TierError> {
    let mut rows = TierRows::default();
    let mut totals = BTreeMap::<(LadderId, String), i64>::new();
    let partition = i64::from(partition.0);
    for (account_id, Account { standings, before, changed, passed }) in accounts {
        for tier in passed {
            totals.entry(tier.clone()).or_default();
        }
        for (number, standing) in standings.iter() {
            let Some((id, ladder)) = ladders.at(number) else { continue };
            let Some(position) = changed.get(&id) else { continue };
            let place = (partition, int(position.0));
            let row = row_of(account_id, (id, ladder), standing, place)?;
            let former = before.get(&id).cloned().flatten();
            if former != row.tier {
                for (tier, change) in [(former, -1), (row.tier.clone(), 1)] {
                    if let Some(tier) = tier {
                        *totals.entry((id, tier)).or_default() += change;
                    }
                }
            }
            rows.accounts.push(row);
        }
    }
    rows.totals = totals
        .into_iter()
        .map(|((ladder, tier), accounts)| TierTotal {
            partition,
            ladder: ladder.to_string(),
            tier,
            accounts,
        })
        .collect();
    Ok(rows)
}

/// The row of a standing. It has no tier where no event gave one: a level from 0 is everybody's.
fn row_of(
    account_id: &str,
    (id, ladder): (LadderId, &Ladder),
    standing: &Standing,
    (partition, position): (i64, i64),
) -> Result<AccountTier, TierError> {
    let recorded = standing.recorded(ladder);
    Ok(AccountTier {
        account_id: account_id.to_owned(),
        ladder: id.to_string(),
        standing: json(standing)?,
        tier: recorded.map(|(held, _)| held.tier.to_string()),
        since: recorded.map(|(_, since)| since.micros()),
        until: recorded.and_then(|(held, _)| held.until).map(Timestamp::micros),
        partition,
        position,
    })
}
