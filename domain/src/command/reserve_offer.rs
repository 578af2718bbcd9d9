//! Reserve units of an offer: a hold of their price that keeps the units, too, until a deadline.

use super::hold_credit::HOLD_DAYS_MAX;
use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use super::{Order, are_expected};
use crate::draft::Draft;
use crate::{
    AccountId, CreditHeld, Decision, Event, ExchangeId, HoldId, IdHash, Keeps, OfferId, Points,
    PreviewedCost, Price, Refusal, Reservation, Timestamp, Units, Wait,
};

/// Reserves units of an offer. Until the deadline the hold's capture gets them, at the price of
/// today, whatever becomes of the offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReserveOffer {
    /// The account.
    pub account_id: AccountId,
    /// The hold's id, made by the caller.
    pub hold_id: HoldId,
    /// What is reserved.
    pub offer_id: OfferId,
    /// The number of units.
    pub quantity: Units,
    /// It ends by itself then.
    pub deadline: Timestamp,
    /// What the caller expects it to cost in all, of an offer that costs one unit; any other cost
    /// is refused.
    pub expected_points: Option<Points>,
    /// Likewise of all units, in any order.
    pub expected_prices: Option<Box<[Price]>>,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
}

impl CommandRules for ReserveOffer {
    fn name(&self) -> &'static str {
        "reserve-offer"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::hold(&self.account_id, &self.hold_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        draft.apply_due(&self.account_id);
        let order = self.order();
        let priced = order.price_of_goods(&mut draft, &self.account_id, None)?;
        if priced.offer.terms.codes {
            return Err(Refusal::CodesNotReserved);
        }
        let account = draft.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        let latest = draft.now.plus_days(HOLD_DAYS_MAX);
        if self.deadline <= draft.now || self.deadline > latest {
            return Err(Refusal::DeadlineOutOfRange { after: draft.now, latest });
        }
        if let Some(closes_at) = priced.offer.terms.closes_at
            && self.deadline > closes_at
        {
            return Err(Refusal::ReservationPastOffer { closes_at });
        }
        account.check_holds(priced.needed.iter().count())?;
        order.check_limits(&priced, &draft, (&self.account_id, account))?;
        let drawn = priced.draw(&draft, account)?;
        let allocation = match order.take(&priced, &mut draft, &self.account_id) {
            Ok(allocation) => allocation,
            Err(ask) => return Ok(Decision::Wait(Wait::Units(ask))),
        };
        let terms = &priced.offer.terms;
        let mut keeps = Keeps::Offer(Box::new(Reservation {
            offer_id: self.offer_id.clone(),
            product_id: terms.product_id.clone(),
            allocation,
            prices: priced.needed,
            tier: priced.tier,
            counted: priced.counted,
            warehouse: terms.ships.then(|| terms.warehouse.clone()),
            expected_points: self.expected_points,
            expected_prices: self.expected_prices.clone(),
        }));
        draft.outcome_is_next();
        for PreviewedCost { unit, points, lots, .. } in drawn {
            let held = CreditHeld {
                hold_id: self.hold_id.clone(),
                unit,
                points,
                lots,
                deadline: self.deadline,
                grace: draft.grace(),
                keeps: std::mem::replace(&mut keeps, Keeps::Further),
                occurred_at: self.occurred_at,
            };
            draft.push(Event::CreditHeld(self.account_id.clone(), held));
        }
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::CreditHeld(_, fact) = event else { return OTHER_CALL };
        let Some(kept) = fact.keeps.reservation() else { return Some("offer_id") };
        let [asked, recorded] =
            [&self.expected_prices, &kept.expected_prices].map(Option::as_deref);
        first_different(&[
            ("offer_id", self.offer_id == kept.offer_id),
            ("quantity", self.quantity == kept.allocation.quantity()),
            ("deadline", self.deadline == fact.deadline),
            ("expected_points", self.expected_points == kept.expected_points),
            ("expected_prices", are_expected(asked, recorded)),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

impl ReserveOffer {
    /// The order that it reserves for. Where it goes is said when it is captured.
    pub(super) fn order(&self) -> Order {
        Order {
            exchange_id: ExchangeId::of_reservation(&self.hold_id),
            offer_id: self.offer_id.clone(),
            quantity: self.quantity,
            deliver_to: None,
            expected_points: self.expected_points,
            expected_prices: self.expected_prices.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;
    use crate::{Command, Terms};

    const DAY: i64 = 24 * 60 * 60;

    fn shop(stock: u64) -> Scenario {
        given([
            opened("mug", 300, Some(stock)),
            earned("ann", 900, "B-1"),
            earned("bob", 900, "B-2"),
        ])
    }

    fn reserved() -> Scenario {
        shop(1).does(reserve("ann", "h-1", "mug", 1, 100))
    }

    #[test]
    fn a_reserved_unit_is_nobody_elses_until_the_deadline() {
        reserved()
            .leaves("ann", [600, 0, 300, 0])
            .refuses(redeem("bob", "x-1", "mug"), "sold-out")
            .refuses(reserve("bob", "h-1", "mug", 1, 100), "sold-out")
            .at_micros(99_999_999)
            .refuses(redeem("bob", "x-1", "mug"), "sold-out")
            .when(capture_for("ann", "h-1", "x-1", "mug"))
            .then_records(["HoldCaptured", "ExchangeCreated"])
            .leaves("ann", [600, 0, 0, 0])
            .refuses(redeem("bob", "x-1", "mug"), "sold-out");
    }

    #[test]
    fn from_its_deadline_on_a_reserved_unit_is_free_whatever_was_recorded() {
        reserved()
            .at(100)
            .when(redeem("bob", "x-1", "mug"))
            .then_records(["HoldReleased", "CreditDeducted", "ExchangeCreated"])
            .leaves("ann", [900, 0, 0, 0])
            .refuses(capture_for("ann", "h-1", "x-1", "mug"), "hold-ended")
            .refuses(redeem("ann", "x-1", "mug"), "sold-out");
        reserved()
            .at(100)
            .when(reserve("bob", "h-1", "mug", 1, 200))
            .then_records(["HoldReleased", "CreditHeld"]);
        reserved().at(100).sweeps().does(redeem("bob", "x-1", "mug"));
        // The shopper's own, too.
        reserved().at(100).when(redeem("ann", "x-1", "mug")).then_records([
            "HoldReleased",
            "CreditDeducted",
            "ExchangeCreated",
        ]);
    }

    #[test]
    fn no_more_reservations_end_than_are_needed_and_the_first_deadline_ends_first() {
        shop(3)
            .does(reserve("ann", "h-1", "mug", 1, 101))
            .does(reserve("bob", "h-1", "mug", 2, 100))
            .does(earn("cid", 900, "B-3"))
            .at(101)
            .refuses(redeem_many("cid", "x-1", "mug", 4), "sold-out")
            .when(redeem_many("cid", "x-1", "mug", 2))
            .then_records(["HoldReleased", "CreditDeducted", "ExchangeCreated"])
            .leaves("bob", [900, 0, 0, 0])
            .leaves("ann", [600, 0, 300, 0])
            .when(redeem("cid", "x-2", "mug"))
            .then_records(["HoldReleased", "CreditDeducted", "ExchangeCreated"]);
    }

    #[test]
    fn a_capture_passes_all_that_happened_to_the_offer_since() {
        let amended = |read| amend("mug", 500, None, read);
        reserved()
            .does(amended(1))
            .does(pause("mug"))
            .does(capture_for("ann", "h-1", "x-1", "mug"))
            .leaves("ann", [600, 0, 0, 0]);
        reserved()
            .does(close("mug"))
            .does(capture_for("ann", "h-1", "x-1", "mug"))
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [900, 0, 0, 0]);
    }

    #[test]
    fn a_release_frees_the_units_and_the_credit() {
        reserved()
            .does(release("ann", "h-1"))
            .leaves("ann", [900, 0, 0, 0])
            .does(redeem("bob", "x-1", "mug"))
            .when(release("ann", "h-1"))
            .then_repeats(6);
    }

    #[test]
    fn a_reservation_counts_for_the_shopper_until_it_ends() {
        let limited = || {
            given([opened_with("mug", 300, Some(5), Some(2)), earned("ann", 900, "B-1")])
                .does(reserve("ann", "h-1", "mug", 2, 100))
                .refuses(redeem("ann", "x-1", "mug"), "shopper-limit-reached")
        };
        limited()
            .does(capture_of("ann", "h-1", "x-1", "mug", 2))
            .refuses(redeem("ann", "x-2", "mug"), "shopper-limit-reached")
            .does(cancel("ann", "x-1", "c-1", None))
            .does(two("ann", "x-2", "mug"));
        limited().does(release("ann", "h-1")).does(two("ann", "x-1", "mug"));
        limited().at(100).does(two("ann", "x-1", "mug"));
    }

    #[test]
    fn a_price_of_several_units_is_held_of_each_in_its_order_or_not_at_all() {
        let prices = [("miles", 5), ("points", 100)];
        let shop = || {
            given([])
                .does(make_unit("miles"))
                .does(costing(&prices, open("mug", 1, Some(2))))
                .does(earn("ann", 500, "B-1"))
                .refuses(reserve("ann", "h-1", "mug", 2, 100), "insufficient-credit")
                .does(in_unit("miles", earn("ann", 25, "M-1")))
                .when(reserve("ann", "h-1", "mug", 2, 100))
                .then_records(["CreditHeld", "CreditHeld"])
                .leaves("ann", [300, 0, 200, 0])
                .leaves_of("ann", "miles", [15, 0, 10, 0])
        };
        shop()
            .when(capture_of("ann", "h-1", "x-1", "mug", 2))
            .then_records(["HoldCaptured", "HoldCaptured", "ExchangeCreated"])
            .does(cancel("ann", "x-1", "c-1", Some(1)))
            .leaves("ann", [400, 0, 0, 0])
            .leaves_of("ann", "miles", [20, 0, 0, 0]);
        shop()
            .when(release("ann", "h-1"))
            .then_records(["HoldReleased", "HoldReleased"])
            .leaves("ann", [500, 0, 0, 0])
            .leaves_of("ann", "miles", [25, 0, 0, 0])
            .does(reserve("ann", "h-2", "mug", 2, 100));
        shop()
            .at(100)
            .sweeps()
            .leaves("ann", [500, 0, 0, 0])
            .leaves_of("ann", "miles", [25, 0, 0, 0])
            .does(reserve("ann", "h-2", "mug", 2, 200));
    }

    #[test]
    fn what_is_free_can_be_reserved() {
        let free = || {
            given([])
                .does(open("mug", 0, Some(1)))
                .does(earn("ann", 1, "B-1"))
                .does(earn("bob", 1, "B-2"))
                .does(reserve("ann", "h-1", "mug", 1, 100))
                .refuses(redeem("bob", "x-1", "mug"), "sold-out")
        };
        free()
            .when(capture_for("ann", "h-1", "x-1", "mug"))
            .then_records(["HoldCaptured", "ExchangeCreated"])
            .does(cancel("ann", "x-1", "c-1", None))
            .leaves("ann", [1, 0, 0, 0]);
        free().at(100).does(redeem("bob", "x-1", "mug"));
    }

    #[test]
    fn a_reservation_is_captured_for_what_it_reserves_and_lasts_no_longer() {
        reserved()
            .refuses(capture("ann", "h-1", None), "hold-reserves-offer")
            .refuses(capture_for("ann", "h-1", "x-1", "cup"), "hold-reserves-offer")
            .refuses(capture_of("ann", "h-1", "x-1", "mug", 2), "hold-reserves-offer")
            .refuses(extend("ann", "h-1", "e-1", 200), "hold-reserves-offer")
            .does(capture_for("ann", "h-1", "x-1", "mug"))
            .refuses(refund("ann", "h-1", "f-1", None), "capture-paid-exchange");
    }

    #[test]
    fn a_reservation_is_recorded_once() {
        reserved().when(reserve("ann", "h-1", "mug", 1, 100)).then_repeats(5);
        reserved().when(reserve("ann", "h-1", "mug", 2, 100)).then_differs_from(5, "quantity");
        reserved().when(reserve("ann", "h-1", "cup", 1, 100)).then_differs_from(5, "offer_id");
        reserved().when(reserve("ann", "h-1", "mug", 1, 101)).then_differs_from(5, "deadline");
        reserved().when(hold("ann", "h-1", 300, 100)).then_differs_from(5, "offer_id");
        shop(1)
            .does(hold("ann", "h-1", 300, 100))
            .when(reserve("ann", "h-1", "mug", 1, 100))
            .then_differs_from(5, "offer_id");
    }

    /// Each step mends what the step before was refused for.
    #[test]
    fn refusals_come_in_their_order_of_precedence() {
        const TOO_LATE: i64 = 30 * DAY + 2;
        let closing = |command: Command| {
            with_terms(command, |terms| Terms { closes_at: Some(time(500)), ..terms })
        };
        let one = |deadline| reserve("ann", "h-1", "mug", 2, deadline);
        given([])
            .refuses(one(TOO_LATE), "offer-unknown")
            .does(closing(open_with("mug", 300, Some(3), Some(1))))
            .refuses(reserve("ann", "h-1", "mug", 4, TOO_LATE), "sold-out")
            .refuses(one(TOO_LATE), "account-unknown")
            .does(earn("ann", 1, "B-1"))
            .refuses(one(TOO_LATE), "deadline-out-of-range")
            .refuses(one(1), "deadline-out-of-range")
            .refuses(one(501), "reservation-past-offer")
            .refuses(one(500), "shopper-limit-reached")
            .refuses(reserve("ann", "h-1", "mug", 1, 500), "insufficient-credit")
            .does(earn("ann", 300, "B-2"))
            .does(reserve("ann", "h-1", "mug", 1, 500))
            .at(500)
            .refuses(reserve("ann", "h-2", "mug", 1, 600), "offer-not-open");
    }

    #[test]
    fn a_capture_is_refused_for_its_own_fields_only() {
        let shop = || shop(2).does(redeem("ann", "x-1", "mug"));
        shop()
            .does(reserve("ann", "h-1", "mug", 1, 100))
            .refuses(capture_for("ann", "h-1", "x-1", "mug"), "exchange-exists")
            .refuses(capture_unaddressed("ann", "h-1", "x-2", "mug"), "deliver-to-missing")
            .refuses(capture_expecting(299, "ann", "h-1", "x-2", "mug"), "price-changed")
            .does(capture_expecting(300, "ann", "h-1", "x-2", "mug"));
    }
}
