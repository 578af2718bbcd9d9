//! Purchases: one, an account's (newest first), and all that bear an id, whoever they belong to.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::{
    AccountId, Category, LadderTier, Points, ProductId, PurchaseId, RefusalCode, RuleId,
    ShippingStatus, UnitId, UnitPoints, Units,
};
use read_model::{Purchase, Query};
use serde::Deserialize;
use wire::body::{
    EarnedOfUnitBody, LadderTierBody, PurchaseBody, PurchaseLineBody, PurchaseRefusalBody,
    RuleVersionBody, UnitPointsBody,
};
use wire::{Page, PathId, PathIds, Problem, QueryString, json_with_etag, page_limit};

use crate::account_balance::check_exists;
use crate::account_list::{ListQuery, time_key};
use crate::cell::{json, optional_text, optional_time, split_place, text, time};
use crate::freshness::Fresh;
use crate::parcel::{Delivery, parcels};
use crate::{failed, id_after, row_of_account};

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
    #[serde(default)]
    earned: Vec<UnitPoints>,
    returned: u64,
}

/// What a purchase earned of a unit, as the table keeps it.
#[derive(Deserialize)]
struct EarnedRow {
    unit: UnitId,
    points: u64,
    rule_id: Option<RuleId>,
    rule_version: Option<u64>,
    points_before_cap: Option<Points>,
    tier: Option<LadderTier>,
    refused: Option<RefusalCode>,
    returned_points: u64,
    withdrawn_points: u64,
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
    let mut page = query.page("purchases", &account_id)?;
    let at = |row: &Row| (row.purchase.recorded_at, row.purchase.place);
    let rows: Vec<Row> = page.read(&mut reading, *LIST, &account_id, at).await?;
    // One that has purchases exists.
    if rows.is_empty() {
        check_exists(&mut reading, &account_id).await?;
    }
    let purchases = rows.into_iter().map(purchase).collect::<Result<Vec<_>, _>>()?;
    let key = |purchase: &PurchaseBody| time_key(purchase.recorded_at, purchase.position);
    let is_asked_for = |purchase: &PurchaseBody| {
        query.status.is_none_or(|status| Some(status) == purchase.status)
            && query.unit.is_none_or(|unit| purchase.earned.iter().any(|it| it.unit == unit))
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
    let after = id_after::<AccountId>(&list, query.cursor.as_deref())?;
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
    let earned: Vec<EarnedRow> = json(&row.earned)?;
    let credit_refused = earned.iter().filter_map(refusal).collect();
    let earned: Vec<EarnedOfUnitBody> = earned.into_iter().map(of_unit).collect();
    let first = earned.first();
    let unit = first.map(|first| first.unit).unwrap_or_default();
    let status: Option<ShippingStatus> = optional_text(status.as_deref())?;
    // A shopper may not read an operator's reason.
    let is_warehouses =
        matches!(status, Some(ShippingStatus::Rejected | ShippingStatus::BackOrdered));
    Ok(PurchaseBody {
        purchase_id: text(&row.purchase_id)?,
        account_id: text(&row.account_id)?,
        lines: lines.into_iter().map(|row| line(row, unit)).collect(),
        unit,
        points: first.map_or(0, |first| first.points),
        credit_refused,
        points_before_cap: first.and_then(|first| first.points_before_cap),
        rule: first.and_then(|first| first.rule.clone()),
        returned_points: first.map_or(0, |first| first.returned_points),
        withdrawn_points: first.map_or(0, |first| first.withdrawn_points),
        earned,
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

/// A line, with what it earned of the purchase's first unit.
fn line(row: LineRow, unit: UnitId) -> PurchaseLineBody {
    let LineRow { product_id, quantity, amount, category, earned, returned } = row;
    let earned: Vec<_> = earned.into_iter().map(UnitPointsBody::from).collect();
    let first = earned.iter().find(|earned| earned.unit == unit);
    let points = first.map_or(Points::ZERO, |first| first.points);
    PurchaseLineBody { product_id, quantity, amount, category, points, earned, returned }
}

fn refusal(row: &EarnedRow) -> Option<PurchaseRefusalBody> {
    let claimed = row.points > 0;
    row.refused.map(|code| PurchaseRefusalBody { unit: row.unit, code, claimed })
}

fn of_unit(row: EarnedRow) -> EarnedOfUnitBody {
    let EarnedRow {
        unit,
        points,
        rule_id,
        rule_version,
        points_before_cap,
        tier,
        refused: _,
        returned_points,
        withdrawn_points,
    } = row;
    let rule = rule_id.zip(rule_version);
    EarnedOfUnitBody {
        unit,
        points,
        rule: rule.map(|(rule_id, version)| RuleVersionBody { rule_id, version }),
        points_before_cap,
        tier: tier.map(LadderTierBody::from),
        returned_points,
        withdrawn_points,
    }
}
