//! How credit comes back when units of an exchange are cancelled, by whoever it is, and of which
//! lots.

use crate::draft::Draft;
use crate::lots::{sum_of, take_from};
use crate::{
    AccountId, AskedUnits, BackFor, CancellationId, CreditRefunded, ExchangeCancelled, ExchangeId,
    LotPart, Note, OriginalExchange, Points, RefundCause, Refusal, UnitId, Units, with_grace,
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
    /// The two halves of the cancellation; what cost nothing has no refund. Before them stands what
    /// fell due in the account.
    pub(super) fn refund(
        self,
        draft: &mut Draft<'_>,
    ) -> Result<(Option<CreditRefunded>, ExchangeCancelled), Refusal> {
        let Self { account_id, exchange_id, cancellation_id, original, quantity, back_for } = self;
        let of = original.ordered;
        let before = draft.state.cancelled(original.position);
        draft.apply_due(account_id);
        let cancelled = before.quantity.plus(quantity).unwrap_or(of.quantity);
        let points =
            of.points.share(cancelled, of.quantity).minus(before.points).unwrap_or_default();
        let unit = UnitId::POINTS;
        let number = draft.unit_number(unit)?;
        draft.check_room(account_id, number, points)?;
        let back = come_back(&original.lots, before.points, points);
        let lots = with_grace(&back, original.grace.until(draft.now, back_for));
        draft.check_parts(account_id, number, &lots)?;
        let refunded = CreditRefunded {
            cause: RefundCause::Cancellation {
                exchange_id: exchange_id.clone(),
                cancellation_id: cancellation_id.clone(),
            },
            unit,
            points,
            lots,
        };
        let left = Refusal::QuantityTooLarge {
            left: of.quantity.minus(before.quantity).unwrap_or_default(),
            asked: AskedUnits(Some(quantity)),
        };
        let back = original.allocation.part(before.quantity, quantity).ok_or(left)?;
        if let Some((number, offer)) = draft.state.numbered_offer(&original.offer_id)
            && let Some(left) = offer.inventory.give_back(&back)
        {
            draft.restock(number, left);
        }
        let cancelled = ExchangeCancelled {
            exchange_id: exchange_id.clone(),
            cancellation_id,
            offer_id: original.offer_id.clone(),
            allocation: back,
            points,
            of,
            asked_quantity: None,
            occurred_at: None,
            note: Note::default(),
        };
        Ok((Some(refunded).filter(|_| points > Points::ZERO), cancelled))
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
