//! An account's tiers now: where it was recorded to stand on ladders, and all that has fallen due
//! since, by the functions that the writer uses.

use std::collections::BTreeMap;

use domain::{
    AccountId, LadderId, LadderTier, Ladders, PresentTier, Standing, Standings, Timestamp,
};
use log_record::Partition;
use read_model::{Query, Reading, ladders_of};
use wire::Problem;
use wire::body::{AccountTierBody, GrantedTierBody, NextTierBody};

use crate::failed;

const LADDERS: Query = Query::each(
    include_str!("sql/list_ladder_versions.sqlite.sql"),
    include_str!("sql/list_ladder_versions.postgres.sql"),
);
const STANDINGS: Query = Query::same(include_str!("sql/select_account_tiers.sql"));

/// A day begins at a whole quarter of an hour, in whatever zone.
const QUARTER: i64 = 15 * 60 * 1_000_000;

/// All ladders, as a partition knows them.
pub(crate) async fn read_ladders(reading: &mut Reading, of: Partition) -> Result<Ladders, Problem> {
    let of = i64::from(of.0).into();
    let rows: Vec<(Option<String>,)> = reading.all(LADDERS, &[of]).await.map_err(failed)?;
    let versions = rows.into_iter().next().and_then(|(versions,)| versions);
    ladders_of(versions.as_deref()).map_err(undecodable).map_err(failed)
}

/// An account's tiers at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tiers {
    ladders: Ladders,
    present: BTreeMap<LadderId, PresentTier>,
    /// Until when they stay so.
    pub(crate) until: Option<i64>,
}

impl Tiers {
    /// Those of an account; of one that there isn't, those that everybody has.
    pub(crate) async fn read(
        reading: &mut Reading,
        account_id: &AccountId,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let home = reading.as_of().partition_of(account_id);
        let ladders = read_ladders(reading, home).await?;
        if ladders.is_empty() {
            return Ok(Self::default());
        }
        let arguments = [account_id.as_str().into()];
        let rows: Vec<(String, String)> =
            reading.all(STANDINGS, &arguments).await.map_err(failed)?;
        let standings = rows.into_iter().map(|(ladder, standing)| {
            let ladder: LadderId = ladder.parse().map_err(undecodable)?;
            let standing: Standing = serde_json::from_str(&standing).map_err(undecodable)?;
            Ok((ladder, standing))
        });
        let standings = standings.collect::<Result<Vec<_>, sqlx::Error>>().map_err(failed)?;
        Ok(Self::on(ladders, standings, now))
    }

    /// Those that follow from all versions of all ladders, as the query lists them, and from where
    /// an account stands.
    pub(crate) fn of(
        versions: Option<&str>,
        standings: Vec<(LadderId, Standing)>,
        now: Timestamp,
    ) -> Result<Self, sqlx::Error> {
        let ladders = ladders_of(versions).map_err(undecodable)?;
        Ok(if ladders.is_empty() { Self::default() } else { Self::on(ladders, standings, now) })
    }

    fn on(ladders: Ladders, standings: Vec<(LadderId, Standing)>, now: Timestamp) -> Self {
        let due = standings.iter().filter_map(|(id, standing)| {
            let ladder = ladders.get(*id)?;
            let mut then = standing.clone();
            then.apply_due(*id, ladder, now);
            then.next_due(ladder)
        });
        let due = due.map(Timestamp::micros).min();
        let day = (now.micros() / QUARTER + 1) * QUARTER;
        let standings: Standings = standings
            .into_iter()
            .filter_map(|(id, standing)| Some((ladders.number(id)?, standing)))
            .collect();
        let present = domain::present_tiers(&ladders, &standings, now).into_iter().collect();
        Self { present, until: Some(due.unwrap_or(day).min(day)), ladders }
    }

    /// The level of a tier, from 0, where the account has it or a higher one.
    pub(crate) fn level_of(&self, asked: LadderTier) -> Option<usize> {
        let levels = &self.ladders.get(asked.ladder)?.terms.levels;
        let own = levels.rank_of(self.present.get(&asked.ladder)?.tier?)?;
        levels.rank_of(asked.tier).filter(|level| *level <= own)
    }

    pub(crate) fn bodies(&self) -> BTreeMap<LadderId, AccountTierBody> {
        let body = |present: &PresentTier| {
            let PresentTier { tier, earned, granted, since, until, counted, next } = present;
            let granted = granted.map(|(tier, until)| GrantedTierBody { tier, until });
            let next = next.map(|(tier, missing)| NextTierBody { tier, missing: missing.get() });
            AccountTierBody {
                tier: *tier,
                earned: *earned,
                granted,
                since: *since,
                until: *until,
                counted: counted.get(),
                next,
            }
        };
        self.present.iter().map(|(id, present)| (*id, body(present))).collect()
    }
}

fn undecodable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
