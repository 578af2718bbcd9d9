//! Cancel an exchange, whole or by quantity, and give back what it cost.

use super::{Decision, OriginalExchange, first_different};
use crate::draft::Draft;
use crate::lots::{sum_of, take_from};
use crate::{
    AccountId, CancellationId, CreditRefunded, Event, ExchangeCancelled, ExchangeId, IdHash,
    LotPart, Note, Points, Refusal, State, Timestamp, Units,
};

/// Cancels pieces of an exchange that hasn't left the warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelExchange {
    /// Whose.
    pub account_id: AccountId,
    /// The exchange.
    pub exchange_id: ExchangeId,
    /// The cancellation's id, made by the caller.
    pub cancellation_id: CancellationId,
    /// How many pieces; without it, all that are left.
    pub quantity: Option<Units>,
    /// Who, and why.
    pub note: Note,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
    /// The exchange as it was created; without it, deciding asks for it.
    pub original: Option<OriginalExchange>,
}

impl CancelExchange {
    pub(super) fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let recorded = draft.state.recorded();
        let exchange = IdHash::exchange(&self.account_id, &self.exchange_id);
        let at = recorded.position_of(exchange).ok_or(Refusal::ExchangeUnknown)?;
        let dispatch = IdHash::exchange_dispatch(&self.account_id, &self.exchange_id);
        if recorded.position_of(dispatch).is_some() {
            return Err(Refusal::ExchangeDispatched);
        }
        let Some(original) = self.original.as_ref().filter(|original| original.position == at)
        else {
            return Ok(Decision::Load(at));
        };
        let of = original.ordered;
        let before = draft.state.cancelled(at);
        let left = of.quantity.minus(before.quantity).unwrap_or_default();
        let quantity = self.quantity.unwrap_or(left);
        if quantity > left || left == Units::ZERO {
            let asked = self.quantity.unwrap_or(of.quantity);
            return Err(Refusal::QuantityTooLarge { left, asked });
        }
        draft.settle(&self.account_id);
        let cancelled = before.quantity.plus(quantity).unwrap_or(of.quantity);
        let points =
            of.points.share(cancelled, of.quantity).minus(before.points).unwrap_or_default();
        draft.check_room(&self.account_id, points)?;
        let lots = come_back(&original.lots, before.points, points)
            .into_iter()
            .map(|part| with_grace(part, draft.state, draft.now))
            .collect();
        draft.record(Event::CreditRefunded(
            self.account_id.clone(),
            CreditRefunded {
                exchange_id: self.exchange_id.clone(),
                cancellation_id: self.cancellation_id.clone(),
                points,
                lots,
            },
        ));
        draft.bear(Event::ExchangeCancelled(
            self.account_id.clone(),
            ExchangeCancelled {
                exchange_id: self.exchange_id.clone(),
                cancellation_id: self.cancellation_id.clone(),
                offer_id: original.offer_id.clone(),
                quantity,
                points,
                of,
                asked_quantity: self.quantity,
                occurred_at: self.occurred_at,
                note: self.note.clone(),
            },
        ));
        draft.settle_again(&self.account_id);
        Ok(draft.finish())
    }

    pub(super) fn first_difference(&self, fact: &ExchangeCancelled) -> Option<&'static str> {
        self.note.first_difference(&fact.note).or_else(|| {
            first_different(&[
                ("quantity", self.quantity == fact.asked_quantity),
                ("occurred_at", self.occurred_at == fact.occurred_at),
            ])
        })
    }
}

/// The next `points` to come back, where `before` of them did: drawing undone from its end.
fn come_back(drawn: &[LotPart], before: Points, points: Points) -> Vec<LotPart> {
    // What stays drawn after this, and what was drawn before it.
    let drawn_now = sum_of(drawn).and_then(|sum| sum.minus(before)).unwrap_or_default();
    let (left, _) = take_from(drawn.iter(), drawn_now);
    let (back, _) = take_from(left.iter().rev(), points);
    back
}

/// A part as it comes back: what expired meanwhile can be spent for a while, once.
fn with_grace(part: LotPart, state: &State, now: Timestamp) -> LotPart {
    let (policy, _) = state.policy();
    if !part.has_expired(now) || part.graced || policy.refund_grace_days == 0 {
        return part;
    }
    let expires_at = Some(now.plus_days(policy.refund_grace_days.into()));
    LotPart { expires_at, graced: true, ..part }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn a_cancellation_gives_back_credit_stock_and_count() {
        given([opened_with("mug", 300, Some(1), Some(1)), earned("ann", 600, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .refuses(redeem("ann", "x-2", "mug"), "sold-out")
            .when(cancel("ann", "x-1", "c-1", None))
            .then_records(["CreditRefunded", "ExchangeCancelled"])
            .leaves("ann", [600, 0, 0, 0])
            .does(redeem("ann", "x-2", "mug"))
            .when(cancel("ann", "x-1", "c-1", None))
            .then_repeats(7);
    }

    #[test]
    fn the_stock_of_a_closed_offer_comes_back_too() {
        given([opened("mug", 300, Some(1)), earned("ann", 300, "B-1")])
            .does(redeem("ann", "x-1", "mug"))
            .does(close("mug"))
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [300, 0, 0, 0]);
    }

    /// 200 were drawn from the lot that expires at 100 and 400 from the one that never does; the
    /// first piece to be cancelled gives back the end of that.
    #[test]
    fn a_refund_undoes_the_drawing_from_its_end() {
        given([opened("mug", 300, None)])
            .does(earn_until(100, "ann", 200, "B-1"))
            .does(earn("ann", 400, "B-2"))
            .does(two("ann", "x-1", "mug"))
            .does(cancel("ann", "x-1", "c-1", Some(1)))
            .at(100)
            .sweeps()
            .leaves("ann", [300, 0, 0, 0]);
    }

    #[test]
    fn what_expired_meanwhile_has_a_time_of_grace() {
        const GRACE_ENDS: i64 = 100 + 30 * 24 * 60 * 60;
        let refunded = || {
            given([opened("mug", 300, None)])
                .does(earn_until(50, "ann", 300, "B-1"))
                .does(redeem("ann", "x-1", "mug"))
                .at(100)
                .does(cancel("ann", "x-1", "c-1", None))
        };
        refunded().at(GRACE_ENDS - 1).does(redeem("ann", "x-2", "mug"));
        refunded().at(GRACE_ENDS).refuses(redeem("ann", "x-2", "mug"), "insufficient-credit");
    }

    #[test]
    fn without_grace_it_expires_at_once() {
        given([opened("mug", 300, None)])
            .does(policy(crate::SpentCredit::Refuse, 0))
            .does(earn_until(50, "ann", 300, "B-1"))
            .does(redeem("ann", "x-1", "mug"))
            .at(100)
            .when(cancel("ann", "x-1", "c-1", None))
            .then_records(["CreditRefunded", "ExchangeCancelled", "CreditExpired"])
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn only_what_is_left_of_an_exchange_is_cancelled() {
        given([opened("mug", 300, None), earned("ann", 300, "B-1")])
            .refuses(cancel("ann", "x-1", "c-1", None), "exchange-unknown")
            .does(redeem("ann", "x-1", "mug"))
            .refuses(cancel("ann", "x-1", "c-1", Some(2)), "quantity-too-large")
            .does(cancel("ann", "x-1", "c-1", Some(1)))
            .when(cancel("ann", "x-1", "c-1", None))
            .then_differs_from(7, "quantity");
    }
}
