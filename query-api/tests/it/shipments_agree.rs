//! Random lives of shipping requests: what the read tables say of each is what the writer's state
//! answers a warehouse.

use domain::command::{
    CancelExchange, DispatchShipment, EarnCredit, OpenOffer, Order, RecordPurchase, Redeem,
    RejectShipment, Report, ReportShipment, ReturnPurchase,
};
use domain::{
    Cause, CauseKind, Clock, Command, Decision, DispatchId, Event, LogOpened, Note, Page,
    PurchaseLine, ReturnedLine, Shipped, ShippedLine, State, decide,
};
use log_record::Partition;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::asks::Reads;
use testing::ledger::{On, id, points, terms, time, units};

/// What is told of one of the requests: its numbers mean what the command makes of them.
#[derive(Clone, Debug)]
struct Step {
    what: u8,
    which: usize,
    parcel: u8,
    quantity: u64,
}

const REQUESTS: usize = 4;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_read_tables_and_the_writer_agree_about_every_shipping_request(
        steps in prop::collection::vec(step(), 1..60),
        batch in 1_usize..20,
    ) {
        let mut world = World::new();
        for (number, step) in steps.iter().enumerate() {
            let command = world.command(number, step);
            world.ask(command);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(check(&world, batch));
    }
}

async fn check(world: &World, batch: usize) {
    for on in [On::Sqlite, On::Postgres] {
        let reads = Reads::of(on, vec![]).await;
        for events in world.events.chunks(batch) {
            reads.record(events.iter().map(|event| (1, event.clone())).collect()).await;
        }
        let read = reads.list("/v1/shipping-requests").await;
        assert_eq!(read.len(), REQUESTS);
        for (number, found) in read.iter().enumerate() {
            let (shipped, asked) = request(number);
            let told = world.state.shipment(&id("ann"), &shipped, &asked);
            let lines = |lines: &[ShippedLine]| -> Value {
                let line = |line: &ShippedLine| {
                    let ShippedLine { product_id, quantity } = line;
                    json!({"product_id": product_id, "quantity": quantity.get()})
                };
                lines.iter().map(line).collect()
            };
            let expected = json!([told.status, lines(&told.lines_left)]);
            let story = || format!("{number} on {on:?}: {:#?}", world.events);
            assert_eq!(json!([found["status"], found["lines_left"]]), expected, "{}", story());
            let parcels = found["parcels"].as_array().expect("a list").len();
            let count = world.state.parcel_count(&id("ann"), &shipped);
            assert_eq!(u32::try_from(parcels), Ok(count), "{}", story());
        }
    }
}

/// The first two are exchanges, the others purchases.
fn request(number: usize) -> (Shipped, Vec<ShippedLine>) {
    let line = |product: &str, quantity| ShippedLine {
        product_id: id(product),
        quantity: units(quantity),
    };
    if number < 2 {
        (Shipped::ExchangeId(id(&format!("x-{number}"))), vec![line("product", 3)])
    } else {
        let lines = vec![line("product", 3), line("lid", 2)];
        (Shipped::PurchaseId(id(&format!("p-{number}"))), lines)
    }
}

struct World {
    state: State,
    events: Vec<Event>,
}

impl World {
    fn new() -> Self {
        let mut world = Self { state: State::new(Partition(0)), events: vec![] };
        let (log_id, clock) = ("log".into(), Clock::Commands);
        world.record(vec![Event::LogOpened(LogOpened { log_id, partitions: 1, clock })]);
        world.ask(Command::OpenOffer(OpenOffer {
            offer_id: id("mug"),
            terms: terms(30),
            page: Page::default(),
            stock: None,
        }));
        world.ask(Command::EarnCredit(EarnCredit {
            unit: domain::UnitId::POINTS,
            account_id: id("ann"),
            points: points(1_000),
            cause: Cause { kind: CauseKind::Review, id: id("e-1") },
            available_at: None,
            expires_at: None,
            occurred_at: None,
        }));
        for number in 0..REQUESTS {
            let (shipped, lines) = request(number);
            world.ask(match shipped {
                Shipped::ExchangeId(exchange_id) => Command::Redeem(Redeem {
                    account_id: id("ann"),
                    order: Order {
                        exchange_id,
                        offer_id: id("mug"),
                        quantity: lines[0].quantity,
                        deliver_to: Some(id("1 Elm Street")),
                        expected_points: None,
                        expected_prices: None,
                    },
                    occurred_at: None,
                }),
                Shipped::PurchaseId(purchase_id) => Command::RecordPurchase(RecordPurchase {
                    unit: domain::UnitId::POINTS,
                    account_id: id("ann"),
                    purchase_id,
                    lines: lines
                        .into_iter()
                        .map(|ShippedLine { product_id, quantity }| PurchaseLine {
                            product_id,
                            quantity,
                            amount: Some(1),
                            category: None,
                            earned: Box::default(),
                        })
                        .collect(),
                    points: Some(points(1)),
                    rules: Box::default(),
                    shipping: Some((id("main"), id("1 Elm Street"))),
                    available_at: None,
                    expires_at: None,
                    occurred_at: None,
                }),
            });
        }
        world
    }

    fn command(&self, number: usize, step: &Step) -> Command {
        let Step { what, which, parcel, quantity } = *step;
        let (shipped, asked) = request(which);
        let (account_id, note, occurred_at) = (id("ann"), Note::default(), None);
        let dispatch_id =
            if parcel == 0 { DispatchId::whole() } else { id(&format!("box-{parcel}")) };
        let line = |product_id| ShippedLine { product_id, quantity: units(quantity) };
        let named = asked[number % asked.len()].product_id.clone();
        let report = |report, dispatch_id| ReportShipment {
            account_id: id("ann"),
            shipped: shipped.clone(),
            asked: asked.clone(),
            report,
            dispatch_id,
            note: Note::default(),
            occurred_at,
        };
        match (what, &shipped) {
            (0, _) => Command::ReportShipment(report(Report::Accepted, None)),
            (1, _) => Command::ReportShipment(report(Report::BackOrdered, None)),
            (2, _) if number.is_multiple_of(3) => {
                Command::ReportShipment(report(Report::Delivered, None))
            }
            (3, _) if number.is_multiple_of(3) => {
                Command::ReportShipment(report(Report::Settled, None))
            }
            (4, _) if number.is_multiple_of(2) => Command::RejectShipment(RejectShipment {
                account_id,
                shipped,
                asked,
                note,
                occurred_at,
                original: None,
            }),
            (5 | 6, Shipped::ExchangeId(exchange_id)) => Command::CancelExchange(CancelExchange {
                account_id,
                exchange_id: exchange_id.clone(),
                cancellation_id: id(&format!("c-{number}")),
                quantity: Some(units(1)),
                by_operator: true,
                note,
                occurred_at,
                original: None,
            }),
            (5 | 6, Shipped::PurchaseId(purchase_id)) => Command::ReturnPurchase(ReturnPurchase {
                account_id,
                purchase_id: purchase_id.clone(),
                return_id: id(&format!("r-{number}")),
                lines: Some(vec![ReturnedLine { product_id: named, quantity: units(1) }]),
                note,
                occurred_at,
                original: None,
            }),
            (7 | 8, _) => Command::ReportShipment(report(Report::Delivered, Some(dispatch_id))),
            _ => Command::DispatchShipment(DispatchShipment {
                account_id,
                shipped,
                asked,
                dispatch_id,
                lines: (quantity > 1 || number.is_multiple_of(2)).then(|| vec![line(named)]),
                carrier: id("post"),
                express_no: id("1Z"),
                tracking_url: None,
                occurred_at,
            }),
        }
    }

    /// A refused command records nothing.
    fn ask(&mut self, mut command: Command) {
        loop {
            match decide(&self.state, &command, time(1)) {
                Ok(Decision::Record { events, .. }) => return self.record(events),
                Ok(Decision::Load(at)) => {
                    let index = usize::try_from(at.0).expect("small") - 1;
                    let event = &self.events[index];
                    let before = &self.events[index - event.events_before()..index];
                    command = command.with_original(before, at, event).expect("it can be used");
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
            self.state.evolve(position, time(1), &event).expect("what was decided can follow");
            self.events.push(event);
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    let numbers = (0_u8..13, 0..REQUESTS, 0_u8..4, 1_u64..4);
    numbers.prop_map(|(what, which, parcel, quantity)| Step { what, which, parcel, quantity })
}

#[expect(clippy::disallowed_methods, reason = "proptest's own variable, which a config hides")]
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(8)
}
