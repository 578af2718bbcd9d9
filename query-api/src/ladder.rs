//! `GET /v1/ladders`, one of them by version, and the accounts that have its tiers.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{
    AccountId, Ladder, LadderId, PROGRAMME_HOME, Standing, StandingParts, TierId, UnitId,
};
use read_model::{AccountTier, LadderVersion, Query, Reading};
use serde::Deserialize;
use wire::body::{GrantedTierBody, LadderAccountBody, LadderBody, Sum};
use wire::{Page, PathId, Problem, QueryString, json_with_etag, json_with_version, page_limit};

use crate::cell::{broken, json, optional_time, place, sum, text, time};
use crate::freshness::Fresh;
use crate::programme::VersionQuery;
use crate::tier::read_ladders;
use crate::{failed, id_after};

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_ladder.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_ladders.sql")));
static ACCOUNTS: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_ladder_accounts.sql")));
static ACCOUNTS_OF_TIER: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_ladder_accounts_of_tier.sql")));
const TOTALS: Query = Query::same(include_str!("sql/list_tier_totals.sql"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountsQuery {
    tier: Option<TierId>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// How many accounts have a tier.
#[derive(sql_macros::FromRow)]
struct TotalRow {
    ladder: String,
    tier: String,
    accounts: i64,
}

pub(crate) async fn get_ladder(
    Fresh(mut reading): Fresh,
    PathId(ladder): PathId<LadderId>,
    QueryString(query): QueryString<VersionQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = find(&mut reading, ladder, query.version).await?.ok_or_else(no_ladder)?;
    json_with_version(&headers, row.version.cast_unsigned(), &body(row)?)
}

/// There are ten at most, so they are one page.
pub(crate) async fn list_ladders(
    Fresh(mut reading): Fresh,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let rows: Vec<LadderVersion> = reading.all(*LIST, &[]).await.map_err(failed)?;
    let items = rows.into_iter().map(body).collect::<Result<Vec<_>, _>>()?;
    json_with_etag(&headers, &Page { items, next: None })
}

pub(crate) async fn list_ladder_accounts(
    Fresh(mut reading): Fresh,
    PathId(ladder): PathId<LadderId>,
    QueryString(query): QueryString<AccountsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let AccountsQuery { tier, limit, cursor } = query;
    // All other partitions are told of ladders by it.
    let ladders = read_ladders(&mut reading, PROGRAMME_HOME).await?;
    let terms = ladders.get(ladder).ok_or_else(no_ladder)?;
    let list = format!("accounts of {ladder} that have {tier:?}");
    let limit = page_limit(limit)?;
    let after = id_after::<AccountId>(&list, cursor.as_deref())?;
    let mut arguments = vec![ladder.as_str().into(), after.as_str().into(), (limit + 1).into()];
    let query = match &tier {
        None => *ACCOUNTS,
        Some(tier) => {
            arguments.push(tier.as_str().into());
            *ACCOUNTS_OF_TIER
        }
    };
    let rows: Vec<AccountTier> = reading.all(query, &arguments).await.map_err(failed)?;
    let is_known = |tier: &TierId| terms.terms.levels.rank_of(*tier).is_some();
    if rows.is_empty() && !tier.iter().all(is_known) {
        let complaint =
            format!("names a tier that isn't there; GET /v1/ladders/{ladder} lists them");
        return Err(Problem::invalid_query("tier", complaint));
    }
    let accounts = rows.into_iter().map(|row| account(row, terms));
    let accounts = accounts.collect::<Result<Vec<_>, _>>()?;
    let page = Page::of(accounts, limit, &list, |account| account.account_id.to_string());
    json_with_etag(&headers, &page)
}

/// How many accounts have each tier of the ladders over a unit, as recorded.
pub(crate) async fn tier_totals(
    reading: &mut Reading,
    unit: UnitId,
) -> Result<BTreeMap<LadderId, BTreeMap<TierId, Sum>>, Problem> {
    let rows: Vec<TotalRow> = reading.all(TOTALS, &[unit.as_str().into()]).await.map_err(failed)?;
    let mut ladders = BTreeMap::<LadderId, BTreeMap<TierId, Sum>>::new();
    for TotalRow { ladder, tier, accounts } in rows {
        let tiers = ladders.entry(text(&ladder)?).or_default();
        if accounts != 0 {
            tiers.insert(text(&tier)?, Sum(accounts.into()));
        }
    }
    Ok(ladders)
}

async fn find(
    reading: &mut Reading,
    ladder: LadderId,
    version: Option<u32>,
) -> Result<Option<LadderVersion>, Problem> {
    let arguments = [ladder.as_str().into(), version.map(i64::from).into()];
    reading.optional(*SELECT, &arguments).await.map_err(failed)
}

fn no_ladder() -> Problem {
    Problem::not_found(
        "The ladder, or this version of it, doesn't exist. GET /v1/ladders lists all ladders.",
    )
}

fn body(row: LadderVersion) -> Result<LadderBody, Problem> {
    let LadderVersion { partition, ladder, version, unit: _, terms, recorded_at, position } = row;
    Ok(LadderBody::new(
        text(&ladder)?,
        json(&terms)?,
        sum(version)?,
        Some(time(recorded_at)?),
        place(partition, position)?,
    ))
}

fn account(row: AccountTier, ladder: &Ladder) -> Result<LadderAccountBody, Problem> {
    let AccountTier { account_id, ladder: _, standing, tier, since, until, partition, position } =
        row;
    let standing: Standing = json(&standing)?;
    let StandingParts { tier: earned, grant, .. } = standing.parts(ladder);
    let no_tier = || broken(&account_id, &"a listed account has no tier");
    Ok(LadderAccountBody {
        tier: text(&tier.ok_or_else(no_tier)?)?,
        since: time(since.ok_or_else(no_tier)?)?,
        account_id: text(&account_id)?,
        earned,
        granted: grant.map(|(_, tier, until, _)| GrantedTierBody { tier, until }),
        until: optional_time(until)?,
        position: place(partition, position)?,
    })
}
