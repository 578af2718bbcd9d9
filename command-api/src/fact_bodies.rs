//! Every fact that is answered has the public fields of its event, under the names in EVENTS.md,
//! and none of its private ones. The examples are the golden files of stored events.

use std::fs;
use std::path::Path;

use domain::{Event, RefundCause, WithdrawalCause};
use event_schema::decode;
use log_record::{Generation, LogId, NewEvent, Partition, Place, Position, RecordedEvent};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::adjust_credit::credit_earned;
use crate::cancel_exchange::exchange_cancelled;
use crate::capture_hold::{exchange_created, hold_captured};
use crate::convert_credit::credit_converted;
use crate::erase_account::account_erased;
use crate::extend_hold::hold_extended;
use crate::grant_tier::{tier_grant_ended, tier_granted};
use crate::hold_credit::credit_held;
use crate::join_waiting_list::wait_begun;
use crate::leave_waiting_list::wait_ended;
use crate::open_account::account_opened;
use crate::record_purchase::purchase_recorded;
use crate::refund_capture::capture_refunded;
use crate::release_hold::hold_released;
use crate::return_purchase::purchase_returned;
use crate::reverse_return::return_reversed;
use crate::reverse_withdrawal::withdrawal_reversed;
use crate::shipment::{shipment_dispatched, shipment_reported};
use crate::transfer_credit::credit_sent;
use crate::withdraw_credit::credit_withdrawn;

const PLACE: Place = Place { partition: Partition(0), position: Position(4711) };

#[test]
fn an_answered_fact_has_the_events_public_fields() {
    let mut compared = 0;
    for (event_type, public, private) in golden_events() {
        let event = NewEvent {
            event_type: event_type.clone().leak(),
            version: 1,
            recorded_at: 1_795_248_000_000_000,
            account_id: Some("ann".into()),
            public: public.clone().into(),
            private: private.into(),
        };
        let row = RecordedEvent::seal(LogId(Uuid::nil()), Generation(1), PLACE, event);
        let (_, event) = decode(&row).expect("a golden event decodes");
        let Some(answered) = answered(event) else { continue };
        let mut expected: Value = serde_json::from_str(&public).expect("JSON");
        let fields = expected.as_object_mut().expect("an object");
        fields.remove("meta");
        fields.insert("account_id".into(), "ann".into());
        fields.insert("position".into(), "0:4711".into());
        if event_type == "purchase-recorded" {
            add_those_of_the_first(fields, "earned");
            // The tier stands beside its rule alone.
            fields.remove("tier");
            let unit = fields["unit"].clone();
            for line in fields.get_mut("lines").and_then(Value::as_array_mut).expect("lines") {
                // Number and list are always there in an answer.
                let earned = line.get("earned").cloned().unwrap_or_else(|| Value::Array(vec![]));
                let mut of_units = earned.as_array().expect("a list").iter();
                let of_first = of_units.find(|earned| earned["unit"] == unit);
                line["points"] = of_first.map_or_else(|| 0.into(), |it| it["points"].clone());
                line["earned"] = earned;
            }
        }
        if fields.contains_key("prices") {
            add_first(fields, "prices");
        }
        if event_type == "exchange-cancelled" {
            add_first(fields["of"].as_object_mut().expect("an object"), "prices");
            add_first(fields, "refunded");
        }
        if event_type == "purchase-returned" {
            add_those_of_the_first(fields, "taken");
        }
        assert_eq!(answered, expected, "{event_type}");
        compared += 1;
    }
    assert!(compared >= 20, "golden files are missing: {compared}");
}

/// In an answer, the fields of the first unit stand beside the list of all.
fn add_those_of_the_first(fields: &mut Map<String, Value>, list: &str) {
    let first = fields[list][0].as_object().expect("it has one at least").clone();
    fields.extend(first);
}

/// An answer also has the first amount of a list by itself.
fn add_first(fields: &mut Map<String, Value>, list: &str) {
    for name in ["points", "unit"] {
        let first = fields[list][0][name].clone();
        fields.insert(name.to_owned(), first);
    }
}

/// The body that a fact is answered with; nothing where no call answers it.
fn answered(event: Event) -> Option<Value> {
    Some(match event {
        Event::AccountOpened(account, fact) => json(&account_opened(account, fact, PLACE)),
        Event::AccountErased(account, fact) => json(&account_erased(account, fact, PLACE)),
        Event::CreditEarned(account, fact) => json(&credit_earned(account, fact, PLACE)),
        // A return and its reversal are answered with the event after it.
        Event::CreditWithdrawn(_, fact)
            if matches!(fact.withdrawal, WithdrawalCause::Return { .. }) =>
        {
            return None;
        }
        Event::CreditWithdrawn(account, fact) => json(&credit_withdrawn(account, fact, PLACE)),
        Event::WithdrawalReversed(account, fact) => {
            json(&withdrawal_reversed(account, fact, PLACE))
        }
        Event::ReturnReversed(account, fact) => json(&return_reversed(account, fact, PLACE)),
        Event::CreditHeld(account, fact) => json(&credit_held(account, fact, PLACE)),
        Event::HoldCaptured(account, fact) => json(&hold_captured(account, fact, PLACE)),
        Event::HoldExtended(account, fact) => json(&hold_extended(account, fact, PLACE)),
        Event::CreditRefunded(account, fact) => match fact.cause {
            RefundCause::Cancellation { .. } => return None,
            RefundCause::Capture(refund) => {
                json(&capture_refunded(account, refund, (fact.unit, fact.points), fact.lots, PLACE))
            }
        },
        Event::WaitBegun(account, fact) => json(&wait_begun(account, fact, PLACE)),
        Event::WaitEnded(account, fact) => json(&wait_ended(account, fact, PLACE)),
        Event::HoldReleased(account, fact) => json(&hold_released(account, fact, PLACE)),
        Event::CreditConverted(account, fact) => json(&credit_converted(account, fact, PLACE)),
        Event::CreditSent(account, fact) => json(&credit_sent(account, fact, PLACE)),
        Event::ExchangeCreated(account, fact) => json(&exchange_created(account, fact, PLACE)),
        Event::ExchangeCancelled(account, fact) => json(&exchange_cancelled(account, fact, PLACE)),
        Event::PurchaseRecorded(account, fact) => json(&purchase_recorded(account, fact, PLACE)),
        Event::PurchaseReturned(account, fact) => json(&purchase_returned(account, fact, PLACE)),
        Event::TierGranted(account, fact) => json(&tier_granted(account, fact, PLACE)),
        Event::TierGrantEnded(account, fact) => json(&tier_grant_ended(account, fact, PLACE)),
        Event::ShipmentDispatched(account, fact) => {
            json(&shipment_dispatched(account, fact, PLACE))
        }
        Event::ShipmentAccepted(account, fact)
        | Event::ShipmentBackOrdered(account, fact)
        | Event::ShipmentDelivered(account, fact)
        | Event::ShipmentRejected(account, fact)
        | Event::ShipmentSettled(account, fact) => json(&shipment_reported(account, fact, PLACE)),
        _ => return None,
    })
}

fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("JSON")
}

/// The type, the public text and the private text of each.
fn golden_events() -> Vec<(String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event-schema/golden");
    let paths =
        fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("a file").path());
    paths
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            let (event_type, case) = name.split_once(".v1.")?;
            let is_public = !case.ends_with("private.json");
            is_public.then(|| {
                let public = fs::read_to_string(&path).expect("a text");
                let private =
                    fs::read_to_string(path.with_extension("private.json")).expect("a text");
                (event_type.to_owned(), public, private)
            })
        })
        .collect()
}
