//! `PUT /v1/earning-rules/{rule_id}`: makes a rule, or replaces one with `If-Match`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::command::{ExpectedVersion, SetEarningRule};
use domain::{
    Cap, CategoryRate, Command, EarningRule, EarningTerms, Event, ExpiryRule, Multiplier, Rate,
    RuleId, Subject,
};
use serde::{Deserialize, Serialize};
use wire::{Caller, IfMatch, JsonBody, Object, PathId, Problem};

use crate::CommandApi;
use crate::execute::unexpected;
use crate::refusal_problem::not_found_where_unknown;

/// Ten thousand percent is a hundredfold; more is a slip.
const PERCENT_MAX: u32 = 10_000;

/// A hundred years of months, and ten of days: more is a slip.
const MONTHS_MAX: u16 = 1_200;
const YEARS_MAX: u16 = 100;
const PENDING_DAYS_MAX: u16 = 3_650;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutEarningRuleBody {
    rate: Object<Rate>,
    #[serde(default)]
    categories: Vec<Object<CategoryRate>>,
    #[serde(default)]
    multipliers: Vec<Object<Multiplier>>,
    cap: Option<Object<Cap>>,
    expiry: Option<Object<ExpiryBody>>,
    #[serde(default)]
    pending_days: u16,
}

/// One of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpiryBody {
    months: Option<u16>,
    end_of_year: Option<u16>,
}

#[derive(Serialize)]
struct EarningRuleBody<'a> {
    rule_id: &'a RuleId,
    #[serde(flatten)]
    terms: &'a EarningTerms,
    version: u64,
    position: String,
}

pub(crate) async fn put_earning_rule(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(rule_id): PathId<RuleId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PutEarningRuleBody>,
) -> Result<Response, Problem> {
    let expected = match IfMatch::read(&headers)? {
        IfMatch::Absent => ExpectedVersion::Absent,
        IfMatch::Any => ExpectedVersion::Any,
        IfMatch::Version(version) => ExpectedVersion::Exactly(version),
    };
    let set = SetEarningRule { rule_id: rule_id.clone(), terms: body.terms()?, expected };
    let done = api.execute(Command::SetEarningRule(set), caller).await;
    let done = done.map_err(not_found_where_unknown)?;
    let Some(Subject::Rule(rule)) = &done.subject else { return Err(unexpected()) };
    let EarningRule { terms, version, .. } = &**rule;
    let is_new = matches!(&done.event, Some(Event::EarningRuleSet(fact)) if fact.version == 1);
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let position = done.place.to_string();
    let body = EarningRuleBody { rule_id: &rule_id, terms, version: *version, position };
    done.respond_version(status, *version, &body)
}

impl ExpiryBody {
    fn rule(&self) -> Result<ExpiryRule, Problem> {
        match (self.months, self.end_of_year) {
            (Some(months), None) => Ok(ExpiryRule::Months(months)),
            (None, Some(years)) => Ok(ExpiryRule::EndOfYear(years)),
            _ => {
                let complaint = "must say either months or end_of_year; leave it out for ever";
                Err(Problem::invalid_field("expiry", complaint))
            }
        }
    }
}

impl PutEarningRuleBody {
    fn terms(self) -> Result<EarningTerms, Problem> {
        let expiry = self.expiry.map(|Object(expiry)| expiry.rule()).transpose()?;
        let categories: Vec<CategoryRate> = self.categories.into_iter().map(|it| it.0).collect();
        for (index, rate) in categories.iter().enumerate() {
            if categories.iter().take(index).any(|other| other.category == rate.category) {
                let field = format!("categories[{index}].category");
                return Err(Problem::invalid_field(&field, "has a rate before; say it once"));
            }
        }
        let multipliers: Vec<Multiplier> = self.multipliers.into_iter().map(|it| it.0).collect();
        for (index, multiplier) in multipliers.iter().enumerate() {
            if multiplier.until <= multiplier.from {
                let field = format!("multipliers[{index}].until");
                let complaint = format!("must be after from, which is {}", multiplier.from);
                return Err(Problem::invalid_field(&field, complaint));
            }
            if multiplier.percent > PERCENT_MAX {
                let field = format!("multipliers[{index}].percent");
                let complaint = format!("must be a whole number from 0 to {PERCENT_MAX}");
                return Err(Problem::invalid_field(&field, complaint));
            }
        }
        if self.pending_days > PENDING_DAYS_MAX {
            let complaint = format!("must be a whole number from 0 to {PENDING_DAYS_MAX}");
            return Err(Problem::invalid_field("pending_days", complaint));
        }
        // A month has 28 days at least.
        let days_until = |months: u16| u32::from(months) * 28;
        match expiry {
            Some(ExpiryRule::Months(months)) if months == 0 || months > MONTHS_MAX => {
                let complaint = format!("must be a whole number from 1 to {MONTHS_MAX}");
                return Err(Problem::invalid_field("expiry.months", complaint));
            }
            Some(ExpiryRule::EndOfYear(years)) if years > YEARS_MAX => {
                let complaint = format!("must be a whole number from 0 to {YEARS_MAX}");
                return Err(Problem::invalid_field("expiry.end_of_year", complaint));
            }
            Some(ExpiryRule::Months(months))
                if u32::from(self.pending_days) >= days_until(months) =>
            {
                let complaint = "lets credit expire before it can be spent; say fewer days";
                return Err(Problem::invalid_field("pending_days", complaint));
            }
            _ => {}
        }
        Ok(EarningTerms {
            rate: self.rate.0,
            categories,
            multipliers,
            cap: self.cap.map(|it| it.0),
            expiry,
            pending_days: self.pending_days,
        })
    }
}
