//! `PUT /v1/ladders/{ladder}`: makes a ladder, or replaces its terms with `If-Match`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::command::{ExpectedVersion, SetLadder};
use domain::{
    Command, Event, KeptMonths, KeptYears, Ladder, LadderId, LadderTerms, Level, Levels, Subject,
    Window, WindowMonths, YearFrom,
};
use wire::body::{KeepsBody, LadderBody, LevelBody, PutLadderBody, WindowBody};
use wire::{Caller, JsonBody, Object, PathId, Precondition, Problem};

use crate::CommandApi;
use crate::execute::unexpected;
use crate::put_offer::new_if_asked;
use crate::refusal_problem::ladder_not_found_where_unknown;

pub(crate) async fn put_ladder(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(ladder): PathId<LadderId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PutLadderBody>,
) -> Result<Response, Problem> {
    let precondition = Precondition::read(&headers)?;
    let expected = match &precondition {
        Precondition::Absent | Precondition::IsNew => ExpectedVersion::Absent,
        Precondition::AnyVersion => ExpectedVersion::Any,
        Precondition::Versions(versions) => ExpectedVersion::OneOf(versions.clone()),
    };
    let set = SetLadder { ladder, terms: terms(body)?, expected };
    let done = api.execute(Command::SetLadder(set), caller).await;
    let done = new_if_asked(&precondition, done.map_err(ladder_not_found_where_unknown))?;
    let is_new = matches!(&done.event, Some(Event::LadderSet(fact)) if fact.version == 1);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let Some(Subject::Ladder(subject)) = &done.subject else { return Err(unexpected()) };
    let Ladder { terms, version, .. } = &**subject;
    let body = LadderBody::new(ladder, terms.clone(), *version, None, done.place);
    done.respond_version(status, body.version, &body)
}

fn terms(body: PutLadderBody) -> Result<LadderTerms, Problem> {
    let PutLadderBody { unit, levels, window, keeps, downgrade, returns, adjustments } = body;
    let level = |Object(LevelBody { tier, from }): Object<LevelBody>| Level { tier, from };
    let levels: Vec<Level> = levels.into_iter().map(level).collect();
    let levels = Levels::try_from(levels);
    let levels = levels.map_err(|error| Problem::invalid_field("levels", error.to_string()))?;
    let window = window_of(window, keeps.map(|Object(keeps)| keeps))?;
    Ok(LadderTerms { unit, levels, window, downgrade, returns, adjustments })
}

fn window_of(window: WindowBody, keeps: Option<KeepsBody>) -> Result<Window, Problem> {
    let invalid = |field: &str, complaint: &dyn std::fmt::Display| {
        Err(Problem::invalid_field(field, complaint.to_string()))
    };
    match (window, keeps) {
        (WindowBody::YearFrom(from), Some(KeepsBody { years, months })) => {
            let Ok(from) = from.parse::<YearFrom>() else {
                let complaint = "must be a month and day such as 04-01, and not 02-29";
                return invalid("window.year_from", &complaint);
            };
            let years = match KeptYears::try_from(years.unwrap_or_default()) {
                Ok(years) => years,
                Err(error) => return invalid("keeps.years", &error),
            };
            match KeptMonths::try_from(months.unwrap_or_default()) {
                Ok(months) => Ok(Window::Years { from, years, months }),
                Err(error) => invalid("keeps.months", &error),
            }
        }
        (WindowBody::Months(_), Some(KeepsBody { years: Some(_), .. })) => {
            invalid("keeps.years", &"is for a window with year_from; send keeps.months")
        }
        (WindowBody::Months(months), Some(KeepsBody { years: None, months: keeps })) => {
            let months = match WindowMonths::try_from(months) {
                Ok(months) => months,
                Err(error) => return invalid("window.months", &error),
            };
            match WindowMonths::try_from(keeps.unwrap_or_default()) {
                Ok(keeps) => Ok(Window::Months { months, keeps }),
                Err(error) => invalid("keeps.months", &error),
            }
        }
        (WindowBody::Ever, None) => Ok(Window::Ever),
        (WindowBody::Ever, Some(_)) => {
            invalid("keeps", &"must be left out: a tier of all that ever counted has no end")
        }
        (WindowBody::YearFrom(_), None) => {
            invalid("keeps", &"must say for how long a level holds: {\"years\",\"months\"}")
        }
        (WindowBody::Months(_), None) => {
            invalid("keeps", &"must say for how long a level holds: {\"months\"}")
        }
    }
}
