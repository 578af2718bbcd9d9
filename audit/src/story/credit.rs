//! Credit that comes, goes, or changes hands.

use domain::{
    CreditConverted, CreditDeducted, CreditEarned, CreditExpired, CreditGivenBack, CreditMatured,
    CreditReceived, CreditRefunded, CreditReturned, CreditSent, CreditWithdrawn, DebtRepaid,
    Points, RefundCause, ReturnCreditGivenBack, UnitId, WithdrawalCause, WithdrawalReversed,
};

use super::{amount, list, lots, note, until};

pub(super) fn earned(fact: &CreditEarned) -> String {
    let of = amount(fact.points, fact.unit);
    let (kind, id) = (fact.cause.kind.as_str(), &fact.cause.id);
    let rule = fact
        .rule
        .as_ref()
        .map(|rule| format!(" by rule {} in version {}", rule.rule_id, rule.version));
    let rule = rule.unwrap_or_default();
    let claim = if fact.claim.is_some() { ", which was claimed later" } else { "" };
    let from = until("They can be spent from", fact.available_at);
    let from = if from.is_empty() { from } else { format!("{from}.") };
    let end = match fact.expires_at {
        Some(end) => format!(" They expire at {end}."),
        None => " They never expire.".to_owned(),
    };
    format!("The account earned {of} for {kind} {id}{rule}{claim}.{from}{end}{}", note(&fact.note))
}

pub(super) fn deducted(fact: &CreditDeducted) -> String {
    let CreditDeducted { exchange_id, unit, points, lots: parts, grace: _ } = fact;
    format!("{} were taken for exchange {exchange_id}: {}.", amount(*points, *unit), lots(parts))
}

pub(super) fn matured(fact: &CreditMatured) -> String {
    let CreditMatured { unit, points, lots: parts } = fact;
    format!("{} can be spent from now on: {}.", amount(*points, *unit), lots(parts))
}

pub(super) fn expired(fact: &CreditExpired) -> String {
    let CreditExpired { unit, points, lots: parts } = fact;
    format!("{} expired: {}.", amount(*points, *unit), lots(parts))
}

pub(super) fn refunded(fact: &CreditRefunded) -> String {
    let CreditRefunded { cause, unit, points, lots: parts } = fact;
    let (why, note) = match cause {
        RefundCause::Cancellation { exchange_id, cancellation_id } => {
            (format!("exchange {exchange_id}, cancellation {cancellation_id}"), String::new())
        }
        RefundCause::Capture(refund) => {
            (format!("hold {}, refund {}", refund.hold_id, refund.refund_id), note(&refund.note))
        }
    };
    format!("{} came back of {why}: {}.{note}", amount(*points, *unit), lots(parts))
}

pub(super) fn withdrawn(fact: &CreditWithdrawn) -> String {
    let why = match &fact.withdrawal {
        WithdrawalCause::Withdrawal { id } => format!("withdrawal {id}"),
        WithdrawalCause::Return { purchase_id, id } => {
            format!("return {id} of purchase {purchase_id}")
        }
        WithdrawalCause::Adjustment { id } => format!("adjustment {id}"),
    };
    let of = fact.of.as_ref().map(|of| format!(", earned for {} {}", of.kind.as_str(), of.id));
    let sum = amount(fact.points, fact.unit);
    let missing = missing(fact.unit, fact.owed, fact.expired, fact.forgiven);
    let from = if fact.lots.is_empty() { String::new() } else { format!(": {}", lots(&fact.lots)) };
    let (of, note) = (of.unwrap_or_default(), note(&fact.note));
    format!("{sum} were taken back by {why}{of}{from}.{missing}{note}")
}

pub(super) fn withdrawal_reversed(fact: &WithdrawalReversed) -> String {
    let WithdrawalReversed { withdrawal_id, credit, occurred_at: _, note: why } = fact;
    format!("Withdrawal {withdrawal_id} was undone: {}{}", back(credit), note(why))
}

pub(super) fn given_back(fact: &ReturnCreditGivenBack) -> String {
    let ReturnCreditGivenBack { purchase_id, return_id, credit } = fact;
    format!("Return {return_id} of purchase {purchase_id} was undone: {}", back(credit))
}

/// What a reversal gave back.
pub(super) fn back(credit: &CreditGivenBack) -> String {
    let CreditGivenBack { withdrawn_at, unit, points, lots: parts, .. } = credit;
    let sum = amount(*points, *unit);
    let to = if parts.is_empty() { String::new() } else { format!(": {}", lots(parts)) };
    let missing = missing(*unit, credit.owed, credit.expired, credit.forgiven);
    format!("{sum} came back that the event {withdrawn_at} had taken{to}.{missing}")
}

/// What of it the account didn't have in its lots.
fn missing(
    unit: UnitId,
    owed: Option<Points>,
    expired: Option<Points>,
    forgiven: Option<Points>,
) -> String {
    let parts =
        [(owed, "owed"), (expired, "expired before"), (forgiven, "spent before and not asked for")];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(points, what)| Some(format!("{} {what}", amount(points?, unit))))
        .collect();
    if parts.is_empty() { String::new() } else { format!(" Of them, {}.", list(parts)) }
}

pub(super) fn repaid(fact: &DebtRepaid) -> String {
    let DebtRepaid { unit, points, lots: parts } = fact;
    format!("{} paid what the account owed: {}.", amount(*points, *unit), lots(parts))
}

pub(super) fn sent(fact: &CreditSent) -> String {
    let CreditSent { transfer_id, to, unit, points, lots: parts, occurred_at: _ } = fact;
    let sum = amount(*points, *unit);
    format!("{sum} were sent to account {to} by transfer {transfer_id}: {}.", lots(parts))
}

pub(super) fn received(fact: &CreditReceived) -> String {
    let CreditReceived { transfer_id, from, unit, points, lots: parts } = fact;
    let sum = amount(*points, *unit);
    format!("{sum} came from account {from} by transfer {transfer_id}: {}.", lots(parts))
}

pub(super) fn returned(fact: &CreditReturned) -> String {
    let CreditReturned { transfer_id, to, unit, points, lots: parts, why } = fact;
    let sum = amount(*points, *unit);
    format!(
        "{sum} came back from transfer {transfer_id}, for account {to} couldn't have them ({why}): \
         {}.",
        lots(parts)
    )
}

pub(super) fn converted(fact: &CreditConverted) -> String {
    let CreditConverted { conversion_id, unit, points, lots: parts, to, to_points, rate, .. } =
        fact;
    let (sum, into) = (amount(*points, *unit), amount(*to_points, *to));
    let version = rate.version;
    format!(
        "{sum} became {into} by conversion {conversion_id}, at the rate in version {version}: {}.",
        lots(parts)
    )
}
