//! Holds: one, and an account's, newest first. One whose deadline has passed is over.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, HoldId, Prices};
use read_model::{Hold, Query, Reading};
use wire::body::{HoldBody, HoldReservesBody, HoldStatus, PriceBody};
use wire::{PathId, PathIds, Problem, QueryString, json_with_etag};

use crate::account_balance::check_exists;
use crate::account_list::{ListQuery, time_key};
use crate::cell::{
    broken, cost, json, optional_text, optional_time, split_place, sum, text, time, units,
};
use crate::clock::now;
use crate::freshness::Fresh;
use crate::row_of_account;

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_hold.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_holds.sql")));

pub(crate) async fn get_hold(
    Fresh(mut reading): Fresh,
    PathIds(account_id, hold_id): PathIds<AccountId, HoldId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = now(reading.as_of());
    let row = find_hold(&mut reading, &account_id, &hold_id).await?;
    let row = row.ok_or_else(|| {
        Problem::not_found(format!("The account {account_id} has no hold {hold_id}."))
    })?;
    json_with_etag(&headers, &hold(row, now)?)
}

pub(crate) async fn find_hold(
    reading: &mut Reading,
    account_id: &AccountId,
    hold_id: &HoldId,
) -> Result<Option<Hold>, Problem> {
    row_of_account(reading, *SELECT, account_id, hold_id.as_str()).await
}

pub(crate) async fn list_holds(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<ListQuery<HoldStatus>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut page = query.page("holds", &account_id)?;
    check_exists(&mut reading, &account_id).await?;
    let now = now(reading.as_of());
    let at = |row: &Hold| (row.recorded_at, row.place);
    let rows: Vec<Hold> = page.read(&mut reading, *LIST, &account_id, at).await?;
    let holds = rows.into_iter().map(|row| hold(row, now)).collect::<Result<Vec<_>, _>>()?;
    let key = |hold: &HoldBody| time_key(hold.recorded_at, hold.position);
    let is_asked_for = |hold: &HoldBody| {
        query.status.is_none_or(|status| status == hold.status)
            && query.unit.is_none_or(|unit| unit == hold.unit)
    };
    json_with_etag(&headers, &page.of(holds, key, is_asked_for))
}

fn hold(row: Hold, now: i64) -> Result<HoldBody, Problem> {
    Ok(HoldBody {
        hold_id: text(&row.hold_id)?,
        account_id: text(&row.account_id)?,
        unit: text(&row.unit)?,
        points: cost(row.points)?,
        deadline: time(row.deadline)?,
        status: match &*row.status {
            // Its end isn't recorded yet.
            "held" if row.deadline <= now => HoldStatus::Expired,
            "held" => HoldStatus::Held,
            "captured" => HoldStatus::Captured,
            "released" => HoldStatus::Released,
            "expired" => HoldStatus::Expired,
            other => return Err(broken(other, &"no hold has this status")),
        },
        captured_points: row.captured_points.map(cost).transpose()?,
        refunded_points: sum(row.refunded_points)?,
        exchange_id: optional_text(row.exchange_id.as_deref())?,
        reserves: reserves(&row)?,
        occurred_at: optional_time(row.occurred_at)?,
        recorded_at: time(row.recorded_at)?,
        position: split_place(row.place),
    })
}

/// What it reserves beside its points.
fn reserves(row: &Hold) -> Result<Option<HoldReservesBody>, Problem> {
    let Hold { offer_id: Some(offer_id), product_id, quantity, prices, .. } = row else {
        return Ok(None);
    };
    let missing = || broken(offer_id, &"a reservation has a product, a quantity and prices");
    let prices: Prices = json(prices.as_deref().ok_or_else(missing)?)?;
    Ok(Some(HoldReservesBody {
        offer_id: text(offer_id)?,
        product_id: text(product_id.as_deref().ok_or_else(missing)?)?,
        quantity: units(quantity.ok_or_else(missing)?)?,
        prices: PriceBody::all(&prices),
    }))
}
