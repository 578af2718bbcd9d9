//! What an event says, as a plain sentence.
//!
//! A sentence has what the event has, and nothing that it added up to. In reading order:
//! `credit.rs` (what moves credit), `hold.rs`, `goods.rs` (exchanges, parcels and purchases),
//! `tier.rs`, `programme.rs` (offers, rules, units and the log itself).

mod credit;
mod goods;
mod hold;
mod message;
mod programme;
mod tier;

use std::fmt::Display;

use domain::{Event, LotPart, Note, Points, Timestamp, UnitId, WaitEnd, WaitEnded, WaitServed};

/// What an event says.
#[must_use]
pub fn sentence(event: &Event) -> String {
    match event {
        Event::AccountOpened(..) => "The account was opened.".to_owned(),
        Event::AccountErased(_, fact) => format!(
            "What was private of the account was erased up to position {}. The reason: \"{}\".",
            fact.until,
            fact.reason.as_str()
        ),
        Event::AccountMergerBegun(_, fact) => {
            format!("It is to be merged into account {}, which is asked first.", fact.into)
        }
        Event::AccountMergerAbandoned(_, fact) => {
            format!("It won't be merged into account {}.", fact.into)
        }
        Event::AccountMerged(_, fact) => {
            format!("The account was merged into account {}.", fact.into)
        }
        Event::AccountTakenOver(_, fact) => {
            format!("The account took account {} over, which was merged into it.", fact.from)
        }
        Event::CountsPassedOn(_, fact) => format!(
            "What the account counts on ladders, towards limits and caps counts for account {} from \
             now on.",
            fact.to
        ),
        Event::CountsTakenOver(_, fact) => format!(
            "The account adds what account {} counted on ladders, towards limits and caps.",
            fact.from
        ),
        Event::DebtPassedOn(_, fact) => {
            let sum = amount(fact.points, fact.unit);
            format!("{sum} that the account owed are owed by account {} from now on.", fact.to)
        }
        Event::DebtTakenOver(_, fact) => {
            let sum = amount(fact.points, fact.unit);
            format!("The account owes {sum} that account {} had owed.", fact.from)
        }
        Event::CreditEarned(_, fact) => credit::earned(fact),
        Event::CreditDeducted(_, fact) => credit::deducted(fact),
        Event::CreditMatured(_, fact) => credit::matured(fact),
        Event::CreditExpired(_, fact) => credit::expired(fact),
        Event::CreditRefunded(_, fact) => credit::refunded(fact),
        Event::CreditWithdrawn(_, fact) => credit::withdrawn(fact),
        Event::WithdrawalReversed(_, fact) => credit::withdrawal_reversed(fact),
        Event::CreditGivenBack(_, fact) => credit::given_back(fact),
        Event::DebtRepaid(_, fact) => credit::repaid(fact),
        Event::CreditSent(_, fact) => credit::sent(fact),
        Event::CreditReceived(_, fact) => credit::received(fact),
        Event::CreditReturned(_, fact) => credit::returned(fact),
        Event::CreditConverted(_, fact) => credit::converted(fact),
        Event::CreditHeld(_, fact) => hold::held(fact),
        Event::HoldExtended(_, fact) => hold::extended(fact),
        Event::HoldCaptured(_, fact) => hold::captured(fact),
        Event::HoldSwapped(_, fact) => hold::swapped(fact),
        Event::HoldReleased(_, fact) => hold::released(fact),
        Event::ExchangeCreated(_, fact) => goods::exchanged(fact),
        Event::ExchangeCancelled(_, fact) => goods::cancelled(fact),
        Event::ShipmentAccepted(_, fact) => goods::report("accepted", fact),
        Event::ShipmentBackOrdered(_, fact) => goods::report("back-ordered", fact),
        Event::ShipmentDispatched(_, fact) => goods::dispatched(fact),
        Event::ShipmentDelivered(_, fact) => goods::report("delivered", fact),
        Event::ShipmentRejected(_, fact) => goods::report("rejected", fact),
        Event::ShipmentSettled(_, fact) => goods::report("settled by hand", fact),
        Event::ShipmentAskedAgain(_, fact) => goods::report("asked for once more", fact),
        Event::PurchaseRecorded(_, fact) => goods::purchased(fact),
        Event::PurchaseReturned(_, fact) => goods::returned(fact),
        Event::ReturnReversed(_, fact) => goods::return_reversed(fact),
        Event::TierReached(_, fact) => tier::changed("reached", fact),
        Event::TierKept(_, fact) => tier::changed("kept", fact),
        Event::TierLapsed(_, fact) => tier::lapsed(fact),
        Event::TierGranted(_, fact) => tier::granted(fact),
        Event::TierGrantEnded(_, fact) => tier::grant_ended(fact),
        Event::OfferOpened(fact) => programme::offer_opened(fact),
        Event::OfferAmended(fact) => programme::offer_amended(fact),
        Event::OfferClosed(fact) => programme::offer_closed(fact),
        Event::OfferReopened(fact) => programme::offer_reopened(fact),
        Event::OfferPaused(fact) => programme::offer_paused(fact),
        Event::OfferResumed(fact) => programme::offer_resumed(fact),
        Event::SegmentSet(_, fact) if fact.member => {
            format!("The account came into the segment {}.", fact.segment)
        }
        Event::SegmentSet(_, fact) => format!("The account left the segment {}.", fact.segment),
        Event::WaitBegun(_, fact) => {
            format!("The shopper waits for offer {} by wait {}.", fact.offer_id, fact.wait_id)
        }
        Event::WaitServed(_, fact) => {
            let WaitServed { wait_id, offer_id, deadline, again } = fact;
            let still = if *again { "still " } else { "" };
            format!(
                "A unit of offer {offer_id} is {still}kept for wait {wait_id} until {deadline}."
            )
        }
        Event::WaitEnded(_, fact) => {
            let WaitEnded { wait_id, offer_id, reason, .. } = fact;
            let why = match reason {
                WaitEnd::Taken => "the shopper gets a unit",
                WaitEnd::Left => "the shopper left the list",
                WaitEnd::Lapsed => "its deadline passed",
                WaitEnd::Closed => "the offer is over",
            };
            format!("Wait {wait_id} for offer {offer_id} ended, because {why}.")
        }
        Event::StockAdded(fact) => programme::stock_added(fact),
        Event::StockRemoved(fact) => programme::stock_removed(fact),
        Event::StockAmended(fact) => programme::stock_amended(fact),
        Event::CodeAdded(fact) => programme::code_added(fact),
        Event::CodesUploaded(fact) => programme::codes_uploaded(fact),
        Event::BalancesSealed(fact) => programme::balances_sealed(fact),
        Event::SwitchTurned(fact) => programme::switch_turned(fact),
        Event::LogOpened(fact) => programme::log_opened(fact),
        Event::LogForked(fact) => programme::log_forked(fact),
        Event::ClockDoubted(fact) => programme::clock_doubted(fact),
        Event::ClockConfirmed(fact) => programme::clock_confirmed(fact),
        Event::PolicyChanged(fact) => programme::policy_changed(fact),
        Event::EarningRuleSet(fact) => programme::rule_set(fact),
        Event::UnitSet(fact) => programme::unit_set(fact),
        Event::UnitClosed(fact) => programme::unit_closed(fact),
        Event::LadderSet(fact) => programme::ladder_set(fact),
        Event::ConversionRateSet(fact) => programme::rate_set(fact),
        Event::ConversionRateClosed(fact) => programme::rate_closed(fact),
        Event::MessageSent(fact) => message::sent(fact),
        Event::MessageReceived(fact) => message::received(fact),
    }
}

/// `300 points`.
fn amount(points: Points, unit: UnitId) -> String {
    format!("{points} {unit}")
}

/// `a`, `a and b`, `a, b and c`.
fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let mut items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match (items.pop(), items.is_empty()) {
        (None, _) => "nothing".to_owned(),
        (Some(last), true) => last,
        (Some(last), false) => format!("{} and {last}", items.join(", ")),
    }
}

/// The lots of which credit was taken, or to which it came back.
fn lots(parts: &[LotPart]) -> String {
    let names = parts.iter().map(|part| format!("{} of lot {}", part.points, part.lot));
    list(names)
}

/// ` until 2017-…`, or nothing.
fn until(word: &str, time: Option<Timestamp>) -> String {
    time.map(|time| format!(" {word} {time}")).unwrap_or_default()
}

/// Who did it and why, where that was said and hasn't been erased.
fn note(note: &Note) -> String {
    let by = note.by.as_ref().map(|by| format!(" Done by {}.", by.as_str()));
    let why = note.reason.as_ref().map(|reason| format!(" The reason: \"{}\".", reason.as_str()));
    format!("{}{}", by.unwrap_or_default(), why.unwrap_or_default())
}
