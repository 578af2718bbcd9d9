//! How credit comes back when units of an exchange are cancelled, by whoever it is, and of which
//! lots.

use crate::draft::Draft;
use crate::lots::{sum_of, take_from};
use crate::{
    AccountId, AskedUnits, BackFor, CancellationId, CreditRefunded, ExchangeCancelled, ExchangeId,
    LotPart, Note, OriginalExchange, Paid, Points, RefundCause, Refusal, Units, with_grace,
};

/// What is cancelled.
pub(super) struct Cancelling<'a> {
    pub(super) account_id: &'a AccountId,
    pub(super) exchange_id: &'a ExchangeId,
    pub(super) cancellation_id: CancellationId,
    pub(super) original: &'a OriginalExchange,
    /// Of the units that are left.
    pub(super) quantity: Units,
    /// On whose request.
    pub(super) back_for: BackFor,
}

impl Cancelling<'_> {
    /// The halves of the cancellation: a refund for each unit of which some comes back, and the
    /// cancellation itself. Before them stands what fell due in the account.
    pub(super) fn refund(
        self,
        draft: &mut Draft<'_>,
    ) -> Result<(Vec<CreditRefunded>, ExchangeCancelled), Refusal> {
        let Self { account_id, exchange_id, original, quantity, .. } = &self;
        let of = &original.ordered;
        let before = draft.state.cancelled(original.position);
        draft.apply_due(account_id);
        let cancelled = before.quantity.plus(*quantity).unwrap_or(of.quantity);
        let refunded = self.refunds(draft, before.quantity, cancelled)?;
        let left = Refusal::QuantityTooLarge {
            left: of.quantity.minus(before.quantity).unwrap_or_default(),
            asked: AskedUnits(Some(*quantity)),
        };
        let back = original.allocation.part(before.quantity, *quantity).ok_or(left)?;
        if let Some((number, offer)) = draft.state.numbered_offer(&original.offer_id)
            && let Some(left) = offer.inventory.give_back(&back)
        {
            draft.restock(number, left);
        }
        let cancelled = ExchangeCancelled {
            exchange_id: (*exchange_id).clone(),
            cancellation_id: self.cancellation_id.clone(),
            offer_id: original.offer_id.clone(),
            allocation: back,
            refunded: refunded.iter().map(CreditRefunded::price).collect(),
            of: of.clone(),
            asked_quantity: None,
            occurred_at: None,
            note: Note::default(),
        };
        Ok((refunded, cancelled))
    }

    /// Of each unit the cost's share of the pieces cancelled by now, rounded down, less that of
    /// those cancelled before. Room and parts are checked as if all came at once.
    fn refunds(
        &self,
        draft: &Draft<'_>,
        before: Units,
        cancelled: Units,
    ) -> Result<Vec<CreditRefunded>, Refusal> {
        let Self { account_id, exchange_id, original, back_for, .. } = self;
        let quantity = original.ordered.quantity;
        let grace_until = original.grace.until(draft.now, *back_for);
        let (mut refunded, mut coming) = (vec![], vec![]);
        for Paid { price, lots } in &original.paid {
            let came_back = price.points.share(before, quantity);
            let points =
                price.points.share(cancelled, quantity).minus(came_back).unwrap_or_default();
            if points == Points::ZERO {
                continue;
            }
            let number = draft.unit_number(price.unit)?;
            draft.check_room(account_id, number, points)?;
            let lots = with_grace(&come_back(lots, came_back, points), grace_until);
            coming.push((number, lots.clone()));
            let cause = RefundCause::Cancellation {
                exchange_id: (*exchange_id).clone(),
                cancellation_id: self.cancellation_id.clone(),
            };
            refunded.push(CreditRefunded { cause, unit: price.unit, points, lots });
        }
        draft.check_parts_of_all(account_id, &coming)?;
        Ok(refunded)
    }
}

/// The next `points` to come back, where `before` of them did: drawing undone from its end.
pub(super) fn come_back(drawn: &[LotPart], before: Points, points: Points) -> Vec<LotPart> {
    // What stays drawn after this, and what was drawn before it.
    let drawn_now = sum_of(drawn).and_then(|sum| sum.minus(before)).unwrap_or_default();
    let (left, _) = take_from(drawn.iter(), drawn_now);
    let (back, _) = take_from(left.iter().rev(), points);
    back
}
