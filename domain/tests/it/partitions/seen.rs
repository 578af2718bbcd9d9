//! What callers are told, and what came about in a world.

use domain::{Event, Grant, Message, Refusal, WaitEnd};
use log_record::Position;

/// What a caller is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Refused(Refusal),
    /// The event that bears the id.
    Repeat(Position),
    Unchanged,
    /// The event that bears the id.
    Done(Position),
}

/// What came about, so that nobody proves something of a world in which nothing happens.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    counts: std::collections::BTreeMap<&'static str, u64>,
}

impl Seen {
    pub(super) fn see(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (what, count) in &other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    /// All of this was met.
    pub(super) fn has_met(&self, all: &[&str]) {
        for what in all {
            assert!(self.counts.contains_key(what), "never met: {what}; met: {self:?}");
        }
    }
}

/// What is worth counting of an event.
pub(super) fn worth_seeing(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::ExchangeCancelled(..) => "cancellation",
        Event::CreditHeld(..) => "reservation",
        Event::HoldCaptured(..) => "reservation captured",
        Event::HoldReleased(..) => "reservation ended",
        Event::WaitBegun(..) => "wait joined",
        Event::WaitServed(_, fact) if fact.again => "kept for longer",
        Event::WaitServed(..) => "unit kept",
        Event::WaitEnded(_, fact) => match fact.reason {
            WaitEnd::Taken => "wait taken",
            WaitEnd::Left => "wait left",
            WaitEnd::Lapsed => "wait lapsed",
            WaitEnd::Closed => "wait closed",
        },
        Event::StockRemoved(_) => "stock removed",
        Event::StockAmended(_) => "stock amended",
        Event::OfferReopened(_) => "offer reopened",
        Event::OfferResumed(_) => "offer resumed",
        Event::MessageReceived(fact) => match &fact.message {
            Message::OfferShared(_) => "offer shared",
            Message::ShelfGranted(it) => match it.grant {
                Grant::Portion(_) => "portion",
                Grant::NoEnd => "no end",
                Grant::For(..) => "grant",
                Grant::Code(..) => "code",
            },
            Message::ShelfCalledBack(_) => "called back",
            Message::ShelfDrained(_) => "shelf home",
            Message::StockReturned(_) => "units home",
            Message::WaitJoined(_) | Message::WaitLeft(_) | Message::UnitKept(_) => return None,
            Message::CreditSent(_) => return None,
            Message::CreditReturned(..) => "credit returned",
            Message::AccountMerged(_) => "account merged",
            Message::CountsPassedOn(_) => "counts taken over",
            Message::DebtPassedOn(_) | Message::DebtReturned(_) => return None,
            Message::Programme(_) => "programme",
        },
        Event::CreditReceived(..) => "credit received",
        _ => return None,
    })
}
