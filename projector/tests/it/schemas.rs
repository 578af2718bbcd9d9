//! The published schemas, against messages as they are really built.

use std::path::Path;
use std::time::Duration;

use domain::Shipped;
use jsonschema::Validator;
use read_model::MessageKind;
use serde_json::{Value, json};

use testing::ledger::{Ledger, On, id, log_opened, offer_opened, place};
use testing::life::{cancelled, dispatched, exchanged, purchased, returned};

#[tokio::test]
async fn every_message_is_as_its_schema_says() {
    let ledger = Ledger::new(1, On::Sqlite).await;
    let events = [
        log_opened(1),
        offer_opened(),
        exchanged("ann", "x-1", 2, 600, None),
        purchased("ann", "B-1", 300, Some("main")),
        cancelled("ann", "x-1", "c-1", 1, 300, (2, 600)),
        cancelled("ann", "x-1", "c-2", 1, 300, (2, 600)),
        returned("ann", "B-1", "r-1", 1, 100),
        dispatched("ann", Shipped::PurchaseId(id("B-1"))),
    ];
    ledger.record(&events).await;
    ledger.project().await;
    let model = ledger.read_model().await;
    let mut reading = model.read(&[], Duration::ZERO).await.expect("it begins");
    let mut messages = reading.shipping_messages("main", place(0), 9).await.expect("read");
    // An address that was erased.
    messages.push(messages[0].clone());
    messages[5].deliver_to = None;
    let kinds: Vec<MessageKind> = messages.iter().map(|message| message.kind).collect();
    use MessageKind::{Cancelled, Reduced, Requested};
    assert_eq!(kinds, [Requested, Requested, Reduced, Cancelled, Reduced, Requested]);
    let (requested, changed) = (schema("shipping-requested"), schema("shipping-request-changed"));
    for message in &messages {
        let body = message.body(2).expect("JSON");
        let body: Value = serde_json::from_str(&body).expect("JSON");
        let (of_kind, of_other) = match message.kind {
            Requested => (&requested, &changed),
            Reduced | Cancelled => (&changed, &requested),
        };
        let complaints: Vec<String> =
            of_kind.iter_errors(&body).map(|error| error.to_string()).collect();
        assert!(complaints.is_empty(), "{body}: {complaints:?}");
        assert!(!of_other.is_valid(&body), "a request isn't a change: {body}");
    }
}

#[test]
fn every_schema_takes_its_examples_and_none_without_a_field_that_it_needs() {
    for name in ["shipping-requested", "shipping-request-changed", "warehouse-event", "earning"] {
        let (schema, text) = (schema(name), read(&format!("schemas/{name}.json")));
        let text: Value = serde_json::from_str(&text).expect("JSON");
        for example in text["examples"].as_array().expect("a list") {
            assert!(schema.is_valid(example), "{name}: {example}");
            for field in text["required"].as_array().expect("a list") {
                let mut without = example.clone();
                let fields = without.as_object_mut().expect("an object");
                fields.remove(field.as_str().expect("a name")).expect("it is there");
                assert!(!schema.is_valid(&without), "{name}: {without}");
            }
        }
    }
}

#[test]
fn an_account_alone_may_have_an_id_of_128_characters() {
    for name in ["shipping-requested", "shipping-request-changed", "earning"] {
        let (schema, text) = (schema(name), read(&format!("schemas/{name}.json")));
        let text: Value = serde_json::from_str(&text).expect("JSON");
        let example = &text["examples"][0];
        for (characters, is_valid) in [(64, true), (128, true), (129, false)] {
            let mut of_account = example.clone();
            of_account["account_id"] = "a".repeat(characters).into();
            assert_eq!(schema.is_valid(&of_account), is_valid, "{name}: {characters}");
        }
    }
}

#[test]
fn a_warehouse_says_where_the_parcel_is_when_it_has_left_and_only_then() {
    let schema = schema("warehouse-event");
    let request = "0197d9a4-6f7e-7c52-8ed1-f5c1a0a4d111-1-0-5";
    for (fields, is_valid) in [
        (json!({"event": "delivered"}), true),
        (json!({"event": "back-ordered", "reason": "none left"}), true),
        (json!({"event": "dispatched", "carrier": "post", "express_no": "1Z"}), true),
        (json!({"event": "dispatched", "carrier": "post"}), false),
        (
            json!({"event": "dispatched", "dispatch_id": "box-1", "carrier": "Deutsche Post",
                "express_no": "1Z 999", "lines": [{"product_id": "mug", "quantity": 1}]}),
            true,
        ),
        (
            json!({"event": "dispatched", "carrier": "post", "express_no": "1Z",
                "lines": [{"product_id": "mug", "quantity": 1}]}),
            false,
        ),
        (json!({"event": "delivered", "dispatch_id": "box-1"}), true),
        (json!({"event": "accepted", "dispatch_id": "box-1"}), false),
        (json!({"event": "accepted", "express_no": "1Z"}), false),
        (json!({"event": "eaten"}), false),
        (json!({"event": "accepted", "colour": "blue"}), false),
    ] {
        let mut body = fields;
        body["shipping_request_id"] = request.into();
        assert_eq!(schema.is_valid(&body), is_valid, "{body}");
    }
}

#[test]
fn the_asyncapi_document_names_schemas_that_are_there() {
    let text = read("shipping-events.asyncapi.yaml");
    let named: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once("$ref: schemas/")?.1.split_once(' '))
        .map(|(file, _)| file)
        .collect();
    assert_eq!(named.len(), 5);
    for file in named {
        read(&format!("schemas/{file}"));
    }
    use MessageKind::{Cancelled, Reduced, Requested};
    for kind in [Requested, Reduced, Cancelled] {
        assert!(text.contains(&format!("name: {}\n", kind.event_type())), "{kind:?}");
    }
}

fn schema(name: &str) -> Validator {
    let text = read(&format!("schemas/{name}.json"));
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

fn read(file: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    std::fs::read_to_string(docs.join(file)).expect(file)
}
