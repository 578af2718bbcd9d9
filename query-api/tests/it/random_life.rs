//! Random lives of points: what can be read is what the domain's own state says, and a read at a
//! time says already what the ledger will record of what is due by then, and for a moment that has
//! passed what was said then.

mod past;
mod steps;
mod tiers;

use std::collections::BTreeMap;

use domain::command::{ExpectedVersion, OpenOffer, SetConversionRate, SetEarningRule, SetUnit};
use domain::{
    Account, AccountId, Cause, Clock, ClockConfirmed, Command, ConversionTerms, Decision,
    EarningTerms, Event, ExchangeCreated, ExpiryRule, LogOpened, LotPart, Page, Price, Prices,
    PurchaseRecorded, Rate, RefundCause, ReturnCreditGivenBack, ReturnReversed, State, Terms,
    TimeZone, Timestamp, UnitId, UnitTerms, WithdrawalReversed, decide,
};
use log_record::Partition;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::asks::Reads;
use steps::{command, step};
use testing::ledger::{On, id, points, terms, time, units};
use testing::life::DAY;
use tiers::{ladders, multipliers, tier_prices, tiers_of};

const PEOPLE: [&str; 3] = ["ann", "bob", "cat"];

const UNITS: [&str; 2] = ["points", "miles"];

/// What there is to redeem, and what it costs.
const OFFERS: [(&str, &[(&str, u64)]); 4] = [
    ("mug", &[("points", 30)]),
    ("map", &[("points", 20), ("miles", 7)]),
    ("pin", &[("miles", 11)]),
    ("tip", &[("miles", 3), ("points", 5)]),
];

/// The ledger without its writer: a state, and every event with the second of its recording.
struct World {
    state: State,
    events: Vec<(i64, Event)>,
    second: i64,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn what_is_read_is_what_the_ledger_says(
        steps in prop::collection::vec(step(), 1..60),
        later in 0_i64..40,
        batch in 1_usize..50,
    ) {
        let mut world = World::new();
        for (index, step) in steps.iter().enumerate() {
            world.second += step.days * DAY;
            let command = command(&steps[..index], step, world.now());
            world.ask(command);
        }
        world.second += later * DAY;
        world.record(vec![Event::ClockConfirmed(ClockConfirmed { wall: world.now() })]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(check(world, batch));
    }
}

/// On either database; and what stands in the tables is the same, row by row.
async fn check(mut world: World, batch: usize) {
    let recorded = world.events.len();
    let now = world.now();
    let before_due = world.events.clone();
    while let Some(events) = world.state.take_due(now) {
        world.record(events);
    }
    let due = &world.events[recorded..];
    let mut dumps = vec![];
    for on in [On::Sqlite, On::Postgres] {
        let reads = Reads::of(on, vec![]).await;
        let (mut recorded, mut kept) = (0, vec![]);
        for (index, events) in before_due.chunks(batch).enumerate() {
            reads.record(events.to_vec()).await;
            recorded += events.len();
            if past::is_kept(index, before_due.len().div_ceil(batch)) {
                past::keep(&reads, &world, recorded, &mut kept).await;
            }
            for name in PEOPLE {
                let path = format!("/v1/accounts/{name}");
                let (_, _, kept) = reads.ask("operator", &path).await;
                assert_eq!(kept, reads.get_anew(&path).await);
            }
        }
        for unit in UNITS {
            let totals = reads.get(&format!("/v1/totals?unit={unit}")).await;
            assert_eq!(totals["difference"], "0", "{unit}");
        }
        reads.ledger.check_sums().await;
        let before = compare(&reads, &world).await;
        // Once it is recorded, the same is read.
        if !due.is_empty() {
            reads.record(due.to_vec()).await;
        }
        assert_eq!(compare(&reads, &world).await, before);
        what_was_asked_for_can_be_got(&reads, &world).await;
        past::compare(&reads, kept).await;
        for unit in UNITS {
            let totals = reads.get(&format!("/v1/totals?unit={unit}")).await;
            assert_eq!(totals["difference"], "0", "{unit}");
        }
        reads.ledger.check_sums().await;
        let rows = reads.ledger.projected().await;
        if world.events.iter().any(|(_, event)| matches!(event, Event::AccountErased(..))) {
            assert_eq!(reads.ledger.rebuilt_of_erased_texts().await, rows);
        }
        dumps.push(rows);
    }
    assert_eq!(dumps[0], dumps[1]);
}

/// Compares every account, and gives the liability.
async fn compare(reads: &Reads, world: &World) -> Value {
    let mut outstanding = BTreeMap::<UnitId, u64>::new();
    for (account_id, account) in world.state.accounts() {
        let path = format!("/v1/accounts/{account_id}");
        let body = reads.get(&path).await;
        let of_units = body["units"].as_object().expect("an object");
        assert_eq!(figures_of(&body), figures_of(&body["units"]["points"]), "{account_id}");
        assert_eq!(of_units.len(), account.wallets().count(), "{account_id}");
        assert_eq!(body["tiers"], tiers_of(world, account_id), "{account_id}");
        for (unit, wallet) in account.wallets() {
            let unit = world.state.unit_id(unit).expect("it was made");
            let sums = [wallet.available(), wallet.pending(), wallet.held(), wallet.owed()];
            let figures = figures_of(&of_units[unit.as_str()]);
            assert_eq!(figures, sums.map(|sum| json!(sum.get())), "{account_id} {unit}");
            let there = sums[..3].iter().map(|sum| sum.get()).sum::<u64>();
            *outstanding.entry(unit).or_default() += there;
        }
        let lots = reads.list(&format!("{path}/lots?limit=500")).await;
        assert_eq!(parts_read(&lots), parts_of(world, account), "{account_id}");
        let holds = reads.list(&format!("{path}/holds?limit=500")).await;
        let live = holds.iter().filter(|hold| hold["status"] == "held").count();
        let holds = account.wallets().map(|(_, wallet)| wallet.holds().len()).sum::<usize>();
        assert_eq!(live, holds, "{account_id}");
        let entries = reads.list(&format!("{path}/entries?limit=500")).await;
        for unit in UNITS {
            let mut of_unit = entries.iter().filter(|entry| entry["unit"] == unit);
            // One that was only opened, or earned nothing, has none.
            if let Some(first) = of_unit.next_back() {
                assert_eq!(first["balance"], first["points"], "the statement begins with nothing");
            }
        }
        let expiry = reads.get(&format!("{path}/expiry?within_days=3660")).await;
        assert!(expiry["expiring"]["points"].as_u64() <= body["available"].as_u64(), "{expiry}");
    }
    for (_, event) in &world.events {
        match event {
            Event::PurchaseRecorded(account_id, fact) => {
                compare_purchase(reads, world, account_id, fact).await;
            }
            Event::ExchangeCreated(account_id, fact) => {
                compare_exchange(reads, world, account_id, fact).await;
            }
            _ => {}
        }
    }
    for (offer_id, offer) in world.state.offers() {
        let body = reads.get(&format!("/v1/offers/{offer_id}")).await;
        let remaining = offer.inventory.remaining().map(domain::Units::get);
        assert_eq!(body["remaining"], json!(remaining));
        assert_eq!(body["prices"], serde_json::to_value(&offer.terms.prices).expect("JSON"));
    }
    let mut liabilities = vec![];
    for unit in UNITS {
        let liability = reads.get(&format!("/v1/liability?unit={unit}")).await;
        let expected = outstanding.get(&id(unit)).copied().unwrap_or_default();
        assert_eq!(liability["total"], expected.to_string(), "{unit}");
        liabilities.push(liability);
    }
    Value::Array(liabilities)
}

fn figures_of(body: &Value) -> [Value; 4] {
    ["available", "pending", "held", "owed"].map(|name| body[name].clone())
}

/// What a purchase earned, at once or by a claim.
async fn compare_purchase(
    reads: &Reads,
    world: &World,
    account_id: &AccountId,
    fact: &PurchaseRecorded,
) {
    let path = format!("/v1/accounts/{account_id}/purchases/{}", fact.purchase_id);
    let body = reads.get(&path).await;
    let cause = Cause::purchase(&fact.purchase_id);
    let is_of_it = |id: &AccountId, of: Option<&Cause>| id == account_id && of == Some(&cause);
    let mut refused = vec![];
    for (index, of_unit) in fact.earned.iter().enumerate() {
        let unit = of_unit.unit;
        let (mut earned, mut withdrawn) = (0, 0);
        for (_, event) in &world.events {
            match event {
                Event::CreditEarned(id, fact) if is_of_it(id, Some(&fact.cause)) => {
                    earned += if fact.unit == unit { fact.points.get() } else { 0 };
                }
                Event::CreditWithdrawn(id, fact) if is_of_it(id, fact.of.as_ref()) => {
                    withdrawn += if fact.unit == unit { fact.points.get() } else { 0 };
                }
                Event::CreditGivenBack(id, ReturnCreditGivenBack { credit, .. })
                | Event::WithdrawalReversed(id, WithdrawalReversed { credit, .. })
                | Event::ReturnReversed(id, ReturnReversed { credit: Some(credit), .. })
                    if is_of_it(id, Some(&credit.of)) =>
                {
                    withdrawn -= if credit.unit == unit { credit.points.get() } else { 0 };
                }
                _ => {}
            }
        }
        let shown = &body["earned"][index];
        let expected = (json!(unit), json!(earned), json!(withdrawn));
        let found = (&shown["unit"], &shown["points"], &shown["withdrawn_points"]);
        assert_eq!(found, (&expected.0, &expected.1, &expected.2), "{path}");
        if index == 0 {
            assert_eq!((&body["unit"], &body["points"]), (&expected.0, &expected.1), "{path}");
        }
        let mut why = fact.credit_refused.iter();
        let code = why.find(|why| why.unit == unit).map(|why| why.code.as_str());
        refused.extend(code.map(|code| json!({"unit": unit, "code": code, "claimed": earned > 0})));
    }
    let shown = body.get("credit_refused").cloned().unwrap_or_else(|| json!([]));
    assert_eq!(shown, json!(refused), "{path}");
}

/// What an exchange cost of each unit, and what of that came back.
async fn compare_exchange(
    reads: &Reads,
    world: &World,
    account_id: &AccountId,
    fact: &ExchangeCreated,
) {
    let path = format!("/v1/accounts/{account_id}/exchanges/{}", fact.exchange_id);
    let body = reads.get(&path).await;
    let mut back = BTreeMap::<UnitId, u64>::new();
    for (_, event) in &world.events {
        if let Event::CreditRefunded(id, refund) = event
            && let RefundCause::Cancellation { exchange_id, .. } = &refund.cause
            && (id, exchange_id) == (account_id, &fact.exchange_id)
        {
            *back.entry(refund.unit).or_default() += refund.points.get();
        }
    }
    let amount = |unit: UnitId, points: u64| json!({"unit": unit.as_str(), "points": points});
    let prices: Vec<Value> =
        fact.prices.iter().map(|it| amount(it.unit, it.points.get())).collect();
    assert_eq!(body["prices"], json!(prices), "{path}");
    assert_eq!((&body["unit"], &body["points"]), (&prices[0]["unit"], &prices[0]["points"]));
    let refunded = fact.prices.iter().filter_map(|it| Some(amount(it.unit, *back.get(&it.unit)?)));
    assert_eq!(body["refunded"], json!(refunded.collect::<Vec<_>>()), "{path}");
    let of_first = back.get(&fact.prices.first().unit).copied().unwrap_or_default();
    assert_eq!(body["refunded_points"], of_first, "{path}");
}

/// Each fact stands at the path to which it was put.
async fn what_was_asked_for_can_be_got(reads: &Reads, world: &World) {
    for (index, (_, event)) in world.events.iter().enumerate() {
        let path = match event {
            Event::PurchaseReturned(account, fact) => {
                format!("{account}/purchases/{}/returns/{}", fact.purchase_id, fact.return_id)
            }
            Event::ExchangeCancelled(account, fact) => {
                let (exchange, id) = (&fact.exchange_id, &fact.cancellation_id);
                format!("{account}/exchanges/{exchange}/cancellations/{id}")
            }
            Event::CreditSent(account, fact) => format!("{account}/transfers/{}", fact.transfer_id),
            Event::CreditConverted(account, fact) => {
                format!("{account}/conversions/{}", fact.conversion_id)
            }
            Event::HoldCaptured(account, fact) => {
                format!("{account}/holds/{}/capture", fact.hold_id)
            }
            Event::HoldReleased(account, fact) => {
                format!("{account}/holds/{}/release", fact.hold_id)
            }
            _ => continue,
        };
        let fact = reads.get(&format!("/v1/accounts/{path}")).await;
        assert_eq!(fact["position"], format!("0:{}", index + 1), "{path}");
    }
}

/// By unit, lot, expiry and grace: available, pending and held.
type Parts = BTreeMap<(String, String, Option<String>, bool), [u64; 3]>;

fn parts_of(world: &World, account: &Account) -> Parts {
    let mut parts = Parts::new();
    for (unit, wallet) in account.wallets() {
        let unit = world.state.unit_id(unit).expect("it was made").to_string();
        let mut add = |part: &LotPart, place: usize| {
            let expires_at = part.expires_at.map(|at| at.to_string());
            let key = (unit.clone(), part.lot.to_string(), expires_at, part.graced);
            parts.entry(key).or_default()[place] += part.points.get();
        };
        wallet.lots().for_each(|part| add(part, 0));
        wallet.pending_parts().iter().for_each(|pending| add(&pending.part, 1));
        wallet.holds().iter().flat_map(|hold| &hold.lots).for_each(|part| add(part, 2));
    }
    parts
}

fn parts_read(lots: &[Value]) -> Parts {
    let part = |lot: &Value| {
        let expires_at = lot["expires_at"].as_str().map(ToOwned::to_owned);
        let name = lot["lot"].as_str().expect("a place").to_owned();
        let graced = lot["graced"].as_bool().expect("yes or no");
        let sums = ["available", "pending", "held"].map(|name| lot[name].as_u64().expect("some"));
        let unit = lot["unit"].as_str().expect("an id").to_owned();
        ((unit, name, expires_at, graced), sums)
    };
    lots.iter().map(part).collect()
}

impl World {
    fn new() -> Self {
        let mut world = Self { state: State::new(Partition(0)), events: vec![], second: DAY };
        let (log_id, clock) = ("log".into(), Clock::Commands);
        world.record(vec![Event::LogOpened(LogOpened { log_id, partitions: 1, clock })]);
        world.ask(Command::SetUnit(SetUnit {
            unit: id("miles"),
            terms: UnitTerms::of_points(),
            expected: ExpectedVersion::Absent,
        }));
        ladders().into_iter().for_each(|ladder| world.ask(ladder));
        for (rule, unit, gives) in [("default", "points", 3), ("miles", "miles", 2)] {
            world.ask(Command::SetEarningRule(SetEarningRule {
                rule_id: id(rule),
                terms: rule_terms(id(unit), gives),
                expected: ExpectedVersion::Absent,
            }));
        }
        for (from, to, give) in [("points", "miles", 3), ("miles", "points", 2)] {
            let expiry = (from == "points").then_some(ExpiryRule::Months(1));
            let (give, take) = (points(give), points(give - 1));
            world.ask(Command::SetConversionRate(SetConversionRate {
                from: id(from),
                to: id(to),
                terms: ConversionTerms { give, take, minimum: None, expiry },
                expected: ExpectedVersion::Absent,
            }));
        }
        for (offer, prices) in OFFERS {
            let price =
                |(unit, amount): &(&str, u64)| Price { unit: id(unit), points: points(*amount) };
            let prices: Vec<Price> = prices.iter().map(price).collect();
            world.ask(Command::OpenOffer(OpenOffer {
                offer_id: id(offer),
                terms: Terms {
                    // The mug has one for silver.
                    tier_prices: match offer {
                        "mug" => tier_prices(30),
                        _ => domain::TierPrices::default(),
                    },
                    prices: Prices::try_from(prices).expect("prices"),
                    ..terms(30)
                },
                page: Page::default(),
                stock: Some(units(25)),
            }));
        }
        world
    }

    fn now(&self) -> Timestamp {
        time(self.second)
    }

    /// A refused command records nothing.
    fn ask(&mut self, mut command: Command) {
        loop {
            match decide(&self.state, &command, self.now()) {
                Ok(Decision::Record { events, .. }) => return self.record(events),
                Ok(Decision::Load(at)) => {
                    let index = usize::try_from(at.0).expect("small") - 1;
                    let event = &self.events[index].1;
                    let before = &self.events[index - event.events_before()..index];
                    let before: Vec<Event> = before.iter().map(|(_, it)| it.clone()).collect();
                    command = command.with_original(&before, at, event).expect("it can be used");
                }
                Ok(Decision::Repeat(_) | Decision::Unchanged | Decision::Wait(_)) | Err(_) => {
                    return;
                }
            }
        }
    }

    fn record(&mut self, events: Vec<Event>) {
        for event in events {
            let position = self.state.position().next();
            self.state.evolve(position, self.now(), &event).expect("what was decided can follow");
            self.events.push((self.second, event));
        }
    }
}

/// So many of a unit for each two of money.
fn rule_terms(unit: UnitId, gives: u64) -> EarningTerms {
    EarningTerms {
        unit,
        rate: Rate { points: points(gives), per_amount: points(2), full_steps_only: false },
        categories: vec![],
        multipliers: multipliers(),
        cap: None,
        expiry: None,
        pending_days: 0,
        time_zone: TimeZone::default(),
        backdate_days: 0,
    }
}

#[expect(clippy::disallowed_methods, reason = "proptest's own variable, which a config hides")]
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(8)
}
