//! Purchases: one, and an account's, newest first.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, Category, Points, ProductId, PurchaseId, Units};
use read_model::{Purchase, Query};
use serde::Deserialize;
use wire::body::{PurchaseBody, PurchaseLineBody, PurchaseRefusalBody};
use wire::{Page, PathId, PathIds, Problem, QueryString, json_with_etag};

use crate::account_balance::check_exists;
use crate::cell::{json, optional_text, optional_time, rule_version, split_place, sum, text, time};
use crate::freshness::Fresh;
use crate::ledger_entry::{PageQuery, position_key};
use crate::{row_of_account, rows_of_account};

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_purchase.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_purchases.sql")));

/// A line as the table keeps it.
#[derive(Deserialize)]
struct LineRow {
    product_id: ProductId,
    quantity: Units,
    amount: Option<u64>,
    category: Option<Category>,
    points: Option<Points>,
    returned: u64,
}

pub(crate) async fn get_purchase(
    Fresh(mut reading): Fresh,
    PathIds(account_id, purchase_id): PathIds<AccountId, PurchaseId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row: Option<Purchase> =
        row_of_account(&mut reading, *SELECT, &account_id, purchase_id.as_str()).await?;
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
    let rows: Vec<Purchase> =
        rows_of_account(&mut reading, *LIST, &account_id, before, limit).await?;
    if rows.is_empty() {
        check_exists(&mut reading, &account_id).await?;
    }
    let purchases = rows.into_iter().map(purchase).collect::<Result<Vec<_>, _>>()?;
    let page = Page::of(purchases, limit, &list, |purchase| position_key(purchase.position));
    json_with_etag(&headers, &page)
}

fn purchase(row: Purchase) -> Result<PurchaseBody, Problem> {
    let lines: Vec<LineRow> = json(&row.lines)?;
    Ok(PurchaseBody {
        purchase_id: text(&row.purchase_id)?,
        account_id: text(&row.account_id)?,
        lines: lines.into_iter().map(line).collect(),
        points: sum(row.points)?,
        credit_refused: optional_text(row.credit_refused.as_deref())?
            .map(|code| PurchaseRefusalBody { code, claimed: row.points > 0 }),
        rule: rule_version(row.rule_id.as_deref(), row.rule_version)?,
        returned_points: sum(row.returned_points)?,
        withdrawn_points: sum(row.withdrawn_points)?,
        warehouse: optional_text(row.warehouse.as_deref())?,
        occurred_at: optional_time(row.occurred_at)?,
        recorded_at: time(row.recorded_at)?,
        position: split_place(row.place),
    })
}

fn line(row: LineRow) -> PurchaseLineBody {
    let LineRow { product_id, quantity, amount, category, points, returned } = row;
    let points = points.unwrap_or(Points::ZERO);
    PurchaseLineBody { product_id, quantity, amount, category, points, returned }
}
