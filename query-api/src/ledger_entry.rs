//! `GET /v1/accounts/{account_id}/entries`: the statement, newest first; and one entry with what it
//! drew on.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, LotPart};
use log_record::Place;
use read_model::{LedgerEntry, Query, Reading};
use serde::Deserialize;
use wire::body::{
    ChangeBody, EntryLotBody, EntryWithdrawalBody, ExplainedEntryBody, LedgerEntryBody,
};
use wire::{Page, PathId, PathIds, Problem, QueryString, json_with_etag, page_limit, read_cursor};

use crate::account_balance::check_exists;
use crate::cell::{
    cancellation_id, cause, optional_text, optional_time, place_key, points, split_place, text,
    time,
};
use crate::freshness::Fresh;
use crate::origin::{find_lot, origin_for, read_lots};
use crate::standing::{lot_key, read_parts};
use crate::{bad_cursor, failed, rows_of_account};

static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_ledger_entries.sql")));
static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_ledger_entry.sql")));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<String>,
}

pub(crate) async fn list_entries(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list = format!("entries of {account_id}");
    let limit = page_limit(query.limit)?;
    let cursor = read_cursor(&list, query.cursor.as_deref())?;
    let recorded = check_exists(&mut reading, &account_id).await?;
    // The entries before an entry never change, so neither does the balance up to there.
    let (before, mut balance) = match cursor {
        None => (i64::MAX, recorded.available + recorded.held + recorded.pending - recorded.owed),
        Some(cursor) => read_key(&cursor).ok_or_else(bad_cursor)?,
    };
    let rows: Vec<LedgerEntry> =
        rows_of_account(&mut reading, *LIST, &account_id, before, limit).await?;
    let entries = rows.into_iter().map(|row| {
        let entry = LedgerEntryBody { balance: Some(balance), ..entry(row)? };
        balance -= entry.points;
        Ok(entry)
    });
    let entries = entries.collect::<Result<Vec<_>, Problem>>()?;
    let page = Page::of(entries, limit, &list, |entry| {
        let key = position_key(entry.position);
        format!("{key}:{}", entry.balance.unwrap_or_default() - entry.points)
    });
    json_with_etag(&headers, &page)
}

pub(crate) async fn get_entry(
    Fresh(mut reading): Fresh,
    PathIds(account_id, at): PathIds<AccountId, Place>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let no_entry = || {
        Problem::not_found(format!(
            "The account {account_id} has no entry at {at}. Use the position of one of its entries."
        ))
    };
    let key = place_key(at).ok_or_else(no_entry)?;
    let row: Option<LedgerEntry> = reading
        .optional(*SELECT, &[account_id.as_str().into(), key.into()])
        .await
        .map_err(failed)?;
    let row = row.ok_or_else(no_entry)?;
    let parts = |json: Option<&str>| json.map(read_parts).transpose().map_err(failed);
    let (drawn, released) = (parts(row.lots.as_deref())?, parts(row.released.as_deref())?);
    let lots = match drawn {
        Some(parts) => explain(&mut reading, &account_id, &parts).await?,
        // A new lot: the entry's own.
        None => vec![explain_lot(&mut reading, &account_id, key).await?],
    };
    let released = match released {
        Some(parts) => Some(explain(&mut reading, &account_id, &parts).await?),
        None => None,
    };
    json_with_etag(&headers, &ExplainedEntryBody { entry: entry(row)?, lots, released })
}

async fn explain(
    reading: &mut Reading,
    account_id: &AccountId,
    parts: &[LotPart],
) -> Result<Vec<EntryLotBody>, Problem> {
    let lots = read_lots(reading, parts.iter().map(lot_key)).await?;
    let explained = parts.iter().map(|part| {
        let key = lot_key(part);
        Ok(EntryLotBody {
            lot: split_place(key).into(),
            points: part.points,
            expires_at: part.expires_at,
            graced: part.graced,
            origin: origin_for(find_lot(&lots, key)?, account_id)?,
        })
    });
    explained.collect()
}

async fn explain_lot(
    reading: &mut Reading,
    account_id: &AccountId,
    key: i64,
) -> Result<EntryLotBody, Problem> {
    let lots = read_lots(reading, std::iter::once(key)).await?;
    let lot = find_lot(&lots, key)?;
    Ok(EntryLotBody {
        lot: split_place(key).into(),
        points: points(lot.points)?,
        expires_at: optional_time(lot.expires_at)?,
        graced: false,
        origin: origin_for(lot, account_id)?,
    })
}

impl PageQuery {
    /// The limit, and the position that a newest-first list goes on before.
    pub(crate) fn position_page(&self, list: &str) -> Result<(u32, i64), Problem> {
        let limit = page_limit(self.limit)?;
        let before = match read_cursor(list, self.cursor.as_deref())? {
            None => i64::MAX,
            Some(key) => key.parse().map_err(|_| bad_cursor())?,
        };
        Ok((limit, before))
    }
}

/// The place that a page goes on before, and the balance up to there.
fn read_key(cursor: &str) -> Option<(i64, i64)> {
    let (place, balance) = cursor.split_once(':')?;
    Some((place.parse().ok()?, balance.parse().ok()?))
}

/// The cursor of a list that is ordered by place.
pub(crate) fn position_key(position: Place) -> String {
    place_key(position).unwrap_or_default().to_string()
}

fn entry(row: LedgerEntry) -> Result<LedgerEntryBody, Problem> {
    let LedgerEntry { points, available, held, pending, .. } = row;
    let owed = available + held + pending - points;
    let cause_of = row.cause_kind.as_deref().zip(row.cause_id.as_deref());
    let withdrawal = match (row.withdrawal_kind, row.withdrawal_id.as_deref()) {
        (Some(kind), Some(id)) => Some(EntryWithdrawalBody { kind, id: text(id)? }),
        _ => None,
    };
    Ok(LedgerEntryBody {
        kind: row.kind,
        points,
        balance: None,
        change: ChangeBody { available, held, pending, owed },
        cause: cause_of.map(|(kind, id)| cause(kind, id)).transpose()?,
        exchange_id: optional_text(row.exchange_id.as_deref())?,
        cancellation_id: row.cancellation_id.as_deref().map(cancellation_id).transpose()?,
        hold_id: optional_text(row.hold_id.as_deref())?,
        refund_id: optional_text(row.refund_id.as_deref())?,
        transfer_id: optional_text(row.transfer_id.as_deref())?,
        counterparty: optional_text(row.counterparty.as_deref())?,
        withdrawal,
        purchase_id: optional_text(row.purchase_id.as_deref())?,
        reference: optional_text(row.reference.as_deref())?,
        occurred_at: optional_time(row.occurred_at)?,
        recorded_at: time(row.recorded_at)?,
        position: split_place(row.place),
    })
}
