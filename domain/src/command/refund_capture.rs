//! Give back what a capture spent, where it paid no exchange.

use log_record::Position;

use super::capture_hold::running_hold;
use super::refund::come_back;
use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, BackFor, CaptureRefund, CreditRefunded, Decision, Event, HoldId, IdHash, Note,
    OriginalCapture, Points, RefundCause, RefundId, Refusal, Timestamp, with_grace,
};

/// Refunds a capture, whole or in part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundCapture {
    /// The account.
    pub account_id: AccountId,
    /// The hold that was captured.
    pub hold_id: HoldId,
    /// The refund's id, made by the caller.
    pub refund_id: RefundId,
    /// How much; without it, all that is left to come back.
    pub points: Option<Points>,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
    /// The capture as it was recorded; without it, deciding asks for it.
    pub original: Option<OriginalCapture>,
}

impl CommandRules for RefundCapture {
    fn name(&self) -> &'static str {
        "refund-capture"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::capture_refund(&self.account_id, &self.hold_id, &self.refund_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let recorded = draft.state.recorded();
        let at = recorded.position_of(IdHash::capture(&self.account_id, &self.hold_id));
        let Some(at) = at else {
            draft.apply_due(&self.account_id);
            running_hold(&draft, &self.account_id, &self.hold_id)?;
            return Err(Refusal::HoldNotCaptured);
        };
        let Some(original) = self.original.as_ref().filter(|original| original.position == at)
        else {
            return Ok(Decision::Load(at));
        };
        let captured = original.captured.as_ref().ok_or(Refusal::CapturePaidExchange)?;
        let before = draft.state.refunded(at);
        let left = captured.points.minus(before).unwrap_or_default();
        let points = self.points.unwrap_or(left);
        if points > left || left == Points::ZERO {
            let asked = self.points.unwrap_or(captured.points);
            return Err(Refusal::PointsTooLarge { unit: captured.unit, left, asked });
        }
        draft.apply_due(&self.account_id);
        let unit = draft.unit_number(captured.unit)?;
        draft.check_room(&self.account_id, unit, points)?;
        let back = come_back(&captured.lots, before, points);
        let lots = with_grace(&back, captured.grace.until(draft.now, BackFor::Other));
        draft.check_parts(&self.account_id, unit, &lots)?;
        let refund = CaptureRefund {
            hold_id: self.hold_id.clone(),
            refund_id: self.refund_id.clone(),
            captured_points: captured.points,
            asked_points: self.points,
            occurred_at: self.occurred_at,
            note: self.note.clone(),
        };
        let (cause, unit) = (RefundCause::Capture(refund), captured.unit);
        let refunded = CreditRefunded { cause, unit, points, lots };
        let event = Event::CreditRefunded(self.account_id.clone(), refunded);
        draft.come_in_as_outcome(&self.account_id, event);
        Ok(draft.finish())
    }

    fn load(&mut self, _before: &[Event], position: Position, event: &Event) -> Option<()> {
        self.original = Some(OriginalCapture::read(position, event)?);
        Some(())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::CreditRefunded(_, CreditRefunded { cause: RefundCause::Capture(fact), .. }) =
            event
        else {
            return OTHER_CALL;
        };
        self.note.first_difference(&fact.note).or_else(|| {
            first_different(&[
                ("points", self.points == fact.asked_points),
                ("occurred_at", self.occurred_at == fact.occurred_at),
            ])
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn a_refunded_capture_gives_its_points_back() {
        captured()
            .when(refund("ann", "h-1", "f-1", None))
            .then_records(["CreditRefunded"])
            .leaves("ann", [500, 0, 0, 0])
            .when(refund("ann", "h-1", "f-1", None))
            .then_repeats(6);
    }

    #[test]
    fn a_refund_in_parts_goes_on_where_the_one_before_stopped() {
        // 200 were drawn from the lot that expires at 1,000 and 100 from the one that never does.
        let captured = || {
            given([])
                .does(policy(crate::SpentCredit::Refuse, 0))
                .does(earn_until(1_000, "ann", 200, "B-1"))
                .does(earn("ann", 300, "B-2"))
                .does(hold("ann", "h-1", 300, 100))
                .does(capture("ann", "h-1", None))
                .does(refund("ann", "h-1", "f-1", Some(150)))
        };
        captured().at(1_000).sweeps().leaves("ann", [300, 0, 0, 0]);
        captured()
            .does(refund("ann", "h-1", "f-2", None))
            .leaves("ann", [500, 0, 0, 0])
            .at(1_000)
            .sweeps()
            .leaves("ann", [300, 0, 0, 0]);
    }

    #[test]
    fn no_more_is_refunded_than_was_captured() {
        captured()
            .refuses(refund("ann", "h-1", "f-1", Some(201)), "points-too-large")
            .does(refund("ann", "h-1", "f-1", Some(150)))
            .refuses(refund("ann", "h-1", "f-2", Some(51)), "points-too-large")
            .does(refund("ann", "h-1", "f-2", Some(50)))
            .refuses(refund("ann", "h-1", "f-3", None), "points-too-large")
            .leaves("ann", [500, 0, 0, 0]);
    }

    #[test]
    fn only_a_capture_that_paid_no_exchange_is_refunded() {
        given([]).refuses(refund("ann", "h-1", "f-1", None), "hold-unknown");
        held().refuses(refund("ann", "h-1", "f-1", None), "hold-not-captured");
        held().does(release("ann", "h-1")).refuses(refund("ann", "h-1", "f-1", None), "hold-ended");
        held().at(100).refuses(refund("ann", "h-1", "f-1", None), "hold-ended");
        held()
            .does(capture_for("ann", "h-1", "x-1", "mug"))
            .refuses(refund("ann", "h-1", "f-1", None), "capture-paid-exchange")
            .does(cancel("ann", "x-1", "c-1", None))
            .refuses(refund("ann", "h-1", "f-1", None), "capture-paid-exchange");
    }

    #[test]
    fn another_amount_under_the_same_id_is_named() {
        captured()
            .does(refund("ann", "h-1", "f-1", Some(50)))
            .when(refund("ann", "h-1", "f-1", None))
            .then_differs_from(6, "points");
    }

    #[test]
    fn a_refund_pays_what_the_account_owes_first() {
        given([earned("ann", 300, "B-1")])
            .does(policy(crate::SpentCredit::Debt, 30))
            .does(hold("ann", "h-1", 300, 100))
            .does(capture("ann", "h-1", None))
            .does(withdraw("ann", "w-1", "B-1"))
            .leaves("ann", [0, 0, 0, 300])
            .when(refund("ann", "h-1", "f-1", Some(200)))
            .then_records(["CreditRefunded", "DebtRepaid"])
            .leaves("ann", [0, 0, 0, 100]);
    }

    #[test]
    fn what_is_refunded_has_the_grace_that_was_promised_when_it_was_held() {
        const GRACE_ENDS: i64 = 31 * 24 * 60 * 60;
        let refunded = || {
            given([])
                .does(earn_until(50, "ann", 300, "B-1"))
                .does(hold("ann", "h-1", 300, 90))
                .does(policy(crate::SpentCredit::Refuse, 1))
                .does(capture("ann", "h-1", None))
                .at(100)
                .does(refund("ann", "h-1", "f-1", None))
        };
        refunded().at(GRACE_ENDS - 1).sweeps().leaves("ann", [300, 0, 0, 0]);
        refunded().at(GRACE_ENDS).sweeps().leaves("ann", [0, 0, 0, 0]);
    }

    fn held() -> Scenario {
        given([opened("mug", 200, None), earned("ann", 500, "B-1")])
            .does(hold("ann", "h-1", 200, 100))
    }

    fn captured() -> Scenario {
        held().does(capture("ann", "h-1", None))
    }
}
