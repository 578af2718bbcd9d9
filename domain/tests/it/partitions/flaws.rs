//! Bugs that are planted in the simulation, never in the product: each changes what a writer would
//! do with what the domain decided, or what it reads.

use domain::{
    Event, Grant, LimitDays, Message, ProgrammeChange, Refusal, RefusalCode, ShelfGranted, WaitEnd,
};

/// A planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The home says that nothing is left before every shelf has come home.
    SoldOutTooSoon,
    /// What comes home is counted twice.
    ReturnedTwice,
    /// A cancellation's units stay on a shelf that was called back.
    CancelledOntoDrainedShelf,
    /// Units of an exchange whose shopper is gone stay where they are.
    GrantKeptByNobody,
    /// Messages are read before they are durable.
    ReadBeforeDurable,
    /// The cursor is one append, and what follows from the message another.
    CursorApart,
    /// A partition that is silent for long is taken to have nothing.
    SilentShelfWrittenOff,
    /// A shelf is filled while others are still coming home.
    FilledWhileComingHome,
    /// A shelf that is called back keeps a unit.
    KeptOnCalledBackShelf,
    /// An offer is believed to be sold out for ever.
    GateBelievedForEver,
    /// A message is taken in although it was before.
    RepeatTakenIn,
    /// A message is passed over.
    GapPassedOver,
    /// Credit that can't be received isn't sent back.
    ReturnNotSent,
    /// Credit that comes back isn't put into the sender's account.
    ReturnNotTakenIn,
    /// Credit is sent and stays with its sender.
    SentAndKept,
    /// A partition isn't told of a change of the programme.
    ProgrammeToldToSome,
    /// A partition isn't told of an offer's new terms.
    TermsToldToSome,
    /// Who waits longest is passed over where two are served.
    ServedOutOfTurn,
    /// A unit whose shopper let it lapse stays where it was kept.
    LapsedUnitStays,
    /// A unit for somebody who waits no more stays where it came.
    KeptForNobody,
    /// An offer's home doesn't hear of somebody who waits.
    WaitUntold,
    /// An offer's home doesn't hear of somebody who waits no more.
    LeavingUntold,
    /// Callers are answered before the log has what they are told.
    AnsweredBeforeDurable,
    /// Credit that comes from another partition has lost its expiry.
    ExpiryLost,
    /// An exchange from the last units counts towards no limit.
    GrantUncounted,
    /// Other partitions are told of a rule without its cap.
    CapUntold,
    /// Other partitions are told of a policy without its grace.
    GraceUntold,
    /// Another reason is given for what comes back.
    OtherReason,
}

impl Flaw {
    pub(super) const ALL: [Self; 22] = [
        Self::SoldOutTooSoon,
        Self::ReturnedTwice,
        Self::CancelledOntoDrainedShelf,
        Self::GrantKeptByNobody,
        Self::ReadBeforeDurable,
        Self::CursorApart,
        Self::SilentShelfWrittenOff,
        Self::FilledWhileComingHome,
        Self::KeptOnCalledBackShelf,
        Self::GateBelievedForEver,
        Self::RepeatTakenIn,
        Self::GapPassedOver,
        Self::ReturnNotSent,
        Self::ReturnNotTakenIn,
        Self::SentAndKept,
        Self::ProgrammeToldToSome,
        Self::TermsToldToSome,
        Self::ServedOutOfTurn,
        Self::LapsedUnitStays,
        Self::KeptForNobody,
        Self::WaitUntold,
        Self::LeavingUntold,
    ];

    /// Those that the plain model sees and no invariant does.
    pub(super) const UNLIKE: [Self; 5] = [
        Self::ExpiryLost,
        Self::GrantUncounted,
        Self::CapUntold,
        Self::GraceUntold,
        Self::OtherReason,
    ];

    /// Those that all commands bring to light where nobody waits.
    pub(super) const RESTLESS: [Self; 5] = [
        Self::AnsweredBeforeDurable,
        Self::CursorApart,
        Self::GrantKeptByNobody,
        Self::ReadBeforeDurable,
        Self::SentAndKept,
    ];

    /// What a partition with this bug would say instead; nothing is lost or there twice.
    fn garble(self, event: &mut Event) {
        match (self, event) {
            (Self::ExpiryLost, Event::CreditReceived(_, fact)) => {
                fact.lots.iter_mut().for_each(|part| part.expires_at = None);
            }
            (Self::GrantUncounted, Event::ExchangeCreated(_, fact)) => {
                fact.counted = LimitDays::default();
            }
            (_, Event::MessageSent(fact)) => match (self, &mut fact.message) {
                (Self::OtherReason, Message::CreditReturned(_, why)) => {
                    *why = RefusalCode::from(&Refusal::AccountUnknown);
                }
                (_, Message::Programme(change)) => match (self, &mut **change) {
                    (Self::CapUntold, ProgrammeChange::EarningRule(fact)) => fact.terms.cap = None,
                    (Self::GraceUntold, ProgrammeChange::Policy(fact)) => {
                        fact.policy.refund_grace_days = 0;
                    }
                    _ => {}
                },
                _ => {}
            },
            _ => {}
        }
    }

    /// What a writer with this bug would append instead.
    pub(super) fn spoil(self, events: &mut Vec<Event>) {
        let message = |event: &Event| match event {
            Event::MessageSent(fact) => Some(fact.message.clone()),
            _ => None,
        };
        let is_receipt = events.first().is_some_and(|it| matches!(it, Event::MessageReceived(_)));
        let is_for_one = |event: &Event| {
            let Event::MessageReceived(fact) = event else { return false };
            let Message::ShelfGranted(ShelfGranted { grant, .. }) = &fact.message else {
                return false;
            };
            matches!(grant, Grant::For(..) | Grant::Code(..))
        };
        match self {
            Self::CancelledOntoDrainedShelf if !is_receipt => {
                events.retain(|it| !matches!(message(it), Some(Message::StockReturned(_))));
            }
            Self::GrantKeptByNobody if events.first().is_some_and(is_for_one) => {
                events.retain(|it| !matches!(message(it), Some(Message::StockReturned(_))));
            }
            Self::ServedOutOfTurn => {
                let kept: Vec<usize> = (0..events.len())
                    .filter(|index| matches!(message(&events[*index]), Some(Message::UnitKept(_))))
                    .collect();
                if kept.len() > 1 {
                    drop_message(events, kept.first().copied());
                }
            }
            Self::LapsedUnitStays if events.iter().any(is_lapsed) => {
                events.retain(|it| !matches!(message(it), Some(Message::StockReturned(_))));
            }
            Self::KeptForNobody if events.first().is_some_and(is_kept_unit) => {
                events.retain(|it| !matches!(message(it), Some(Message::StockReturned(_))));
            }
            Self::WaitUntold => {
                let is_it = |it: &Event| matches!(message(it), Some(Message::WaitJoined(_)));
                let index = events.iter().position(is_it);
                drop_message(events, index);
            }
            Self::LeavingUntold => {
                let is_it = |it: &Event| matches!(message(it), Some(Message::WaitLeft(_)));
                let index = events.iter().position(is_it);
                drop_message(events, index);
            }
            Self::ReturnNotSent => {
                events.retain(|it| !matches!(message(it), Some(Message::CreditReturned(..))));
            }
            Self::ReturnNotTakenIn => {
                events.retain(|it| !matches!(it, Event::CreditReturned(..)));
            }
            Self::SentAndKept => {
                let is_across = events.iter().filter_map(message);
                if is_across.into_iter().any(|it| matches!(it, Message::CreditSent(_))) {
                    events.retain(|it| !matches!(it, Event::CreditSent(..)));
                }
            }
            Self::ExpiryLost if !is_receipt => {}
            Self::GrantUncounted if !events.first().is_some_and(is_for_one) => {}
            Self::ExpiryLost
            | Self::GrantUncounted
            | Self::CapUntold
            | Self::GraceUntold
            | Self::OtherReason => events.iter_mut().for_each(|event| self.garble(event)),
            Self::KeptOnCalledBackShelf => {
                for event in events {
                    if let Event::MessageSent(fact) = event
                        && let Message::ShelfDrained(drained) = &mut fact.message
                        && let Some(less) = drained.units.get().checked_sub(1)
                    {
                        drained.units = domain::Units::sum_of(less).expect("an amount");
                    }
                }
            }
            Self::ProgrammeToldToSome => {
                let index = events
                    .iter()
                    .rposition(|it| matches!(message(it), Some(Message::Programme(_))));
                index.map(|index| events.remove(index));
            }
            Self::TermsToldToSome => {
                let is_opening = events.iter().any(|it| matches!(it, Event::OfferOpened(_)));
                let index = events
                    .iter()
                    .rposition(|it| matches!(message(it), Some(Message::OfferShared(_))));
                drop_message(events, index.filter(|_| !is_opening));
            }
            _ => {}
        }
    }
}

/// Some flaws show rarely.
const SEEDS_MAX: u64 = 200;

/// Plants each of these bugs, and tries one seed after the other until it is seen and said why.
pub(super) fn come_to_light(flaws: &[Flaw], seen: impl Fn(u64, Flaw) -> Option<String>) {
    for flaw in flaws {
        let found = (0..SEEDS_MAX).find_map(|seed| Some((seed, seen(seed, *flaw)?)));
        let Some((seed, why)) = found else {
            panic!("{flaw:?} was planted, and {SEEDS_MAX} seeds found nothing")
        };
        println!("{flaw:?}: seed {seed}: {why}");
    }
}

/// What follows to the same partition takes the number.
fn drop_message(events: &mut Vec<Event>, index: Option<usize>) {
    let Some(index) = index else { return };
    let Event::MessageSent(untold) = events.remove(index) else { return };
    for event in &mut events[index..] {
        if let Event::MessageSent(fact) = event
            && fact.to == untold.to
        {
            fact.number = domain::MessageNumber(fact.number.0 - 1);
        }
    }
}

fn is_lapsed(event: &Event) -> bool {
    matches!(event, Event::WaitEnded(_, fact) if fact.reason == WaitEnd::Lapsed)
}

fn is_kept_unit(event: &Event) -> bool {
    matches!(event, Event::MessageReceived(fact) if matches!(fact.message, Message::UnitKept(_)))
}
