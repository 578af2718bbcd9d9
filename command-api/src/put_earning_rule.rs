//! `PUT /v1/earning-rules/{rule_id}`: makes a rule, or replaces one with `If-Match`. With
//! `If-None-Match: *` it only makes. `PATCH` replaces some terms, and needs `If-Match`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::command::{ExpectedVersion, SetEarningRule, ShowTerms};
use domain::{
    BACKDATE_DAYS_MAX, Calendar, Cap, CategoryRate, Command, EarningRule, EarningTerms, Event,
    ExpiryRule, Multiplier, Rate, Refusal, RuleId, Subject, ZonedTime,
};
use wire::body::{
    CapBody, CategoryRateBody, EarningRuleBody, ExpiryBody, PutEarningRuleBody, PutMultiplierBody,
    RateBody,
};
use wire::{Caller, JsonBody, MergePatch, Object, PathId, Precondition, Problem};

use crate::CommandApi;
use crate::execute::{Done, unexpected};
use crate::patch::{if_match, is_overtaken, stale_or, versions_as_read};
use crate::put_offer::new_if_asked;
use crate::refusal_problem::not_found_where_unknown;

/// Ten thousand percent is a hundredfold; more is a slip.
const PERCENT_MAX: u32 = 10_000;

/// A hundred years of months, and ten of days: more is a slip.
const MONTHS_MAX: u16 = 1_200;
const YEARS_MAX: u16 = 100;
const PENDING_DAYS_MAX: u16 = 3_650;

pub(crate) async fn put_earning_rule(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(rule_id): PathId<RuleId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PutEarningRuleBody>,
) -> Result<Response, Problem> {
    let precondition = Precondition::read(&headers)?;
    let expected = match &precondition {
        Precondition::Absent | Precondition::IsNew => ExpectedVersion::Absent,
        Precondition::AnyVersion => ExpectedVersion::Any,
        Precondition::Versions(versions) => ExpectedVersion::OneOf(versions.clone()),
    };
    let set = SetEarningRule { rule_id: rule_id.clone(), terms: terms(body)?, expected };
    let done = api.execute(Command::SetEarningRule(set), caller).await;
    let done = new_if_asked(&precondition, done.map_err(not_found_where_unknown))?;
    respond(&done, rule_id)
}

pub(crate) async fn patch_earning_rule(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(rule_id): PathId<RuleId>,
    headers: HeaderMap,
    JsonBody(patch): JsonBody<MergePatch>,
) -> Result<Response, Problem> {
    const ANSWER_ONLY: &[&str] = &["rule_id", "version", "recorded_at", "position"];
    let read = if_match(&headers)?;
    loop {
        let shown = api.show(ShowTerms::Rule(rule_id.clone()), caller.clone()).await;
        let shown = shown.map_err(not_found_where_unknown)?;
        let Some(Subject::Rule(rule)) = shown.subject else { return Err(unexpected()) };
        let EarningRule { terms: present, version, changed_at: _, earlier: _, known_from: _ } =
            *rule;
        let present = EarningRuleBody::new(rule_id.clone(), present, version, None, shown.place);
        let merged = patch.onto(&present, ANSWER_ONLY).and_then(terms);
        let terms = merged.map_err(|problem| {
            stale_or(problem, read.matches(version), Refusal::RuleChanged { version })
        })?;
        let expected = ExpectedVersion::OneOf(versions_as_read(&read, version));
        let set = SetEarningRule { rule_id: rule_id.clone(), terms, expected };
        match api.execute(Command::SetEarningRule(set), caller.clone()).await {
            Err(problem) if is_overtaken(&problem) && read.matches(version) => {}
            done => return respond(&done.map_err(not_found_where_unknown)?, rule_id),
        }
    }
}

fn respond(done: &Done, rule_id: RuleId) -> Result<Response, Problem> {
    let Some(Subject::Rule(rule)) = &done.subject else { return Err(unexpected()) };
    let is_new = matches!(&done.event, Some(Event::EarningRuleSet(fact)) if fact.version == 1);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let EarningRule { terms, version, changed_at: _, earlier: _, known_from: _ } = &**rule;
    let body = EarningRuleBody::new(rule_id, terms.clone(), *version, None, done.place);
    done.respond_version(status, body.version, &body)
}

fn terms(body: PutEarningRuleBody) -> Result<EarningTerms, Problem> {
    let PutEarningRuleBody {
        unit,
        rate,
        categories,
        multipliers,
        cap,
        expiry,
        pending_days,
        time_zone,
        backdate_days,
    } = body;
    let expiry = expiry.map(|Object(expiry)| expiry_rule(expiry)).transpose()?;
    check_pending_days(pending_days, expiry)?;
    if backdate_days > BACKDATE_DAYS_MAX {
        let complaint = format!("must be a whole number from 0 to {BACKDATE_DAYS_MAX}");
        return Err(Problem::invalid_field("backdate_days", complaint));
    }
    let calendar = time_zone.calendar();
    let calendar =
        calendar.map_err(|unknown| Problem::invalid_field("time_zone", unknown.to_string()))?;
    Ok(EarningTerms {
        unit,
        rate: to_rate(rate.0),
        categories: to_categories(categories)?,
        multipliers: to_multipliers(multipliers, calendar)?,
        cap: cap.map(|Object(CapBody { points, period })| Cap { points, period }),
        expiry,
        pending_days,
        time_zone,
        backdate_days,
    })
}

fn to_rate(body: RateBody) -> Rate {
    let RateBody { points, per_amount, full_steps_only } = body;
    Rate { points, per_amount, full_steps_only }
}

fn to_categories(bodies: Vec<Object<CategoryRateBody>>) -> Result<Vec<CategoryRate>, Problem> {
    let mut categories: Vec<CategoryRate> = Vec::with_capacity(bodies.len());
    for (index, Object(CategoryRateBody { category, rate })) in bodies.into_iter().enumerate() {
        if categories.iter().any(|before| before.category == category) {
            let field = format!("categories[{index}].category");
            let complaint = "repeats an earlier category; send one rate for each";
            return Err(Problem::invalid_field(&field, complaint));
        }
        categories.push(CategoryRate { category, rate: to_rate(rate.0) });
    }
    Ok(categories)
}

fn to_multipliers(
    bodies: Vec<Object<PutMultiplierBody>>,
    calendar: Calendar,
) -> Result<Vec<Multiplier>, Problem> {
    let mut multipliers = Vec::with_capacity(bodies.len());
    for (index, Object(body)) in bodies.into_iter().enumerate() {
        let PutMultiplierBody { from, until, tier, percent } = body;
        let by_calendar = |time: ZonedTime| time.by(calendar);
        let (from, until) = (from.map(by_calendar), until.map(by_calendar));
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            let field = format!("multipliers[{index}].until");
            let complaint = format!("must be after from, which is {from}");
            return Err(Problem::invalid_field(&field, complaint));
        }
        if percent > PERCENT_MAX {
            let field = format!("multipliers[{index}].percent");
            let complaint = format!("must be a whole number from 0 to {PERCENT_MAX}");
            return Err(Problem::invalid_field(&field, complaint));
        }
        let tier = tier.map(|Object(tier)| tier.into());
        multipliers.push(Multiplier { from, until, tier, percent });
    }
    Ok(multipliers)
}

pub(crate) fn expiry_rule(body: ExpiryBody) -> Result<ExpiryRule, Problem> {
    match body {
        ExpiryBody { months: Some(months), end_of_year: None } => match months {
            1..=MONTHS_MAX => Ok(ExpiryRule::Months(months)),
            _ => {
                let complaint = format!("must be a whole number from 1 to {MONTHS_MAX}");
                Err(Problem::invalid_field("expiry.months", complaint))
            }
        },
        ExpiryBody { months: None, end_of_year: Some(years) } => match years {
            0..=YEARS_MAX => Ok(ExpiryRule::EndOfYear(years)),
            _ => {
                let complaint = format!("must be a whole number from 0 to {YEARS_MAX}");
                Err(Problem::invalid_field("expiry.end_of_year", complaint))
            }
        },
        ExpiryBody { months: Some(_), end_of_year: Some(_) }
        | ExpiryBody { months: None, end_of_year: None } => {
            let complaint = "must have either months or end_of_year; leave expiry out for credit \
                             that never expires";
            Err(Problem::invalid_field("expiry", complaint))
        }
    }
}

fn check_pending_days(pending_days: u16, expiry: Option<ExpiryRule>) -> Result<(), Problem> {
    if pending_days > PENDING_DAYS_MAX {
        let complaint = format!("must be a whole number from 0 to {PENDING_DAYS_MAX}");
        return Err(Problem::invalid_field("pending_days", complaint));
    }
    match expiry {
        Some(expiry) if u32::from(pending_days) >= expiry.pending_days_end() => {
            let complaint = "must be fewer: the credit would expire before it can be spent";
            Err(Problem::invalid_field("pending_days", complaint))
        }
        _ => Ok(()),
    }
}
