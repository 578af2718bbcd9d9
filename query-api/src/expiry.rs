//! `GET /v1/accounts/{account_id}/expiry`: what of an account has expired, and what will.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, Timestamp, UnitId};
use serde::Deserialize;
use wire::body::{AccountExpiryBody, ExpiredBody, ExpiringBody};
use wire::{PathId, Problem, QueryString, json_with_etag};

use crate::account_balance::read_standing;
use crate::cell::{place, sum};
use crate::failed;
use crate::freshness::Fresh;
use crate::ledger_entry::expired_since;
use crate::standing::{Standing, recorded_totals};
use crate::unit::check_unit;

/// How far a reader may look ahead: ten years.
const WITHIN_DAYS_MAX: u32 = 3_660;

/// How far a reader looks ahead who doesn't say.
const WITHIN_DAYS_DEFAULT: u32 = 30;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpiryQuery {
    unit: Option<UnitId>,
    within_days: Option<u32>,
    since: Option<Timestamp>,
}

pub(crate) async fn get_expiry(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<ExpiryQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let within_days = query.within_days.unwrap_or(WITHIN_DAYS_DEFAULT);
    if !(1..=WITHIN_DAYS_MAX).contains(&within_days) {
        let complaint = format!("must be a whole number from 1 to {WITHIN_DAYS_MAX}");
        return Err(Problem::invalid_query("within_days", complaint));
    }
    let unit = query.unit.unwrap_or_default();
    let standing = read_standing(&mut reading, &account_id).await?;
    check_unit(&mut reading, query.unit).await?;
    let since = query.since.map_or(i64::MIN, Timestamp::micros);
    let alone = std::slice::from_ref(&account_id);
    let family = standing.family.as_ref();
    let accounts = family.map_or(alone, |family| family.accounts.as_slice());
    let mut expired = 0;
    for account in accounts {
        expired += expired_since(&mut reading, account, unit, since).await?;
    }
    if since <= standing.now {
        // Of all that falls due by itself, only what expires changes this sum.
        let there_was = match query.since {
            None => {
                let mut recorded = 0;
                for account in accounts {
                    let totals = recorded_totals(&mut reading, account.as_str()).await;
                    recorded += totals.map_err(failed)?.get(&unit).copied().unwrap_or_default();
                }
                recorded
            }
            Some(_) => {
                let before = Standing::at(&mut reading, &account_id, (since - 1).max(0));
                before.await.map_err(failed)?.map_or(0, |before| before.wallet(unit).total())
            }
        };
        expired += there_was - standing.wallet(unit).total();
    }
    let body = AccountExpiryBody {
        account_id,
        unit,
        expiring: ExpiringBody {
            within_days,
            points: sum(standing.wallet(unit).expiring_within(within_days.into()))?,
        },
        expired: ExpiredBody { since: query.since, points: sum(expired)? },
        position: place(standing.partition, standing.position)?,
    };
    json_with_etag(&headers, &body)
}
