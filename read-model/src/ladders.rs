//! The ladders, read from their rows: those who project need them, and those who read.

use domain::{LadderId, LadderSet, LadderTerms, Ladders, TimeZone, Timestamp};
use log_record::Position;
use serde::Deserialize;

use crate::row;

row! {
    /// A version of a ladder, as a partition knows it.
    #[derive(sql_macros::FromRow)]
    pub struct LadderVersion in "ladder" {
        partition: i64,
        ladder: String,
        version: i64,
        unit: String,
        terms: String,
        recorded_at: i64,
        position: i64,
    }
}

row! {
    /// Where an account stands on a ladder, as it was recorded.
    #[derive(sql_macros::FromRow)]
    pub struct AccountTier in "account_tier" {
        account_id: String,
        ladder: String,
        standing: String,
        tier: Option<String>,
        since: Option<i64>,
        until: Option<i64>,
        partition: i64,
        position: i64,
    }
}

row! {
    /// How many accounts have a tier in a partition, or a batch's change to it.
    #[derive(sql_macros::FromRow)]
    pub struct TierTotal in "tier_total" {
        partition: i64,
        ladder: String,
        tier: String,
        accounts: i64,
    }
}

/// A version as the queries list them: id, version, terms, the event's position and time, the zone
/// of the unit.
#[derive(Deserialize)]
struct ListedVersion(LadderId, u64, LadderTerms, u64, i64, TimeZone);

/// Rows of ladders that are no history of ladders.
#[derive(Debug, thiserror::Error)]
pub enum LaddersError {
    /// A row has a text that nobody writes there.
    #[error("a row of a ladder can't be read")]
    Row(#[source] serde_json::Error),
    /// A time is none.
    #[error("a row of a ladder has an invalid time")]
    Time(#[source] domain::TimestampError),
    /// The versions don't follow each other.
    #[error("the rows of the ladders contradict each other: {0}")]
    Order(&'static str),
}

/// The ladders of a list of all their versions in the order of one partition, as JSON.
pub fn ladders_of(versions: Option<&str>) -> Result<Ladders, LaddersError> {
    let versions: Vec<ListedVersion> = versions
        .map(serde_json::from_str)
        .transpose()
        .map_err(LaddersError::Row)?
        .unwrap_or_default();
    let mut ladders = Ladders::default();
    for ListedVersion(ladder, version, terms, position, recorded_at, zone) in versions {
        let time = Timestamp::from_micros(recorded_at).map_err(LaddersError::Time)?;
        let fact = LadderSet { ladder, version, terms };
        let set = ladders.set(Position(position), time, &fact, &zone);
        set.map_err(LaddersError::Order)?;
    }
    Ok(ladders)
}
