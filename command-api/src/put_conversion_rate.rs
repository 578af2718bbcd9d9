//! `PUT /v1/conversion-rates/{from}/{to}`: makes a conversion rate, or replaces its terms with
//! `If-Match`; `PUT …/closure` closes it.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::command::{CloseConversionRate, ExpectedVersion, SetConversionRate};
use domain::{Command, ConversionTerms, Event, Subject, UnitId};
use wire::body::{CloseConversionRateBody, ConversionRateBody, PutConversionRateBody};
use wire::{Caller, JsonBody, Object, PathIds, Precondition, Problem};

use crate::CommandApi;
use crate::execute::{Done, unexpected};
use crate::put_earning_rule::expiry_rule;
use crate::put_offer::new_if_asked;
use crate::refusal_problem::rate_not_found_where_unknown;

pub(crate) async fn put_conversion_rate(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(from, to): PathIds<UnitId, UnitId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PutConversionRateBody>,
) -> Result<Response, Problem> {
    let precondition = Precondition::read(&headers)?;
    let expected = match &precondition {
        Precondition::Absent | Precondition::IsNew => ExpectedVersion::Absent,
        Precondition::AnyVersion => ExpectedVersion::Any,
        Precondition::Versions(versions) => ExpectedVersion::OneOf(versions.clone()),
    };
    if from == to {
        return Err(Problem::invalid_id("to", "must be another unit than from"));
    }
    let set = SetConversionRate { from, to, terms: terms(body)?, expected };
    let done = api.execute(Command::SetConversionRate(set), caller).await;
    let done = new_if_asked(&precondition, done.map_err(rate_not_found_where_unknown))?;
    let is_new = matches!(&done.event, Some(Event::ConversionRateSet(fact)) if fact.version == 1);
    respond(&done, if is_new { StatusCode::CREATED } else { StatusCode::OK }, (from, to))
}

pub(crate) async fn close_conversion_rate(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(from, to): PathIds<UnitId, UnitId>,
    JsonBody(CloseConversionRateBody {}): JsonBody<CloseConversionRateBody>,
) -> Result<Response, Problem> {
    let close = CloseConversionRate { from, to };
    let done = api.execute(Command::CloseConversionRate(close), caller).await;
    let done = done.map_err(rate_not_found_where_unknown)?;
    respond(&done, done.status(), (from, to))
}

fn terms(body: PutConversionRateBody) -> Result<ConversionTerms, Problem> {
    let PutConversionRateBody { give, take, minimum, expiry } = body;
    let expiry = expiry.map(|Object(expiry)| expiry_rule(expiry)).transpose()?;
    Ok(ConversionTerms { give, take, minimum, expiry })
}

fn respond(done: &Done, status: StatusCode, units: (UnitId, UnitId)) -> Result<Response, Problem> {
    let Some(Subject::ConversionRate(rate)) = &done.subject else { return Err(unexpected()) };
    let body = ConversionRateBody::new(units, (**rate).clone(), None, done.place);
    done.respond_version(status, body.version, &body)
}
