//! Holds: one, and an account's, newest first. One whose deadline has passed is over.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, HoldId};
use read_model::Query;
use serde::Serialize;
use wire::{Page, PathId, PathIds, Problem, QueryString, json_with_etag};

use crate::account_balance::check_exists;
use crate::clock::now;
use crate::freshness::Fresh;
use crate::ledger_entry::PageQuery;
use crate::{row_of_account, rows_of_account, split_place, time};

const SELECT: Query = Query::same(include_str!("sql/select_hold.sql"));
const LIST: Query = Query::same(include_str!("sql/list_holds.sql"));

#[derive(sqlx::FromRow)]
struct Row {
    hold_id: String,
    account_id: String,
    points: i64,
    deadline: i64,
    status: String,
    captured_points: Option<i64>,
    exchange_id: Option<String>,
    place: i64,
    occurred_at: Option<i64>,
    recorded_at: i64,
}

#[derive(Serialize)]
struct HoldBody {
    hold_id: String,
    account_id: String,
    points: i64,
    deadline: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    captured_points: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<String>,
    recorded_at: String,
    position: String,
    #[serde(skip)]
    key: i64,
}

pub(crate) async fn get_hold(
    Fresh(mut reading): Fresh,
    PathIds(account_id, hold_id): PathIds<AccountId, HoldId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = now(reading.as_of());
    let row: Option<Row> =
        row_of_account(&mut reading, SELECT, &account_id, hold_id.as_str()).await?;
    let row = row.ok_or_else(|| {
        Problem::not_found(format!("The account {account_id} has no hold {hold_id}."))
    })?;
    json_with_etag(&headers, &hold(row, now)?)
}

pub(crate) async fn list_holds(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list = format!("holds of {account_id}");
    let (limit, before) = query.position_page(&list)?;
    check_exists(&mut reading, &account_id).await?;
    let now = now(reading.as_of());
    let rows: Vec<Row> = rows_of_account(&mut reading, LIST, &account_id, before, limit).await?;
    let holds = rows.into_iter().map(|row| hold(row, now)).collect::<Result<Vec<_>, _>>()?;
    json_with_etag(&headers, &Page::of(holds, limit, &list, |hold| hold.key.to_string()))
}

fn hold(row: Row, now: i64) -> Result<HoldBody, Problem> {
    let is_over = row.status == "held" && row.deadline <= now;
    Ok(HoldBody {
        hold_id: row.hold_id,
        account_id: row.account_id,
        points: row.points,
        deadline: time(row.deadline)?,
        status: if is_over { "expired".to_owned() } else { row.status },
        captured_points: row.captured_points,
        exchange_id: row.exchange_id,
        occurred_at: row.occurred_at.map(time).transpose()?,
        recorded_at: time(row.recorded_at)?,
        position: split_place(row.place),
        key: row.place,
    })
}
