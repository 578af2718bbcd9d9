//! `GET /v1/accounts/{account_id}/lots`: what a shopper's credit is made of, in spending order.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, Timestamp, UnitId};
use read_model::NEVER;
use serde::Deserialize;
use wire::body::CreditLotBody;
use wire::{Page, PathId, Problem, QueryString, json_with_etag, page_limit, read_cursor};

use crate::account_balance::read_standing;
use crate::bad_cursor;
use crate::cell::{optional_time, points, split_place, sum};
use crate::freshness::Fresh;
use crate::origin::{find_lot, origin_for, read_lots};
use crate::standing::Part;
use crate::unit::check_unit;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LotsQuery {
    unit: Option<UnitId>,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(crate) async fn list_lots(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<LotsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = page_limit(query.limit)?;
    let list = format!("lots of {account_id} of {:?}", query.unit);
    let after = match read_cursor(&list, query.cursor.as_deref())? {
        None => None,
        Some(cursor) => Some(read_key(&cursor).ok_or_else(bad_cursor)?),
    };
    let standing = read_standing(&mut reading, &account_id).await?;
    check_unit(&mut reading, query.unit).await?;
    let is_live = |part: &Part| part.available + part.pending + part.held > 0;
    let is_asked_for = |part: &Part| query.unit.is_none_or(|unit| unit == part.unit);
    let parts: Vec<Part> = standing
        .into_parts()
        .into_iter()
        .filter(|part| is_live(part) && is_asked_for(part))
        .filter(|part| after.is_none_or(|after| key(part) > after))
        .take(limit as usize + 1)
        .collect();
    let lots = read_lots(&mut reading, parts.iter().map(|part| part.lot)).await?;
    let items = parts.iter().map(|part| {
        let lot = find_lot(&lots, part.lot)?;
        Ok(CreditLotBody {
            lot: split_place(part.lot).into(),
            unit: part.unit,
            points: points(lot.points)?,
            available: sum(part.available)?,
            pending: sum(part.pending)?,
            held: sum(part.held)?,
            available_at: optional_time(part.available_at.filter(|_| part.pending > 0))?,
            expires_at: optional_time(Some(part.expires_at).filter(|at| *at != NEVER))?,
            graced: part.graced,
            origin: origin_for(lot, &account_id)?,
        })
    });
    let items = items.collect::<Result<Vec<_>, Problem>>()?;
    json_with_etag(&headers, &Page::of(items, limit, &list, write_key))
}

/// A part's place in spending order.
const fn key(part: &Part) -> (i64, i64, bool) {
    (part.expires_at, part.lot, part.graced)
}

/// The same of a part that was answered.
fn write_key(lot: &CreditLotBody) -> String {
    let expires_at = lot.expires_at.map_or(NEVER, Timestamp::micros);
    let place = lot.lot.place().as_i64();
    format!("{expires_at}:{place}:{}", u8::from(lot.graced))
}

fn read_key(cursor: &str) -> Option<(i64, i64, bool)> {
    let mut parts = cursor.split(':');
    let (expires_at, lot, graced) = (parts.next()?, parts.next()?, parts.next()?);
    Some((expires_at.parse().ok()?, lot.parse().ok()?, graced == "1"))
}
