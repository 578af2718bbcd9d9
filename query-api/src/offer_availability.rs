//! `GET /v1/offers` and `/v1/offers/{offer_id}`: what can be had, and what is left of it.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::OfferId;
use read_model::{OfferAvailability, Query};
use wire::body::{OfferBody, OfferStatus};
use wire::{
    Page, PathId, Problem, QueryString, json_with_etag, json_with_version, page_limit, read_cursor,
};

use crate::cell::{broken, optional_time, place, points, sum, text, units};
use crate::failed;
use crate::freshness::Fresh;
use crate::ledger_entry::PageQuery;

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_offer_availability.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_offer_availability.sql")));

pub(crate) async fn get_offer(
    Fresh(mut reading): Fresh,
    PathId(offer_id): PathId<OfferId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row: Option<OfferAvailability> =
        reading.optional(*SELECT, &[offer_id.as_str().into()]).await.map_err(failed)?;
    let row = row.ok_or_else(|| {
        Problem::not_found("The offer doesn't exist. GET /v1/offers lists all of them.")
    })?;
    json_with_version(&headers, row.version.cast_unsigned(), &offer(row)?)
}

pub(crate) async fn list_offers(
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = page_limit(query.limit)?;
    let after = read_cursor("offers", query.cursor.as_deref())?.unwrap_or_default();
    let rows: Vec<OfferAvailability> =
        reading.all(*LIST, &[after.as_str().into(), (limit + 1).into()]).await.map_err(failed)?;
    let offers = rows.into_iter().map(offer).collect::<Result<Vec<_>, _>>()?;
    json_with_etag(&headers, &Page::of(offers, limit, "offers", |offer| offer.offer_id.to_string()))
}

fn offer(row: OfferAvailability) -> Result<OfferBody, Problem> {
    Ok(OfferBody {
        offer_id: text(&row.offer_id)?,
        product_id: text(&row.product_id)?,
        price: points(row.price)?,
        opens_at: optional_time(row.opens_at)?,
        closes_at: optional_time(row.closes_at)?,
        limit_per_shopper: row.limit_per_shopper.map(units).transpose()?,
        warehouse: text(&row.warehouse)?,
        stock: row.stock.map(sum).transpose()?,
        remaining: row.remaining.map(sum).transpose()?,
        version: sum(row.version)?,
        status: match &*row.phase {
            "open" => OfferStatus::Open,
            "closed" => OfferStatus::Closed,
            other => return Err(broken(other, &"no offer has this status")),
        },
        position: place(row.partition, row.position)?,
    })
}
