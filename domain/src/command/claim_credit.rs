//! Give a shopper the credit that was refused when a purchase was recorded, once.

use log_record::Position;

use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Cause, Claim, CreditEarned, Decision, Event, IdHash, OfUnit, OriginalPurchase,
    Points, PurchaseId, Refusal, State, Timestamp, UnitId,
};

/// Claims the credit of a purchase. It is what the purchase would have earned, less what the goods
/// would have earned that came back meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimCredit {
    /// Who bought.
    pub account_id: AccountId,
    /// The purchase.
    pub purchase_id: PurchaseId,
    /// The unit that was refused.
    pub unit: UnitId,
    /// From when on it can be spent; without it, as the purchase would have earned it.
    pub available_at: Option<Timestamp>,
    /// Until when it can be spent; without it, as the purchase would have earned it.
    pub expires_at: Option<Timestamp>,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
    /// The purchase as it was recorded; without it, deciding asks for it.
    pub original: Option<OriginalPurchase>,
}

impl CommandRules for ClaimCredit {
    fn name(&self) -> &'static str {
        "claim-credit"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::claim(&self.account_id, &self.cause().id, self.unit))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let cause = IdHash::purchase(&self.account_id, &self.purchase_id);
        let at = draft.state.recorded().position_of(cause).ok_or(Refusal::PurchaseUnknown)?;
        let refused = draft.state.refused_credit(at);
        let first = refused.first().ok_or(Refusal::NothingToClaim)?;
        if refused.iter().all(|refused| refused.unit != self.unit) {
            draft.unit_number(self.unit)?;
            return Err(Refusal::UnitMismatch { unit: first.unit, asked: self.unit });
        }
        let Some(original) = self.original.as_ref().filter(|original| original.position == at)
        else {
            return Ok(Decision::Load(at));
        };
        let earning = original.units.iter().find(|earning| earning.unit == self.unit);
        let earning = earning.ok_or(Refusal::NothingToClaim)?;
        let refused = earning.refused.ok_or(Refusal::NothingToClaim)?;
        draft.apply_due(&self.account_id);
        let points = left_of(draft.state, original, self.unit);
        if points == Ok(Points::ZERO) {
            return Err(Refusal::NothingToClaim);
        }
        let available_at = self.available_at.or(refused.available_at);
        let expires_at = self.expires_at.or(refused.expires_at);
        let (id, unit) = (&self.account_id, self.unit);
        let points = draft.check_credit(id, unit, points, available_at, expires_at)?;
        let claim =
            Claim { asked_available_at: self.available_at, asked_expires_at: self.expires_at };
        let fact = CreditEarned {
            available_at,
            expires_at,
            rule: earning.rule.clone(),
            cap_period: refused.cap_period,
            claim: Some(claim),
            occurred_at: self.occurred_at,
            ..CreditEarned::new(unit, points, self.cause())
        };
        let event = Event::CreditEarned(self.account_id.clone(), fact);
        draft.come_in_as_outcome(&self.account_id, event);
        Ok(draft.finish())
    }

    fn load(&mut self, before: &[Event], position: Position, event: &Event) -> Option<()> {
        self.original = Some(OriginalPurchase::read(before, position, event));
        Some(())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::CreditEarned(_, CreditEarned { claim: Some(claim), occurred_at, .. }) = event
        else {
            return OTHER_CALL;
        };
        first_different(&[
            ("available_at", self.available_at == claim.asked_available_at),
            ("expires_at", self.expires_at == claim.asked_expires_at),
            ("occurred_at", self.occurred_at == *occurred_at),
        ])
    }
}

impl ClaimCredit {
    fn cause(&self) -> Cause {
        Cause::purchase(&self.purchase_id)
    }
}

/// What the lines earn of a unit of which something is left, so rounded that it is what later
/// returns take.
fn left_of(state: &State, original: &OriginalPurchase, unit: UnitId) -> Result<Points, Refusal> {
    if original.lines.iter().all(|line| line.earned_of(unit) == Points::ZERO) {
        // Only where a line would earn more than an amount can say, none says what it earns.
        return Err(Refusal::AmountTooLarge {
            what: "what a line earns",
            unit: OfUnit(Some(unit)),
        });
    }
    let mut left = original.lines.iter().filter_map(|line| {
        let returned = state.returned(original.position, &line.product_id);
        let points = line.earned_of(unit);
        points.minus(points.share(returned, line.quantity))
    });
    let sum = left.try_fold(Points::ZERO, Points::plus);
    let too_large =
        Refusal::AmountTooLarge { what: "what the purchase earns", unit: OfUnit(Some(unit)) };
    sum.ok_or(too_large)
}

#[cfg(test)]
mod tests {
    use crate::command::ExpectedVersion;
    use crate::scenario::*;
    use crate::{AMOUNT_MAX, Cap, Command, EarningTerms, ExpiryRule, Period};

    #[test]
    fn a_purchase_is_recorded_though_the_account_is_full_and_its_credit_is_claimed_once() {
        let mut full = given([]).does(rule("default", rate(10), ExpectedVersion::Absent));
        for number in 0..10_000 {
            full = full.does(earn_until(100, "ann", 1, &format!("B-{number}")));
        }
        // `never-matures` comes before `account-full` in the list of codes.
        let terms =
            EarningTerms { pending_days: 400, expiry: Some(ExpiryRule::EndOfYear(0)), ..rate(10) };
        let Command::RecordPurchase(never) = purchase("ann", "P-0", None, &[("tv", 1, 500)]) else {
            panic!("a purchase")
        };
        let never = crate::command::RecordPurchase { rules: [id("never")].into(), ..never };
        full = full
            .does(rule("never", terms, ExpectedVersion::Absent))
            .does(Command::RecordPurchase(never))
            .refuses(claim("ann", "P-0"), "never-matures");
        full.when(purchase("ann", "P-1", None, &[("tv", 1, 500)]))
            .then_records(["PurchaseRecorded"])
            .refuses(claim("ann", "P-1"), "account-full")
            .leaves("ann", [10_000, 0, 0, 0])
            .at(100)
            .does(claim("ann", "P-1"))
            .leaves("ann", [50, 0, 0, 0])
            // Two rules, 10,000 lots, two purchases, what expired in 100 portions, and the claim.
            .when(claim("ann", "P-1"))
            .then_repeats(10_106);
    }

    #[test]
    fn a_claim_names_no_points() {
        refused().when(earn("ann", 50, "P-1")).then_differs_from(4, "points");
        refused()
            .does(claim_until(100, "ann", "P-1"))
            .when(earn("ann", 50, "P-1"))
            .then_differs_from(4, "points");
    }

    #[test]
    fn what_had_expired_is_claimed_with_a_later_expiry() {
        refused()
            .refuses(claim("ann", "P-1"), "expiry-passed")
            .when(claim_until(100, "ann", "P-1"))
            .then_records(["CreditEarned"])
            .leaves("ann", [50, 0, 0, 0])
            .when(claim_until(200, "ann", "P-1"))
            .then_differs_from(5, "expires_at");
    }

    #[test]
    fn what_came_back_before_the_claim_is_not_given() {
        refused()
            .does(bring_back("ann", "P-1", "r-1", Some(&[("tv", 1)])))
            .does(claim_until(100, "ann", "P-1"))
            .leaves("ann", [34, 0, 0, 0])
            .does(bring_back("ann", "P-1", "r-2", None))
            .leaves("ann", [0, 0, 0, 0]);
        refused()
            .does(bring_back("ann", "P-1", "r-1", None))
            .refuses(claim_until(100, "ann", "P-1"), "nothing-to-claim");
    }

    #[test]
    fn what_was_claimed_is_returned_and_withdrawn_as_what_was_earned() {
        let claimed = || refused().does(claim_until(100, "ann", "P-1"));
        claimed()
            .does(bring_back("ann", "P-1", "r-1", Some(&[("tv", 2)])))
            .leaves("ann", [17, 0, 0, 0])
            .does(withdraw("ann", "w-1", "P-1"))
            .leaves("ann", [0, 0, 0, 0]);
        refused().refuses(withdraw("ann", "w-1", "P-1"), "credit-unknown");
    }

    #[test]
    fn only_refused_credit_is_claimed() {
        given([])
            .refuses(claim("ann", "P-1"), "purchase-unknown")
            .does(purchase("ann", "P-1", Some(50), &[("tv", 3, 500)]))
            .refuses(claim("ann", "P-1"), "nothing-to-claim")
            .does(earn("ann", 50, "P-2"))
            .refuses(claim("ann", "P-2"), "nothing-to-claim");
    }

    #[test]
    fn a_rule_whose_credit_could_never_be_spent_hinders_no_purchase() {
        let terms =
            EarningTerms { pending_days: 400, expiry: Some(ExpiryRule::EndOfYear(0)), ..rate(10) };
        given([])
            .does(rule("default", terms, ExpectedVersion::Absent))
            .when(purchase("ann", "P-1", None, &[("tv", 1, 500)]))
            .then_records(["PurchaseRecorded"])
            .refuses(claim("ann", "P-1"), "never-matures");
    }

    #[test]
    fn more_than_an_amount_can_say_hinders_no_purchase() {
        let most = &[("tv", 1, AMOUNT_MAX), ("car", 1, AMOUNT_MAX)];
        given([])
            .does(rule("default", rate(100), ExpectedVersion::Absent))
            .does(purchase("ann", "P-1", None, most))
            .refuses(claim("ann", "P-1"), "amount-too-large")
            .does(bring_back("ann", "P-1", "r-1", Some(&[("car", 1)])))
            .does(claim("ann", "P-1"))
            .leaves("ann", [AMOUNT_MAX, 0, 0, 0]);
        given([])
            .does(rule("default", rate(1_000), ExpectedVersion::Absent))
            .does(purchase("ann", "P-1", None, most))
            .refuses(claim("ann", "P-1"), "amount-too-large");
    }

    #[test]
    fn refused_credit_has_its_room_under_the_cap() {
        let points = points(30);
        let capped = EarningTerms { cap: Some(Cap { points, period: Period::Day }), ..rate(10) };
        let Command::RecordPurchase(mut late) = purchase("ann", "P-1", None, &[("tv", 1, 250)])
        else {
            panic!("a purchase")
        };
        late.expires_at = Some(time(1));
        given([])
            .does(rule("default", capped, ExpectedVersion::Absent))
            .does(Command::RecordPurchase(late))
            .does(purchase("ann", "P-2", None, &[("tv", 1, 250)]))
            .leaves("ann", [5, 0, 0, 0])
            .does(claim_until(100, "ann", "P-1"))
            .leaves("ann", [30, 0, 0, 0])
            // What was claimed and comes back makes room again, once.
            .does(bring_back("ann", "P-1", "r-1", None))
            .does(purchase("ann", "P-3", None, &[("tv", 1, 990)]))
            .leaves("ann", [30, 0, 0, 0]);
    }

    #[test]
    fn what_comes_back_before_the_claim_makes_room_under_the_cap() {
        let points = points(30);
        let capped = EarningTerms { cap: Some(Cap { points, period: Period::Ever }), ..rate(10) };
        let Command::RecordPurchase(mut late) = purchase("ann", "P-1", None, &[("tv", 5, 250)])
        else {
            panic!("a purchase")
        };
        late.expires_at = Some(time(1));
        given([])
            .does(rule("default", capped, ExpectedVersion::Absent))
            .does(Command::RecordPurchase(late))
            .does(bring_back("ann", "P-1", "r-1", Some(&[("tv", 2)])))
            .does(purchase("ann", "P-2", None, &[("tv", 1, 990)]))
            .leaves("ann", [15, 0, 0, 0])
            .does(claim_until(100, "ann", "P-1"))
            .leaves("ann", [30, 0, 0, 0]);
    }

    /// A purchase of 50 points, whose credit would have expired when it was recorded.
    fn refused() -> Scenario {
        let Command::RecordPurchase(mut late) = purchase("ann", "P-1", Some(50), &[("tv", 3, 500)])
        else {
            panic!("a purchase")
        };
        late.expires_at = Some(time(1));
        given([earned("bob", 1, "B-1"), earned("bob", 1, "B-2")])
            .when(Command::RecordPurchase(late))
            .then_records(["PurchaseRecorded"])
            .leaves("ann", [0, 0, 0, 0])
    }

    #[test]
    fn a_claim_names_the_unit_that_was_refused() {
        let bought = || purchase("ann", "P-1", Some(100), &[("tv", 1, 5)]);
        let crate::Command::RecordPurchase(mut late) = in_unit("miles", bought()) else {
            panic!("a purchase")
        };
        late.expires_at = Some(time(1));
        given([])
            .does(make_unit("miles"))
            .at(2)
            .does(crate::Command::RecordPurchase(late))
            .refuses(claim_until(100, "ann", "P-1"), "unit-mismatch")
            .refuses(in_unit("mile", claim_until(100, "ann", "P-1")), "unit-unknown")
            .does(in_unit("miles", claim_until(100, "ann", "P-1")))
            .leaves_of("ann", "miles", [100, 0, 0, 0]);
    }
}
