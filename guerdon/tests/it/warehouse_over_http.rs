//! The example warehouse that reads and answers over HTTP, in Python, against a real ledger without
//! Kafka.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::ledger::{Ledger, ends};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warehouse_in_python_ships_over_http() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 1_200, "B-1").await;
    for exchange in ["x-1", "x-2", "x-3"] {
        ledger.client.redeems("ann", exchange, "mug").await.is(201);
    }
    cancel(&ledger, "x-2").await;
    let lines =
        json!([{"product_id": "tv", "quantity": 2}, {"product_id": "cable", "quantity": 1}]);
    let purchase = json!({"lines": lines, "points": 5, "deliver_to": "1 Elm Street",
        "warehouse": "main"});
    let path = "/v1/accounts/ann/purchases/P-1";
    ledger.client.put("merchant", path, purchase).await.is(201);

    let printed = warehouse(&ledger, folder.path());
    assert_eq!(printed.matches("\"specversion\"").count(), 5, "{printed}");
    let list = ledger.client.get("operator", "/v1/shipping-requests").await.is(200);
    let seen: Vec<Value> = list["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|request| {
            let parcels = request["parcels"].as_array().expect("a list");
            let parcels: Vec<&Value> = parcels.iter().map(|it| &it["dispatch_id"]).collect();
            json!([request["status"], parcels, request["carrier"]])
        })
        .collect();
    let expected = [
        json!(["delivered", ["dispatch"], "Parcel Post"]),
        json!(["cancelled", [], null]),
        json!(["delivered", ["dispatch"], "Parcel Post"]),
        json!(["delivered", ["box-1", "box-2"], "Parcel Post"]),
    ];
    assert_eq!(seen, expected);

    // It goes on where it was, and says nothing again.
    ledger.client.redeems("ann", "x-4", "mug").await.is(201);
    let printed = warehouse(&ledger, folder.path());
    assert_eq!(printed.matches("\"specversion\"").count(), 1, "{printed}");

    // One that has lost its database reads all again, and ships nothing twice.
    std::fs::remove_file(folder.path().join("warehouse.sqlite")).expect("removed");
    let printed = warehouse(&ledger, folder.path());
    assert_eq!(printed.matches("\"specversion\"").count(), 6, "{printed}");
    assert!(!printed.contains("refused"), "{printed}");
    let crossed = "/v1/shipping-requests?crossed=true";
    assert_eq!(ledger.client.get("operator", crossed).await.is(200)["items"], json!([]));
}

async fn cancel(ledger: &Ledger, exchange: &str) {
    let path = format!("/v1/accounts/ann/exchanges/{exchange}/cancellations/c-1");
    ledger.client.put("shopper", &path, json!({})).await.is(201);
}

/// Runs the warehouse until it has nothing to do; what it printed.
fn warehouse(ledger: &Ledger, folder: &Path) -> String {
    let keys = std::fs::read_to_string(ledger.folder.join("api-keys.json")).expect("the keys");
    let keys: Value = serde_json::from_str(&keys).expect("JSON");
    let key = folder.join("warehouse.key");
    std::fs::write(&key, keys["warehouse"].as_str().expect("a key")).expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/warehouse_http.py");
    let mut command = Command::new("python3");
    command.arg(script).args(["--until-idle", "1", "--url", &ledger.client.url]);
    command.arg("--key-file").arg(key).arg("--database").arg(folder.join("warehouse.sqlite"));
    let done = ends(command);
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).expect("UTF-8")
}
