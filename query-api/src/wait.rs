//! Waits for a unit of an offer that is sold out: one, with how many wait before it. A unit whose
//! deadline has passed is kept no more.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, WaitId};
use read_model::{Query, Wait};
use wire::body::{WaitBody, WaitStatus};
use wire::{PathIds, Problem, json_with_etag};

use crate::cell::{broken, optional_time, split_place, sum, text, time};
use crate::clock::now;
use crate::freshness::Fresh;
use crate::{failed, row_of_account};

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_wait.sql")));
const COUNT_AHEAD: Query = Query::same(include_str!("sql/count_ahead.sql"));

pub(crate) async fn get_wait(
    Fresh(mut reading): Fresh,
    PathIds(account_id, wait_id): PathIds<AccountId, WaitId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = now(reading.as_of());
    let row: Option<Wait> =
        row_of_account(&mut reading, *SELECT, &account_id, wait_id.as_str()).await?;
    let row = row.ok_or_else(|| {
        Problem::not_found(format!("The account {account_id} has no wait {wait_id}."))
    })?;
    let status = match &*row.status {
        "waiting" => WaitStatus::Waiting,
        // Its end isn't recorded yet.
        "served" if row.deadline.is_some_and(|deadline| deadline <= now) => WaitStatus::Lapsed,
        "served" => WaitStatus::Served,
        "taken" => WaitStatus::Taken,
        "left" => WaitStatus::Left,
        "lapsed" => WaitStatus::Lapsed,
        "closed" => WaitStatus::Closed,
        other => return Err(broken(other, &"no wait has this status")),
    };
    let mut ahead = None;
    if status == WaitStatus::Waiting {
        let (joined, place) = (row.recorded_at.into(), row.place.into());
        let arguments = [row.offer_id.as_str().into(), joined, place];
        let (count,): (i64,) = reading.one(COUNT_AHEAD, &arguments).await.map_err(failed)?;
        ahead = Some(sum(count)?);
    }
    let body = WaitBody {
        wait_id: text(&row.wait_id)?,
        account_id: text(&row.account_id)?,
        offer_id: text(&row.offer_id)?,
        status,
        ahead,
        deadline: optional_time(row.deadline)?,
        occurred_at: optional_time(row.occurred_at)?,
        recorded_at: time(row.recorded_at)?,
        position: split_place(row.place),
    };
    json_with_etag(&headers, &body)
}
