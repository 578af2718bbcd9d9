//! Purchases: one, and an account's, newest first.

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, PurchaseId};
use read_model::Query;
use serde::Serialize;
use serde_json::value::RawValue;
use wire::{Page, PathId, PathIds, Problem, QueryString, json_with_etag};

use crate::account_balance::check_exists;
use crate::freshness::Fresh;
use crate::ledger_entry::PageQuery;
use crate::origin::RuleBody;
use crate::{raw_json, row_of_account, rows_of_account, split_place, time};

const SELECT: Query = Query::same(include_str!("sql/select_purchase.sql"));
const LIST: Query = Query::same(include_str!("sql/list_purchases.sql"));

#[derive(sqlx::FromRow)]
struct Row {
    purchase_id: String,
    account_id: String,
    lines: String,
    points: i64,
    rule_id: Option<String>,
    rule_version: Option<i64>,
    warehouse: Option<String>,
    returned_points: i64,
    withdrawn_points: i64,
    place: i64,
    occurred_at: Option<i64>,
    recorded_at: i64,
}

#[derive(Serialize)]
struct PurchaseBody {
    purchase_id: String,
    account_id: String,
    lines: Box<RawValue>,
    points: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleBody>,
    /// What was to be taken back for what was returned.
    returned_points: i64,
    /// What was taken back in all, for returns and otherwise.
    withdrawn_points: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    warehouse: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<String>,
    recorded_at: String,
    position: String,
    #[serde(skip)]
    key: i64,
}

pub(crate) async fn get_purchase(
    Fresh(mut reading): Fresh,
    PathIds(account_id, purchase_id): PathIds<AccountId, PurchaseId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row: Option<Row> =
        row_of_account(&mut reading, SELECT, &account_id, purchase_id.as_str()).await?;
    let row = row.ok_or_else(|| {
        Problem::not_found(format!("The account {account_id} has no purchase {purchase_id}."))
    })?;
    json_with_etag(&headers, &purchase(row)?)
}

pub(crate) async fn list_purchases(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list = format!("purchases of {account_id}");
    let (limit, before) = query.position_page(&list)?;
    let rows: Vec<Row> = rows_of_account(&mut reading, LIST, &account_id, before, limit).await?;
    // A purchase that earns nothing makes no account.
    if rows.is_empty() {
        check_exists(&mut reading, &account_id).await?;
    }
    let purchases = rows.into_iter().map(purchase).collect::<Result<Vec<_>, _>>()?;
    let page = Page::of(purchases, limit, &list, |purchase| purchase.key.to_string());
    json_with_etag(&headers, &page)
}

fn purchase(row: Row) -> Result<PurchaseBody, Problem> {
    Ok(PurchaseBody {
        purchase_id: row.purchase_id,
        account_id: row.account_id,
        lines: raw_json(row.lines)?,
        points: row.points,
        rule: RuleBody::of(row.rule_id, row.rule_version),
        returned_points: row.returned_points,
        withdrawn_points: row.withdrawn_points,
        warehouse: row.warehouse,
        occurred_at: row.occurred_at.map(time).transpose()?,
        recorded_at: time(row.recorded_at)?,
        position: split_place(row.place),
        key: row.place,
    })
}
