//! `guerdon shipping`: an operator acts on shipping requests by their ids, whatever is typed.

use std::process::Command;

use serde_json::{Value, json};

use crate::ledger::{Ledger, ends, tool_of};

/// A ledger on which Ann has redeemed three mugs; and the id of what a warehouse is to ship.
async fn with_a_request(folder: &std::path::Path) -> (Ledger, String) {
    let ledger = Ledger::start(folder);
    let api = &ledger.client;
    api.opens("mug", 300, None, None).await;
    api.earns("ann", 2_000, "B-1").await;
    let body = json!({"offer_id": "mug", "quantity": 3, "deliver_to": "1 Elm Street"});
    let redeemed = api.put("shopper", "/v1/accounts/ann/exchanges/x-1", body).await;
    let position = redeemed.is(201)["position"].as_str().expect("a position").to_owned();
    let list = api.get_after(&position, "operator", "/v1/shipping-requests?account_id=ann").await;
    let list = list.is(200);
    let id = list["items"][0]["shipping_request_id"].as_str().expect("an id").to_owned();
    (ledger, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_argument_reaches_nothing_but_what_it_names() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, _) = with_a_request(folder.path()).await;
    for id in ["../offers/mug/closure#", "..", "x/../../offers/mug", "?", "%2e%2e/offers/mug"] {
        for act in [
            &["shipping", "settle", id, "--reason", "a slip"][..],
            &["shipping", "resend", id],
            &["shipping", "cancel", id, "--reason", "a slip"],
        ] {
            let done = ends(tool_of(&ledger, act));
            let said = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(!done.status.success(), "{act:?}: {done:?}");
            let last = said.lines().last().unwrap_or_default();
            assert!(last.starts_with("guerdon: ") && !said.contains("no reason"), "{said}");
        }
    }
    let offer = ledger.client.get("auditor", "/v1/offers/mug").await.is(200);
    assert_eq!(offer["status"], "open", "{offer}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resend_settle_and_cancel_take_the_id_of_a_shipping_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ledger, id) = with_a_request(folder.path()).await;
    let tool = |args: &[&str]| -> Value {
        let done = ends(tool_of(&ledger, &[args, &["--output", "json"]].concat()));
        assert!(done.status.success(), "{args:?}: {done:?}");
        serde_json::from_slice(&done.stdout).expect("one line of JSON")
    };
    let reason = ["--reason", "out of print"];
    let one = ["--quantity", "1", "--cancellation-id", "c-1"];
    let cancel = ["shipping", "cancel", &id];
    let cancelled = tool(&[&cancel[..], &reason, &one].concat());
    assert_eq!(cancelled["quantity"], 1);
    let again = tool(&[&cancel[..], &reason, &one].concat());
    assert_eq!(again["position"], cancelled["position"], "the same id cancels nothing more");
    let rest = tool(&[&cancel[..], &reason].concat());
    assert_eq!(rest["quantity"], 2, "without a quantity, all that is left");
    let settled = tool(&[&["shipping", "settle", &id][..], &reason].concat());
    assert_eq!(settled["exchange_id"], "x-1", "{settled}");

    let mut before = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    before.args(["shipping", "--url", &ledger.client.url, "--api-keys"]);
    before.arg(folder.path().join("api-keys.json")).args(["overdue"]);
    assert!(ends(before).status.success(), "options may stand before the act, too");
    assert_eq!(ledger.stop(), Some(0));
}

#[test]
fn the_options_of_keys_stand_before_or_after_the_act() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(Ledger::start(folder.path()).stop(), Some(0));
    let data = ["--data-dir", folder.path().to_str().expect("UTF-8")];
    for args in [[&["keys"][..], &data, &["list"]], [&["keys"], &["list"], &data]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
        command.args(args.concat()).args(["--output", "json"]);
        let done = ends(command);
        assert!(done.status.success(), "{args:?}: {done:?}");
        assert_eq!(String::from_utf8_lossy(&done.stdout).lines().count(), 5);
    }
}
