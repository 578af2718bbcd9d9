//! `GET /v1/accounts/{account_id}/entries`: the statement, newest first; and one entry with what it
//! drew on.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, LotPart};
use log_record::{PackedPlace, Place};
use read_model::{Query, Reading};
use serde::{Deserialize, Serialize};
use wire::{Page, PathId, PathIds, Problem, QueryString, json_with_etag, page_limit, read_cursor};

use crate::account_balance::check_exists;
use crate::freshness::Fresh;
use crate::origin::{CauseBody, Origin, find_lot, read_lots};
use crate::standing::{lot_key, read_parts};
use crate::{bad_cursor, failed, rows_of_account, split_place, time};

const LIST: Query = Query::same(include_str!("sql/list_ledger_entries.sql"));
const SELECT: Query = Query::same(include_str!("sql/select_ledger_entry.sql"));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    place: i64,
    kind: String,
    points: i64,
    available: i64,
    held: i64,
    pending: i64,
    cause_kind: Option<String>,
    cause_id: Option<String>,
    exchange_id: Option<String>,
    cancellation_id: Option<String>,
    hold_id: Option<String>,
    transfer_id: Option<String>,
    counterparty: Option<String>,
    withdrawal_kind: Option<String>,
    withdrawal_id: Option<String>,
    purchase_id: Option<String>,
    reference: Option<String>,
    lots: Option<String>,
    released: Option<String>,
    occurred_at: Option<i64>,
    recorded_at: i64,
}

#[derive(Serialize)]
struct EntryBody {
    kind: String,
    /// Positive where credit came in, negative where it went.
    points: i64,
    /// What the account had after it, less what it owed; in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<i64>,
    change: ChangeBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<CauseBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counterparty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawal: Option<CauseBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<String>,
    recorded_at: String,
    position: String,
    #[serde(skip)]
    key: i64,
}

/// By how much each kind of credit changed.
#[derive(Serialize)]
struct ChangeBody {
    available: i64,
    held: i64,
    pending: i64,
    owed: i64,
}

/// An entry, and why.
#[derive(Serialize)]
struct ExplainedBody {
    #[serde(flatten)]
    entry: EntryBody,
    /// The parts of lots that it is about, and what those came from.
    lots: Vec<PartBody>,
    /// What a capture gave back.
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<Vec<PartBody>>,
}

#[derive(Serialize)]
struct PartBody {
    lot: String,
    points: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    graced: bool,
    #[serde(flatten)]
    origin: Origin,
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
    // What stands before an entry never changes, so neither does the balance up to there.
    let (before, mut balance) = match cursor {
        None => (i64::MAX, recorded.available + recorded.held + recorded.pending - recorded.owed),
        Some(cursor) => read_key(&cursor).ok_or_else(bad_cursor)?,
    };
    let rows: Vec<Row> = rows_of_account(&mut reading, LIST, &account_id, before, limit).await?;
    let entries = rows.into_iter().map(|row| {
        let entry = EntryBody { balance: Some(balance), ..entry(row)? };
        balance -= entry.points;
        Ok(entry)
    });
    let entries = entries.collect::<Result<Vec<_>, Problem>>()?;
    let page = Page::of(entries, limit, &list, |entry| {
        format!("{}:{}", entry.key, entry.balance.unwrap_or_default() - entry.points)
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
            "The account {account_id} has no entry at {at}. A position is one that its entries give."
        ))
    };
    let key = place_key(at).ok_or_else(no_entry)?;
    let row: Option<Row> = reading
        .optional(SELECT, &[account_id.as_str().into(), key.into()])
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
    json_with_etag(&headers, &ExplainedBody { entry: entry(row)?, lots, released })
}

async fn explain(
    reading: &mut Reading,
    account_id: &AccountId,
    parts: &[LotPart],
) -> Result<Vec<PartBody>, Problem> {
    let lots = read_lots(reading, parts.iter().map(lot_key)).await?;
    let explained = parts.iter().map(|part| {
        let key = lot_key(part);
        Ok(PartBody {
            lot: split_place(key),
            points: part.points.get().cast_signed(),
            expires_at: part.expires_at.map(|at| at.to_string()),
            graced: part.graced,
            origin: find_lot(&lots, key)?.origin_for(account_id.as_str())?,
        })
    });
    explained.collect()
}

async fn explain_lot(
    reading: &mut Reading,
    account_id: &AccountId,
    key: i64,
) -> Result<PartBody, Problem> {
    let lots = read_lots(reading, std::iter::once(key)).await?;
    let lot = find_lot(&lots, key)?;
    Ok(PartBody {
        lot: split_place(key),
        points: lot.points,
        expires_at: lot.expires_at.map(time).transpose()?,
        graced: false,
        origin: lot.origin_for(account_id.as_str())?,
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

/// A place as the tables keep it, where there can be such a place.
fn place_key(at: Place) -> Option<i64> {
    let can_be = at.position <= PackedPlace::LAST_POSITION;
    can_be.then(|| PackedPlace::from(at).as_i64())
}

fn entry(row: Row) -> Result<EntryBody, Problem> {
    let Row { points, available, held, pending, .. } = row;
    let owed = available + held + pending - points;
    let named = |kind: Option<String>, id: Option<String>| {
        kind.zip(id).map(|(kind, id)| CauseBody { kind, id })
    };
    Ok(EntryBody {
        kind: row.kind,
        points,
        balance: None,
        change: ChangeBody { available, held, pending, owed },
        cause: named(row.cause_kind, row.cause_id),
        exchange_id: row.exchange_id,
        cancellation_id: row.cancellation_id,
        hold_id: row.hold_id,
        transfer_id: row.transfer_id,
        counterparty: row.counterparty,
        withdrawal: named(row.withdrawal_kind, row.withdrawal_id),
        purchase_id: row.purchase_id,
        reference: row.reference,
        occurred_at: row.occurred_at.map(time).transpose()?,
        recorded_at: time(row.recorded_at)?,
        position: split_place(row.place),
        key: row.place,
    })
}
