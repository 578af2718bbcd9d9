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

use crate::log::{LOG, key, sign};

const EVENTS: u64 = 300;

/// Events of which those at 40, 41 and 200 are of ann's exchange x-1.
fn rows(log_id: LogId) -> Vec<RecordedEvent> {
    let row = |position: u64| {
        let exchange = if [40, 41, 200].contains(&position) { "x-1" } else { "x-2" };
        let event = NewEvent {
            event_type: "exchange-created",
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

fn receipt_of(log_id: LogId) -> Value {
    let rows = rows(log_id);
    let leaves: Vec<TreeHash> =
        rows.iter().map(|row| TreeHash::of_leaf(&row.fixed_record(log_id))).collect();
    let mut tree = Frontier::default();
    leaves.iter().for_each(|leaf| tree.append(*leaf));
    let origin = Origin { log_id, generation: Generation(1), partition: Partition(0) };
    let (size, root) = (tree.size(), tree.root());
    let checkpoint = Checkpoint { origin, size, root, next_key: None };
    let subtree = |level: u32, index: u64| -> Result<TreeHash, Infallible> {
        let first = usize::try_from(index << level).expect("an index");
        Ok(subtree_root(&leaves[first..first + (1 << level)]).expect("a full subtree"))
    };
    let event = |index: u64| {
        let row = &rows[usize::try_from(index).expect("an index")];
        let Ok(proof) = inclusion(index, size, subtree);
        json!({
            "position": row.place, "type": row.event_type, "public": row.public, "proof": proof,
            "entry": BASE64_STANDARD.encode(row.fixed_record(log_id)),
        })
    };
    json!({
        "account_id": "ann", "exchange_id": "x-1",
        "checkpoint": sign(1, &checkpoint).to_string(),
        "events": [39, 40, 199].map(event),
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
    assert_eq!(verify(&receipt_of(LOG), &key(1)), Ok(3));
}

#[test]
fn a_key_that_took_over_is_reached_from_the_first() {
    let mut receipt = receipt_of(LOG);
    let origin = Origin { log_id: LOG, generation: Generation(1), partition: Partition(0) };
    let (size, root) = (100, TreeHash::of_nothing());
    let last = Checkpoint { origin, size, root, next_key: Some(key(1)) };
    receipt["handovers"] = json!([sign(9, &last).to_string()]);
    assert_eq!(verify(&receipt, &key(9)), Ok(3));
    assert_eq!(verify(&receipt, &key(1)), Ok(3));
    let later = Checkpoint { size: EVENTS + 1, ..last };
    receipt["handovers"] = json!([sign(9, &later).to_string()]);
    let found = verify(&receipt, &key(9)).expect_err("it signed too early");
    assert!(found.contains("which signs sizes from 301 to"), "{found}");
}

#[test]
fn a_receipt_that_was_changed_is_refused() {
    let changes: [(&str, Value, &str); 9] = [
        ("/account_id", json!("bob"), "the event at 0:40: it isn't of the account bob"),
        ("/exchange_id", json!("x-2"), "the event at 0:40: it isn't of the exchange x-2"),
        ("/events", json!([]), "it has no events"),
        ("/events/1/position", json!("0:42"), "the event at 0:42: its entry is that of 0:41"),
        ("/events/1/public", json!("{}"), "the event at 0:41: its public text isn't the one"),
        ("/events/1/entry", json!("AAAA"), "the event at 0:41: it is no fixed record"),
        ("/events/1/entry", json!("~"), "the event at 0:41: its entry is no base64"),
        ("/events/2/proof", json!([]), "the event at 0:200: its proof doesn't lead to the root"),
        ("/checkpoint", json!("x"), "its checkpoint can't be read: it is no signed note"),
    ];
    for (at, value, expected) in changes {
        let mut receipt = receipt_of(LOG);
        *receipt.pointer_mut(at).expect("a field") = value;
        let found = verify(&receipt, &key(1)).expect_err(at);
        assert!(found.starts_with(expected), "{at}: {found}");
    }
    let mut twice = receipt_of(LOG);
    twice["events"][1] = twice["events"][0].clone();
    let found = verify(&twice, &key(1)).expect_err("it is there twice");
    assert!(found.contains("is there twice"), "{found}");
}

#[test]
fn a_receipt_of_another_log_is_refused() {
    let other = LogId(Uuid::from_u128(8));
    let found = verify(&receipt_of(other), &key(1)).expect_err("it is another log's");
    assert!(found.contains("another log or partition"), "{found}");
    // Not even with this log's checkpoint.
    let mut mixed = receipt_of(other);
    mixed["checkpoint"] = receipt_of(LOG)["checkpoint"].clone();
    let found = verify(&mixed, &key(1)).expect_err("its entries are another log's");
    assert!(found.contains("another log or partition than the checkpoint"), "{found}");
}

#[test]
fn no_flipped_bit_of_a_receipt_is_believed() {
    let whole = receipt_of(LOG);
    for field in ["entry", "public"] {
        let text = whole["events"][1][field].as_str().expect("a text").as_bytes();
        for at in 0..text.len() {
            let mut changed = text.to_vec();
            changed[at] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            let mut receipt = whole.clone();
            receipt["events"][1][field] = changed.into();
            assert!(verify(&receipt, &key(1)).is_err(), "{field} at {at}");
        }
    }
}
