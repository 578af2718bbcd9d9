//! `GET /v1/accounts/{account_id}`: what a shopper has.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::AccountId;
use projector::Reading;
use serde::Serialize;
use wire::{PathId, Problem, json_with_etag};

use crate::clock::now;
use crate::freshness::glance;
use crate::standing::{Balance, STANDING, Standing, recorded_balance};
use crate::{QueryApi, failed, place};

/// How far a shopper is shown ahead what will expire.
const EXPIRING_DAYS: i64 = 30;

#[derive(Serialize)]
struct AccountBody {
    account_id: AccountId,
    available: i64,
    held: i64,
    pending: i64,
    owed: i64,
    expiring_within_30_days: i64,
    position: String,
}

pub(crate) async fn get_account(
    State(api): State<QueryApi>,
    PathId(account_id): PathId<AccountId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let glance = glance(&api, &headers, STANDING, &[account_id.as_str().into()]).await?;
    let standing = Standing::of(glance.rows, now(&glance.as_of)).map_err(failed)?;
    let standing = standing.ok_or_else(|| no_account(&account_id))?;
    let body = AccountBody {
        available: standing.available(),
        held: standing.held(),
        pending: standing.pending(),
        owed: standing.owed,
        expiring_within_30_days: standing.expiring_within(EXPIRING_DAYS),
        position: place(standing.partition, standing.position),
        account_id,
    };
    json_with_etag(&headers, &body)
}

/// Where an account stands; 404 where there is no such account.
pub(crate) async fn read_standing(
    reading: &mut Reading,
    account_id: &AccountId,
) -> Result<Standing, Problem> {
    let standing = Standing::read(reading, account_id).await.map_err(failed)?;
    standing.ok_or_else(|| no_account(account_id))
}

/// The balance as it was recorded; 404 where there is no such account.
pub(crate) async fn check_exists(
    reading: &mut Reading,
    account_id: &AccountId,
) -> Result<Balance, Problem> {
    let balance = recorded_balance(reading, account_id.as_str()).await.map_err(failed)?;
    balance.ok_or_else(|| no_account(account_id))
}

fn no_account(account_id: &AccountId) -> Problem {
    Problem::not_found(format!(
        "There is no account {account_id}. It comes into being with its first credit."
    ))
}
