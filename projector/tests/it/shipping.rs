//! What warehouses are asked and told, and what becomes of it, on a real read model and a real log.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{CancellationId, Event, ExchangeCancelled, OfferOpened, Page, Shipped};
use event_schema::{Metadata, Salt, encode};
use log_record::{Place, Position};
use projector::rebuild;
use proptest::prelude::*;
use read_model::{MessageKind, ShippingMessage, ShippingStatus};

testing::on_every_database! {
    what_is_said_of_a_parcel_shows_on_its_request,
    a_warehouse_is_told_what_is_left_and_no_more_once_the_parcel_left,
    an_event_that_is_applied_again_is_not_counted_again,
    a_warehouse_reads_its_own_messages_in_the_order_of_the_log,
    a_message_bears_the_trace_of_what_made_it,
    how_far_a_request_is_can_be_asked_by_its_id,
}

/// What is said of ann's x-1, and how its request stands then: status, reason, carrier, whether it
/// crossed.
type Told = (&'static [Said], &'static str, Option<&'static str>, Option<&'static str>, bool);

#[derive(Clone, Copy, Debug)]
enum Said {
    Accepted,
    BackOrdered,
    Dispatched,
    Delivered,
    Rejected,
    Settled,
    Cancelled,
}

use Said::{Accepted, BackOrdered, Cancelled, Delivered, Dispatched, Rejected, Settled};

use testing::ledger::{Ledger, On, id, log_opened, place, terms, time};
use testing::life::{
    cancelled, dispatched, exchanged, parcel_arrived, parcel_left, purchased, report, returned,
};

const TOLD: [Told; 14] = [
    (&[], "requested", None, None, false),
    (&[Accepted], "accepted", None, None, false),
    (&[Accepted, BackOrdered], "back-ordered", Some("none left"), None, false),
    (&[Accepted, BackOrdered, Dispatched], "dispatched", None, Some("post"), false),
    (&[Accepted, Dispatched, Delivered], "delivered", None, Some("post"), false),
    // Told late, it brings nothing back.
    (&[Dispatched, Accepted], "dispatched", None, Some("post"), false),
    (&[Delivered, Dispatched], "delivered", None, Some("post"), false),
    (&[Dispatched, Delivered, Settled], "delivered", None, Some("post"), false),
    (&[Accepted, Rejected], "rejected", Some("broken"), None, false),
    // Whose goods left although nobody wanted them to any more.
    (&[Cancelled, Dispatched], "cancelled", None, Some("post"), true),
    (&[Rejected, Dispatched, Delivered], "rejected", Some("broken"), Some("post"), true),
    (&[Settled, Delivered], "settled", Some("sent by hand"), None, true),
    // Nothing crossed here: it had left before.
    (&[Dispatched, Settled, Delivered], "settled", Some("sent by hand"), Some("post"), false),
    (&[Settled, Cancelled], "settled", Some("sent by hand"), None, false),
];

async fn what_is_said_of_a_parcel_shows_on_its_request(on: On) {
    for batch in [1, 100] {
        let ledger = Ledger::new(1, on).await;
        let mut events = opening();
        for (number, (told, ..)) in TOLD.iter().enumerate() {
            events.push(exchanged("ann", &format!("x-{number}"), 1, 300, None));
            events.extend(told.iter().map(|said| say(*said, &format!("x-{number}"))));
        }
        project(&ledger, &events, batch).await;
        let found: Vec<(String, Option<String>, Option<String>, bool)> = ledger
            .select("select status, reason, carrier, crossed from shipping_request order by place")
            .await;
        for (index, (told, status, reason, carrier, crossed)) in TOLD.iter().enumerate() {
            let expected = (
                (*status).to_owned(),
                reason.map(ToOwned::to_owned),
                carrier.map(ToOwned::to_owned),
                *crossed,
            );
            assert_eq!(found[index], expected, "{told:?} in batches of {batch}");
        }
    }
}

async fn a_warehouse_is_told_what_is_left_and_no_more_once_the_parcel_left(on: On) {
    for batch in [1, 2, 100] {
        let ledger = Ledger::new(1, on).await;
        let mut events = opening();
        events.extend([
            exchanged("ann", "x-1", 3, 900, None),             // 3
            cancelled("ann", "x-1", "c-1", 1, 300, (3, 900)),  // 4
            purchased("ann", "B-1", 300, Some("main")),        // 5
            returned("ann", "B-1", "r-1", 1, 100),             // 6
            cancelled("ann", "x-1", "c-2", 2, 600, (3, 900)),  // 7
            dispatched("ann", Shipped::PurchaseId(id("B-1"))), // 8
            // it left, was rejected, or was carried home: nobody is told
            returned("ann", "B-1", "r-2", 1, 100), // 9
            purchased("ann", "B-2", 300, None),    // 10
            returned("ann", "B-2", "r-1", 1, 100), // 11
            exchanged("ann", "x-2", 2, 600, None), // 12
            say(Rejected, "x-2"),                  // 13
            given_up("x-2", 2),                    // 14
        ]);
        project(&ledger, &events, batch).await;
        let messages = messages(&ledger, "main", place(0), 100).await;
        let found: Vec<_> = messages
            .iter()
            .map(|message| (message.place.position.0, message.kind, message.sequence))
            .collect();
        use MessageKind::{Cancelled, Reduced, Requested};
        let [first, second, third] = [(3, Requested, 1), (4, Reduced, 2), (5, Requested, 3)];
        let rest = [(6, Reduced, 4), (7, Cancelled, 5), (12, Requested, 6)];
        assert_eq!(found, [[first, second, third], rest].concat(), "in batches of {batch}");
        let mug = |quantity| format!(r#"[{{"product_id":"product","quantity":{quantity}}}]"#);
        let pans = r#"{"product_id":"pan","quantity":2},{"product_id":"7","quantity":1}"#;
        let lines = [0, 1, 3, 4].map(|index| messages[index].lines.clone());
        assert_eq!(lines, [mug(3), mug(2), format!("[{pans}]"), mug(0)]);
        let of = |index: usize| messages[index].shipping_request_id;
        assert_eq!((of(1), of(4), of(3)), (of(0), of(0), of(2)));
        assert_eq!(messages[1].id.to_string(), format!("{}-1-0-4", ledger.store.log_id()));
        assert!(messages.iter().all(|message| message.lane == "0/main/3"));
        let left: Vec<(Option<String>,)> =
            ledger.select("select lines_wanted from shipping_request order by place").await;
        assert_eq!((&left[0].0, &left[2].0), (&Some(mug(0)), &None));
    }
}

async fn an_event_that_is_applied_again_is_not_counted_again(on: On) {
    let ledger = Ledger::new(1, on).await;
    let mut events = opening();
    events.extend([
        exchanged("ann", "x-1", 2, 600, None),
        cancelled("ann", "x-1", "c-1", 1, 300, (2, 600)),
    ]);
    ledger.record(&events).await;
    let of_shipping = |rows: Vec<String>| -> Vec<String> {
        let is_of = |row: &String| row.starts_with("shipping_") || row.starts_with("lane|");
        rows.into_iter().filter(is_of).collect()
    };
    let before = of_shipping(ledger.projected().await);
    ledger.alter(
        "update checkpoint set position = 0; delete from exchange; delete from offer_availability",
    );
    assert_eq!(of_shipping(ledger.projected().await), before);
    ledger.record(&[exchanged("ann", "x-2", 1, 300, None)]).await;
    ledger.project().await;
    let sequences: Vec<_> =
        messages(&ledger, "main", place(0), 9).await.iter().map(|one| one.sequence).collect();
    assert_eq!((before.len(), sequences), (3, vec![1, 2, 3]));
}

async fn a_warehouse_reads_its_own_messages_in_the_order_of_the_log(on: On) {
    let ledger = Ledger::new(1, on).await;
    let mut events = opening();
    for number in 0..20 {
        let account = format!("shopper-{number}");
        let warehouse = if number % 3 == 0 { "east" } else { "main" };
        events.push(from(warehouse, exchanged(&account, "x-1", 2, 600, None)));
        events.push(cancelled(&account, "x-1", "c-1", 1, 300, (2, 600)));
    }
    project(&ledger, &events, 7).await;
    for (warehouse, count) in [("east", 14), ("main", 26), ("west", 0)] {
        let whole = messages(&ledger, warehouse, place(0), 100).await;
        assert_eq!(whole.len(), count, "{warehouse}");
        assert!(whole.is_sorted_by_key(|message| message.place));
        let (mut paged, mut after) = (vec![], place(0));
        loop {
            let page = messages(&ledger, warehouse, after, 3).await;
            let Some(last) = page.last() else { break };
            after = last.place;
            paged.extend(page);
        }
        assert_eq!(paged, whole, "{warehouse}");
    }
    let model = ledger.read_model().await;
    let mut reading = model.read(&[], Duration::ZERO).await.expect("it begins");
    assert_eq!(reading.warehouses().await.expect("read"), ["east", "main"]);
    // Neither beyond the last position that there can be, nor in another partition.
    let beyond = Place { position: Position(u64::MAX), ..place(0) };
    let elsewhere = Place { partition: log_record::Partition(1), ..place(0) };
    for after in [beyond, elsewhere] {
        let found = reading.shipping_messages("main", after, 9).await.expect("read");
        assert!(found.is_empty(), "{after}");
    }
}

async fn a_message_bears_the_trace_of_what_made_it(on: On) {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ledger = Ledger::new(1, on).await;
    let traced = Metadata { traceparent: Some(TRACE.into()), ..Metadata::default() };
    let at = |second, event: &Event, metadata: &Metadata| {
        encode(event, time(second), metadata, None, Salt([0; 16])).expect("encoded")
    };
    let mut events: Vec<_> =
        opening().iter().map(|event| at(1, event, &Metadata::default())).collect();
    events.push(at(2, &exchanged("ann", "x-1", 2, 600, None), &traced));
    let cancellation = cancelled("ann", "x-1", "c-1", 1, 300, (2, 600));
    events.push(at(3, &cancellation, &Metadata::default()));
    ledger.append(events).await;
    ledger.project().await;
    let messages = messages(&ledger, "main", place(0), 9).await;
    let found: Vec<_> = messages
        .iter()
        .map(|message| (message.traceparent.as_deref(), message.recorded_at))
        .collect();
    assert_eq!(found, [(Some(TRACE), time(2)), (None, time(3))]);
}

async fn how_far_a_request_is_can_be_asked_by_its_id(on: On) {
    let ledger = Ledger::new(1, on).await;
    let mut events = opening();
    for number in 0..5 {
        events.push(exchanged("ann", &format!("x-{number}"), 1, 300, None));
    }
    events.push(say(Accepted, "x-1"));
    events.push(exchanged("ann", "x-5", 3, 900, None));
    events.push(cancelled("ann", "x-5", "c-1", 1, 300, (3, 900)));
    project(&ledger, &events, 100).await;
    let model = ledger.read_model().await;
    let mut reading = model.read(&[], Duration::ZERO).await.expect("it begins");
    let log_id = ledger.store.log_id();
    let reduced = reading.find_shipping_progress(&format!("{log_id}-1-0-9")).await.expect("read");
    let left = reduced.expect("it is there").lines_left;
    assert!(left.contains("\"quantity\":2"), "what is left of three: {left}");
    let progress = reading.find_shipping_progress(&format!("{log_id}-1-0-4")).await.expect("read");
    let progress = progress.expect("it is there");
    assert_eq!((progress.place, progress.status), (place(4), ShippingStatus::Accepted));
    for unknown in ["", "x", "1-0-4", &format!("{log_id}-2-0-4"), &format!("{log_id}-1-0-2")] {
        let found = reading.find_shipping_progress(unknown).await.expect("read");
        assert_eq!(found, None, "{unknown}");
    }
    let next = reading.shipping_progress("main", place(3), 2).await.expect("read");
    let found: Vec<_> = next.iter().map(|one| (one.place, one.status)).collect();
    let expected = [(4, ShippingStatus::Accepted), (5, ShippingStatus::Requested)];
    assert_eq!(found, expected.map(|(position, status)| (place(position), status)));
    let message = reading.shipping_message(place(4)).await.expect("read").expect("one");
    assert_eq!(message.exchange_id.as_deref(), Some("x-1"));
    assert_eq!(reading.shipping_message(place(8)).await.expect("read"), None);
}

/// One thing that may happen to one of the parcels.
#[derive(Clone, Debug)]
struct Step {
    what: u8,
    which: usize,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn rows_and_numbers_are_the_same_however_the_log_is_cut_into_batches(
        steps in prop::collection::vec(
            (0_u8..16, 0_usize..40).prop_map(|(what, which)| Step { what, which }),
            1..120,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(check(&history(&steps)));
    }
}

/// In CI few lives; many where somebody looks for mistakes.
#[expect(clippy::disallowed_methods, reason = "proptest's own variable, which a config hides")]
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(3)
}

async fn check(events: &[Event]) {
    let mut expected: Option<Vec<String>> = None;
    for on in [On::Sqlite, On::Postgres] {
        for batch in [1, 7, 1000] {
            let ledger = Ledger::new(1, on).await;
            project(&ledger, events, batch).await;
            let dump = ledger.projected().await;
            let expected = expected.get_or_insert_with(|| dump.clone());
            assert_eq!(&dump, expected, "on {on:?} in batches of {batch}");
        }
        let ledger = Ledger::new(1, on).await;
        ledger.record(events).await;
        rebuild(&ledger.url(), &ledger.store).await.expect("rebuilt");
        assert_eq!(Some(ledger.projected().await), expected, "rebuilt on {on:?}");
        for warehouse in ["main", "east"] {
            let mut lanes: BTreeMap<String, i64> = BTreeMap::new();
            for message in messages(&ledger, warehouse, place(0), 1000).await {
                let last = lanes.entry(message.lane).or_default();
                *last += 1;
                assert_eq!(message.sequence, *last, "dense, in the order of the log");
            }
        }
    }
}

/// What may be told of parcels in any order, as long as no more is cancelled than there is.
fn history(steps: &[Step]) -> Vec<Event> {
    let mut events = opening();
    let mut left: Vec<u64> = vec![];
    for (number, Step { what, which }) in steps.iter().enumerate() {
        if *what < 3 || left.is_empty() {
            let (index, warehouse) = (left.len(), if what % 2 == 0 { "main" } else { "east" });
            let account = format!("shopper-{}", index % 5);
            left.push(3);
            events.push(if *what == 2 {
                purchased(&account, &format!("B-{index}"), 300, Some(warehouse))
            } else {
                from(warehouse, exchanged(&account, &format!("x-{index}"), 3, 900, None))
            });
            continue;
        }
        let index = which % left.len();
        let account = format!("shopper-{}", index % 5);
        let is_purchase = events.iter().any(|event| {
            matches!(event, Event::PurchaseRecorded(_, fact)
                if fact.purchase_id.as_str() == format!("B-{index}"))
        });
        let shipped = if is_purchase {
            Shipped::PurchaseId(id(&format!("B-{index}")))
        } else {
            Shipped::ExchangeId(id(&format!("x-{index}")))
        };
        let less = 1 + u64::from(what % 2);
        let ended = id(&account);
        events.push(match what {
            3 => Event::ShipmentAccepted(ended, report(shipped, None)),
            4 => Event::ShipmentBackOrdered(ended, report(shipped, Some("wait"))),
            5 => dispatched(&account, shipped),
            6 => Event::ShipmentDelivered(ended, report(shipped, None)),
            7 => Event::ShipmentRejected(ended, report(shipped, Some("no"))),
            8 => Event::ShipmentSettled(ended, report(shipped, None)),
            12 => {
                let lines: &[_] =
                    if is_purchase { &[("pan", 1, 3), ("7", 1, 1)] } else { &[("product", 1, 3)] };
                parcel_left(&account, shipped, &format!("box-{}", number % 3), lines)
            }
            14 => Event::ShipmentAskedAgain(ended, report(shipped, None)),
            13 => parcel_arrived(&account, shipped, &format!("box-{}", number % 3)),
            _ if left[index] < less => continue,
            _ if is_purchase => {
                left[index] -= less;
                returned(&account, &format!("B-{index}"), &format!("r-{number}"), less, 0)
            }
            _ => {
                left[index] -= less;
                let (exchange, cancellation) = (format!("x-{index}"), format!("c-{number}"));
                cancelled(&account, &exchange, &cancellation, less, 300 * less, (3, 900))
            }
        });
    }
    events
}

pub(crate) fn opening() -> Vec<Event> {
    let endless =
        OfferOpened { offer_id: id("mug"), terms: terms(300), page: Page::default(), stock: None };
    vec![log_opened(1), Event::OfferOpened(endless)]
}

fn say(said: Said, exchange: &str) -> Event {
    let shipped = Shipped::ExchangeId(id(exchange));
    let because = |reason| report(shipped.clone(), Some(reason));
    match said {
        Accepted => Event::ShipmentAccepted(id("ann"), report(shipped, None)),
        BackOrdered => Event::ShipmentBackOrdered(id("ann"), because("none left")),
        Dispatched => dispatched("ann", shipped),
        Delivered => Event::ShipmentDelivered(id("ann"), report(shipped, None)),
        Rejected => Event::ShipmentRejected(id("ann"), because("broken")),
        Settled => Event::ShipmentSettled(id("ann"), because("sent by hand")),
        Cancelled => cancelled("ann", exchange, "c-1", 1, 300, (1, 300)),
    }
}

/// The cancellation that comes with a rejection.
fn given_up(exchange: &str, quantity: u64) -> Event {
    let Event::ExchangeCancelled(account, fact) =
        cancelled("ann", exchange, "c-1", quantity, 300 * quantity, (quantity, 300 * quantity))
    else {
        unreachable!("it was made so")
    };
    let cancellation_id = CancellationId::of_rejection();
    Event::ExchangeCancelled(account, ExchangeCancelled { cancellation_id, ..fact })
}

fn from(warehouse: &str, event: Event) -> Event {
    match event {
        Event::ExchangeCreated(account, mut fact) => {
            fact.warehouse = Some(id(warehouse));
            Event::ExchangeCreated(account, fact)
        }
        other => other,
    }
}

/// Records so many events at a time.
pub(crate) async fn project(ledger: &Ledger, events: &[Event], batch: usize) {
    let mut projector = ledger.projector().await.expect("it opens");
    for events in events.chunks(batch) {
        ledger.record(events).await;
        projector.catch_up().await.expect("projected");
    }
}

/// A warehouse's messages, which are the same however they are read.
pub(crate) async fn messages(
    ledger: &Ledger,
    warehouse: &str,
    after: Place,
    limit: u32,
) -> Vec<ShippingMessage> {
    let model = ledger.read_model().await;
    let mut reading = model.read(&[], Duration::ZERO).await.expect("it begins");
    let messages = reading.shipping_messages(warehouse, after, limit).await.expect("read");
    let page = model.shipping_page(warehouse, after, limit, Duration::ZERO, |it| Ok(it.owned()));
    assert_eq!(page.await.expect("read"), messages, "after {after:?}, at most {limit}");
    messages
}
