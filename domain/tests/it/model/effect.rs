//! What is compared: what the model says that happened, and what the recorded events say. The file
//! is long because every event has its effect here.

use domain::{
    AccountId, CapPeriod, CapRoom, CreditGivenBack, Event, LotId, LotPart, Points, Policy, Price,
    RefundCause, ReleaseReason, ReturnedLine, ShipmentReport, Shipped, Timestamp, UnitId,
    UnitPoints,
};
use log_record::Place;

use super::bought::{BoughtOf, TakenOf, bought_of, taken_of};
use super::conversions::Converted;
use super::earning::Span;
use super::ledger::{Part, Time};
use super::offers::days_of;

/// How much of which units.
pub(crate) type Costs = Vec<(UnitId, u128)>;

fn cost(price: Price) -> (UnitId, u128) {
    (price.unit, price.points.get().into())
}

/// Something that happened by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Matured(Part),
    Released(String, Vec<Part>),
    Expired(Part),
    Repaid(Part),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Due(String, Due),
    Opened(String),
    Erased(String),
    Earned {
        account: String,
        lot: usize,
        unit: UnitId,
        points: u128,
        cause: (String, String),
        available_at: Option<Time>,
        expires_at: Option<Time>,
        rule: Option<(String, u64)>,
        is_claim: bool,
        cap_period: Option<Span>,
    },
    Withdrawn {
        account: String,
        unit: UnitId,
        lot: Option<usize>,
        parts: Vec<Part>,
        expired: u128,
        owed: u128,
        forgiven: u128,
        cap_room: Option<(String, Span)>,
    },
    Reversed {
        account: String,
        what: [String; 2],
        unit: UnitId,
        points: u128,
        parts: Vec<Part>,
        pending_until: Option<Time>,
        owed: u128,
        forgiven: u128,
        lines: Vec<(String, u128)>,
        cap_room: Option<(String, Span)>,
        /// What came back of further units.
        further: Vec<(UnitId, u128)>,
    },
    Sent {
        account: String,
        to: String,
        parts: Vec<Part>,
    },
    Received {
        account: String,
        from: String,
        parts: Vec<Part>,
    },
    /// What couldn't be received in another partition.
    SentBack {
        account: String,
        to: String,
        why: &'static str,
        parts: Vec<Part>,
    },
    Held {
        account: String,
        hold: String,
        deadline: Time,
        parts: Vec<Part>,
    },
    Captured {
        account: String,
        hold: String,
        parts: Vec<Part>,
        released: Vec<Part>,
        pays_exchange: bool,
    },
    Released {
        account: String,
        hold: String,
        parts: Vec<Part>,
    },
    Swapped {
        account: String,
        hold: String,
        kept: Vec<Part>,
        returned: Vec<Part>,
        taken: Vec<Part>,
    },
    Deducted {
        account: String,
        exchange: String,
        parts: Vec<Part>,
    },
    Exchanged {
        account: String,
        exchange: String,
        offer: String,
        product: String,
        quantity: u128,
        costs: Costs,
        hold: Option<String>,
        /// In which periods it counts, by their first days.
        counted: Vec<(&'static str, String)>,
    },
    Extended {
        account: String,
        hold: String,
        deadline: Time,
    },
    Refunded {
        account: String,
        /// The exchange, or the hold.
        of: String,
        parts: Vec<Part>,
    },
    Cancelled {
        account: String,
        exchange: String,
        cancellation: String,
        offer: String,
        quantity: u128,
        /// Of each unit of which some comes back.
        refunds: Costs,
    },
    Reported {
        account: String,
        what: String,
        news: &'static str,
    },
    Dispatched {
        account: String,
        what: String,
        parcel: String,
        units: u128,
    },
    Purchased {
        account: String,
        purchase: String,
        units: Vec<BoughtOf>,
    },
    Returned {
        account: String,
        purchase: String,
        lines: Vec<(String, u128)>,
        taken: Vec<TakenOf>,
    },
    OfferOpened(String),
    OfferAmended(String, u64),
    OfferClosed(String, u64),
    OfferReopened(String, u64),
    OfferPaused(String, u64),
    OfferResumed(String, u64),
    SegmentSet(String, String, bool),
    StockAdded(String, u128),
    StockRemoved(String, u128),
    StockAmended(String, u64, Option<u128>),
    RuleSet(String, u64),
    PolicyChanged(Policy),
    UnitSet(UnitId, u64),
    UnitClosed(UnitId, u64),
    ConversionRateSet(UnitId, UnitId, u64),
    ConversionRateClosed(UnitId, UnitId, u64),
    Converted(Converted),
    ClockConfirmed,
}

/// Which lot stands at which place, in the order in which they were earned.
#[derive(Debug, Default)]
pub(crate) struct Lots(Vec<Place>);

impl Lots {
    /// What an event says that happened; it is the next to be recorded, at that place.
    pub(crate) fn effects_of(&mut self, place: Place, event: &Event) -> Vec<Effect> {
        if let Some(due) = self.dues_of(event) {
            let account = event.account_id().expect("it is of an account").to_string();
            assert!(!due.is_empty(), "an event of nothing: {event:?}");
            return due.into_iter().map(|due| Effect::Due(account.clone(), due)).collect();
        }
        vec![self.effect_of(place, event)]
    }

    fn dues_of(&self, event: &Event) -> Option<Vec<Due>> {
        let few = |parts: Vec<Part>| {
            assert!(parts.len() <= 100, "too many parts: {event:?}");
            parts.into_iter()
        };
        match event {
            Event::CreditMatured(_, it) => {
                Some(few(self.parts(it.points, &it.lots)).map(Due::Matured).collect())
            }
            Event::CreditExpired(_, it) => {
                Some(few(self.parts(it.points, &it.lots)).map(Due::Expired).collect())
            }
            Event::DebtRepaid(_, it) => {
                Some(few(self.parts(it.points, &it.lots)).map(Due::Repaid).collect())
            }
            Event::HoldReleased(_, it) if it.reason == ReleaseReason::Deadline => {
                let parts = self.parts(it.points, &it.came_back());
                Some(vec![Due::Released(it.hold_id.to_string(), parts)])
            }
            _ => None,
        }
    }

    fn effect_of(&mut self, place: Place, event: &Event) -> Effect {
        match event {
            Event::AccountOpened(account, _) => Effect::Opened(account.to_string()),
            Event::AccountErased(account, _) => Effect::Erased(account.to_string()),
            Event::CreditEarned(account, it) => {
                self.0.push(place);
                Effect::Earned {
                    account: account.to_string(),
                    lot: self.0.len() - 1,
                    unit: it.unit,
                    points: number(it.points),
                    cause: (it.cause.kind.as_str().to_owned(), it.cause.id.to_string()),
                    available_at: it.available_at.map(Timestamp::micros),
                    expires_at: it.expires_at.map(Timestamp::micros),
                    rule: it.rule.as_ref().map(|rule| (rule.rule_id.to_string(), rule.version)),
                    is_claim: it.claim.is_some(),
                    cap_period: it.cap_period.map(span_of),
                }
            }
            Event::CreditWithdrawn(account, it) => {
                let (expired, owed) = (number_or_none(it.expired), number_or_none(it.owed));
                let forgiven = number_or_none(it.forgiven);
                let taken = number(it.points) - expired - owed - forgiven;
                Effect::Withdrawn {
                    account: account.to_string(),
                    unit: it.unit,
                    lot: it.of_lot.map(|lot| self.number_of(lot)),
                    parts: self.parts_of(taken, &it.lots),
                    expired,
                    owed,
                    forgiven,
                    cap_room: it.cap_room.as_ref().map(room_of),
                }
            }
            Event::WithdrawalReversed(account, it) => {
                let what = ["withdrawal".to_owned(), it.withdrawal_id.to_string()];
                self.reversed(account, what, Some(&it.credit), &[], &[])
            }
            Event::CreditGivenBack(account, it) => {
                let of = format!("{}/{}", it.purchase_id, it.return_id);
                let what = ["return".to_owned(), of];
                self.reversed(account, what, Some(&it.credit), &[], &[])
            }
            Event::ReturnReversed(account, it) => {
                let of = format!("{}/{}", it.purchase_id, it.return_id);
                let what = ["return".to_owned(), of];
                self.reversed(account, what, it.credit.as_ref(), &it.lines, &it.further)
            }
            Event::CreditSent(account, it) => Effect::Sent {
                account: account.to_string(),
                to: it.to.to_string(),
                parts: self.parts(it.points, &it.lots),
            },
            Event::CreditReceived(account, it) => Effect::Received {
                account: account.to_string(),
                from: it.from.to_string(),
                parts: self.parts(it.points, &it.lots),
            },
            Event::CreditReturned(account, it) => Effect::SentBack {
                account: account.to_string(),
                to: it.to.to_string(),
                why: it.why.as_str(),
                parts: self.parts(it.points, &it.lots),
            },
            Event::CreditHeld(account, it) => Effect::Held {
                account: account.to_string(),
                hold: it.hold_id.to_string(),
                deadline: it.deadline.micros(),
                parts: self.parts(it.points, &it.lots),
            },
            Event::HoldCaptured(account, it) => Effect::Captured {
                account: account.to_string(),
                hold: it.hold_id.to_string(),
                parts: self.parts(it.points, &it.lots),
                released: it.came_back().iter().map(|part| self.part(part)).collect(),
                pays_exchange: it.pays_exchange,
            },
            Event::HoldReleased(account, it) => Effect::Released {
                account: account.to_string(),
                hold: it.hold_id.to_string(),
                parts: self.parts(it.points, &it.came_back()),
            },
            Event::HoldExtended(account, it) => Effect::Extended {
                account: account.to_string(),
                hold: it.hold_id.to_string(),
                deadline: it.deadline.micros(),
            },
            Event::HoldSwapped(account, it) => {
                let parts = |lots: &[LotPart]| lots.iter().map(|part| self.part(part)).collect();
                Effect::Swapped {
                    account: account.to_string(),
                    hold: it.hold_id.to_string(),
                    kept: parts(&it.lots),
                    returned: parts(&it.returned),
                    taken: parts(&it.taken),
                }
            }
            Event::CreditDeducted(account, it) => Effect::Deducted {
                account: account.to_string(),
                exchange: it.exchange_id.to_string(),
                parts: self.parts(it.points, &it.lots),
            },
            Event::ExchangeCreated(account, it) => Effect::Exchanged {
                account: account.to_string(),
                exchange: it.exchange_id.to_string(),
                offer: it.offer_id.to_string(),
                product: it.product_id.to_string(),
                quantity: it.allocation.quantity().get().into(),
                costs: it.prices.iter().map(cost).collect(),
                hold: it.hold_id.as_ref().map(ToString::to_string),
                counted: days_of(it),
            },
            Event::CreditRefunded(account, it) => Effect::Refunded {
                account: account.to_string(),
                of: match &it.cause {
                    RefundCause::Cancellation { exchange_id, .. } => exchange_id.to_string(),
                    RefundCause::Capture(refund) => refund.hold_id.to_string(),
                },
                parts: self.parts(it.points, &it.lots),
            },
            Event::ExchangeCancelled(account, it) => Effect::Cancelled {
                account: account.to_string(),
                exchange: it.exchange_id.to_string(),
                cancellation: it.cancellation_id.to_string(),
                offer: it.offer_id.to_string(),
                quantity: it.allocation.quantity().get().into(),
                refunds: it.refunded.iter().copied().map(cost).collect(),
            },
            Event::ShipmentDispatched(account, it) => {
                let lines = it.lines.lines().iter();
                Effect::Dispatched {
                    account: account.to_string(),
                    what: id_of(&it.shipped),
                    parcel: it.dispatch_id.to_string(),
                    units: lines.map(|line| u128::from(line.quantity.get())).sum(),
                }
            }
            Event::ShipmentAccepted(account, it) => reported(account, it, "accepted"),
            Event::ShipmentBackOrdered(account, it) => reported(account, it, "back-ordered"),
            Event::ShipmentDelivered(account, it) => {
                let is_parcel = it.dispatch_id.is_some();
                reported(account, it, if is_parcel { "parcel-delivered" } else { "delivered" })
            }
            Event::ShipmentRejected(account, it) => reported(account, it, "rejected"),
            Event::ShipmentSettled(account, it) => reported(account, it, "settled"),
            Event::ShipmentAskedAgain(account, it) => reported(account, it, "asked-again"),
            Event::PurchaseRecorded(account, it) => Effect::Purchased {
                account: account.to_string(),
                purchase: it.purchase_id.to_string(),
                units: it.earned.iter().map(|earning| bought_of(it, earning)).collect(),
            },
            Event::PurchaseReturned(account, it) => {
                let lines = it.lines.iter();
                Effect::Returned {
                    account: account.to_string(),
                    purchase: it.purchase_id.to_string(),
                    lines: lines
                        .map(|line| (line.product_id.to_string(), line.quantity.get().into()))
                        .collect(),
                    taken: it.taken.iter().map(taken_of).collect(),
                }
            }
            Event::OfferOpened(it) => Effect::OfferOpened(it.offer_id.to_string()),
            Event::OfferAmended(it) => Effect::OfferAmended(it.offer_id.to_string(), it.version),
            Event::OfferClosed(it) => Effect::OfferClosed(it.offer_id.to_string(), it.version),
            Event::OfferReopened(it) => Effect::OfferReopened(it.offer_id.to_string(), it.version),
            Event::OfferPaused(it) => Effect::OfferPaused(it.offer_id.to_string(), it.version),
            Event::OfferResumed(it) => Effect::OfferResumed(it.offer_id.to_string(), it.version),
            Event::SegmentSet(account, it) => {
                Effect::SegmentSet(account.to_string(), it.segment.to_string(), it.member)
            }
            Event::StockRemoved(it) => {
                Effect::StockRemoved(it.offer_id.to_string(), it.units.get().into())
            }
            Event::StockAmended(it) => {
                let stock = it.stock.map(|stock| stock.get().into());
                Effect::StockAmended(it.offer_id.to_string(), it.version, stock)
            }
            Event::StockAdded(it) => {
                Effect::StockAdded(it.offer_id.to_string(), it.units.get().into())
            }
            Event::EarningRuleSet(it) => Effect::RuleSet(it.rule_id.to_string(), it.version),
            Event::PolicyChanged(it) => Effect::PolicyChanged(it.policy),
            Event::UnitSet(it) => Effect::UnitSet(it.unit, it.version),
            Event::UnitClosed(it) => Effect::UnitClosed(it.unit, it.version),
            Event::ConversionRateSet(it) => Effect::ConversionRateSet(it.from, it.to, it.version),
            Event::ConversionRateClosed(it) => {
                Effect::ConversionRateClosed(it.from, it.to, it.version)
            }
            Event::CreditConverted(account, it) => {
                Effect::Converted(Converted::of(account, it, self.parts(it.points, &it.lots)))
            }
            Event::ClockDoubted(_) => unreachable!("the model has no clock"),
            Event::ClockConfirmed(_) => Effect::ClockConfirmed,
            Event::LogOpened(_)
            | Event::LogForked(_)
            | Event::LadderSet(_)
            | Event::TierReached(..)
            | Event::TierKept(..)
            | Event::TierLapsed(..)
            | Event::TierGranted(..)
            | Event::TierGrantEnded(..)
            | Event::CreditMatured(..)
            | Event::CreditExpired(..)
            | Event::DebtRepaid(..)
            | Event::WaitBegun(..)
            | Event::WaitServed(..)
            | Event::WaitEnded(..)
            | Event::CodeAdded(_)
            | Event::CodesUploaded(_)
            | Event::BalancesSealed(_)
            | Event::SwitchTurned(_)
            | Event::AccountMergerBegun(..)
            | Event::AccountMergerAbandoned(..)
            | Event::AccountMerged(..)
            | Event::AccountTakenOver(..)
            | Event::CountsPassedOn(..)
            | Event::CountsTakenOver(..)
            | Event::DebtPassedOn(..)
            | Event::DebtTakenOver(..)
            | Event::MessageSent(_)
            | Event::MessageReceived(_) => panic!("no command does this: {event:?}"),
        }
    }

    fn reversed(
        &self,
        account: &AccountId,
        what: [String; 2],
        credit: Option<&CreditGivenBack>,
        lines: &[ReturnedLine],
        further: &[UnitPoints],
    ) -> Effect {
        let owed = credit.map_or(0, |it| number_or_none(it.owed));
        let parts = credit.map(|it| {
            let nothing = [it.expired, it.forgiven].map(number_or_none).iter().sum::<u128>();
            self.parts_of(number(it.points) - owed - nothing, &it.lots)
        });
        Effect::Reversed {
            account: account.to_string(),
            what,
            unit: credit.map(|it| it.unit).unwrap_or_default(),
            points: credit.map_or(0, |it| number(it.points)),
            parts: parts.unwrap_or_default(),
            pending_until: credit.and_then(|it| it.available_at).map(Timestamp::micros),
            owed,
            forgiven: credit.map_or(0, |it| number_or_none(it.forgiven)),
            cap_room: credit.and_then(|it| it.cap_room.as_ref()).map(room_of),
            lines: lines
                .iter()
                .map(|line| (line.product_id.to_string(), line.quantity.get().into()))
                .collect(),
            further: further.iter().map(|given| (given.unit, number(given.points))).collect(),
        }
    }

    /// The parts, which sum to what the event says in all.
    fn parts(&self, sum: Points, parts: &[LotPart]) -> Vec<Part> {
        self.parts_of(number(sum), parts)
    }

    fn parts_of(&self, sum: u128, parts: &[LotPart]) -> Vec<Part> {
        let parts: Vec<Part> = parts.iter().map(|part| self.part(part)).collect();
        assert_eq!(crate::model::ledger::sum(&parts), sum, "the parts are not the sum: {parts:?}");
        assert!(parts.iter().all(|part| part.points > 0), "a part of nothing: {parts:?}");
        parts
    }

    pub(crate) fn part(&self, part: &LotPart) -> Part {
        Part {
            lot: self.number_of(part.lot),
            partition: part.lot.place().partition().0,
            points: number(part.points),
            expires_at: part.expires_at.map(Timestamp::micros),
            graced: part.graced,
        }
    }

    fn number_of(&self, lot: LotId) -> usize {
        let number = self.0.iter().position(|earned| *earned == Place::from(lot.place()));
        number.unwrap_or_else(|| panic!("no credit was earned at {lot}"))
    }
}

pub(super) fn span_of(period: CapPeriod) -> Span {
    (period.start.micros(), period.end.map(Timestamp::micros))
}

fn room_of(room: &CapRoom) -> (String, Span) {
    (room.rule_id.to_string(), span_of(room.period))
}

pub(super) fn number(points: Points) -> u128 {
    points.get().into()
}

fn number_or_none(points: Option<Points>) -> u128 {
    points.map_or(0, number)
}

fn reported(account: &AccountId, it: &ShipmentReport, news: &'static str) -> Effect {
    Effect::Reported { account: account.to_string(), what: id_of(&it.shipped), news }
}

fn id_of(shipped: &Shipped) -> String {
    match shipped {
        Shipped::ExchangeId(id) => id.to_string(),
        Shipped::PurchaseId(id) => id.to_string(),
    }
}
