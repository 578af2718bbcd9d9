//! The ids that an event records, told from the event alone.

use domain::{
    Cause, CauseKind, Event, GrantEnd, IdHash, Keeps, RefundCause, ReleaseReason, WaitEnd,
    WithdrawalCause,
};

pub(crate) fn ids_of(event: &Event) -> Vec<IdHash> {
    match event {
        Event::AccountOpened(account, _) => vec![IdHash::account(account)],
        Event::AccountErased(account, fact) => vec![IdHash::erasure(account, &fact.erasure_id)],
        // The conversion right before it bears the id.
        Event::CreditEarned(_, fact) if fact.cause.kind == CauseKind::Conversion => vec![],
        Event::CreditConverted(account, fact) => {
            vec![IdHash::conversion(account, &fact.conversion_id)]
        }
        Event::CreditEarned(account, fact) => vec![match fact.claim {
            Some(_) => IdHash::claim(account, &fact.cause.id, fact.unit),
            None => IdHash::cause(account, &fact.cause),
        }],
        Event::CreditWithdrawn(account, fact) => match &fact.withdrawal {
            WithdrawalCause::Withdrawal { id } => vec![IdHash::withdrawal(account, id)],
            WithdrawalCause::Adjustment { id } => {
                let cause = Cause { kind: CauseKind::Adjustment, id: id.clone() };
                vec![IdHash::cause(account, &cause)]
            }
            WithdrawalCause::Return { .. } => vec![],
        },
        Event::WithdrawalReversed(account, fact) => {
            vec![IdHash::withdrawal_reversal(account, &fact.withdrawal_id)]
        }
        Event::ReturnReversed(account, fact) => {
            vec![IdHash::return_reversal(account, &fact.purchase_id, &fact.return_id)]
        }
        Event::TierGranted(account, fact) => {
            vec![IdHash::tier_grant(account, fact.ladder, &fact.grant_id)]
        }
        Event::TierGrantEnded(account, fact) if fact.ended == GrantEnd::Revoked => {
            vec![IdHash::tier_grant_revocation(account, fact.ladder, &fact.grant_id)]
        }
        Event::CreditSent(account, fact) => vec![IdHash::transfer(account, &fact.transfer_id)],
        // The first unit's hold bears the id, and so does its release.
        Event::CreditHeld(_, fact) if fact.keeps == Keeps::Further => vec![],
        Event::HoldReleased(_, fact) if fact.keeps == Keeps::Further => vec![],
        Event::CreditHeld(account, fact) => vec![IdHash::hold(account, &fact.hold_id)],
        Event::WaitBegun(account, fact) => vec![IdHash::wait(account, &fact.wait_id)],
        Event::WaitEnded(account, fact) if fact.reason == WaitEnd::Left => {
            vec![IdHash::wait_leaving(account, &fact.wait_id)]
        }
        Event::HoldExtended(account, fact) => {
            vec![IdHash::hold_extension(account, &fact.hold_id, &fact.extension_id)]
        }
        Event::CreditRefunded(account, fact) => match &fact.cause {
            RefundCause::Capture(refund) => {
                vec![IdHash::capture_refund(account, &refund.hold_id, &refund.refund_id)]
            }
            RefundCause::Cancellation { .. } => vec![],
        },
        Event::HoldCaptured(account, fact) if !fact.pays_exchange => {
            vec![IdHash::capture(account, &fact.hold_id)]
        }
        Event::HoldReleased(account, fact) if fact.reason == ReleaseReason::Asked => {
            vec![IdHash::release(account, &fact.hold_id)]
        }
        Event::ExchangeCreated(account, fact) => {
            let exchange = IdHash::exchange(account, &fact.exchange_id);
            let capture = fact.hold_id.as_ref().map(|hold| IdHash::capture(account, hold));
            [exchange].into_iter().chain(capture).collect()
        }
        Event::ExchangeCancelled(account, fact) => {
            vec![IdHash::cancellation(account, &fact.exchange_id, &fact.cancellation_id)]
        }
        Event::ShipmentDispatched(account, fact) => {
            vec![IdHash::dispatch(account, &fact.shipped, &fact.dispatch_id)]
        }
        Event::ShipmentAccepted(account, fact) => vec![IdHash::acceptance(account, &fact.shipped)],
        Event::ShipmentBackOrdered(account, fact) => {
            vec![IdHash::back_order(account, &fact.shipped)]
        }
        Event::ShipmentDelivered(account, fact) => vec![match &fact.dispatch_id {
            Some(id) => IdHash::parcel_delivery(account, &fact.shipped, id),
            None => IdHash::delivery(account, &fact.shipped),
        }],
        Event::ShipmentRejected(account, fact) => vec![IdHash::rejection(account, &fact.shipped)],
        Event::ShipmentSettled(account, fact) => vec![IdHash::settlement(account, &fact.shipped)],
        Event::PurchaseRecorded(account, fact) => {
            vec![IdHash::cause(account, &Cause::purchase(&fact.purchase_id))]
        }
        Event::PurchaseReturned(account, fact) => {
            vec![IdHash::purchase_return(account, &fact.purchase_id, &fact.return_id)]
        }
        Event::StockRemoved(fact) => vec![IdHash::stock_removal(&fact.offer_id, &fact.removal_id)],
        Event::OfferReopened(fact) => vec![IdHash::reopening(&fact.offer_id, &fact.reopening_id)],
        Event::OfferResumed(fact) => {
            vec![IdHash::resumption(&fact.offer_id, &fact.resumption_id)]
        }
        Event::CodesUploaded(fact) => {
            vec![IdHash::code_upload(&fact.offer_id, &fact.upload_id)]
        }
        Event::StockAdded(fact) => vec![IdHash::stock_addition(&fact.offer_id, &fact.addition_id)],
        _ => vec![],
    }
}
