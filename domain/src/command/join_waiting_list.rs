//! Wait for a unit of an offer that is sold out.

use super::Order;
use super::order::Priced;
use super::rules::{CommandRules, OTHER_CALL, Owner, first_different};
use crate::draft::Draft;
use crate::{
    AccountId, Decision, Event, ExchangeId, HoldId, IdHash, OfferId, Refusal, Timestamp, Units,
    WaitBegun, WaitId,
};

/// How many wait for an offer at most, or have a unit kept: who comes later would hardly get one,
/// and each takes some 200 bytes of memory.
pub const WAITING_MAX: usize = 10_000;

/// Puts a shopper onto an offer's waiting list, behind all who wait. Who waits longest gets the
/// next unit that comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinWaitingList {
    /// The account.
    pub account_id: AccountId,
    /// The wait's id, made by the caller.
    pub wait_id: WaitId,
    /// What the shopper waits for one unit of.
    pub offer_id: OfferId,
    /// When it happened, as the caller says.
    pub occurred_at: Option<Timestamp>,
    /// What the offer's home said, which [`AdmitWait`](super::AdmitWait) asks; nothing where there
    /// is one partition.
    pub admission: Option<Admission>,
}

/// What an offer's home says of those who want to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// They have to, and may.
    Open,
    /// Something is left.
    NotSoldOut,
    /// Too many wait already.
    Full,
}

impl CommandRules for JoinWaitingList {
    fn name(&self) -> &'static str {
        "join-waiting-list"
    }

    fn owner(&self) -> Owner<'_> {
        Owner::Account(&self.account_id)
    }

    fn id_hash(&self) -> Option<IdHash> {
        Some(IdHash::wait(&self.account_id, &self.wait_id))
    }

    fn occurred_at(&self) -> Option<Timestamp> {
        self.occurred_at
    }

    fn decide(&self, mut draft: Draft<'_>) -> Result<Decision, Refusal> {
        let offer = draft.state.numbered_offer(&self.offer_id);
        let (number, offer) = offer.ok_or(Refusal::OfferUnknown)?;
        if offer.terms.codes {
            return Err(Refusal::WaitingListUnsupported);
        }
        offer.check_open(draft.now)?;
        draft.apply_due(&self.account_id);
        draft.apply_due_beside(&self.account_id);
        draft.check_is_for(&self.account_id, &offer.terms)?;
        let account = draft.account(&self.account_id).ok_or(Refusal::AccountUnknown)?;
        let order = self.order();
        let priced = Priced::of_nothing(number, offer, draft.now)?;
        order.check_limits(&priced, &draft, (&self.account_id, account))?;
        let waiter = draft.state.waiter(number, &self.account_id);
        if waiter.is_some_and(|it| !it.is_over(draft.now)) {
            return Err(Refusal::AlreadyWaiting);
        }
        if self.is_left(&draft, &order) {
            return Err(Refusal::NotSoldOut);
        }
        let is_full = draft.state.waiting_for(number) >= WAITING_MAX;
        if is_full || self.admission == Some(Admission::Full) {
            return Err(Refusal::WaitingListFull { max: WAITING_MAX as u64 });
        }
        // One that is over, and nobody has said so yet.
        draft.end_lapsed(number, &self.account_id);
        draft.push_outcome(Event::WaitBegun(
            self.account_id.clone(),
            WaitBegun {
                wait_id: self.wait_id.clone(),
                offer_id: self.offer_id.clone(),
                occurred_at: self.occurred_at,
            },
        ));
        Ok(draft.finish())
    }

    fn first_difference(&self, event: &Event) -> Option<&'static str> {
        let Event::WaitBegun(_, fact) = event else { return OTHER_CALL };
        first_different(&[
            ("offer_id", self.offer_id == fact.offer_id),
            ("occurred_at", self.occurred_at == fact.occurred_at),
        ])
    }
}

impl JoinWaitingList {
    /// Whether the shopper needn't wait, after what is due, here or as the offer's home says. What
    /// a redemption would find is found on a draft of its own.
    fn is_left(&self, draft: &Draft<'_>, order: &Order) -> bool {
        let mut apart = Draft::new(draft.state, draft.now);
        apart.apply_due(&self.account_id);
        let priced = order.price_of_goods(&mut apart, &self.account_id, None);
        if draft.state.is_shared() {
            let is_on_shelf = priced.is_ok_and(|priced| priced.is_here());
            return is_on_shelf || self.admission == Some(Admission::NotSoldOut);
        }
        !matches!(priced, Err(Refusal::SoldOut { .. }))
    }

    fn order(&self) -> Order {
        // It is never recorded, and nothing is asked for it.
        let exchange_id = ExchangeId::of_reservation(&HoldId::from(&self.wait_id));
        Order {
            exchange_id,
            offer_id: self.offer_id.clone(),
            quantity: Units::ONE,
            deliver_to: None,
            expected_points: None,
            expected_prices: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::*;
    use crate::{Command, Terms};

    const DAY: i64 = 24 * 60 * 60;

    /// Ann has the only mug; Bob and Cid wait for it, in this order.
    fn waited_for() -> Scenario {
        sold_out()
            .does(join("bob", "w-1", "mug"))
            .does(join("cid", "w-1", "mug"))
            .refuses(redeem("bob", "x-1", "mug"), "sold-out")
    }

    fn sold_out() -> Scenario {
        given([opened("mug", 300, Some(1)), earned("ann", 900, "B-1"), earned("bob", 900, "B-2")])
            .does(earn("cid", 900, "B-3"))
            .does(earn("dan", 900, "B-4"))
            .does(redeem("ann", "x-1", "mug"))
    }

    #[test]
    fn what_comes_back_goes_to_who_waits_longest() {
        waited_for()
            .does(cancel("ann", "x-1", "c-1", None))
            // Nobody comes between, not even before it is recorded for whom the unit is.
            .refuses(redeem("ann", "x-2", "mug"), "sold-out")
            .refuses(redeem("cid", "x-1", "mug"), "sold-out")
            .refuses(reserve("dan", "h-1", "mug", 1, 100), "sold-out")
            .sweeps()
            .refuses(redeem("ann", "x-2", "mug"), "sold-out")
            .refuses(redeem("cid", "x-1", "mug"), "sold-out")
            .when(redeem("bob", "x-1", "mug"))
            .then_records(["WaitEnded", "CreditDeducted", "ExchangeCreated"])
            .refuses(redeem("bob", "x-2", "mug"), "sold-out")
            .does(cancel("bob", "x-1", "c-1", None))
            .sweeps()
            .does(redeem("cid", "x-1", "mug"));
    }

    #[test]
    fn who_waits_alone_may_take_the_unit_before_it_is_kept() {
        sold_out()
            .does(join("bob", "w-1", "mug"))
            .does(cancel("ann", "x-1", "c-1", None))
            .when(redeem("bob", "x-1", "mug"))
            .then_records(["WaitEnded", "CreditDeducted", "ExchangeCreated"])
            .sweeps()
            .refuses(leave("bob", "w-1"), "wait-ended");
    }

    #[test]
    fn a_unit_that_is_kept_falls_to_the_next_at_its_deadline() {
        let served = || waited_for().does(cancel("ann", "x-1", "c-1", None)).sweeps();
        served().at(DAY).does(redeem("bob", "x-1", "mug"));
        // Before that is recorded, nobody else gets it.
        served()
            .at(DAY + 1)
            .refuses(redeem("bob", "x-1", "mug"), "sold-out")
            .refuses(redeem("dan", "x-1", "mug"), "sold-out")
            .refuses(leave("bob", "w-1"), "wait-ended")
            .sweeps()
            .does(redeem("cid", "x-1", "mug"))
            .does(join("dan", "w-1", "mug"))
            .does(join("bob", "w-2", "mug"));
        // Who let it pass may join again, behind all.
        served()
            .at(DAY + 1)
            .when(join("bob", "w-2", "mug"))
            .then_records(["WaitEnded", "WaitBegun"])
            .sweeps()
            .refuses(redeem("bob", "x-1", "mug"), "sold-out")
            .does(redeem("cid", "x-1", "mug"));
        // At last it is whoever's, whatever was recorded.
        served()
            .does(leave("cid", "w-1"))
            .at(DAY + 1)
            .when(redeem("dan", "x-1", "mug"))
            .then_records(["WaitEnded", "CreditDeducted", "ExchangeCreated"]);
    }

    #[test]
    fn who_leaves_makes_room_for_the_next() {
        waited_for()
            .does(leave("bob", "w-1"))
            .does(cancel("ann", "x-1", "c-1", None))
            .sweeps()
            .refuses(redeem("bob", "x-1", "mug"), "sold-out")
            .when(leave("cid", "w-1"))
            .then_records(["WaitEnded"])
            .does(redeem("bob", "x-1", "mug"))
            .refuses(leave("cid", "w-2"), "wait-unknown");
        waited_for().does(leave("bob", "w-1")).when(leave("bob", "w-1")).then_repeats(11);
    }

    #[test]
    fn more_stock_serves_as_many_as_there_are_units_and_the_rest_is_for_all() {
        waited_for()
            .does(add_stock("mug", "s-1", 3))
            .does(redeem("dan", "x-1", "mug"))
            .refuses(redeem("dan", "x-2", "mug"), "sold-out")
            .sweeps()
            .does(redeem("cid", "x-1", "mug"))
            .does(redeem("bob", "x-1", "mug"))
            .refuses(redeem("dan", "x-2", "mug"), "sold-out");
    }

    #[test]
    fn an_offer_that_is_not_open_serves_nobody_until_it_is() {
        waited_for()
            .does(pause("mug"))
            .does(cancel("ann", "x-1", "c-1", None))
            .sweeps()
            .does(resume("mug", "r-1", 2))
            .sweeps()
            .does(redeem("bob", "x-1", "mug"));
        let closing = |command: Command| {
            with_terms(command, |terms| Terms { closes_at: Some(time(500)), ..terms })
        };
        // Nothing is kept beyond the offer's end.
        waited_for()
            .does(closing(amend("mug", 300, None, 1)))
            .does(cancel("ann", "x-1", "c-1", None))
            .sweeps()
            .at(500)
            .refuses(redeem("bob", "x-1", "mug"), "sold-out")
            .sweeps()
            .refuses(join("dan", "w-1", "mug"), "offer-not-open");
    }

    #[test]
    fn a_unit_that_is_kept_does_not_lapse_while_its_shopper_cannot_take_it() {
        const HOUR: i64 = 60 * 60;
        let served = || waited_for().does(cancel("ann", "x-1", "c-1", None)).sweeps();
        // Somebody looks each hour or oftener; within the last one there is another day.
        let paused = served().at(DAY - HOUR + 2).sweeps_while(true);
        paused.at(2 * DAY - HOUR + 1).sweeps_while(false).does(redeem("bob", "x-1", "mug"));
        served()
            .at(DAY - HOUR + 2)
            .sweeps_while(true)
            .at(2 * DAY - HOUR + 2)
            .sweeps_while(false)
            .refuses(redeem("bob", "x-1", "mug"), "sold-out")
            .does(redeem("cid", "x-1", "mug"));
        // Where nobody could look, what wasn't recorded yet is kept.
        served().at(3 * DAY).sweeps_while(true).at(4 * DAY - 1).does(redeem("bob", "x-1", "mug"));
        // While there is more than an hour, nothing is to be done.
        served()
            .at(DAY - HOUR + 1)
            .sweeps_while(true)
            .at(DAY + 1)
            .refuses(redeem("bob", "x-1", "mug"), "sold-out");
        // An operator has paused this offer alone.
        served()
            .does(pause("mug"))
            .at(DAY - HOUR + 2)
            .sweeps_while(false)
            .at(DAY + 1)
            .sweeps_while(false)
            .does(resume("mug", "r-1", 2))
            .does(redeem("bob", "x-1", "mug"));
    }

    #[test]
    fn an_offer_that_is_over_has_no_list_any_more() {
        let closed = || {
            waited_for()
                .does(cancel("ann", "x-1", "c-1", None))
                .sweeps()
                .does(close("mug"))
                .sweeps()
        };
        // The unit that was kept for Bob is anybody's.
        closed()
            .refuses(leave("bob", "w-1"), "wait-ended")
            .refuses(leave("cid", "w-1"), "wait-ended")
            .does(reopen("mug", "o-1", 2))
            .does(redeem("dan", "x-1", "mug"))
            .refuses(redeem("ann", "x-2", "mug"), "sold-out")
            .does(join("bob", "w-2", "mug"));
        // Its window has ended.
        let closing = with_terms(amend("mug", 300, None, 1), |terms| Terms {
            closes_at: Some(time(500)),
            ..terms
        });
        waited_for().does(closing).at(500).sweeps().refuses(leave("cid", "w-1"), "wait-ended");
    }

    #[test]
    fn a_unit_that_is_kept_can_be_reserved() {
        waited_for()
            .does(cancel("ann", "x-1", "c-1", None))
            .sweeps()
            .when(reserve("bob", "h-1", "mug", 1, 100))
            .then_records(["WaitEnded", "CreditHeld"])
            .refuses(redeem("cid", "x-1", "mug"), "sold-out")
            .at(100)
            .sweeps()
            .does(redeem("cid", "x-1", "mug"));
    }

    #[test]
    fn a_wait_is_recorded_once() {
        let waits = || sold_out().does(join("bob", "w-1", "mug"));
        waits().when(join("bob", "w-1", "mug")).then_repeats(9);
        waits().when(join("bob", "w-1", "cup")).then_differs_from(9, "offer_id");
    }

    /// Each step mends what the step before was refused for.
    #[test]
    fn refusals_come_in_their_order_of_precedence() {
        let one = || join("ann", "w-1", "mug");
        given([])
            .refuses(one(), "offer-unknown")
            .does(open_with("mug", 300, Some(1), Some(1)))
            .does(pause("mug"))
            .refuses(one(), "offer-not-open")
            .does(resume("mug", "r-1", 2))
            .refuses(one(), "account-unknown")
            .does(earn("ann", 900, "B-1"))
            .refuses(one(), "not-sold-out")
            .does(redeem("ann", "x-1", "mug"))
            .refuses(one(), "shopper-limit-reached")
            .does(earn("bob", 1, "B-2"))
            .does(join("bob", "w-1", "mug"))
            .refuses(join("bob", "w-2", "mug"), "already-waiting")
            .refuses(leave("bob", "w-2"), "wait-unknown");
    }

    #[test]
    fn a_list_has_ten_thousand_places() {
        let mut full = sold_out();
        for number in 0..10_000 {
            let account = format!("a-{number}");
            full = full.does(earn(&account, 1, "B-1")).does(join(&account, "w-1", "mug"));
        }
        full.refuses(join("bob", "w-1", "mug"), "waiting-list-full")
            .does(leave("a-17", "w-1"))
            .does(join("bob", "w-1", "mug"));
    }
}
