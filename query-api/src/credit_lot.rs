//! `GET /v1/accounts/{account_id}/lots`: what a shopper's credit is made of, in spending order.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::AccountId;
use read_model::NEVER;
use serde::Serialize;
use wire::{Page, PathId, Problem, QueryString, json_with_etag, page_limit, read_cursor};

use crate::account_balance::read_standing;
use crate::freshness::Fresh;
use crate::ledger_entry::PageQuery;
use crate::origin::{Origin, find_lot, read_lots};
use crate::standing::Part;
use crate::{bad_cursor, split_place, time};

#[derive(Serialize)]
struct LotBody {
    lot: String,
    /// What the lot was earned as.
    points: i64,
    available: i64,
    pending: i64,
    held: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    graced: bool,
    #[serde(flatten)]
    origin: Origin,
    #[serde(skip)]
    key: (i64, i64, bool),
}

pub(crate) async fn list_lots(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = page_limit(query.limit)?;
    let list = format!("lots of {account_id}");
    let after = match read_cursor(&list, query.cursor.as_deref())? {
        None => None,
        Some(cursor) => Some(read_key(&cursor).ok_or_else(bad_cursor)?),
    };
    let standing = read_standing(&mut reading, &account_id).await?;
    let is_live = |part: &Part| part.available + part.pending + part.held > 0;
    let parts: Vec<Part> = standing
        .parts
        .into_iter()
        .filter(|part| is_live(part) && after.is_none_or(|after| key(part) > after))
        .take(limit as usize + 1)
        .collect();
    let lots = read_lots(&mut reading, parts.iter().map(|part| part.lot)).await?;
    let items = parts.iter().map(|part| {
        let lot = find_lot(&lots, part.lot)?;
        Ok(LotBody {
            lot: split_place(part.lot),
            points: lot.points,
            available: part.available,
            pending: part.pending,
            held: part.held,
            available_at: part.available_at.filter(|_| part.pending > 0).map(time).transpose()?,
            expires_at: Some(part.expires_at).filter(|at| *at != NEVER).map(time).transpose()?,
            graced: part.graced,
            origin: lot.origin_for(account_id.as_str())?,
            key: key(part),
        })
    });
    let items = items.collect::<Result<Vec<_>, Problem>>()?;
    let page = Page::of(items, limit, &list, |LotBody { key, .. }| {
        format!("{}:{}:{}", key.0, key.1, u8::from(key.2))
    });
    json_with_etag(&headers, &page)
}

/// Where a part stands in spending order.
const fn key(part: &Part) -> (i64, i64, bool) {
    (part.expires_at, part.lot, part.graced)
}

fn read_key(cursor: &str) -> Option<(i64, i64, bool)> {
    let mut parts = cursor.split(':');
    let (expires_at, lot, graced) = (parts.next()?, parts.next()?, parts.next()?);
    Some((expires_at.parse().ok()?, lot.parse().ok()?, graced == "1"))
}
