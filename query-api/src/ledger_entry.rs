//! `GET /v1/accounts/{account_id}/entries`: the statement, newest first.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::AccountId;
use serde::{Deserialize, Serialize};
use wire::{Page, PathId, Problem, QueryString, json_with_etag, page_limit, read_cursor};

use crate::account_balance::check_exists;
use crate::freshness::Fresh;
use crate::{QueryApi, failed, place, time};

const LIST: &str = include_str!("sql/list_ledger_entries.sql");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
    partition: i64,
    position: i64,
    kind: String,
    points: i64,
    cause_kind: Option<String>,
    cause_id: Option<String>,
    exchange_id: Option<String>,
    occurred_at: Option<i64>,
    recorded_at: i64,
}

#[derive(Serialize)]
struct EntryBody {
    kind: String,
    /// Positive where credit came in, negative where it went.
    points: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<CauseBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<String>,
    recorded_at: String,
    position: String,
    #[serde(skip)]
    key: i64,
}

#[derive(Serialize)]
struct CauseBody {
    kind: String,
    id: String,
}

pub(crate) async fn list_entries(
    State(api): State<QueryApi>,
    _: Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (limit, before) = query.position_page("entries")?;
    check_exists(&api, &account_id).await?;
    let rows: Vec<Row> = sqlx::query_as(LIST)
        .bind(account_id.as_str())
        .bind(before)
        .bind(limit + 1)
        .fetch_all(api.read_model.pool())
        .await
        .map_err(failed)?;
    let entries = rows.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    let page = Page::of(entries, limit, "entries", |entry| entry.key.to_string());
    json_with_etag(&headers, &page)
}

impl PageQuery {
    /// The limit, and the position that a newest-first list goes on before.
    pub(crate) fn position_page(&self, list: &str) -> Result<(u32, i64), Problem> {
        let limit = page_limit(self.limit)?;
        let before = match read_cursor(list, self.cursor.as_deref())? {
            None => i64::MAX,
            Some(key) => key.parse().map_err(|_| {
                Problem::invalid_query("cursor", "must be a cursor that this list gave, unchanged")
            })?,
        };
        Ok((limit, before))
    }
}

fn entry(row: Row) -> Result<EntryBody, Problem> {
    Ok(EntryBody {
        kind: row.kind,
        points: row.points,
        cause: row.cause_kind.zip(row.cause_id).map(|(kind, id)| CauseBody { kind, id }),
        exchange_id: row.exchange_id,
        occurred_at: row.occurred_at.map(time).transpose()?,
        recorded_at: time(row.recorded_at)?,
        position: place(row.partition, row.position),
        key: row.partition << 48 | row.position,
    })
}
