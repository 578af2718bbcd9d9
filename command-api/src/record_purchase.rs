//! `PUT /v1/accounts/{account_id}/purchases/{purchase_id}`

use axum::extract::State;
use axum::response::Response;
use domain::command::RecordPurchase;
use domain::{
    AMOUNT_MAX, AccountId, Command, CreditRefused, Event, ProductId, PurchaseEarning, PurchaseId,
    PurchaseLine, PurchaseRecorded, RULES_OF_PURCHASE_MAX, RuleId, UnitId, UnitPoints,
};
use log_record::Place;
use wire::body::{
    CapPeriodBody, CreditRefusedBody, LadderTierBody, PurchaseEarningBody, PurchaseRecordedBody,
    PutPurchaseBody, PutPurchaseLineBody, RecordedLineBody, UnitPointsBody,
};
use wire::{Caller, JsonBody, Object, PathIds, Problem};

use crate::CommandApi;
use crate::earn_credit::rule_version_body;
use crate::execute::{Done, unexpected};
use crate::lifetime::check_lifetime;
use crate::put_offer::warehouse_or_default;

/// The most lines of a purchase.
const LINES_MAX: usize = 500;

/// So many lines fit.
pub(crate) const PURCHASE_BYTES_MAX: usize = 128 * 1024;

pub(crate) async fn record_purchase(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, purchase_id): PathIds<AccountId, PurchaseId>,
    JsonBody(body): JsonBody<PutPurchaseBody, PURCHASE_BYTES_MAX>,
) -> Result<Response, Problem> {
    let (done, body) = record(&api, caller, account_id, purchase_id, body).await?;
    done.respond(&body)
}

/// Records one, alone or as one of many: the outcome, and the fact as both routes answer it.
pub(crate) async fn record(
    api: &CommandApi,
    caller: Caller,
    account_id: AccountId,
    purchase_id: PurchaseId,
    body: PutPurchaseBody,
) -> Result<(Done, PurchaseRecordedBody), Problem> {
    let command = Command::RecordPurchase(command(account_id, purchase_id, body)?);
    let mut done = api.execute(command, caller).await?;
    let Some(Event::PurchaseRecorded(account_id, fact)) = done.event.take() else {
        return Err(unexpected());
    };
    let body = purchase_recorded(account_id, fact, done.place);
    Ok((done, body))
}

fn command(
    account_id: AccountId,
    purchase_id: PurchaseId,
    body: PutPurchaseBody,
) -> Result<RecordPurchase, Problem> {
    let PutPurchaseBody {
        lines: line_bodies,
        unit,
        points,
        rule,
        rules,
        warehouse,
        deliver_to,
        available_at,
        expires_at,
        occurred_at,
    } = body;
    check_lifetime(available_at, expires_at)?;
    if points.is_some() && rule.is_some() {
        let complaint = "can't be sent beside points, which a rule would give; leave one out";
        return Err(Problem::invalid_field("rule", complaint));
    }
    if points.is_some() && rules.is_some() {
        let complaint = "can't be sent beside points, which rules would give; leave one out";
        return Err(Problem::invalid_field("rules", complaint));
    }
    let rules = named_rules(rule, rules)?;
    // One that names `points` is the same request as one that names no unit.
    if points.is_none() && unit.is_some_and(|unit| unit != UnitId::POINTS) {
        let complaint = "needs points beside it: a rule gives points of its own unit; leave it out";
        return Err(Problem::invalid_field("unit", complaint));
    }
    let shipping = match (warehouse, deliver_to) {
        (warehouse, Some(deliver_to)) => Some((warehouse_or_default(warehouse)?, deliver_to)),
        (Some(_), None) => {
            let complaint = "needs deliver_to beside it; add that, or leave both out";
            return Err(Problem::invalid_field("warehouse", complaint));
        }
        (None, None) => None,
    };
    let lines = lines(line_bodies)?;
    if points.is_none() && lines.iter().all(|line| line.amount.is_none()) {
        let complaint = "has no amount in any line, so that a rule would give nothing: send an \
                         amount (0 for goods that were free), or points beside the lines (0 \
                         for none)";
        return Err(Problem::invalid_field("lines", complaint));
    }
    Ok(RecordPurchase {
        account_id,
        purchase_id,
        lines,
        unit: unit.unwrap_or_default(),
        points,
        rules,
        shipping,
        available_at,
        expires_at,
        occurred_at,
    })
}

/// The rules by which a purchase earns; none for the rule `default`.
fn named_rules(rule: Option<RuleId>, rules: Option<Vec<RuleId>>) -> Result<Box<[RuleId]>, Problem> {
    let Some(rules) = rules else { return Ok(rule.into_iter().collect()) };
    if rule.is_some() {
        let complaint = "can't be sent beside rule; name all rules here, or one there";
        return Err(Problem::invalid_field("rules", complaint));
    }
    if !(2..=RULES_OF_PURCHASE_MAX).contains(&rules.len()) {
        let complaint = format!(
            "must be a list of 2 to {RULES_OF_PURCHASE_MAX} earning rules, each of another unit; \
             to name one, send rule"
        );
        return Err(Problem::invalid_field("rules", complaint));
    }
    let is_repeated = |index: &usize| rules[..*index].contains(&rules[*index]);
    if let Some(index) = (0..rules.len()).find(is_repeated) {
        let complaint = "repeats an earlier rule; each rule must give another unit";
        return Err(Problem::invalid_field(&format!("rules[{index}]"), complaint));
    }
    Ok(rules.into())
}

fn lines(bodies: Vec<Object<PutPurchaseLineBody>>) -> Result<Vec<PurchaseLine>, Problem> {
    if bodies.is_empty() || bodies.len() > LINES_MAX {
        let complaint = format!("must be a list of 1 to {LINES_MAX} lines");
        return Err(Problem::invalid_field("lines", complaint));
    }
    let mut lines: Vec<PurchaseLine> = Vec::with_capacity(bodies.len());
    for (index, Object(body)) in bodies.into_iter().enumerate() {
        let PutPurchaseLineBody { product_id, quantity, amount, category } = body;
        check_product_is_new(index, &product_id, lines.iter().map(|line| &line.product_id))?;
        if amount.is_some_and(|amount| amount > AMOUNT_MAX) {
            let field = format!("lines[{index}].amount");
            let complaint = format!("must be a whole number from 0 to {AMOUNT_MAX}");
            return Err(Problem::invalid_field(&field, complaint));
        }
        let earned = Box::default();
        lines.push(PurchaseLine { product_id, quantity, amount, category, earned });
    }
    Ok(lines)
}

/// Refuses a product that an earlier line names; `index` is the line's, and `before` are the
/// products of the lines before it.
pub(crate) fn check_product_is_new<'a>(
    index: usize,
    product_id: &ProductId,
    mut before: impl Iterator<Item = &'a ProductId>,
) -> Result<(), Problem> {
    if before.any(|product| product == product_id) {
        let field = format!("lines[{index}].product_id");
        let complaint = "repeats the product of an earlier line; send one line with the whole \
                         quantity";
        return Err(Problem::invalid_field(&field, complaint));
    }
    Ok(())
}

pub(crate) fn purchase_recorded(
    account_id: AccountId,
    fact: PurchaseRecorded,
    position: Place,
) -> PurchaseRecordedBody {
    let unit = fact.first_unit();
    let PurchaseRecorded {
        purchase_id,
        lines,
        earned,
        credit_refused,
        asked_points,
        asked_rules,
        warehouse,
        available_at,
        expires_at,
        occurred_at,
        deliver_to: _private,
    } = fact;
    let earned: Vec<PurchaseEarningBody> = earned.into_iter().map(purchase_earning).collect();
    let first = earned.first();
    let mut asked_rules = asked_rules.into_vec();
    let asked_rule = if asked_rules.len() == 1 { asked_rules.pop() } else { None };
    PurchaseRecordedBody {
        account_id,
        purchase_id,
        lines: lines.into_iter().map(|line| recorded_line(line, unit)).collect(),
        unit,
        points: first.map(|first| first.points).unwrap_or_default(),
        credit_refused: credit_refused.into_iter().map(credit_refused_body).collect(),
        points_before_cap: first.and_then(|first| first.points_before_cap),
        asked_points,
        asked_rule,
        asked_rules,
        rule: first.and_then(|first| first.rule.clone()),
        earned,
        warehouse,
        available_at,
        expires_at,
        occurred_at,
        position,
    }
}

fn credit_refused_body(refused: CreditRefused) -> CreditRefusedBody {
    let CreditRefused { unit, code, available_at, expires_at, cap_period } = refused;
    let cap_period = cap_period.map(CapPeriodBody::from);
    CreditRefusedBody { unit, code, available_at, expires_at, cap_period }
}

fn purchase_earning(earning: PurchaseEarning) -> PurchaseEarningBody {
    let PurchaseEarning { unit, points, rule, points_before_cap, tier } = earning;
    let (rule, tier) = (rule.map(rule_version_body), tier.map(LadderTierBody::from));
    PurchaseEarningBody { unit, points, rule, points_before_cap, tier }
}

/// A line, with what it earned of the purchase's first unit.
fn recorded_line(line: PurchaseLine, unit: UnitId) -> RecordedLineBody {
    let points = line.earned_of(unit);
    let PurchaseLine { product_id, quantity, amount, category, earned } = line;
    let earned = earned.into_iter().map(unit_points).collect();
    RecordedLineBody { product_id, quantity, amount, category, points, earned }
}

pub(crate) fn unit_points(of: UnitPoints) -> UnitPointsBody {
    let UnitPoints { unit, points } = of;
    UnitPointsBody { unit, points }
}
