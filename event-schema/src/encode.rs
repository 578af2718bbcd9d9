//! From a domain event to its stored texts.

use domain::{Event, Timestamp};
use log_record::{NewEvent, Principal};
use serde::Serialize;
use serde::ser::Error as _;

use crate::Metadata;
use crate::private::private_text;
use crate::v1::{
    account, code, conversion, counts, credit, exchange, hold, ladder, log, merger, message, offer,
    programme, purchase, seal, segment, shipment, stock, switch, unit, wait, withdrawal,
};

/// 128 random bits in every event's private text. Without them somebody who has a record's hash
/// could guess the private text that was erased, or the content of the record.
#[derive(Clone, Copy, Debug)]
pub struct Salt(pub [u8; 16]);

/// The event can't be written as JSON; no valid event causes it.
#[derive(Debug, thiserror::Error)]
#[error("can't write the event as JSON")]
pub struct EncodeError(#[from] serde_json::Error);

/// The event as it is appended.
///
/// `principal` is the caller, given only for the event with the command's id. The private text gets
/// the caller's subject and name; `metadata` has the key and role.
pub fn encode(
    event: &Event,
    recorded_at: Timestamp,
    metadata: &Metadata,
    principal: Option<&Principal>,
    salt: Salt,
) -> Result<NewEvent, EncodeError> {
    let (event_type, public) = match event {
        Event::LogOpened(fact) => ("log-opened", public::<log::LogOpened<'_>, _>(fact, metadata)?),
        Event::LogForked(fact) => ("log-forked", public::<log::LogForked<'_>, _>(fact, metadata)?),
        Event::ClockDoubted(fact) => {
            ("clock-doubted", public::<log::ClockDoubted<'_>, _>(fact, metadata)?)
        }
        Event::ClockConfirmed(fact) => {
            ("clock-confirmed", public::<log::ClockConfirmed, _>(fact, metadata)?)
        }
        Event::PolicyChanged(fact) => {
            ("policy-changed", public::<programme::PolicyChanged, _>(fact, metadata)?)
        }
        Event::EarningRuleSet(fact) => {
            ("earning-rule-set", public::<programme::EarningRuleSet<'_>, _>(fact, metadata)?)
        }
        Event::UnitSet(fact) => ("unit-set", public::<unit::UnitSet<'_>, _>(fact, metadata)?),
        Event::UnitClosed(fact) => ("unit-closed", public::<unit::UnitClosed, _>(fact, metadata)?),
        Event::LadderSet(fact) => {
            ("ladder-set", public::<ladder::LadderSet<'_>, _>(fact, metadata)?)
        }
        Event::TierReached(_, fact) => {
            ("tier-reached", public::<ladder::TierChanged, _>(fact, metadata)?)
        }
        Event::TierKept(_, fact) => {
            ("tier-kept", public::<ladder::TierChanged, _>(fact, metadata)?)
        }
        Event::TierLapsed(_, fact) => {
            ("tier-lapsed", public::<ladder::TierChanged, _>(fact, metadata)?)
        }
        Event::TierGranted(_, fact) => {
            ("tier-granted", public::<ladder::TierGranted<'_>, _>(fact, metadata)?)
        }
        Event::TierGrantEnded(_, fact) => {
            ("tier-grant-ended", public::<ladder::TierGrantEnded<'_>, _>(fact, metadata)?)
        }
        Event::ConversionRateSet(fact) => {
            ("conversion-rate-set", public::<conversion::ConversionRateSet, _>(fact, metadata)?)
        }
        Event::ConversionRateClosed(fact) => (
            "conversion-rate-closed",
            public::<conversion::ConversionRateClosed, _>(fact, metadata)?,
        ),
        Event::AccountOpened(_, fact) => {
            ("account-opened", public::<account::AccountOpened, _>(fact, metadata)?)
        }
        Event::AccountErased(_, fact) => {
            ("account-erased", public::<account::AccountErased<'_>, _>(fact, metadata)?)
        }
        Event::AccountMergerBegun(_, fact) => {
            ("account-merger-begun", public::<merger::AccountMerger<'_>, _>(fact, metadata)?)
        }
        Event::AccountMergerAbandoned(_, fact) => {
            ("account-merger-abandoned", public::<merger::AccountMerger<'_>, _>(fact, metadata)?)
        }
        Event::AccountMerged(_, fact) => {
            ("account-merged", public::<merger::AccountMerger<'_>, _>(fact, metadata)?)
        }
        Event::AccountTakenOver(_, fact) => {
            ("account-taken-over", public::<merger::AccountTakenOver<'_>, _>(fact, metadata)?)
        }
        Event::CountsPassedOn(_, fact) => {
            ("counts-passed-on", public::<counts::CountsPassedOn<'_>, _>(fact, metadata)?)
        }
        Event::CountsTakenOver(_, fact) => {
            ("counts-taken-over", public::<counts::CountsTakenOver<'_>, _>(fact, metadata)?)
        }
        Event::DebtPassedOn(_, fact) => {
            ("debt-passed-on", public::<merger::DebtPassedOn<'_>, _>(fact, metadata)?)
        }
        Event::DebtTakenOver(_, fact) => {
            ("debt-taken-over", public::<merger::DebtTakenOver<'_>, _>(fact, metadata)?)
        }
        Event::CreditEarned(_, fact) => {
            ("credit-earned", public::<credit::CreditEarned<'_>, _>(fact, metadata)?)
        }
        Event::CreditDeducted(_, fact) => {
            ("credit-deducted", public::<credit::CreditDeducted<'_>, _>(fact, metadata)?)
        }
        Event::CreditMatured(_, fact) => {
            ("credit-matured", public::<credit::CreditMatured<'_>, _>(fact, metadata)?)
        }
        Event::CreditExpired(_, fact) => {
            ("credit-expired", public::<credit::CreditExpired<'_>, _>(fact, metadata)?)
        }
        Event::CreditRefunded(_, fact) => {
            ("credit-refunded", public::<credit::CreditRefunded<'_>, _>(fact, metadata)?)
        }
        Event::CreditWithdrawn(_, fact) => {
            ("credit-withdrawn", public::<withdrawal::CreditWithdrawn<'_>, _>(fact, metadata)?)
        }
        Event::WithdrawalReversed(_, fact) => (
            "withdrawal-reversed",
            public::<withdrawal::WithdrawalReversed<'_>, _>(fact, metadata)?,
        ),
        Event::DebtRepaid(_, fact) => {
            ("debt-repaid", public::<credit::DebtRepaid<'_>, _>(fact, metadata)?)
        }
        Event::CreditSent(_, fact) => {
            ("credit-sent", public::<credit::CreditSent<'_>, _>(fact, metadata)?)
        }
        Event::CreditReceived(_, fact) => {
            ("credit-received", public::<credit::CreditReceived<'_>, _>(fact, metadata)?)
        }
        Event::CreditReturned(_, fact) => {
            ("credit-returned", public::<credit::CreditReturned<'_>, _>(fact, metadata)?)
        }
        Event::CreditConverted(_, fact) => {
            ("credit-converted", public::<conversion::CreditConverted<'_>, _>(fact, metadata)?)
        }
        Event::CreditHeld(_, fact) => {
            ("credit-held", public::<hold::CreditHeld<'_>, _>(fact, metadata)?)
        }
        Event::MessageSent(fact) => {
            ("message-sent", public::<message::MessageSent<'_>, _>(&**fact, metadata)?)
        }
        Event::MessageReceived(fact) => {
            ("message-received", public::<message::MessageReceived<'_>, _>(&**fact, metadata)?)
        }
        Event::HoldExtended(_, fact) => {
            ("hold-extended", public::<hold::HoldExtended<'_>, _>(fact, metadata)?)
        }
        Event::HoldCaptured(_, fact) => {
            ("hold-captured", public::<hold::HoldCaptured<'_>, _>(fact, metadata)?)
        }
        Event::HoldSwapped(_, fact) => {
            ("hold-swapped", public::<hold::HoldSwapped<'_>, _>(fact, metadata)?)
        }
        Event::HoldReleased(_, fact) => {
            ("hold-released", public::<hold::HoldReleased<'_>, _>(fact, metadata)?)
        }
        Event::ExchangeCreated(_, fact) => {
            ("exchange-created", public::<exchange::ExchangeCreated<'_>, _>(fact, metadata)?)
        }
        Event::ExchangeCancelled(_, fact) => {
            ("exchange-cancelled", public::<exchange::ExchangeCancelled<'_>, _>(fact, metadata)?)
        }
        Event::ShipmentAccepted(_, fact) => {
            ("shipment-accepted", public::<shipment::ShipmentReport<'_>, _>(fact, metadata)?)
        }
        Event::ShipmentBackOrdered(_, fact) => {
            ("shipment-back-ordered", public::<shipment::ShipmentReport<'_>, _>(fact, metadata)?)
        }
        Event::ShipmentDispatched(_, fact) => {
            ("shipment-dispatched", public::<shipment::ShipmentDispatched<'_>, _>(fact, metadata)?)
        }
        Event::ShipmentDelivered(_, fact) => {
            ("shipment-delivered", public::<shipment::ShipmentReport<'_>, _>(fact, metadata)?)
        }
        Event::ShipmentRejected(_, fact) => {
            ("shipment-rejected", public::<shipment::ShipmentReport<'_>, _>(fact, metadata)?)
        }
        Event::ShipmentAskedAgain(_, fact) => {
            ("shipment-asked-again", public::<shipment::ShipmentReport<'_>, _>(fact, metadata)?)
        }
        Event::ShipmentSettled(_, fact) => {
            ("shipment-settled", public::<shipment::ShipmentReport<'_>, _>(fact, metadata)?)
        }
        Event::PurchaseRecorded(_, fact) => {
            ("purchase-recorded", public::<purchase::PurchaseRecorded<'_>, _>(fact, metadata)?)
        }
        Event::PurchaseReturned(_, fact) => {
            ("purchase-returned", public::<purchase::PurchaseReturned<'_>, _>(fact, metadata)?)
        }
        Event::CreditGivenBack(_, fact) => {
            let public = public::<purchase::ReturnCreditGivenBack<'_>, _>(fact, metadata)?;
            ("credit-given-back", public)
        }
        Event::ReturnReversed(_, fact) => {
            ("return-reversed", public::<purchase::ReturnReversed<'_>, _>(fact, metadata)?)
        }
        Event::OfferOpened(fact) => {
            ("offer-opened", public::<offer::OfferOpened<'_>, _>(fact, metadata)?)
        }
        Event::OfferAmended(fact) => {
            ("offer-amended", public::<offer::OfferAmended<'_>, _>(fact, metadata)?)
        }
        Event::OfferClosed(fact) => {
            ("offer-closed", public::<offer::OfferClosed<'_>, _>(fact, metadata)?)
        }
        Event::OfferReopened(fact) => {
            ("offer-reopened", public::<offer::OfferReopened<'_>, _>(fact, metadata)?)
        }
        Event::OfferPaused(fact) => {
            ("offer-paused", public::<offer::OfferPaused<'_>, _>(fact, metadata)?)
        }
        Event::OfferResumed(fact) => {
            ("offer-resumed", public::<offer::OfferResumed<'_>, _>(fact, metadata)?)
        }
        Event::SegmentSet(_, fact) => {
            ("segment-set", public::<segment::SegmentSet, _>(fact, metadata)?)
        }
        Event::WaitBegun(_, fact) => {
            ("wait-begun", public::<wait::WaitBegun<'_>, _>(fact, metadata)?)
        }
        Event::WaitServed(_, fact) => {
            ("wait-served", public::<wait::WaitServed<'_>, _>(fact, metadata)?)
        }
        Event::WaitEnded(_, fact) => {
            ("wait-ended", public::<wait::WaitEnded<'_>, _>(fact, metadata)?)
        }
        Event::StockRemoved(fact) => {
            ("stock-removed", public::<stock::StockRemoved<'_>, _>(fact, metadata)?)
        }
        Event::StockAmended(fact) => {
            ("stock-amended", public::<stock::StockAmended<'_>, _>(fact, metadata)?)
        }
        Event::StockAdded(fact) => {
            ("stock-added", public::<stock::StockAdded<'_>, _>(fact, metadata)?)
        }
        Event::CodeAdded(fact) => ("code-added", public::<code::CodeAdded<'_>, _>(fact, metadata)?),
        Event::CodesUploaded(fact) => {
            ("codes-uploaded", public::<code::CodesUploaded<'_>, _>(fact, metadata)?)
        }
        Event::BalancesSealed(fact) => {
            ("balances-sealed", public::<seal::BalancesSealed<'_>, _>(fact, metadata)?)
        }
        Event::SwitchTurned(fact) => {
            ("switch-turned", public::<switch::SwitchTurned, _>(fact, metadata)?)
        }
    };
    let private = private_text(event, salt, principal)?;
    Ok(NewEvent {
        event_type,
        version: 1,
        recorded_at: recorded_at.micros(),
        account_id: event.account_id().map(|account| account.as_str().into()),
        public,
        private,
    })
}

/// Room for most public texts, so that they seldom grow while they are written.
const PUBLIC_BYTES: usize = 448;

/// The text that was written as JSON.
pub(crate) fn boxed(text: Vec<u8>) -> Result<Box<str>, EncodeError> {
    String::from_utf8(text).map(String::into_boxed_str).map_err(|error| {
        // JSON is UTF-8.
        EncodeError(serde_json::Error::custom(error))
    })
}

/// The stored fields of the fact, then `meta`.
fn public<'a, S, F>(fact: &'a F, metadata: &Metadata) -> Result<Box<str>, EncodeError>
where
    S: From<&'a F> + Serialize,
{
    let mut text = Vec::with_capacity(PUBLIC_BYTES);
    serde_json::to_writer(&mut text, &S::from(fact))?;
    // Reopen the object that was just written.
    text.pop();
    text.extend_from_slice(if text.len() > 1 { br#","meta":"# } else { br#""meta":"# });
    serde_json::to_writer(&mut text, metadata)?;
    text.push(b'}');
    boxed(text)
}
