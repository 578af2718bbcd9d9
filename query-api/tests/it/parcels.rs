//! The parcels of a shipping request, and what became of it, wherever that is read.

use serde_json::{Value, json};
use testing::ledger::On;
use testing::life::{cancelled, exchanged, parcel_arrived, parcel_left};

use crate::asks::Reads;
use crate::shipping::{exchange, opening, record, settled};

testing::on_every_database! {
    a_request_shows_its_parcels_wherever_it_is_read,
    an_item_looks_as_the_document_shows_it,
    a_message_says_what_became_of_its_request,
}

async fn a_request_shows_its_parcels_wherever_it_is_read(on: On) {
    let reads = Reads::of(on, opening()).await;
    let parcel =
        |parcel, quantity| parcel_left("ann", exchange("x-1"), parcel, &[("product", quantity, 3)]);
    record(&reads, vec![exchanged("ann", "x-1", 3, 900, None), parcel("box-1", 1)]).await;
    let first = reads.get("/v1/accounts/ann/exchanges/x-1").await;
    assert_eq!(first["status"], "partly-dispatched");
    record(&reads, vec![parcel_arrived("ann", exchange("x-1"), "box-1"), parcel("box-2", 2)]).await;
    let lines = |quantity| json!([{"product_id": "product", "quantity": quantity}]);
    let boxed = |id, quantity, status| {
        json!({"dispatch_id": id, "lines": lines(quantity), "carrier": "post",
            "express_no": "EX-1", "status": status})
    };
    let parcels = json!([boxed("box-1", 1, "delivered"), boxed("box-2", 2, "dispatched")]);
    let id = format!("{}-1-0-3", reads.ledger.store.log_id());
    let one = reads.get(&format!("/v1/shipping-requests/{id}")).await;
    let of_exchange = reads.get("/v1/accounts/ann/exchanges/x-1").await;
    for body in [&one, &of_exchange] {
        assert_eq!((&body["parcels"], &body["status"]), (&parcels, &json!("dispatched")), "{body}");
        assert_eq!(body["carrier"], "post");
    }
    assert_eq!((&one["lines"], &one["lines_left"]), (&lines(3), &lines(0)));
    assert_eq!(reads.list("/v1/shipping-requests").await, [one]);
    for unknown in ["x", "1-0-3", &id.replace("-1-0-3", "-2-0-3"), &id.replace("-0-3", "-0-2")] {
        let path = format!("/v1/shipping-requests/{unknown}");
        let (status, _, problem) = reads.ask("warehouse", &path).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not-found")), "{unknown}");
    }
    let (_, _, seen) = reads.ask("auditor", &format!("/v1/shipping-requests/{id}")).await;
    assert_eq!(seen["deliver_to"], Value::Null);
}

async fn an_item_looks_as_the_document_shows_it(on: On) {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/API.md");
    let document = std::fs::read_to_string(document).expect("docs/API.md");
    let (_, shown) = document.split_once("An item of a page:\n\n```json\n").expect("an item");
    let (shown, _) = shown.split_once("\n```").expect("its end");
    let shown: Value = serde_json::from_str(shown).expect("JSON");
    let reads = Reads::of(on, opening()).await;
    let events = vec![
        exchanged("ann", "x-1", 2, 600, None),
        parcel_left("ann", exchange("x-1"), "box-1", &[("product", 1, 2)]),
    ];
    record(&reads, events).await;
    let page = reads.get("/v1/shipping-stream?warehouse=main").await;
    let item = &page["items"][0];
    let names = |value: &Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(names(item), names(&shown));
    assert_eq!(names(&item["data"]), names(&shown["data"]));
    for name in ["type", "deliver_to", "request_status", "wanted"] {
        assert_eq!(item["data"][name], shown["data"][name], "{name}");
    }
}

async fn a_message_says_what_became_of_its_request(on: On) {
    let reads = Reads::of(on, opening()).await;
    let events = vec![
        exchanged("ann", "x-1", 3, 900, None),
        exchanged("ann", "x-2", 1, 300, None),
        exchanged("ann", "x-3", 1, 300, None),
        parcel_left("ann", exchange("x-1"), "box-1", &[("product", 1, 3)]),
        settled("x-2"),
        cancelled("ann", "x-3", "c-1", 1, 300, (1, 300)),
    ];
    record(&reads, events).await;
    let page = reads.get("/v1/shipping-stream?warehouse=main").await;
    let items = page["items"].as_array().expect("a list");
    let found: Vec<Value> = items
        .iter()
        .map(|item| {
            let data = &item["data"];
            json!([data["request_status"], data["request_lines"][0]["quantity"], data["wanted"]])
        })
        .collect();
    let expected = [
        json!(["partly-dispatched", 2, true]),
        json!(["settled", 0, false]),
        json!(["cancelled", 0, false]),
        json!(["cancelled", 0, false]),
    ];
    assert_eq!(found, expected);
}
