//! Spend what is held, whole or in part.

use super::Order;
use super::kept::{Kept, kept_by};
use super::rules::{CommandRules, Owner, first_different};
use crate::draft::Draft;
use crate::grace::gained;
use crate::lots::{split_at, sum_of};
use crate::{
    AccountId, BackFor, Decision, Event, ExchangeCreated, Hold, HoldCaptured, HoldId, IdHash,
    Keeps, Points, Refusal, State, Timestamp, UnitId, Wait,
};

/// Captures a hold, which ends it. A hold is captured once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureHold {
    /// The account.
    pub account_id: AccountId,
    /// The hold.
    pub hold_id: HoldId,
    /// What it is spent on.
    pub capture: Capture,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

/// What a hold is spent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Capture {
    /// So many points, or all, on something that the ledger doesn't know.
    Points(Option<Points>),
    /// An offer.
    Exchange(Order),
}

impl CommandRules for CaptureHold {
    fn name(&self) -> &'static str {
        "capture-hold"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::capture(&self.account_id, &self.hold_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.apply_due(&self.account_id);
        let (unit, hold) = running_hold(&draft, &self.account_id, &self.hold_id)?;
        let hold = hold.clone();
        if hold.keeps != Keeps::Nothing {
            let kept = kept_by(&draft, &self.account_id, &self.hold_id)?;
            return self.capture_reserved(draft, &kept);
        }
        let held = sum_of(&hold.lots).unwrap_or_default();
        match &self.capture {
            Capture::Points(asked) => {
                let points = asked.unwrap_or(held);
                if points > held {
                    return Err(Refusal::PointsTooLarge { unit, left: held, asked: points });
                }
                let captured = self.captured(unit, &hold, points, draft.now);
                draft.outcome_is_next();
                draft.come_in(Event::HoldCaptured(self.account_id.clone(), captured));
            }
            Capture::Exchange(order) => {
                let exchange = IdHash::exchange(&self.account_id, &order.exchange_id);
                if draft.state.recorded().position_of(exchange).is_some() {
                    return Err(Refusal::ExchangeExists);
                }
                let priced = order.price(&mut draft, &self.account_id, Some(unit))?;
                let account = draft.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
                order.check_limits(&priced, &draft, (&self.account_id, account))?;
                // Of the hold's unit, or nothing.
                let needed = priced.needed.of(unit);
                if needed > held {
                    return Err(Refusal::InsufficientCredit { unit, needed, available: held });
                }
                let captured = self.captured(unit, &hold, needed, draft.now);
                let hold_id = Some(self.hold_id.clone());
                let account = &self.account_id;
                let created = order.created(priced, &mut draft, account, hold_id, self.occurred_at);
                let created = match created {
                    Ok(created) => created,
                    Err(ask) => return Ok(Decision::Wait(Wait::Units(ask))),
                };
                draft.come_in(Event::HoldCaptured(self.account_id.clone(), captured));
                draft.push_outcome(Event::ExchangeCreated(self.account_id.clone(), created));
            }
        }
        draft.apply_due_again(&self.account_id);
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        match (&self.capture, event) {
            (Capture::Points(asked), Event::HoldCaptured(_, fact)) => first_different(&[
                ("points", *asked == fact.asked_points),
                ("occurred_at", self.occurred_at == fact.occurred_at),
            ]),
            (Capture::Exchange(order), Event::ExchangeCreated(_, fact)) => {
                order.first_difference(fact).or_else(|| self.other_time(fact))
            }
            _ => Some("exchange"),
        }
    }
}

impl CaptureHold {
    /// The exchange takes what was reserved, at the price then. Nothing that happened to the offer
    /// since hinders it.
    fn capture_reserved(&self, mut draft: Draft<'_>, kept: &Kept<'_>) -> Result<Decision, Refusal> {
        let Capture::Exchange(order) = &self.capture else {
            return Err(Refusal::HoldReservesOffer);
        };
        let exchange = IdHash::exchange(&self.account_id, &order.exchange_id);
        if draft.state.recorded().position_of(exchange).is_some() {
            return Err(Refusal::ExchangeExists);
        }
        let created = kept.created(self.hold_id.clone(), order, self.occurred_at)?;
        for (unit, hold) in &kept.holds {
            let held = sum_of(&hold.lots).unwrap_or_default();
            let captured = self.captured(*unit, hold, held, draft.now);
            draft.push(Event::HoldCaptured(self.account_id.clone(), captured));
        }
        kept.sell(&mut draft);
        draft.push_outcome(Event::ExchangeCreated(self.account_id.clone(), created));
        Ok(draft.finish())
    }

    /// The hold's first points are captured, and the rest goes back.
    fn captured(&self, unit: UnitId, hold: &Hold, points: Points, now: Timestamp) -> HoldCaptured {
        let (lots, released) = split_at(&hold.lots, points);
        let grace_until = hold.grace.until(now, BackFor::OwnRequest);
        HoldCaptured {
            hold_id: self.hold_id.clone(),
            unit,
            points,
            lots,
            grace_until: gained(grace_until, &released),
            released,
            grace: hold.grace,
            pays_exchange: matches!(self.capture, Capture::Exchange(_)),
            asked_points: match self.capture {
                Capture::Points(asked) => asked,
                Capture::Exchange(_) => None,
            },
            keeps: hold.keeps.clone(),
            occurred_at: self.occurred_at,
        }
    }

    fn other_time(&self, fact: &ExchangeCreated) -> Option<&'static str> {
        first_different(&[("occurred_at", self.occurred_at == fact.occurred_at)])
    }
}

/// A hold that hasn't ended by now, and the unit that it keeps.
pub(super) fn running_hold<'a>(
    draft: &'a Draft<'_>,
    account: &AccountId,
    id: &HoldId,
) -> Result<(UnitId, &'a Hold), Refusal> {
    let hold = draft.account(account).and_then(|account| account.hold(id));
    let hold = hold.and_then(|(unit, hold)| Some((draft.state.unit_id(unit)?, hold)));
    hold.ok_or_else(|| {
        if is_known(draft.state, account, id) { Refusal::HoldEnded } else { Refusal::HoldUnknown }
    })
}

fn is_known(state: &State, account: &AccountId, id: &HoldId) -> bool {
    state.recorded().position_of(IdHash::hold(account, id)).is_some()
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;

    #[test]
    fn a_part_is_captured_and_the_rest_released() {
        held(300)
            .does(capture("ann", "h-1", Some(100)))
            .leaves("ann", [400, 0, 0, 0])
            .when(capture("ann", "h-1", Some(100)))
            .then_repeats(5);
    }

    #[test]
    fn a_capture_buys_an_offer() {
        held(400)
            .when(capture_for("ann", "h-1", "x-1", "mug"))
            .then_records(["HoldCaptured", "ExchangeCreated"])
            .leaves("ann", [200, 0, 0, 0])
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [500, 0, 0, 0])
            .when(capture_for("ann", "h-1", "x-1", "mug"))
            .then_repeats(6);
    }

    #[test]
    fn a_capture_that_buys_what_is_free_gives_all_back() {
        given([])
            .does(open("mug", 0, None))
            .does(earn("ann", 500, "B-1"))
            .does(hold("ann", "h-1", 400, 100))
            .when(capture_for("ann", "h-1", "x-1", "mug"))
            .then_records(["HoldCaptured", "ExchangeCreated"])
            .leaves("ann", [500, 0, 0, 0])
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [500, 0, 0, 0]);
    }

    #[test]
    fn what_is_released_past_its_expiry_expires_at_once() {
        given([])
            .does(earn_until(50, "ann", 300, "B-1"))
            .does(hold("ann", "h-1", 300, 100))
            .at(60)
            .when(capture("ann", "h-1", Some(100)))
            .then_records(["HoldCaptured", "CreditExpired"])
            .leaves("ann", [0, 0, 0, 0]);
    }

    #[test]
    fn a_hold_is_captured_once() {
        held(300)
            .does(capture("ann", "h-1", Some(100)))
            .when(capture("ann", "h-1", Some(200)))
            .then_differs_from(5, "points");
        held(300)
            .does(capture_for("ann", "h-1", "x-1", "mug"))
            .when(capture_for("ann", "h-1", "x-2", "mug"))
            .then_differs_from(6, "exchange_id");
        held(300)
            .does(capture_for("ann", "h-1", "x-1", "mug"))
            .when(capture("ann", "h-1", None))
            .then_differs_from(6, "exchange");
    }

    /// Each step mends what the step before was refused for.
    #[test]
    fn refusals_come_in_their_order_of_precedence() {
        given([]).refuses(capture("ann", "h-1", None), "hold-unknown");
        held(300).does(release("ann", "h-1")).refuses(capture("ann", "h-1", None), "hold-ended");
        held(100).refuses(capture("ann", "h-1", Some(101)), "points-too-large");
        held(100)
            .does(redeem("ann", "x-1", "mug"))
            .refuses(capture_for("ann", "h-1", "x-1", "cup"), "exchange-exists")
            .refuses(capture_for("ann", "h-1", "x-2", "cup"), "offer-unknown")
            .refuses(capture_for("ann", "h-1", "x-2", "mug"), "insufficient-credit");
    }

    fn held(points: u64) -> Scenario {
        given([opened("mug", 300, None), earned("ann", 500, "B-1")])
            .does(hold("ann", "h-1", points, 100))
    }

    #[test]
    fn a_hold_pays_for_what_costs_its_unit() {
        let held = |price| {
            given([opened("mug", price, None)])
                .does(make_unit("miles"))
                .does(in_unit("miles", earn("ann", 500, "B-1")))
                .does(in_unit("miles", hold("ann", "h-1", 300, 100)))
        };
        held(300)
            .refuses(capture_for("ann", "h-1", "x-1", "mug"), "unit-mismatch")
            .does(capture("ann", "h-1", Some(100)))
            .leaves_of("ann", "miles", [400, 0, 0, 0])
            .does(refund("ann", "h-1", "f-1", None))
            .leaves_of("ann", "miles", [500, 0, 0, 0]);
        held(300)
            .does(costing(&[("miles", 200)], open("cup", 1, None)))
            .does(costing(&[("miles", 200), ("points", 1)], open("both", 1, None)))
            .refuses(capture_for("ann", "h-1", "x-1", "both"), "unit-mismatch")
            .does(capture_for("ann", "h-1", "x-1", "cup"))
            .leaves_of("ann", "miles", [300, 0, 0, 0])
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves_of("ann", "miles", [500, 0, 0, 0]);
        // What is free costs nothing of any unit.
        held(0).does(capture_for("ann", "h-1", "x-1", "mug")).leaves_of(
            "ann",
            "miles",
            [500, 0, 0, 0],
        );
    }
}
