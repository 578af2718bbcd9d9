//! What can be got by the path at which it was put, and has no table of its own.

use domain::{
    AccountId, CauseKind, CreditReceived, CreditReturned, CreditSent, Event, GrantEnd, Keeps, Note,
    RefundCause, ShipmentReport, Shipped, WaitEnd, WithdrawalCause,
};
use postgres_connection::storable;
use read_model::Fact;

use super::{At, Rows};

impl Rows {
    /// Notes an event that is a fact with a path.
    pub(super) fn note_fact(&mut self, at: At<'_>, event: &Event) {
        let Some((path, note)) = self.path(at, event) else { return };
        let Note { by, reason } = note.cloned().unwrap_or_default();
        let fact = Fact {
            path: path.clone(),
            place: at.place(),
            account_id: event.account_id().map(ToString::to_string),
            public: at.row.public.as_ref().into(),
            by: by.map(|by| storable(by.as_str())),
            reason: reason.map(|reason| storable(reason.as_str())),
            recorded_at: at.recorded_at.micros(),
        };
        // The last of a batch counts, as it does of several batches.
        self.facts.insert(path, fact);
    }

    /// Where it can be got, and what is private in it.
    fn path<'e>(&self, at: At<'_>, event: &'e Event) -> Option<(String, Option<&'e Note>)> {
        match event {
            // Of the programme's home partition, which has the one clock.
            Event::ClockConfirmed(_) if at.partition() > 0 => None,
            // What an account that was merged passes on has no path.
            Event::CreditSent(_, CreditSent { transfer_id, .. })
            | Event::CreditReceived(_, CreditReceived { transfer_id, .. })
            | Event::CreditReturned(_, CreditReturned { transfer_id, .. })
                if transfer_id.is_of_merger() =>
            {
                None
            }
            // What became of a transfer to another partition, for those who read the transfer.
            Event::CreditReceived(_, fact)
                if self.is_elsewhere(at, |partitions| fact.from.partition(partitions)) =>
            {
                Some((
                    format!("accounts/{}/transfers/{}/receipt", fact.from, fact.transfer_id),
                    None,
                ))
            }
            Event::CreditReturned(account, fact) => {
                Some((format!("accounts/{account}/transfers/{}/return", fact.transfer_id), None))
            }
            event => path(event),
        }
    }
}

/// Where the facts of a partition alone can be got.
fn path(event: &Event) -> Option<(String, Option<&Note>)> {
    Some(match event {
        Event::CreditEarned(account, fact) if fact.cause.kind == CauseKind::Adjustment => {
            (format!("accounts/{account}/adjustments/{}", fact.cause.id), Some(&fact.note))
        }
        Event::CreditWithdrawn(account, fact) => match &fact.withdrawal {
            WithdrawalCause::Withdrawal { id } => {
                (format!("accounts/{account}/withdrawals/{id}"), Some(&fact.note))
            }
            WithdrawalCause::Adjustment { id } => {
                (format!("accounts/{account}/adjustments/{id}"), Some(&fact.note))
            }
            // The return itself is the next event.
            WithdrawalCause::Return { .. } => return None,
        },
        Event::PurchaseReturned(account, fact) => {
            let (purchase, id) = (&fact.purchase_id, &fact.return_id);
            (format!("accounts/{account}/purchases/{purchase}/returns/{id}"), Some(&fact.note))
        }
        Event::WithdrawalReversed(account, fact) => {
            let id = &fact.withdrawal_id;
            (format!("accounts/{account}/withdrawals/{id}/reversal"), Some(&fact.note))
        }
        Event::ReturnReversed(account, fact) => {
            let (purchase, id) = (&fact.purchase_id, &fact.return_id);
            let path = format!("accounts/{account}/purchases/{purchase}/returns/{id}/reversal");
            (path, Some(&fact.note))
        }
        Event::CreditSent(account, fact) => {
            (format!("accounts/{account}/transfers/{}", fact.transfer_id), None)
        }
        Event::CreditConverted(account, fact) => {
            (format!("accounts/{account}/conversions/{}", fact.conversion_id), None)
        }
        Event::HoldExtended(account, fact) => {
            let (hold, id) = (&fact.hold_id, &fact.extension_id);
            (format!("accounts/{account}/holds/{hold}/extensions/{id}"), None)
        }
        Event::CreditRefunded(account, fact) => {
            // Of a cancellation, that is the fact.
            let RefundCause::Capture(refund) = &fact.cause else { return None };
            let (hold, id) = (&refund.hold_id, &refund.refund_id);
            (format!("accounts/{account}/holds/{hold}/refunds/{id}"), Some(&refund.note))
        }
        // What pays further units stands beside the one that tells of all.
        Event::HoldCaptured(_, fact) if fact.keeps == Keeps::Further => return None,
        Event::HoldReleased(_, fact) if fact.keeps == Keeps::Further => return None,
        Event::HoldCaptured(account, fact) => {
            (format!("accounts/{account}/holds/{}/capture", fact.hold_id), None)
        }
        Event::HoldReleased(account, fact) => {
            (format!("accounts/{account}/holds/{}/release", fact.hold_id), None)
        }
        Event::WaitEnded(account, fact) if fact.reason == WaitEnd::Left => {
            (format!("accounts/{account}/waits/{}/leaving", fact.wait_id), None)
        }
        Event::ExchangeCancelled(account, fact) => {
            let (exchange, id) = (&fact.exchange_id, &fact.cancellation_id);
            let path = format!("accounts/{account}/exchanges/{exchange}/cancellations/{id}");
            (path, Some(&fact.note))
        }
        Event::ShipmentAccepted(account, fact) => report(account, fact, "acceptance"),
        Event::ShipmentBackOrdered(account, fact) => report(account, fact, "back-order"),
        Event::ShipmentDelivered(account, fact) => report(account, fact, "delivery"),
        Event::ShipmentRejected(account, fact) => report(account, fact, "rejection"),
        Event::ShipmentSettled(account, fact) => report(account, fact, "settlement"),
        Event::ShipmentDispatched(account, fact) => {
            let of = of(account, &fact.shipped);
            (format!("{of}/dispatches/{}", fact.dispatch_id), None)
        }
        Event::StockAdded(fact) => {
            (format!("offers/{}/stock-additions/{}", fact.offer_id, fact.addition_id), None)
        }
        Event::StockRemoved(fact) => {
            (format!("offers/{}/stock-removals/{}", fact.offer_id, fact.removal_id), None)
        }
        Event::CodesUploaded(fact) => {
            (format!("offers/{}/code-uploads/{}", fact.offer_id, fact.upload_id), None)
        }
        Event::OfferReopened(fact) => {
            (format!("offers/{}/reopenings/{}", fact.offer_id, fact.reopening_id), None)
        }
        Event::OfferResumed(fact) => {
            (format!("offers/{}/resumptions/{}", fact.offer_id, fact.resumption_id), None)
        }
        Event::OfferPaused(fact) => (format!("offers/{}/pause", fact.offer_id), None),
        // The last that was said of it counts.
        Event::SegmentSet(account, fact) => {
            (format!("accounts/{account}/segments/{}", fact.segment), None)
        }
        Event::OfferClosed(fact) => (format!("offers/{}/closure", fact.offer_id), None),
        Event::TierGranted(account, fact) => {
            let path = format!("accounts/{account}/tiers/{}/grants/{}", fact.ladder, fact.grant_id);
            (path, Some(&fact.note))
        }
        Event::TierGrantEnded(account, fact) if fact.ended == GrantEnd::Revoked => {
            let (ladder, grant) = (fact.ladder, &fact.grant_id);
            let path = format!("accounts/{account}/tiers/{ladder}/grants/{grant}/revocation");
            (path, Some(&fact.note))
        }
        Event::AccountMerged(account, _) => (format!("accounts/{account}/merger"), None),
        Event::AccountErased(account, fact) => {
            (format!("accounts/{account}/erasures/{}", fact.erasure_id), None)
        }
        Event::UnitClosed(fact) => (format!("units/{}/closure", fact.unit), None),
        Event::ConversionRateClosed(fact) => {
            (format!("conversion-rates/{}/{}/closure", fact.from, fact.to), None)
        }
        Event::ClockConfirmed(_) => ("clock/confirmation".to_owned(), None),
        _ => return None,
    })
}

/// What a warehouse or an operator says of a shipping request, or of one of its parcels.
fn report<'a>(
    account: &AccountId,
    fact: &'a ShipmentReport,
    what: &str,
) -> (String, Option<&'a Note>) {
    let of = of(account, &fact.shipped);
    let path = match &fact.dispatch_id {
        Some(parcel) => format!("{of}/dispatches/{parcel}/{what}"),
        None => format!("{of}/{what}"),
    };
    (path, Some(&fact.note))
}

fn of(account: &AccountId, shipped: &Shipped) -> String {
    match shipped {
        Shipped::ExchangeId(id) => format!("accounts/{account}/exchanges/{id}"),
        Shipped::PurchaseId(id) => format!("accounts/{account}/purchases/{id}"),
    }
}
