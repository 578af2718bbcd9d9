//! `GET /v1/units`: the kinds of points, in the order in which they were made; and one of them.

use std::sync::LazyLock;

use axum::http::HeaderMap;
use axum::response::Response;
use domain::UnitId;
use read_model::{Query, Reading, Unit};
use wire::body::UnitBody;
use wire::{Page, PathId, Problem, json_with_etag, json_with_version};

use crate::cell::{broken, optional_text, optional_time, place, sum, text};
use crate::failed;
use crate::freshness::Fresh;

static SELECT: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/select_unit.sql")));
static LIST: LazyLock<Query> =
    LazyLock::new(|| Query::with_columns(include_str!("sql/list_units.sql")));

pub(crate) async fn get_unit(
    Fresh(mut reading): Fresh,
    PathId(unit): PathId<UnitId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let row = find_unit(&mut reading, unit).await?.ok_or_else(|| {
        Problem::not_found(format!("The unit {unit} doesn't exist. GET /v1/units lists all units."))
    })?;
    json_with_version(&headers, row.version.cast_unsigned(), &body(row)?)
}

/// There are a hundred at most, so they are one page.
pub(crate) async fn list_units(
    Fresh(mut reading): Fresh,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let rows: Vec<Unit> = reading.all(*LIST, &[]).await.map_err(failed)?;
    let items = rows.into_iter().map(body).collect::<Result<Vec<_>, _>>()?;
    json_with_etag(&headers, &Page { items, next: None })
}

/// A unit, if there is such a one.
pub(crate) async fn find_unit(
    reading: &mut Reading,
    unit: UnitId,
) -> Result<Option<Unit>, Problem> {
    reading.optional(*SELECT, &[unit.as_str().into()]).await.map_err(failed)
}

/// The unit that a read asks for must be there: of a slip it would answer zeros, or nothing.
pub(crate) async fn check_unit(
    reading: &mut Reading,
    asked: Option<UnitId>,
) -> Result<(), Problem> {
    let Some(unit) = asked.filter(|unit| *unit != UnitId::POINTS) else { return Ok(()) };
    if find_unit(reading, unit).await?.is_none() {
        let complaint = "names a unit that doesn't exist; GET /v1/units lists them";
        return Err(Problem::invalid_query("unit", complaint));
    }
    Ok(())
}

fn body(row: Unit) -> Result<UnitBody, Problem> {
    let Unit {
        unit,
        made_at: _,
        name,
        spendable,
        decimals,
        time_zone,
        closed_at,
        version,
        partition,
        position,
    } = row;
    let digits = u8::try_from(decimals).map_err(|error| broken(decimals, &error))?;
    Ok(UnitBody {
        unit: text(&unit)?,
        name: optional_text(name.as_deref())?,
        spendable,
        decimals: digits.try_into().map_err(|error| broken(decimals, &error))?,
        time_zone: text(&time_zone)?,
        closed_at: optional_time(closed_at)?,
        version: sum(version)?,
        position: place(partition, position)?,
    })
}
