//! The invariants of docs/INVARIANTS.md, hunted over random histories. The file is long because the
//! laws of one history follow its events in one pass.

mod claims;
mod codes;
mod conversions;
mod ids;
mod pairs;
mod purchases;
pub(crate) mod random;
mod refunds;
pub(crate) mod sums;
mod units;

use std::collections::HashMap;

use domain::{
    Account, AccountId, Decision, Event, ExchangeId, HoldCaptured, HoldId, HoldReleased, IdHash,
    LotId, LotPart, OfferId, OfferOpened, Owner, Page, Points, Price, RefundCause, Shipped, State,
    Timestamp, UnitNumber, Units, Wallet,
};
use ids::ids_of;
use log_record::Partition;
use pairs::{first_half_of, goes_on, moved, second_half_of};
use proptest::prelude::*;
use random::{History, Recorded, id, steps, terms};
use serde_json::Value;
use sums::{lot_at, number, sums};

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn invariant_i1_available_credit_is_what_is_left_of_the_lots(steps in steps()) {
        let History { state, .. } = History::of(&steps);
        for (id, account) in state.accounts() {
            for (_, wallet) in account.wallets() {
                let left: u64 = wallet.lots().map(|lot| lot.points.get()).sum();
                prop_assert_eq!(wallet.available().get(), left, "{}", id);
            }
            prop_assert!(parts_of(account).all(|part| part.points > Points::ZERO));
        }
    }

    #[test]
    fn invariant_i2_an_id_is_recorded_once(steps in steps()) {
        let History { state, events, .. } = History::of(&steps);
        let mut borne: HashMap<IdHash, usize> = HashMap::new();
        for (index, Recorded { at, event, .. }) in events.iter().enumerate() {
            for id in ids_of(event) {
                let before = borne.insert(id, index);
                // A purchase takes its cause over from the credit that it earned, right before it,
                // unit by unit.
                let is_of_purchase =
                    matches!(event, Event::CreditEarned(..) | Event::PurchaseRecorded(..));
                let is_handed_on = before.is_some_and(|before| {
                    is_of_purchase
                        && before + 1 == index
                        && matches!(events[before].event, Event::CreditEarned(..))
                });
                prop_assert!(before.is_none() || is_handed_on, "{:?}", event);
                let owner = event.account_id().map_or(Owner::Programme, Owner::Account);
                let is_kept = state.position_of(owner, id) == Some(*at);
                let next = events.get(index + 1).map(|next| ids_of(&next.event));
                let is_taken_over = next.is_some_and(|next| next.contains(&id));
                prop_assert!(is_kept || is_taken_over, "{:?}", event);
            }
        }
    }

    #[test]
    fn invariant_i3_halves_stand_side_by_side_and_amounts_are_the_sums_of_their_parts(
        steps in steps(),
    ) {
        let History { events, .. } = History::of(&steps);
        for pair in events.windows(2) {
            let [first, second] = [&pair[0].event, &pair[1].event];
            if !goes_on(first, second) {
                prop_assert_eq!(second_half_of(first), first_half_of(second), "{:?}", pair);
            }
        }
        for Recorded { event, .. } in &events {
            if let Some((points, parts)) = moved(event) {
                let sum: u64 = parts.iter().map(|part| part.points.get()).sum();
                prop_assert_eq!(points.get(), sum, "{:?}", event);
            }
        }
    }

    #[test]
    fn invariant_i4_units_sold_reserved_and_left_are_the_stock(steps in steps()) {
        let History { state, events, .. } = History::of(&steps);
        let mut sold: HashMap<&OfferId, u64> = HashMap::new();
        let mut reserved: HashMap<&OfferId, u64> = HashMap::new();
        let mut stocked: HashMap<&OfferId, Option<u64>> = HashMap::new();
        for Recorded { event, .. } in &events {
            match event {
                Event::OfferOpened(fact) => {
                    let none = fact.terms.codes.then_some(0);
                    stocked.insert(&fact.offer_id, fact.stock.map(Units::get).or(none));
                }
                Event::CodeAdded(fact) => {
                    let stock = stocked.get_mut(&fact.offer_id).and_then(Option::as_mut);
                    *stock.expect("it is counted") += 1;
                }
                Event::StockAmended(fact) => {
                    stocked.insert(&fact.offer_id, fact.stock.map(Units::get));
                }
                Event::StockAdded(fact) => {
                    let stock = stocked.get_mut(&fact.offer_id).and_then(Option::as_mut);
                    *stock.expect("it is counted") += fact.units.get();
                }
                Event::StockRemoved(fact) => {
                    let stock = stocked.get_mut(&fact.offer_id).and_then(Option::as_mut);
                    *stock.expect("it is counted") -= fact.units.get();
                }
                Event::ExchangeCreated(_, fact) => {
                    *sold.entry(&fact.offer_id).or_default() += fact.allocation.quantity().get();
                }
                Event::ExchangeCancelled(_, fact) => {
                    *sold.entry(&fact.offer_id).or_default() -= fact.allocation.restocked().get();
                }
                Event::CreditHeld(_, fact) => {
                    let Some(kept) = fact.keeps.reservation() else { continue };
                    let units = kept.allocation.quantity().get();
                    *reserved.entry(&kept.offer_id).or_default() += units;
                }
                Event::HoldCaptured(_, HoldCaptured { keeps, .. })
                | Event::HoldReleased(_, HoldReleased { keeps, .. }) => {
                    let Some(kept) = keeps.reservation() else { continue };
                    let units = kept.allocation.quantity().get();
                    *reserved.entry(&kept.offer_id).or_default() -= units;
                }
                _ => {}
            }
        }
        for (id, offer) in state.offers() {
            let reserved = reserved.get(id).copied().unwrap_or_default();
            prop_assert_eq!(offer.reserved.get(), reserved, "{}", id);
            let sold = sold.get(id).copied().unwrap_or_default() + reserved;
            prop_assert_eq!(offer.inventory.sold().get(), sold, "{}", id);
            let left = offer.inventory.remaining().map(Units::get);
            prop_assert_eq!(left.map(|left| sold + left), stocked[id], "{}", id);
        }
    }

    #[test]
    fn invariant_i5_a_gap_or_a_repetition_of_positions_is_refused(
        steps in steps(),
        skipped in 1_u64..5,
    ) {
        let History { mut state, .. } = History::of(&steps);
        let now = state.recorded_at();
        for wrong in [state.position(), state.position().next().plus(skipped)] {
            prop_assert!(state.evolve(wrong, now, &fresh_offer()).is_err());
        }
        prop_assert!(state.evolve(state.position().next(), now, &fresh_offer()).is_ok());
    }

    #[test]
    fn invariant_i6_an_event_from_the_past_is_refused(steps in steps(), back in 1_i64..1_000) {
        let History { mut state, .. } = History::of(&steps);
        let earlier = Timestamp::from_micros(state.recorded_at().micros() - back).expect("a time");
        prop_assert!(state.evolve(state.position().next(), earlier, &fresh_offer()).is_err());
    }

    #[test]
    fn invariant_i7_points_are_conserved_overall_and_of_each_lot(steps in steps()) {
        let History { state, events, .. } = History::of(&steps);
        let (sums, earned, gone) = sums(Partition(0), &events);
        for (unit, _) in state.units() {
            let number_of_unit = state.unit_number(unit).expect("it is known");
            let sums = sums.get(&unit).copied().unwrap_or_default();
            let over = |sum: fn(&Wallet) -> Points| -> i128 {
                let wallets = state.accounts().map(|(_, account)| account.wallet(number_of_unit));
                wallets.map(|wallet| number(sum(wallet))).sum()
            };
            let [available, held, pending, debt] =
                [Wallet::available, Wallet::held, Wallet::pending, Wallet::owed].map(over);
            prop_assert_eq!(debt, sums.owed - sums.repaid);
            let in_transit = sums.sent - sums.received;
            prop_assert_eq!(
                sums.issued + sums.converted_in,
                available + held + pending + sums.redeemed - sums.refunded
                    + sums.expired + sums.withdrawn + in_transit + sums.converted_out - debt,
                "{}: {:?}", unit, sums
            );
        }
        let mut there: HashMap<LotId, i128> = HashMap::new();
        for part in state.accounts().flat_map(|(_, account)| parts_of(account)) {
            *there.entry(part.lot).or_default() += number(part.points);
        }
        for (lot, points) in earned {
            let there = there.get(&lot).copied().unwrap_or_default();
            let gone = gone.get(&lot).copied().unwrap_or_default();
            prop_assert_eq!(points, there + gone, "lot {:?}", lot);
        }
    }

    #[test]
    fn invariant_i8_credit_is_spent_within_its_time_and_expires_after_it(steps in steps()) {
        let History { events, .. } = History::of(&steps);
        let mut available: HashMap<LotId, Timestamp> = HashMap::new();
        for Recorded { at, time, event } in &events {
            let (time, mut is_spent) = (*time, true);
            let parts: &[LotPart] = match event {
                Event::CreditEarned(_, fact) => {
                    if let Some(from) = fact.available_at {
                        available.insert(lot_at(Partition(0), *at), from);
                    }
                    &[]
                }
                Event::CreditDeducted(_, fact) => &fact.lots,
                Event::CreditHeld(_, fact) => &fact.lots,
                Event::HoldSwapped(_, fact) => &fact.taken,
                Event::CreditSent(_, fact) => &fact.lots,
                Event::CreditConverted(_, fact) => &fact.lots,
                Event::CreditExpired(_, fact) => {
                    is_spent = false;
                    &fact.lots
                }
                _ => &[],
            };
            for part in parts {
                let has_expired = part.expires_at.is_some_and(|expires| expires <= time);
                prop_assert_eq!(is_spent, !has_expired, "{:?}", event);
                let from = available.get(&part.lot);
                prop_assert!(from.is_none_or(|from| *from <= time), "{:?}", event);
            }
        }
    }

    #[test]
    fn invariant_i10_who_owes_has_nothing_to_spend(steps in steps()) {
        let History { events, ends, .. } = History::of(&steps);
        let mut state = State::new(Partition(0));
        for Recorded { at, time, event } in &events {
            prop_assert_eq!(state.evolve(*at, *time, event), Ok(()));
            if ends.contains(at) {
                for (id, account) in state.accounts() {
                    for (_, wallet) in account.wallets() {
                        let is_free = wallet.owed() == Points::ZERO;
                        prop_assert!(is_free || wallet.available() == Points::ZERO, "{}", id);
                    }
                }
            }
        }
    }

    #[test]
    fn invariant_i11_a_replay_and_a_snapshot_give_the_state_that_deciding_left(
        steps in steps(),
        cut in 0.0..1.0,
    ) {
        let History { state, events, ends } = History::of(&steps);
        let mut replayed = State::new(Partition(0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        #[expect(clippy::cast_precision_loss, reason = "of a few hundred")]
        let cut = ends[(ends.len() as f64 * cut) as usize];
        let mut restored = State::new(Partition(0));
        for Recorded { at, time, event } in &events {
            prop_assert_eq!(replayed.evolve(*at, *time, event), Ok(()));
            if *at > cut {
                prop_assert_eq!(restored.evolve(*at, *time, event), Ok(()));
            } else if *at == cut {
                let bytes = postcard::to_stdvec(&replayed).expect("a snapshot");
                let snapshot: State = postcard::from_bytes(&bytes).expect("a state");
                restored = snapshot.with_schedule();
            }
        }
        prop_assert_eq!(value_of(&replayed), value_of(&state));
        prop_assert_eq!(value_of(&restored), value_of(&state));
        // What falls due is known after both, too.
        let later = state.recorded_at().plus_days(400);
        let due = |mut state: State| {
            let mut due = vec![];
            while let Some(events) = state.take_due(later) {
                due.push(format!("{events:?}"));
            }
            due.sort();
            due
        };
        let [left, replayed, restored] = [state, replayed, restored].map(due);
        prop_assert_eq!(&replayed, &left);
        prop_assert_eq!(&restored, &left);
    }

    #[test]
    fn invariant_i12_a_rejection_gives_all_back_and_what_has_left_comes_back_no_more(
        steps in steps(),
    ) {
        let History { events, .. } = History::of(&steps);
        let mut parcels: HashMap<(&AccountId, &ExchangeId), Parcel> = HashMap::new();
        for (index, Recorded { event, .. }) in events.iter().enumerate() {
            if let Some((account, Shipped::ExchangeId(exchange), news)) = told(event) {
                let parcel = parcels.entry((account, exchange)).or_default();
                if news == "rejected" {
                    let is_free = !parcel.has_left && !parcel.is_settled;
                    prop_assert!(is_free, "too late to be rejected: {:?}", event);
                    if parcel.left > 0 {
                        // A refund of each unit stands between the two.
                        let share = |cost: &Price| {
                            let points = cost.points.get() * parcel.left / parcel.pieces;
                            Points::new(points).ok().map(|points| Price { points, ..*cost })
                        };
                        let refunds: Vec<Price> = parcel.costs.iter().filter_map(share).collect();
                        let next = events.get(index + refunds.len() + 1).map(|next| &next.event);
                        let Some(Event::ExchangeCancelled(_, fact)) = next else {
                            return Err(TestCaseError::fail(format!("not cancelled: {next:?}")));
                        };
                        prop_assert_eq!(&fact.exchange_id, exchange);
                        prop_assert!(fact.cancellation_id.is_of_rejection());
                        prop_assert_eq!(fact.allocation.quantity().get(), parcel.left);
                        prop_assert_eq!(&*fact.refunded, &*refunds);
                    }
                }
                parcel.is_rejected |= news == "rejected";
                parcel.is_settled |= news == "settled";
                parcel.has_left |= news == "delivered";
            }
            match event {
                Event::ExchangeCreated(account, fact) => {
                    let parcel = parcels.entry((account, &fact.exchange_id)).or_default();
                    parcel.pieces = fact.allocation.quantity().get();
                    parcel.left = parcel.pieces;
                    parcel.costs = fact.prices.iter().collect();
                }
                Event::ExchangeCancelled(account, fact) => {
                    let parcel = parcels.entry((account, &fact.exchange_id)).or_default();
                    prop_assert!(!parcel.has_left, "cancelled after it left: {:?}", event);
                    let is_of_rejection = fact.cancellation_id.is_of_rejection();
                    prop_assert_eq!(parcel.is_rejected, is_of_rejection, "{:?}", event);
                    let by_operator = ["c-0", "c-2"].contains(&fact.cancellation_id.as_str());
                    prop_assert!(!parcel.is_settled || by_operator, "{:?}", event);
                    let pieces = fact.allocation.quantity().get();
                    prop_assert!(parcel.left >= pieces, "{:?}", event);
                    parcel.left -= pieces;
                    parcel.pieces -= pieces;
                    for refund in &fact.refunded {
                        let mut costs = parcel.costs.iter_mut();
                        let cost = costs.find(|cost| cost.unit == refund.unit);
                        let cost = cost.expect("it was paid");
                        cost.points = cost.points.minus(refund.points).expect("no more than paid");
                    }
                }
                Event::ShipmentDispatched(account, fact) => {
                    let Shipped::ExchangeId(exchange) = &fact.shipped else { continue };
                    let parcel = parcels.entry((account, exchange)).or_default();
                    let sent: u64 = fact.lines.lines().iter().map(|it| it.quantity.get()).sum();
                    parcel.left = parcel.left.saturating_sub(sent);
                    parcel.has_left |= parcel.left == 0;
                }
                _ => {}
            }
        }
        for (exchange, parcel) in parcels.iter().filter(|(_, parcel)| parcel.is_rejected) {
            prop_assert_eq!(parcel.left, 0, "{:?}", exchange);
        }
    }

    #[test]
    fn invariant_i13_refunds_never_exceed_what_a_capture_spent(steps in steps()) {
        let History { events, .. } = History::of(&steps);
        let mut spent: HashMap<(&AccountId, &HoldId), HashMap<LotId, u64>> = HashMap::new();
        for Recorded { event, .. } in &events {
            match event {
                Event::HoldCaptured(account, fact) if !fact.pays_exchange => {
                    let left = spent.entry((account, &fact.hold_id)).or_default();
                    for part in &fact.lots {
                        *left.entry(part.lot).or_default() += part.points.get();
                    }
                }
                Event::CreditRefunded(account, fact) => {
                    let RefundCause::Capture(refund) = &fact.cause else { continue };
                    let left = spent.get_mut(&(account, &refund.hold_id));
                    let nothing = || TestCaseError::fail("what paid an exchange, or nothing");
                    let left = left.ok_or_else(nothing)?;
                    for part in &fact.lots {
                        let of_lot = left.entry(part.lot).or_default();
                        let rest = of_lot.checked_sub(part.points.get());
                        *of_lot = rest
                            .ok_or_else(|| TestCaseError::fail("more of a lot than it spent"))?;
                    }
                    prop_assert!(refund.asked_points.is_some() || left.values().all(|it| *it == 0));
                }
                _ => {}
            }
        }
    }

    #[test]
    fn asking_everything_again_records_nothing_that_was_recorded(steps in steps()) {
        let history = History::of(&steps);
        for step in &steps {
            if let Some(at) = step.command.recorded_at(&history.state) {
                let again = history.decide(&step.command, history.state.recorded_at());
                prop_assert_eq!(again, Ok(Decision::Repeat(at)));
            }
        }
    }

    #[test]
    fn when_what_is_due_is_recorded_makes_no_difference(steps in steps()) {
        let with = |is_swept: bool| {
            let change = |step| random::Step { is_swept, ..step };
            let mut all: Vec<_> = steps.iter().cloned().map(change).collect();
            // At the end both are brought to the same time.
            all.push(random::Step { wait: 0, is_swept: true, command: steps[0].command.clone() });
            History::of(&all)
        };
        let sums_of = |history: &History| -> Vec<(AccountId, UnitNumber, [u64; 4])> {
            let wallets = history
                .state
                .accounts()
                .flat_map(|(id, it)| it.wallets().map(move |(unit, wallet)| (id, unit, wallet)));
            let mut sums: Vec<_> = wallets
                .map(|(id, unit, it)| {
                    let sums = [it.available(), it.pending(), it.held(), it.owed()];
                    (id.clone(), unit, sums.map(Points::get))
                })
                .collect();
            sums.sort();
            sums
        };
        prop_assert_eq!(sums_of(&with(true)), sums_of(&with(false)));
    }
}

#[expect(clippy::disallowed_methods, reason = "proptest's own variable, which a config hides")]
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000)
}

fn parts_of(account: &Account) -> impl Iterator<Item = &LotPart> {
    account.wallets().flat_map(|(_, wallet)| parts_of_wallet(wallet))
}

fn parts_of_wallet(wallet: &Wallet) -> impl Iterator<Item = &LotPart> {
    let pending = wallet.pending_parts().iter().map(|pending| &pending.part);
    wallet.lots().chain(pending).chain(wallet.holds().iter().flat_map(|hold| &hold.lots))
}

/// A state as JSON, with the ids, which stand in no order, in order.
pub(crate) fn value_of(state: &State) -> Value {
    let mut value = serde_json::to_value(state).expect("JSON");
    for shard in value["accounts"]["recorded"].as_array_mut().expect("a list") {
        shard.as_array_mut().expect("a list of pairs").sort_by_key(Value::to_string);
    }
    value
}

/// What was told of an exchange's parcel, and what of the exchange hasn't come back.
#[derive(Debug, Default)]
struct Parcel {
    /// That were not cancelled, and what they cost.
    pieces: u64,
    costs: Vec<Price>,
    /// Of those, that haven't left.
    left: u64,
    has_left: bool,
    is_settled: bool,
    is_rejected: bool,
}

/// What an event tells of a parcel; an acceptance and a back-order change nothing.
fn told(event: &Event) -> Option<(&AccountId, &Shipped, &'static str)> {
    match event {
        Event::ShipmentDelivered(account, fact) => Some((account, &fact.shipped, "delivered")),
        Event::ShipmentRejected(account, fact) => Some((account, &fact.shipped, "rejected")),
        Event::ShipmentSettled(account, fact) => Some((account, &fact.shipped, "settled")),
        _ => None,
    }
}

fn fresh_offer() -> Event {
    Event::OfferOpened(OfferOpened {
        offer_id: id("fresh"),
        terms: terms(1, None),
        page: Page::default(),
        stock: None,
    })
}
