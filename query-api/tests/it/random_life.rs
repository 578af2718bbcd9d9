//! Random lives of points: what can be read is what the domain's own state says, and a read at a
//! time says already what the ledger will record of what is due by then.

use std::collections::BTreeMap;

use domain::command::{
    AdjustCredit, CancelExchange, Capture, CaptureHold, ClaimCredit, Direction, DispatchShipment,
    EarnCredit, ExtendHold, HoldCredit, OpenAccount, OpenOffer, Order, RecordPurchase, Redeem,
    RefundCapture, ReleaseHold, ReturnPurchase, ReverseReturn, ReverseWithdrawal, SetPolicy,
    TransferCredit, WithdrawCredit,
};
use domain::{
    Account, AccountId, Cause, CauseKind, Clock, ClockConfirmed, Command, Decision, Event,
    LogOpened, LotPart, Note, Page, Policy, PurchaseLine, PurchaseRecorded, Shipped, SpentCredit,
    State, Timestamp, decide,
};
use log_record::Partition;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::asks::Reads;
use testing::ledger::{On, id, points, terms, time, units};
use testing::life::DAY;

const PEOPLE: [&str; 3] = ["ann", "bob", "cat"];

/// One thing that somebody may do, and when: its numbers mean what the command makes of them.
#[derive(Clone, Debug)]
struct Step {
    what: u8,
    who: usize,
    amount: u64,
    which: usize,
    days: i64,
}

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
        for events in before_due.chunks(batch) {
            reads.record(events.to_vec()).await;
            for name in PEOPLE {
                let path = format!("/v1/accounts/{name}");
                let (_, _, kept) = reads.ask("operator", &path).await;
                assert_eq!(kept, reads.get_anew(&path).await);
            }
        }
        assert_eq!(reads.get("/v1/totals").await["difference"], "0");
        reads.ledger.check_sums().await;
        let before = compare(&reads, &world).await;
        // Once it is recorded, the same is read.
        if !due.is_empty() {
            reads.record(due.to_vec()).await;
        }
        assert_eq!(compare(&reads, &world).await, before);
        what_was_asked_for_can_be_got(&reads, &world).await;
        assert_eq!(reads.get("/v1/totals").await["difference"], "0");
        reads.ledger.check_sums().await;
        dumps.push(reads.ledger.projected().await);
    }
    assert_eq!(dumps[0], dumps[1]);
}

/// Compares every account, and gives the liability.
async fn compare(reads: &Reads, world: &World) -> Value {
    let mut outstanding = 0;
    for (account_id, account) in world.state.accounts() {
        let path = format!("/v1/accounts/{account_id}");
        let body = reads.get(&path).await;
        let figures = ["available", "pending", "held", "owed"].map(|name| body[name].clone());
        let sums = [account.available(), account.pending(), account.held(), account.owed()];
        assert_eq!(figures, sums.map(|sum| json!(sum.get())), "{account_id}");
        outstanding += sums[..3].iter().map(|sum| sum.get()).sum::<u64>();
        let lots = reads.list(&format!("{path}/lots?limit=500")).await;
        assert_eq!(parts_read(&lots), parts_of(account), "{account_id}");
        let holds = reads.list(&format!("{path}/holds?limit=500")).await;
        let live = holds.iter().filter(|hold| hold["status"] == "held").count();
        assert_eq!(live, account.holds().len(), "{account_id}");
        let entries = reads.list(&format!("{path}/entries?limit=500")).await;
        // One that was only opened, or earned nothing, has none.
        if let Some(first) = entries.last() {
            assert_eq!(first["balance"], first["points"], "the statement begins with nothing");
        }
        let expiry = reads.get(&format!("{path}/expiry?within_days=3660")).await;
        assert!(expiry["expiring"]["points"].as_u64() <= body["available"].as_u64(), "{expiry}");
    }
    for (_, event) in &world.events {
        if let Event::PurchaseRecorded(account_id, fact) = event {
            compare_purchase(reads, world, account_id, fact).await;
        }
    }
    for (offer_id, offer) in world.state.offers() {
        let body = reads.get(&format!("/v1/offers/{offer_id}")).await;
        let remaining = offer.inventory.remaining().map(domain::Units::get);
        assert_eq!(body["remaining"], json!(remaining));
    }
    let liability = reads.get("/v1/liability").await;
    assert_eq!(liability["total"], outstanding.to_string());
    liability
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
    let earned = world.events.iter().filter_map(|(_, event)| match event {
        Event::CreditEarned(id, earned) if id == account_id && earned.cause == cause => {
            Some(earned.points.get())
        }
        _ => None,
    });
    let earned: u64 = earned.sum();
    assert_eq!(body["points"], earned, "{path}");
    let refused = fact
        .credit_refused
        .map(|refused| json!({"code": refused.code.as_str(), "claimed": earned > 0}));
    assert_eq!(body.get("credit_refused").cloned(), refused, "{path}");
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

/// By lot, expiry and grace: available, pending and held.
type Parts = BTreeMap<(String, Option<String>, bool), [u64; 3]>;

fn parts_of(account: &Account) -> Parts {
    let mut parts = Parts::new();
    let mut add = |part: &LotPart, place: usize| {
        let expires_at = part.expires_at.map(|at| at.to_string());
        let key = (part.lot.to_string(), expires_at, part.graced);
        parts.entry(key).or_default()[place] += part.points.get();
    };
    account.lots().for_each(|part| add(part, 0));
    account.pending_parts().iter().for_each(|pending| add(&pending.part, 1));
    account.holds().iter().flat_map(|hold| &hold.lots).for_each(|part| add(part, 2));
    parts
}

fn parts_read(lots: &[Value]) -> Parts {
    let part = |lot: &Value| {
        let expires_at = lot["expires_at"].as_str().map(ToOwned::to_owned);
        let name = lot["lot"].as_str().expect("a place").to_owned();
        let graced = lot["graced"].as_bool().expect("yes or no");
        let sums = ["available", "pending", "held"].map(|name| lot[name].as_u64().expect("some"));
        ((name, expires_at, graced), sums)
    };
    lots.iter().map(part).collect()
}

impl World {
    fn new() -> Self {
        let mut world = Self { state: State::new(Partition(0)), events: vec![], second: DAY };
        let (log_id, clock) = ("log".into(), Clock::Commands);
        world.record(vec![Event::LogOpened(LogOpened { log_id, partitions: 1, clock })]);
        let stock = Some(units(25));
        world.ask(Command::OpenOffer(OpenOffer {
            offer_id: id("mug"),
            terms: terms(30),
            page: Page::default(),
            stock,
        }));
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
                    let [(_, before), (_, event)] = &self.events[index - 1..=index] else {
                        panic!("nothing stands before {at:?}");
                    };
                    command = command.with_original(before, at, event).expect("it can be used");
                }
                Ok(Decision::Repeat(_) | Decision::Unchanged) | Err(_) => return,
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

fn step() -> impl Strategy<Value = Step> {
    let numbers = (0_u8..23, 0_usize..3, 1_u64..120, 0_usize..60, 0_i64..12);
    numbers.prop_map(|(what, who, amount, which, days)| {
        // Mostly on the same day, so that a hold can be captured before it ends.
        Step { what, who, amount, which, days: (days - 7).max(0) }
    })
}

/// The step that made what a step names, and whose it is.
fn target(before: &[Step], step: &Step) -> (usize, usize) {
    // Things are named after the step that made them, if it wasn't refused.
    let made_by: &[u8] = match step.what {
        5 | 14 | 21 => &[4],
        19 => &[6],
        20 => &[5],
        6 => &[0, 1, 2, 3],
        10 | 11 | 16 | 17 => &[8, 9],
        13 => &[10, 12],
        _ => &[],
    };
    let made = before.iter().enumerate().filter(|(_, made)| made_by.contains(&made.what));
    let made: Vec<(usize, usize)> =
        made.map(|(index, made)| (index, target(&before[..index], made).1)).collect();
    match made.len() {
        0 => (before.len(), step.who),
        // One of the last, which is the likeliest to stand.
        some => made[some - 1 - step.which % some.min(4)],
    }
}

fn command(before: &[Step], step: &Step, now: Timestamp) -> Command {
    let index = before.len();
    let Step { what, amount, .. } = *step;
    let amount_of = points(amount);
    let (which, who) = target(before, step);
    let account_id = id(PEOPLE[who]);
    let after = |days: u64| Some(now.plus_days(u32::try_from(days).expect("small")));
    let note = Note::default();
    let order = |name: usize| Order {
        exchange_id: id(&format!("x-{name}")),
        offer_id: id("mug"),
        quantity: units(amount % 3 + 1),
        deliver_to: Some(id("1 Elm Street")),
        expected_points: None,
    };
    match what {
        0..=3 => Command::EarnCredit(EarnCredit {
            account_id,
            points: amount_of,
            cause: Cause { kind: CauseKind::Review, id: id(&format!("e-{index}")) },
            available_at: if what == 1 { after(amount % 7 + 1) } else { None },
            expires_at: if what == 0 { None } else { after(amount % 20 + 9) },
            occurred_at: None,
        }),
        4 => Command::RecordPurchase(RecordPurchase {
            account_id,
            purchase_id: id(&format!("p-{index}")),
            lines: vec![PurchaseLine {
                product_id: id("pan"),
                quantity: units(3),
                amount: Some(amount),
                category: None,
                points: None,
            }],
            points: Some(amount_of),
            rule: None,
            shipping: Some((id("main"), id("2 Oak Street"))),
            available_at: if amount % 2 == 0 { after(4) } else { None },
            // Of some, the credit is refused.
            expires_at: if amount % 3 == 0 { Some(time(1)) } else { after(15) },
            occurred_at: None,
        }),
        21 => Command::ClaimCredit(ClaimCredit {
            account_id,
            purchase_id: id(&format!("p-{which}")),
            available_at: None,
            expires_at: after(15),
            occurred_at: None,
            original: None,
        }),
        5 => Command::ReturnPurchase(ReturnPurchase {
            account_id,
            purchase_id: id(&format!("p-{which}")),
            return_id: id(&format!("r-{index}")),
            lines: (amount % 2 == 0)
                .then(|| vec![domain::ReturnedLine { product_id: id("pan"), quantity: units(1) }]),
            note,
            occurred_at: None,
            original: None,
        }),
        6 => Command::WithdrawCredit(WithdrawCredit {
            account_id,
            withdrawal_id: id(&format!("w-{index}")),
            cause: Cause { kind: CauseKind::Review, id: id(&format!("e-{which}")) },
            points: (amount % 2 == 0).then(|| points(amount / 4 + 1)),
            note,
            occurred_at: None,
            original: None,
        }),
        7 => Command::AdjustCredit(AdjustCredit {
            account_id,
            adjustment_id: id(&format!("a-{index}")),
            direction: if amount % 3 == 0 { Direction::Add } else { Direction::Take },
            points: amount_of,
            expires_at: None,
            reference: id("ticket-1"),
            note,
            occurred_at: None,
        }),
        8 | 9 => Command::HoldCredit(HoldCredit {
            account_id,
            hold_id: id(&format!("h-{index}")),
            points: points(amount / 2 + 1),
            deadline: now.plus_days(u32::try_from(amount % 8 + 1).expect("small")),
            occurred_at: None,
        }),
        10 => Command::CaptureHold(CaptureHold {
            account_id,
            hold_id: id(&format!("h-{which}")),
            capture: if amount % 2 == 0 {
                Capture::Exchange(order(index))
            } else {
                Capture::Points((amount % 3 == 0).then(|| points(amount / 4 + 1)))
            },
            occurred_at: None,
        }),
        11 => Command::ReleaseHold(ReleaseHold {
            account_id,
            hold_id: id(&format!("h-{which}")),
            by_operator: amount % 2 == 0,
            occurred_at: None,
        }),
        12 => Command::Redeem(Redeem { account_id, order: order(index), occurred_at: None }),
        13 => Command::CancelExchange(CancelExchange {
            account_id,
            exchange_id: id(&format!("x-{which}")),
            cancellation_id: id(&format!("c-{index}")),
            quantity: (amount % 2 == 0).then(|| units(1)),
            by_operator: amount % 3 == 0,
            note,
            occurred_at: None,
            original: None,
        }),
        14 => Command::DispatchShipment(DispatchShipment {
            account_id,
            shipped: Shipped::PurchaseId(id(&format!("p-{which}"))),
            asked: vec![],
            dispatch_id: id("dispatch"),
            lines: None,
            carrier: id("post"),
            express_no: id("EX-1"),
            tracking_url: None,
            occurred_at: None,
        }),
        15 => Command::TransferCredit(TransferCredit {
            account_id,
            transfer_id: id(&format!("t-{index}")),
            to: id(PEOPLE[(who + 1) % PEOPLE.len()]),
            points: points(amount / 2 + 1),
            occurred_at: None,
        }),
        16 => Command::ExtendHold(ExtendHold {
            account_id,
            hold_id: id(&format!("h-{which}")),
            extension_id: id(&format!("e-{index}")),
            deadline: now.plus_days(u32::try_from(amount % 20 + 1).expect("small")),
            occurred_at: None,
        }),
        17 => Command::RefundCapture(RefundCapture {
            account_id,
            hold_id: id(&format!("h-{which}")),
            refund_id: id(&format!("f-{index}")),
            points: (amount % 2 == 0).then(|| points(amount / 8 + 1)),
            note,
            occurred_at: None,
            original: None,
        }),
        18 => Command::OpenAccount(OpenAccount { account_id, occurred_at: None }),
        19 => Command::ReverseWithdrawal(ReverseWithdrawal {
            account_id,
            withdrawal_id: id(&format!("w-{which}")),
            note,
            occurred_at: None,
            original: None,
        }),
        20 => {
            // Of the purchase that the return named.
            let back = before.get(which);
            let purchase = back.map_or(which, |back| target(&before[..which], back).0);
            Command::ReverseReturn(ReverseReturn {
                account_id,
                purchase_id: id(&format!("p-{purchase}")),
                return_id: id(&format!("r-{which}")),
                note,
                occurred_at: None,
                original: None,
            })
        }
        _ => Command::SetPolicy(SetPolicy {
            policy: Policy {
                spent_credit: match amount % 5 {
                    0 => SpentCredit::Refuse,
                    1 => SpentCredit::Forgive,
                    _ => SpentCredit::Debt,
                },
                refund_grace_days: if amount % 3 == 0 { 0 } else { 5 },
                grace_on_own_request: amount % 5 < 2,
                earning_points_max: points(if amount % 7 == 0 { 100 } else { 1_000 }),
            },
            read_versions: None,
        }),
    }
}

#[expect(clippy::disallowed_methods, reason = "proptest's own variable, which a config hides")]
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(20)
}
