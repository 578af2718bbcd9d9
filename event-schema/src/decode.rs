//! From a row of the log to the domain event. Older versions are raised to the present shape here.

use domain::{AccountId, Event, Timestamp, TimestampError};
use log_record::{EventRef, Place, Private, RecordedEvent};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::private::restore;
use crate::v1::{
    account as of_account, code, conversion, counts, credit, exchange, hold, ladder, log, merger,
    message, offer, programme, purchase, seal, segment, shipment, stock, switch, unit, wait,
    withdrawal,
};
use crate::{Metadata, PrivateActor};

/// A row that this build can't read: a corrupted log, or one that a newer build wrote.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "a variant's sentence explains its fields")]
pub enum DecodeError {
    /// The type or version isn't known.
    #[error(
        "the event at {place} is a {event_type} of version {version}, which this build doesn't \
         know; run the build that wrote it, or a newer one"
    )]
    Unknown { place: Place, event_type: Box<str>, version: u16 },
    /// A text isn't what its type says.
    #[error("the {event_type} at {place} can't be read from its {part}")]
    Unreadable {
        place: Place,
        event_type: Box<str>,
        part: &'static str,
        #[source]
        source: serde_json::Error,
    },
    /// The account column holds no account id.
    #[error("the {event_type} at {place} has no valid account id")]
    Account { place: Place, event_type: Box<str> },
    /// The time is out of range.
    #[error("the event at {place} has no valid time")]
    RecordedAt {
        place: Place,
        #[source]
        source: TimestampError,
    },
}

/// The event that a row holds, and when it was recorded.
pub fn decode(row: &RecordedEvent) -> Result<(Timestamp, Event), DecodeError> {
    let (recorded_at, mut event) = decode_public(&row.into())?;
    if let Private::Text(text) = &row.private {
        restore(&mut event, read(&row.into(), "private text", text)?);
    }
    Ok((recorded_at, event))
}

/// The event as it is once its private text has been erased, which is all that a state is made of.
pub fn decode_public(row: &EventRef<'_>) -> Result<(Timestamp, Event), DecodeError> {
    let recorded_at = Timestamp::from_micros(row.recorded_at)
        .map_err(|source| DecodeError::RecordedAt { place: row.place, source })?;
    let event = match (row.event_type, row.version) {
        ("log-opened", 1) => Event::LogOpened(fact::<log::LogOpened<'_>, _>(row)?),
        ("log-forked", 1) => Event::LogForked(fact::<log::LogForked<'_>, _>(row)?),
        ("clock-doubted", 1) => Event::ClockDoubted(fact::<log::ClockDoubted<'_>, _>(row)?),
        ("clock-confirmed", 1) => Event::ClockConfirmed(fact::<log::ClockConfirmed, _>(row)?),
        ("policy-changed", 1) => Event::PolicyChanged(fact::<programme::PolicyChanged, _>(row)?),
        ("earning-rule-set", 1) => {
            Event::EarningRuleSet(fact::<programme::EarningRuleSet<'_>, _>(row)?)
        }
        ("unit-set", 1) => Event::UnitSet(fact::<unit::UnitSet<'_>, _>(row)?),
        ("unit-closed", 1) => Event::UnitClosed(fact::<unit::UnitClosed, _>(row)?),
        ("ladder-set", 1) => Event::LadderSet(fact::<ladder::LadderSet<'_>, _>(row)?),
        ("tier-reached", 1) => {
            Event::TierReached(account(row)?, fact::<ladder::TierChanged, _>(row)?)
        }
        ("tier-kept", 1) => Event::TierKept(account(row)?, fact::<ladder::TierChanged, _>(row)?),
        ("tier-lapsed", 1) => {
            Event::TierLapsed(account(row)?, fact::<ladder::TierChanged, _>(row)?)
        }
        ("tier-granted", 1) => {
            Event::TierGranted(account(row)?, fact::<ladder::TierGranted<'_>, _>(row)?)
        }
        ("tier-grant-ended", 1) => {
            Event::TierGrantEnded(account(row)?, fact::<ladder::TierGrantEnded<'_>, _>(row)?)
        }
        ("conversion-rate-set", 1) => {
            Event::ConversionRateSet(fact::<conversion::ConversionRateSet, _>(row)?)
        }
        ("conversion-rate-closed", 1) => {
            Event::ConversionRateClosed(fact::<conversion::ConversionRateClosed, _>(row)?)
        }
        ("account-opened", 1) => {
            Event::AccountOpened(account(row)?, fact::<of_account::AccountOpened, _>(row)?)
        }
        ("account-erased", 1) => {
            Event::AccountErased(account(row)?, fact::<of_account::AccountErased<'_>, _>(row)?)
        }
        ("account-merger-begun", 1) => {
            Event::AccountMergerBegun(account(row)?, fact::<merger::AccountMerger<'_>, _>(row)?)
        }
        ("account-merger-abandoned", 1) => {
            Event::AccountMergerAbandoned(account(row)?, fact::<merger::AccountMerger<'_>, _>(row)?)
        }
        ("account-merged", 1) => {
            Event::AccountMerged(account(row)?, fact::<merger::AccountMerger<'_>, _>(row)?)
        }
        ("account-taken-over", 1) => {
            Event::AccountTakenOver(account(row)?, fact::<merger::AccountTakenOver<'_>, _>(row)?)
        }
        ("counts-passed-on", 1) => {
            Event::CountsPassedOn(account(row)?, fact::<counts::CountsPassedOn<'_>, _>(row)?)
        }
        ("counts-taken-over", 1) => {
            Event::CountsTakenOver(account(row)?, fact::<counts::CountsTakenOver<'_>, _>(row)?)
        }
        ("debt-passed-on", 1) => {
            Event::DebtPassedOn(account(row)?, fact::<merger::DebtPassedOn<'_>, _>(row)?)
        }
        ("debt-taken-over", 1) => {
            Event::DebtTakenOver(account(row)?, fact::<merger::DebtTakenOver<'_>, _>(row)?)
        }
        ("credit-earned", 1) => {
            Event::CreditEarned(account(row)?, fact::<credit::CreditEarned<'_>, _>(row)?)
        }
        ("credit-deducted", 1) => {
            Event::CreditDeducted(account(row)?, fact::<credit::CreditDeducted<'_>, _>(row)?)
        }
        ("credit-matured", 1) => {
            Event::CreditMatured(account(row)?, fact::<credit::CreditMatured<'_>, _>(row)?)
        }
        ("credit-expired", 1) => {
            Event::CreditExpired(account(row)?, fact::<credit::CreditExpired<'_>, _>(row)?)
        }
        ("credit-refunded", 1) => {
            Event::CreditRefunded(account(row)?, fact::<credit::CreditRefunded<'_>, _>(row)?)
        }
        ("credit-withdrawn", 1) => {
            Event::CreditWithdrawn(account(row)?, fact::<withdrawal::CreditWithdrawn<'_>, _>(row)?)
        }
        ("withdrawal-reversed", 1) => Event::WithdrawalReversed(
            account(row)?,
            fact::<withdrawal::WithdrawalReversed<'_>, _>(row)?,
        ),
        ("debt-repaid", 1) => {
            Event::DebtRepaid(account(row)?, fact::<credit::DebtRepaid<'_>, _>(row)?)
        }
        ("credit-sent", 1) => {
            Event::CreditSent(account(row)?, fact::<credit::CreditSent<'_>, _>(row)?)
        }
        ("credit-received", 1) => {
            Event::CreditReceived(account(row)?, fact::<credit::CreditReceived<'_>, _>(row)?)
        }
        ("credit-returned", 1) => {
            Event::CreditReturned(account(row)?, fact::<credit::CreditReturned<'_>, _>(row)?)
        }
        ("message-sent", 1) => {
            Event::MessageSent(Box::new(fact::<message::MessageSent<'_>, _>(row)?))
        }
        ("message-received", 1) => {
            Event::MessageReceived(Box::new(fact::<message::MessageReceived<'_>, _>(row)?))
        }
        ("credit-converted", 1) => {
            Event::CreditConverted(account(row)?, fact::<conversion::CreditConverted<'_>, _>(row)?)
        }
        ("credit-held", 1) => {
            Event::CreditHeld(account(row)?, fact::<hold::CreditHeld<'_>, _>(row)?)
        }
        ("hold-extended", 1) => {
            Event::HoldExtended(account(row)?, fact::<hold::HoldExtended<'_>, _>(row)?)
        }
        ("hold-captured", 1) => {
            Event::HoldCaptured(account(row)?, fact::<hold::HoldCaptured<'_>, _>(row)?)
        }
        ("hold-swapped", 1) => {
            Event::HoldSwapped(account(row)?, fact::<hold::HoldSwapped<'_>, _>(row)?)
        }
        ("hold-released", 1) => {
            Event::HoldReleased(account(row)?, fact::<hold::HoldReleased<'_>, _>(row)?)
        }
        ("exchange-created", 1) => {
            Event::ExchangeCreated(account(row)?, fact::<exchange::ExchangeCreated<'_>, _>(row)?)
        }
        ("exchange-cancelled", 1) => Event::ExchangeCancelled(
            account(row)?,
            fact::<exchange::ExchangeCancelled<'_>, _>(row)?,
        ),
        ("shipment-accepted", 1) => {
            Event::ShipmentAccepted(account(row)?, fact::<shipment::ShipmentReport<'_>, _>(row)?)
        }
        ("shipment-back-ordered", 1) => {
            Event::ShipmentBackOrdered(account(row)?, fact::<shipment::ShipmentReport<'_>, _>(row)?)
        }
        ("shipment-dispatched", 1) => Event::ShipmentDispatched(
            account(row)?,
            fact::<shipment::ShipmentDispatched<'_>, _>(row)?,
        ),
        ("shipment-delivered", 1) => {
            Event::ShipmentDelivered(account(row)?, fact::<shipment::ShipmentReport<'_>, _>(row)?)
        }
        ("shipment-rejected", 1) => {
            Event::ShipmentRejected(account(row)?, fact::<shipment::ShipmentReport<'_>, _>(row)?)
        }
        ("shipment-asked-again", 1) => {
            Event::ShipmentAskedAgain(account(row)?, fact::<shipment::ShipmentReport<'_>, _>(row)?)
        }
        ("shipment-settled", 1) => {
            Event::ShipmentSettled(account(row)?, fact::<shipment::ShipmentReport<'_>, _>(row)?)
        }
        ("purchase-recorded", 1) => {
            Event::PurchaseRecorded(account(row)?, fact::<purchase::PurchaseRecorded<'_>, _>(row)?)
        }
        ("purchase-returned", 1) => {
            Event::PurchaseReturned(account(row)?, fact::<purchase::PurchaseReturned<'_>, _>(row)?)
        }
        ("credit-given-back", 1) => {
            let fact = fact::<purchase::ReturnCreditGivenBack<'_>, _>(row)?;
            Event::CreditGivenBack(account(row)?, fact)
        }
        ("return-reversed", 1) => {
            Event::ReturnReversed(account(row)?, fact::<purchase::ReturnReversed<'_>, _>(row)?)
        }
        ("offer-opened", 1) => Event::OfferOpened(fact::<offer::OfferOpened<'_>, _>(row)?),
        ("offer-amended", 1) => Event::OfferAmended(fact::<offer::OfferAmended<'_>, _>(row)?),
        ("offer-closed", 1) => Event::OfferClosed(fact::<offer::OfferClosed<'_>, _>(row)?),
        ("offer-reopened", 1) => Event::OfferReopened(fact::<offer::OfferReopened<'_>, _>(row)?),
        ("offer-paused", 1) => Event::OfferPaused(fact::<offer::OfferPaused<'_>, _>(row)?),
        ("offer-resumed", 1) => Event::OfferResumed(fact::<offer::OfferResumed<'_>, _>(row)?),
        ("segment-set", 1) => {
            Event::SegmentSet(account(row)?, fact::<segment::SegmentSet, _>(row)?)
        }
        ("wait-begun", 1) => Event::WaitBegun(account(row)?, fact::<wait::WaitBegun<'_>, _>(row)?),
        ("wait-served", 1) => {
            Event::WaitServed(account(row)?, fact::<wait::WaitServed<'_>, _>(row)?)
        }
        ("wait-ended", 1) => Event::WaitEnded(account(row)?, fact::<wait::WaitEnded<'_>, _>(row)?),
        ("stock-removed", 1) => Event::StockRemoved(fact::<stock::StockRemoved<'_>, _>(row)?),
        ("stock-amended", 1) => Event::StockAmended(fact::<stock::StockAmended<'_>, _>(row)?),
        ("stock-added", 1) => Event::StockAdded(fact::<stock::StockAdded<'_>, _>(row)?),
        ("code-added", 1) => Event::CodeAdded(fact::<code::CodeAdded<'_>, _>(row)?),
        ("codes-uploaded", 1) => Event::CodesUploaded(fact::<code::CodesUploaded<'_>, _>(row)?),
        ("balances-sealed", 1) => Event::BalancesSealed(fact::<seal::BalancesSealed<'_>, _>(row)?),
        ("switch-turned", 1) => Event::SwitchTurned(fact::<switch::SwitchTurned, _>(row)?),
        _ => {
            return Err(DecodeError::Unknown {
                place: row.place,
                event_type: row.event_type.into(),
                version: row.version,
            });
        }
    };
    Ok((recorded_at, event))
}

/// The metadata that a row holds.
pub fn decode_metadata(row: &RecordedEvent) -> Result<Metadata, DecodeError> {
    #[derive(Deserialize)]
    struct Public {
        meta: Metadata,
    }
    read::<Public>(&row.into(), "public text", &row.public).map(|public| public.meta)
}

/// Who asked, where the row bears a command's id; nothing once the private text was erased.
pub fn decode_actor(row: &RecordedEvent) -> Result<PrivateActor, DecodeError> {
    match &row.private {
        Private::Text(text) => read(&row.into(), "private text", text),
        Private::Erased(_) => Ok(PrivateActor::default()),
    }
}

/// The fact of a stored shape `S`.
fn fact<S: DeserializeOwned, F: From<S>>(row: &EventRef<'_>) -> Result<F, DecodeError> {
    read::<S>(row, "public text", row.public).map(F::from)
}

fn read<T: DeserializeOwned>(
    row: &EventRef<'_>,
    part: &'static str,
    text: &str,
) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|source| DecodeError::Unreadable {
        place: row.place,
        event_type: row.event_type.into(),
        part,
        source,
    })
}

fn account(row: &EventRef<'_>) -> Result<AccountId, DecodeError> {
    row.account_id
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| DecodeError::Account { place: row.place, event_type: row.event_type.into() })
}
