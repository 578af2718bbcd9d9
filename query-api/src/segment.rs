//! `GET /v1/accounts/{account_id}/segments`, and one of them: what was said last of an account and
//! a segment.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, SegmentId};
use read_model::{Fact, Query, Reading};
use serde::Deserialize;
use wire::body::SegmentBody;
use wire::{Page, PathId, PathIds, Problem, json_with_etag, json_with_version};

use crate::account_balance::check_exists;
use crate::cell::{json, split_place};
use crate::fact::find_fact;
use crate::failed;
use crate::freshness::Fresh;

static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_facts_between.sql")));

/// What the event's public text says.
#[derive(Deserialize)]
struct Said {
    segment: SegmentId,
    member: bool,
}

pub(crate) async fn get_segment(
    Fresh(mut reading): Fresh,
    PathIds(account_id, segment): PathIds<AccountId, SegmentId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = find_fact(&mut reading, &path(&account_id, segment)).await?;
    let row = row.ok_or_else(|| {
        Problem::not_found(format!(
            "Nothing was said of the account {account_id} and the segment {segment}."
        ))
    })?;
    let body = body(row, account_id)?;
    json_with_version(&headers, body.position.position.0, &body)
}

/// An account has a hundred at most, so they are one page.
pub(crate) async fn list_segments(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    check_exists(&mut reading, &account_id).await?;
    // In the order of characters, `0` comes right after `/`.
    let between = ["/", "0"].map(|end| format!("accounts/{account_id}/segments{end}"));
    let between = [between[0].as_str().into(), between[1].as_str().into()];
    let rows: Vec<Fact> = reading.all(*LIST, &between).await.map_err(failed)?;
    let items = rows.into_iter().map(|row| body(row, account_id.clone()));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    json_with_etag(&headers, &Page { items, next: None })
}

/// Whether an account is in a segment.
pub(crate) async fn is_in(
    reading: &mut Reading,
    account_id: &AccountId,
    segment: SegmentId,
) -> Result<bool, Problem> {
    let Some(row) = find_fact(reading, &path(account_id, segment)).await? else {
        return Ok(false);
    };
    json::<Said>(&row.public).map(|said| said.member)
}

fn path(account_id: &AccountId, segment: SegmentId) -> String {
    format!("accounts/{account_id}/segments/{segment}")
}

fn body(row: Fact, account_id: AccountId) -> Result<SegmentBody, Problem> {
    let Said { segment, member } = json(&row.public)?;
    Ok(SegmentBody { account_id, segment, member, position: split_place(row.place) })
}
