//! What becomes of a shipping request that leaves in several parcels, or is asked for again.

use std::time::Duration;

use domain::{Event, Shipped};
use read_model::{MessageKind, ParcelRow, ShippingStatus};
use testing::ledger::{Ledger, On, id, place};
use testing::life::{cancelled, dispatched, exchanged, parcel_arrived, parcel_left, report};

use crate::shipping::{messages, opening, project};

testing::on_every_database! {
    a_request_leaves_in_several_parcels,
    more_than_is_wanted_crosses,
    what_is_asked_for_again_is_a_new_message_of_the_same_request,
}

async fn a_request_leaves_in_several_parcels(on: On) {
    let of = |exchange: &str| Shipped::ExchangeId(id(exchange));
    let sent =
        |parcel, quantity| parcel_left("ann", of("x-1"), parcel, &[("product", quantity, 5)]);
    for batch in [1, 100] {
        let ledger = Ledger::new(1, on).await;
        let mut events = opening();
        events.push(exchanged("ann", "x-1", 5, 1_500, None)); // 3
        let story = [
            (sent("box-1", 2), "partly-dispatched", 3, "d"),
            (parcel_arrived("ann", of("x-1"), "box-1"), "partly-dispatched", 3, "D"),
            (cancelled("ann", "x-1", "c-1", 1, 300, (5, 1_500)), "partly-dispatched", 2, "D"),
            (sent("box-2", 2), "dispatched", 0, "Dd"),
            (parcel_arrived("ann", of("x-1"), "box-2"), "delivered", 0, "DD"),
        ];
        if batch > 1 {
            events.extend(story.iter().map(|(event, ..)| event.clone()));
        }
        project(&ledger, &events, batch).await;
        for (event, status, left, arrived) in story {
            if batch == 1 {
                project(&ledger, &[event], 1).await;
            } else if status != "delivered" {
                continue;
            }
            let model = ledger.read_model().await;
            let mut reading = model.read(&[], Duration::ZERO).await.expect("it begins");
            let request = format!("{}-1-0-3", ledger.store.log_id());
            let found = reading.find_shipping_progress(&request).await.expect("read");
            let found = found.expect("it is there");
            let lines = format!(r#"[{{"product_id":"product","quantity":{left}}}]"#);
            assert_eq!((found.status.as_str(), found.lines_left), (status, lines));
            let rows: Vec<(String,)> = ledger.select("select parcels from shipping_request").await;
            let parcels: Vec<ParcelRow> = serde_json::from_str(&rows[0].0).expect("JSON");
            let parcels = parcels.iter().map(|parcel| match parcel.status {
                ShippingStatus::Delivered => 'D',
                _ => 'd',
            });
            assert_eq!(parcels.collect::<String>(), arrived);
        }
        // The warehouse is told how many are wanted in all, not how many are left to ship.
        let messages = messages(&ledger, "main", place(0), 9).await;
        let lines: Vec<_> = messages.iter().map(|message| message.lines.as_str()).collect();
        let mugs = |quantity| format!(r#"[{{"product_id":"product","quantity":{quantity}}}]"#);
        assert_eq!(lines, [mugs(5), mugs(4)]);
        assert_eq!(messages[0].request_status, ShippingStatus::Delivered);
        assert_eq!(messages[0].request_lines().expect("lines"), mugs(0));
    }
}

async fn more_than_is_wanted_crosses(on: On) {
    let of = |exchange: &str| Shipped::ExchangeId(id(exchange));
    let ledger = Ledger::new(1, on).await;
    let mut events = opening();
    for exchange in ["x-1", "x-2", "x-3", "x-4"] {
        events.push(exchanged("ann", exchange, 2, 600, None));
    }
    let sent = |exchange, parcel, quantity| {
        parcel_left("ann", of(exchange), parcel, &[("product", quantity, 2)])
    };
    events.extend([
        // One too many after a reduction that the warehouse didn't hear of.
        cancelled("ann", "x-1", "c-1", 1, 300, (2, 600)),
        sent("x-1", "box-1", 2),
        // Exactly what is wanted.
        sent("x-2", "box-1", 1),
        dispatched("ann", of("x-2")),
        // A parcel after everything has left.
        dispatched("ann", of("x-3")),
        sent("x-3", "box-1", 1),
        // One after all was said to have arrived, but with no more in it than there is.
        Event::ShipmentDelivered(id("ann"), report(of("x-4"), None)),
        sent("x-4", "box-1", 1),
    ]);
    project(&ledger, &events, 100).await;
    let found: Vec<(String, bool)> =
        ledger.select("select status, crossed from shipping_request order by place").await;
    let expected =
        [("dispatched", true), ("dispatched", false), ("dispatched", true), ("delivered", false)];
    assert_eq!(found, expected.map(|(status, crossed)| (status.to_owned(), crossed)));
}

async fn what_is_asked_for_again_is_a_new_message_of_the_same_request(on: On) {
    for batch in [1, 100] {
        let ledger = Ledger::new(1, on).await;
        let again = || {
            let shipped = Shipped::ExchangeId(id("x-1"));
            Event::ShipmentAskedAgain(id("ann"), report(shipped, None))
        };
        let mut events = opening();
        events.extend([
            exchanged("ann", "x-1", 3, 900, None), // 3
            again(),
            cancelled("ann", "x-1", "c-1", 1, 300, (3, 900)),
            Event::ShipmentRejected(id("ann"), report(Shipped::ExchangeId(id("x-1")), None)),
            again(), // 7: whatever its status is
        ]);
        project(&ledger, &events, batch).await;
        let messages = messages(&ledger, "main", place(0), 9).await;
        let mugs = |quantity| format!(r#"[{{"product_id":"product","quantity":{quantity}}}]"#);
        let found: Vec<_> = messages
            .iter()
            .map(|it| (it.place.position.0, it.kind, it.sequence, it.attempt, it.lines.clone()))
            .collect();
        use MessageKind::{Reduced, Requested};
        let expected = [
            (3, Requested, 1, 1, mugs(3)),
            (4, Requested, 2, 2, mugs(3)),
            (5, Reduced, 3, 1, mugs(2)),
            (7, Requested, 4, 3, mugs(2)),
        ];
        assert_eq!(found, expected, "in batches of {batch}");
        let of = |index: usize| (&messages[index].id, &messages[index].deliver_to);
        assert_eq!((of(1), of(3)), (of(0), of(0)));
        assert_eq!(messages[3].recorded_at, messages[0].recorded_at);
        let model = ledger.read_model().await;
        let mut reading = model.read(&[], Duration::ZERO).await.expect("it begins");
        let one = reading.shipping_message(place(7)).await.expect("read");
        assert_eq!(one.as_ref(), Some(&messages[3]));
    }
}
