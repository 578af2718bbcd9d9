//! `GET /v1/accounts/{account_id}`: what a shopper has.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::AccountId;
use serde::Serialize;
use wire::{PathId, Problem, json_with_etag};

use crate::freshness::Fresh;
use crate::{QueryApi, failed, place};

const SELECT: &str = include_str!("sql/select_account_balance.sql");

#[derive(sqlx::FromRow)]
struct Row {
    available: i64,
    held: i64,
    pending: i64,
    partition: i64,
    position: i64,
}

#[derive(Serialize)]
struct AccountBody {
    account_id: AccountId,
    available: i64,
    held: i64,
    pending: i64,
    position: String,
}

pub(crate) async fn get_account(
    State(api): State<QueryApi>,
    _: Fresh,
    PathId(account_id): PathId<AccountId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Row { available, held, pending, partition, position } = select(&api, &account_id).await?;
    let position = place(partition, position);
    json_with_etag(&headers, &AccountBody { account_id, available, held, pending, position })
}

/// 404 where there is no such account.
pub(crate) async fn check_exists(api: &QueryApi, account_id: &AccountId) -> Result<(), Problem> {
    select(api, account_id).await.map(drop)
}

async fn select(api: &QueryApi, account_id: &AccountId) -> Result<Row, Problem> {
    sqlx::query_as(SELECT)
        .bind(account_id.as_str())
        .fetch_optional(api.read_model.pool())
        .await
        .map_err(failed)?
        .ok_or_else(|| {
            Problem::not_found(format!(
                "There is no account {account_id}. It comes into being with its first credit."
            ))
        })
}
