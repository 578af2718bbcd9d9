//! Receipts: what proves an exchange, and what doesn't.

use std::convert::Infallible;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use log_record::{Generation, LogId, NewEvent, Partition, Place, Position, RecordedEvent};
use serde_json::{Value, json};
use transparency::{
    Checkpoint, Frontier, Origin, Receipt, TreeHash, VerifierKey, inclusion, subtree_root,
};
use uuid::Uuid;

use crate::log::{LOG, key, origin, sign};

const EVENTS: u64 = 300;

/// The positions of ann's exchange x-1.
const OF_X1: [u64; 3] = [40, 41, 200];

/// Events of which some are of ann's exchange x-1.
fn rows(log_id: LogId) -> Vec<RecordedEvent> {
    let row = |position: u64| {
        let exchange = if OF_X1.contains(&position) { "x-1" } else { "x-2" };
        let event = NewEvent {
            event_type: if position == 40 { "credit-deducted" } else { "exchange-created" },
            version: 1,
            recorded_at: i64::try_from(position).expect("a time"),
            account_id: Some("ann".into()),
            public: format!(r#"{{"exchange_id":"{exchange}","n":{position}}}"#).into(),
            private: format!(r#"{{"salt":"{position}"}}"#).into(),
        };
        let place = Place { partition: Partition(0), position: Position(position) };
        RecordedEvent::seal(log_id, Generation(1), place, event)
    };
    (1..=EVENTS).map(row).collect()
}

/// A receipt of the events at these positions.
fn receipt_of(log_id: LogId, positions: &[u64]) -> Value {
    let rows = rows(log_id);
    let leaves: Vec<TreeHash> =
        rows.iter().map(|row| TreeHash::of_leaf(&row.fixed_record(log_id))).collect();
    let mut tree = Frontier::default();
    leaves.iter().for_each(|leaf| tree.append(*leaf));
    let origin = Origin { log_id, ..origin(1) };
    let (size, root) = (tree.size(), tree.root());
    let checkpoint = Checkpoint { origin, size, root, next_key: None };
    let subtree = |level: u32, index: u64| -> Result<TreeHash, Infallible> {
        let first = usize::try_from(index << level).expect("an index");
        Ok(subtree_root(&leaves[first..first + (1 << level)]).expect("a full subtree"))
    };
    let event = |position: &u64| {
        let row = &rows[usize::try_from(position - 1).expect("an index")];
        let Ok(proof) = inclusion(position - 1, size, subtree);
        json!({
            "position": row.place.to_string(), "type": row.event_type, "public": row.public,
            "proof": proof, "entry": BASE64_STANDARD.encode(row.fixed_record(log_id)),
        })
    };
    json!({
        "account_id": "ann", "exchange_id": "x-1", "complete": true, "handovers": [],
        "checkpoint": sign(1, &checkpoint).to_string(),
        "events": positions.iter().map(event).collect::<Vec<_>>(),
    })
}

fn verify(receipt: &Value, key: &VerifierKey) -> Result<usize, String> {
    let receipt: Receipt = serde_json::from_value(receipt.clone()).map_err(|it| it.to_string())?;
    let verified = receipt.verify(key).map_err(|error| {
        let error: &dyn std::error::Error = &error;
        let causes = std::iter::successors(Some(error), |error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    });
    verified.map(|verified| verified.events.len())
}

#[test]
fn a_receipt_proves_the_events_of_its_exchange() {
    assert_eq!(verify(&receipt_of(LOG, &OF_X1), &key(1)), Ok(3));
}

#[test]
fn a_key_that_took_over_is_reached_from_the_first_and_signs_only_from_there_on() {
    let mut receipt = receipt_of(LOG, &OF_X1);
    let (size, root) = (100, TreeHash::of_nothing());
    let last = Checkpoint { origin: origin(1), size, root, next_key: Some(key(1)) };
    receipt["handovers"] = json!([sign(9, &last).to_string()]);
    assert_eq!(verify(&receipt, &key(9)), Ok(3));
    assert_eq!(verify(&receipt, &key(1)), Ok(3));
    let later = Checkpoint { size: EVENTS + 1, ..last.clone() };
    receipt["handovers"] = json!([sign(9, &later).to_string()]);
    let found = verify(&receipt, &key(9)).expect_err("it signed too early");
    assert!(found.contains("which signs sizes from 301 to"), "{found}");

    // The key that handed over signs no more.
    let next = Checkpoint { next_key: Some(key(2)), ..last };
    receipt["handovers"] = json!([sign(1, &next).to_string()]);
    let found = verify(&receipt, &key(1)).expect_err("it signed too late");
    assert!(found.starts_with("its checkpoint is of size 300, and "), "{found}");
    assert!(found.ends_with("which signs sizes from 0 to 100"), "{found}");
}

#[test]
fn a_receipt_that_was_changed_is_refused() {
    let changes: [(&str, Value, &str); 12] = [
        ("/account_id", json!("bob"), "the event at 0:40: it isn't of the account bob"),
        ("/exchange_id", json!("x-2"), "the event at 0:40: it isn't of the exchange x-2"),
        ("/events", json!([]), "it has no exchange-created event"),
        ("/events/1/position", json!("0:42"), "the event at 0:42: its entry is that of 0:41"),
        (
            "/events/1/type",
            json!("exchange-cancelled"),
            "the event at 0:41: its type is exchange-c",
        ),
        ("/events/1/public", json!("{}"), "the event at 0:41: its public text isn't the one"),
        ("/events/1/entry", json!("AAAA"), "the event at 0:41: its entry: it is no fixed record"),
        ("/events/1/entry", json!("~"), "the event at 0:41: its entry is no base64"),
        ("/events/2/proof", json!([]), "the event at 0:200: its proof doesn't lead to the root"),
        ("/checkpoint", json!("x"), "its checkpoint is no signed note"),
        ("/handovers", json!(["x"]), "its handover 1 is no signed note"),
        ("/events/0/proof", json!(["x"]), "it is no SHA-256"),
    ];
    for (at, value, expected) in changes {
        let mut receipt = receipt_of(LOG, &OF_X1);
        *receipt.pointer_mut(at).expect("a field") = value;
        let found = verify(&receipt, &key(1)).expect_err(at);
        assert!(found.starts_with(expected) || at == "/events/0/proof", "{at}: {found}");
    }
    for positions in [[40, 40, 41].as_slice(), &[41, 40]] {
        let found = verify(&receipt_of(LOG, positions), &key(1)).expect_err("another order");
        assert!(found.ends_with("it isn't in the order of the log, or is there twice"), "{found}");
    }
    let found = verify(&receipt_of(LOG, &[40]), &key(1)).expect_err("only its credit");
    assert_eq!(found, "it has no exchange-created event, and so proves no exchange");
}

#[test]
fn a_receipt_of_another_log_is_refused() {
    let other = LogId(Uuid::from_u128(8));
    let found = verify(&receipt_of(other, &OF_X1), &key(1)).expect_err("it is another log's");
    assert!(found.contains("another log or partition"), "{found}");
    // Not even with this log's checkpoint.
    let mut mixed = receipt_of(other, &OF_X1);
    mixed["checkpoint"] = receipt_of(LOG, &OF_X1)["checkpoint"].clone();
    let found = verify(&mixed, &key(1)).expect_err("its entries are another log's");
    assert!(found.contains("another log or partition than the checkpoint"), "{found}");
    let found = verify(&receipt_of(LOG, &OF_X1), &key(2)).expect_err("another key");
    assert!(found.contains("it isn't signed by"), "{found}");
}

#[test]
fn no_flipped_bit_of_a_receipt_is_believed() {
    let whole = receipt_of(LOG, &OF_X1);
    let is_flipped = |pointer: &str| {
        let text = whole.pointer(pointer).and_then(Value::as_str).expect("a text").as_bytes();
        for at in 0..text.len() {
            let mut changed = text.to_vec();
            changed[at] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            let mut receipt = whole.clone();
            *receipt.pointer_mut(pointer).expect("a text") = changed.into();
            assert!(verify(&receipt, &key(1)).is_err(), "{pointer} at {at}");
        }
    };
    for field in ["position", "type", "public", "entry", "proof/0", "proof/8"] {
        is_flipped(&format!("/events/1/{field}"));
    }
    is_flipped("/checkpoint");
}
