//! `GET /v1/accounts/{account_id}/entries`: the statement, newest first; and one entry with what it
//! drew on.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, LotPart, Timestamp, UnitId, Units};
use log_record::Place;
use read_model::{LedgerEntry, Query, Reading};
use serde::Deserialize;
use wire::body::{
    ChangeBody, EntryLotBody, EntryWithdrawalBody, ExplainedEntryBody, LedgerEntryBody,
};
use wire::{Caller, PathId, PathIds, Problem, QueryString, json_with_etag};

use crate::account_balance::check_exists;
use crate::account_list::{EntriesQuery, time_key};
use crate::cell::{
    cancellation_id, cause, json, optional_text, optional_time, place_key, points, split_place,
    text, time, units,
};
use crate::family::Family;
use crate::freshness::Fresh;
use crate::origin::{find_lot, origin_for, read_lots};
use crate::past::PastOf;
use crate::standing::{lot_key, read_parts, recorded_totals, unit_id};
use crate::{QueryApi, bad_cursor, failed};

/// The text of a query for entries.
macro_rules! entries {
    ($which:literal) => {
        concat!(include_str!("sql/select_ledger_entries.sql"), include_str!($which))
    };
}

static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(entries!("sql/list_ledger_entries.sql")));
static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(entries!("sql/select_ledger_entry.sql")));
const SUM: Query = Query::same(include_str!("sql/sum_ledger_entries.sql"));
static SUM_EXPIRED: LazyLock<Query> = LazyLock::new(|| {
    let query = Query::same(include_str!("sql/sum_expired_entries.sql"));
    query.by_index("ledger_entry_has_expired")
});

/// What an entry can be.
const KINDS: [&str; 25] = [
    "credit-converted",
    "credit-deducted",
    "credit-earned",
    "credit-expired",
    "credit-given-back",
    "credit-held",
    "credit-matured",
    "credit-received",
    "credit-refunded",
    "credit-returned",
    "credit-sent",
    "credit-withdrawn",
    "debt-passed-on",
    "debt-repaid",
    "debt-taken-over",
    "hold-captured",
    "hold-released",
    "hold-swapped",
    "return-reversed",
    "tier-grant-ended",
    "tier-granted",
    "tier-kept",
    "tier-lapsed",
    "tier-reached",
    "withdrawal-reversed",
];

/// An entry, and what was redeemed with it.
#[derive(sql_macros::FromRow)]
struct Row {
    #[sqlx(flatten)]
    entry: LedgerEntry,
    offer_id: Option<String>,
    product_id: Option<String>,
    ordered: Option<i64>,
    /// The fact `exchange-cancelled`, of a refund.
    cancelled: Option<String>,
    paid_exchange: Option<String>,
}

#[derive(Deserialize)]
struct Cancelled {
    quantity: Units,
}

#[derive(sql_macros::FromRow)]
struct Points {
    points: i64,
}

pub(crate) async fn list_entries(
    State(api): State<QueryApi>,
    caller: Caller,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<EntriesQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if query.kind.as_deref().is_some_and(|kind| !KINDS.contains(&kind)) {
        let complaint = format!("must be one of {}", KINDS.join(", "));
        return Err(Problem::invalid_query("kind", complaint));
    }
    let mut page = query.page(&account_id)?;
    let of = PastOf::Account(account_id.clone());
    let mut reading = api.reading_of(&caller, &headers, query.at, of).await?;
    check_exists(&mut reading, &account_id).await?;
    // The entries before an entry never change, so neither do the balances up to there.
    let at = |row: &Row| (row.entry.recorded_at, row.entry.place);
    let family = Family::read(&mut reading, &account_id).await.map_err(failed)?;
    let rows: Vec<Row> = page.read_family(&mut reading, *LIST, &family, at).await?;
    let begun = match &page.more {
        None => balances_until(&mut reading, &family, query.until).await?,
        Some(balances) => read_balances(balances).ok_or_else(bad_cursor)?,
    };
    let mut balances = begun.clone();
    let mut moves = vec![];
    let entries = rows.into_iter().map(|row| {
        let of = Some(&*row.entry.account_id).filter(|of| *of != account_id.as_str());
        let other = optional_text(of)?;
        let entry = LedgerEntryBody { account_id: other, ..entry(row)? };
        let balance = balances.entry(entry.unit).or_default();
        let entry = LedgerEntryBody { balance: Some(*balance), ..entry };
        // A cursor may say anything of what was before it.
        *balance = balance.checked_sub(entry.points).ok_or_else(bad_cursor)?;
        moves.push((entry.position, entry.unit, entry.points));
        Ok(entry)
    });
    let entries = entries.collect::<Result<Vec<_>, Problem>>()?;
    let key = |last: &LedgerEntryBody| {
        // As above, so none is too large.
        let mut before = begun.clone();
        for (position, unit, points) in &moves {
            *before.entry(*unit).or_default() -= points;
            if *position == last.position {
                break;
            }
        }
        let before = write_balances(&before, query.unit);
        format!("{}:{before}", time_key(last.recorded_at, last.position))
    };
    let is_asked_for = |entry: &LedgerEntryBody| {
        query.kind.as_ref().is_none_or(|kind| *kind == entry.kind)
            && query.unit.is_none_or(|unit| unit == entry.unit)
    };
    json_with_etag(&headers, &page.of(entries, key, is_asked_for))
}

/// What the accounts had of each unit at a time; without one, what they have.
async fn balances_until(
    reading: &mut Reading,
    family: &Family,
    until: Option<Timestamp>,
) -> Result<BTreeMap<UnitId, i64>, Problem> {
    let mut balances = BTreeMap::new();
    for account in &family.accounts {
        let totals = recorded_totals(reading, account.as_str()).await.map_err(failed)?;
        for (unit, points) in totals {
            *balances.entry(unit).or_default() += points;
        }
        let Some(until) = until else { continue };
        let arguments = [account.as_str().into(), until.micros().into()];
        let since: Vec<(String, i64)> = reading.all(SUM, &arguments).await.map_err(failed)?;
        for (unit, points) in since {
            *balances.entry(unit_id(&unit).map_err(failed)?).or_default() -= points;
        }
    }
    Ok(balances)
}

/// Balances as a cursor has them: of the unit that is asked for, or of all. What isn't there is 0.
fn write_balances(balances: &BTreeMap<UnitId, i64>, asked: Option<UnitId>) -> String {
    let kept = |(unit, balance): &(&UnitId, &i64)| {
        **balance != 0 && asked.is_none_or(|asked| asked == **unit)
    };
    let balances = balances.iter().filter(kept).map(|(unit, balance)| format!("{unit}={balance}"));
    balances.collect::<Vec<_>>().join(",")
}

fn read_balances(cursor: &str) -> Option<BTreeMap<UnitId, i64>> {
    if cursor.is_empty() {
        return Some(BTreeMap::new());
    }
    let balance = |text: &str| {
        let (unit, balance) = text.split_once('=')?;
        Some((unit.parse().ok()?, balance.parse().ok()?))
    };
    cursor.split(',').map(balance).collect()
}

/// How much of an account's credit of a unit is recorded as expired since a time, in microseconds.
pub(crate) async fn expired_since(
    reading: &mut Reading,
    account_id: &AccountId,
    unit: UnitId,
    since: i64,
) -> Result<i64, Problem> {
    let arguments = [account_id.as_str().into(), since.into(), unit.as_str().into()];
    let Points { points } = reading.one(*SUM_EXPIRED, &arguments).await.map_err(failed)?;
    Ok(-points)
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
    let row: Option<Row> = reading
        .optional(*SELECT, &[account_id.as_str().into(), key.into()])
        .await
        .map_err(failed)?;
    let row = row.ok_or_else(no_entry)?;
    let parts = |json: Option<&str>| json.map(read_parts).transpose().map_err(failed);
    let (drawn, released) =
        (parts(row.entry.lots.as_deref())?, parts(row.entry.released.as_deref())?);
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

fn entry(row: Row) -> Result<LedgerEntryBody, Problem> {
    let Row { entry: row, offer_id, product_id, ordered, cancelled, paid_exchange } = row;
    let cancelled: Option<Cancelled> = cancelled.as_deref().map(json).transpose()?;
    let quantity = match cancelled {
        Some(Cancelled { quantity }) => Some(quantity),
        None => ordered.map(units).transpose()?,
    };
    let exchange_id = row.exchange_id.or(paid_exchange);
    let LedgerEntry { points, available, held, pending, .. } = row;
    let owed = available + held + pending - points;
    let cause_of = row.cause_kind.as_deref().zip(row.cause_id.as_deref());
    let withdrawal = match (row.withdrawal_kind, row.withdrawal_id.as_deref()) {
        (Some(kind), Some(id)) => Some(EntryWithdrawalBody { kind, id: text(id)? }),
        _ => None,
    };
    Ok(LedgerEntryBody {
        account_id: None,
        unit: text(&row.unit)?,
        kind: row.kind,
        points,
        balance: None,
        change: ChangeBody { available, held, pending, owed },
        cause: cause_of.map(|(kind, id)| cause(kind, id)).transpose()?,
        exchange_id: optional_text(exchange_id.as_deref())?,
        offer_id: optional_text(offer_id.as_deref())?,
        product_id: optional_text(product_id.as_deref())?,
        quantity,
        cancellation_id: row.cancellation_id.as_deref().map(cancellation_id).transpose()?,
        hold_id: optional_text(row.hold_id.as_deref())?,
        refund_id: optional_text(row.refund_id.as_deref())?,
        transfer_id: optional_text(row.transfer_id.as_deref())?,
        counterparty: optional_text(row.counterparty.as_deref())?,
        withdrawal,
        purchase_id: optional_text(row.purchase_id.as_deref())?,
        reference: optional_text(row.reference.as_deref())?,
        tier: row.tier.as_deref().map(json).transpose()?,
        occurred_at: optional_time(row.occurred_at)?,
        recorded_at: time(row.recorded_at)?,
        position: split_place(row.place),
    })
}
