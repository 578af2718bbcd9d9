//! `GET /v1/conversion-rates`: by which rates units become others; and one of them.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::UnitId;
use read_model::{ConversionRate, Query};
use wire::body::ConversionRateBody;
use wire::{
    Page, PathIds, Problem, QueryString, json_with_etag, json_with_version, page_limit, read_cursor,
};

use crate::cell::{json, optional_time, place, sum, text, time};
use crate::freshness::Fresh;
use crate::programme::VersionQuery;
use crate::{PageQuery, bad_cursor, failed};

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_conversion_rate.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_conversion_rates.sql")));

pub(crate) async fn get_conversion_rate(
    Fresh(mut reading): Fresh,
    PathIds(from, to): PathIds<UnitId, UnitId>,
    QueryString(query): QueryString<VersionQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let version = query.version.map(i64::from);
    let arguments = [from.as_str().into(), to.as_str().into(), version.into()];
    let row: Option<ConversionRate> =
        reading.optional(*SELECT, &arguments).await.map_err(failed)?;
    let row = row.ok_or_else(|| {
        Problem::not_found(
            "The conversion rate, or this version of it, doesn't exist. GET /v1/conversion-rates \
             lists all rates.",
        )
    })?;
    json_with_version(&headers, row.version.cast_unsigned(), &rate(row)?)
}

pub(crate) async fn list_conversion_rates(
    Fresh(mut reading): Fresh,
    QueryString(query): QueryString<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    const LIST_NAME: &str = "conversion-rates";
    let limit = page_limit(query.limit)?;
    let after = match read_cursor(LIST_NAME, query.cursor.as_deref())? {
        Some(key) => Some(read_key(&key).ok_or_else(bad_cursor)?),
        None => None,
    };
    let (from, to) = after.as_ref().map_or(("", ""), |(from, to)| (from.as_str(), to.as_str()));
    let arguments = [from.into(), to.into(), (limit + 1).into()];
    let rows: Vec<ConversionRate> = reading.all(*LIST, &arguments).await.map_err(failed)?;
    let rates = rows.into_iter().map(rate).collect::<Result<Vec<_>, _>>()?;
    let key = |rate: &ConversionRateBody| format!("{}/{}", rate.from, rate.to);
    json_with_etag(&headers, &Page::of(rates, limit, LIST_NAME, key))
}

fn read_key(key: &str) -> Option<(UnitId, UnitId)> {
    let (from, to) = key.split_once('/')?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

fn rate(row: ConversionRate) -> Result<ConversionRateBody, Problem> {
    let position = place(row.partition, row.position)?;
    let rate = domain::ConversionRate {
        terms: json(&row.terms)?,
        version: sum(row.version)?,
        closed_at: optional_time(row.closed_at)?,
        changed_at: position.position,
    };
    let units = (text(&row.from_unit)?, text(&row.to_unit)?);
    Ok(ConversionRateBody::new(units, rate, Some(time(row.recorded_at)?), position))
}
