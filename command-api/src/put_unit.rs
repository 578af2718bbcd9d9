//! `PUT /v1/units/{unit}`: makes a unit, or gives it another name with `If-Match`;
//! `PUT …/closure` closes it.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::command::{CloseUnit, ExpectedVersion, SetUnit};
use domain::{Command, Event, Subject, UnitId, UnitTerms};
use wire::body::{CloseUnitBody, PutUnitBody, UnitBody};
use wire::{Caller, JsonBody, PathId, Precondition, Problem};

use crate::CommandApi;
use crate::execute::{Done, unexpected};
use crate::put_offer::new_if_asked;
use crate::refusal_problem::{closed_unit_not_found, unit_not_found_where_unknown};

pub(crate) async fn put_unit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(unit): PathId<UnitId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PutUnitBody>,
) -> Result<Response, Problem> {
    let precondition = Precondition::read(&headers)?;
    let expected = match &precondition {
        Precondition::Absent | Precondition::IsNew => ExpectedVersion::Absent,
        Precondition::AnyVersion => ExpectedVersion::Any,
        Precondition::Versions(versions) => ExpectedVersion::OneOf(versions.clone()),
    };
    let set = SetUnit { unit, terms: terms(body)?, expected };
    let done = api.execute(Command::SetUnit(set), caller).await;
    let done = new_if_asked(&precondition, done.map_err(unit_not_found_where_unknown))?;
    let is_new = matches!(&done.event, Some(Event::UnitSet(fact)) if fact.version == 1);
    respond(&done, if is_new { StatusCode::CREATED } else { StatusCode::OK }, unit)
}

pub(crate) async fn close_unit(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(unit): PathId<UnitId>,
    JsonBody(CloseUnitBody {}): JsonBody<CloseUnitBody>,
) -> Result<Response, Problem> {
    let done = api.execute(Command::CloseUnit(CloseUnit { unit }), caller).await;
    let done = done.map_err(closed_unit_not_found)?;
    respond(&done, done.status(), unit)
}

fn terms(body: PutUnitBody) -> Result<UnitTerms, Problem> {
    let PutUnitBody { name, spendable, decimals, time_zone } = body;
    if let Err(unknown) = time_zone.calendar() {
        return Err(Problem::invalid_field("time_zone", unknown.to_string()));
    }
    Ok(UnitTerms { name, spendable: spendable.unwrap_or(true), decimals, time_zone })
}

fn respond(done: &Done, status: StatusCode, unit: UnitId) -> Result<Response, Problem> {
    let Some(Subject::Unit(subject)) = &done.subject else { return Err(unexpected()) };
    let body = UnitBody::new(unit, (**subject).clone(), done.place);
    done.respond_version(status, body.version, &body)
}
