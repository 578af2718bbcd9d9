//! Purchases: one, an account's (newest first), and all that bear an id, whoever they belong to.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{AccountId, Category, Points, ProductId, PurchaseId, ShippingStatus, Units};
use read_model::{Purchase, Query};
use serde::Deserialize;
use wire::body::{PurchaseBody, PurchaseLineBody, PurchaseRefusalBody};
use wire::{Page, PathId, PathIds, Problem, QueryString, json_with_etag, page_limit, read_cursor};

use crate::account_balance::check_exists;
use crate::account_list::{ListQuery, time_key};
use crate::cell::{
    json, optional_text, optional_time, points, rule_version, split_place, sum, text, time,
};
use crate::freshness::Fresh;
use crate::parcel::{Delivery, parcels};
use crate::{failed, row_of_account};

/// The text of a query for purchases.
macro_rules! purchases {
    ($which:literal) => {
        concat!(include_str!("sql/select_purchases.sql"), include_str!($which))
    };
}

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(purchases!("sql/select_purchase.sql")));
static FIND: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(purchases!("sql/find_purchases.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(purchases!("sql/list_purchases.sql")));

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

/// A purchase, and how far its shipping request is, where it has one.
#[derive(sql_macros::FromRow)]
struct Row {
    #[sqlx(flatten)]
    purchase: Purchase,
    #[sqlx(flatten)]
    delivery: Delivery,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindQuery {
    purchase_id: PurchaseId,
    limit: Option<u32>,
    cursor: Option<String>,
}

pub(crate) async fn get_purchase(
    Fresh(mut reading): Fresh,
    PathIds(account_id, purchase_id): PathIds<AccountId, PurchaseId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row: Option<Row> =
        row_of_account(&mut reading, *SELECT, &account_id, purchase_id.as_str()).await?;
    let row = row.ok_or_else(|| {
        Problem::not_found(format!("The account {account_id} has no purchase {purchase_id}."))
    })?;
    json_with_etag(&headers, &purchase(row)?)
}

pub(crate) async fn list_purchases(
    Fresh(mut reading): Fresh,
    PathId(account_id): PathId<AccountId>,
    QueryString(query): QueryString<ListQuery<ShippingStatus>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let page = query.page("purchases", &account_id)?;
    let rows: Vec<Row> = page.read(&mut reading, *LIST, &account_id).await?;
    // One that has purchases exists.
    if rows.is_empty() {
        check_exists(&mut reading, &account_id).await?;
    }
    let purchases = rows.into_iter().map(purchase).collect::<Result<Vec<_>, _>>()?;
    let key = |purchase: &PurchaseBody| time_key(purchase.recorded_at, purchase.position);
    let is_asked_for = |purchase: &PurchaseBody| {
        query.status.is_none_or(|status| Some(status) == purchase.status)
            && query.unit.is_none_or(|unit| unit == purchase.unit)
    };
    json_with_etag(&headers, &page.of(purchases, key, is_asked_for))
}

pub(crate) async fn find_purchases(
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<FindQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let list = format!("purchases called {}", query.purchase_id);
    let limit = page_limit(query.limit)?;
    let after = read_cursor(&list, query.cursor.as_deref())?.unwrap_or_default();
    let rows: Vec<Row> = reading
        .all(*FIND, &[query.purchase_id.as_str().into(), after.as_str().into(), (limit + 1).into()])
        .await
        .map_err(failed)?;
    let purchases = rows.into_iter().map(purchase).collect::<Result<Vec<_>, _>>()?;
    let page = Page::of(purchases, limit, &list, |purchase| purchase.account_id.to_string());
    json_with_etag(&headers, &page)
}

fn purchase(row: Row) -> Result<PurchaseBody, Problem> {
    let Row { purchase: row, delivery } = row;
    let Delivery { status, reason, carrier, express_no, parcels } = delivery;
    let lines: Vec<LineRow> = json(&row.lines)?;
    let status: Option<ShippingStatus> = optional_text(status.as_deref())?;
    // A shopper may not read an operator's reason.
    let is_warehouses =
        matches!(status, Some(ShippingStatus::Rejected | ShippingStatus::BackOrdered));
    Ok(PurchaseBody {
        purchase_id: text(&row.purchase_id)?,
        account_id: text(&row.account_id)?,
        lines: lines.into_iter().map(line).collect(),
        unit: text(&row.unit)?,
        points: sum(row.points)?,
        credit_refused: optional_text(row.credit_refused.as_deref())?
            .map(|code| PurchaseRefusalBody { code, claimed: row.points > 0 }),
        points_before_cap: row.points_before_cap.map(points).transpose()?,
        rule: rule_version(row.rule_id.as_deref(), row.rule_version)?,
        returned_points: sum(row.returned_points)?,
        withdrawn_points: sum(row.withdrawn_points)?,
        warehouse: optional_text(row.warehouse.as_deref())?,
        status,
        reason: reason.filter(|_| is_warehouses),
        parcels: self::parcels(parcels.as_deref())?,
        carrier: optional_text(carrier.as_deref())?,
        express_no: optional_text(express_no.as_deref())?,
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
