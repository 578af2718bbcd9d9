//! An export as Parquet, read by somebody else's program.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::tools::{
    export, fails, first_file, guerdon, import, said, sqlite, succeeds, text, with,
};
use crate::ledger::{Ledger, journey};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parquet_export_read_by_duckdb_has_the_ledgers_sums_and_the_lines_of_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    journey::import(&ledger, folder.path());
    let api = &ledger.client;
    let offer = json!({"product_id": "mug-blue", "price": 1, "stock": 10});
    api.put("operator", "/v1/offers/mug", offer).await.is(201);
    api.earns("ann", 50, "B-1").await;
    let body = json!({"offer_id": "mug", "deliver_to": "Straße 7, Köln 東京"});
    let redeemed = api.put("shopper", "/v1/accounts/ann/exchanges/x-1", body).await;
    let position = redeemed.position.clone().expect("a position");
    let totals = api.get_after(&position, "auditor", "/v1/totals").await.is(200);
    assert_eq!(ledger.stop(), Some(0));
    let store = sqlite(&folder.path().join("log.sqlite"));
    let (lines, rows) = (folder.path().join("lines"), folder.path().join("rows"));
    succeeds(guerdon(folder.path(), &export(&store, &lines)));
    let parquet = with(export(&store, &rows), &["--form", "parquet"]);
    succeeds(guerdon(folder.path(), &parquet));
    let verified = succeeds(guerdon(folder.path(), &["verify", "export", &text(&rows)]));
    assert!(said(&verified).contains("of Parquet with"), "{verified:?}");
    let refused = guerdon(folder.path(), &import(&rows, &sqlite(&folder.path().join("no.sqlite"))));
    fails(&refused, 1, "it is Parquet, which is for analysis");

    let python = services::python_with("duckdb==2.0.0").expect("a Python with DuckDB");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/log_export/duckdb_sums.py");
    let output = Command::new(python).arg(program).arg(&rows).arg(&lines).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sums: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(sums["differing_rows"], 0);
    for (name, sum) in sums["totals"].as_object().expect("sums") {
        assert_eq!(totals[name].as_str(), sum.as_str(), "{name}: {totals} {sums}");
    }
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/log_export/columns.txt");
    let golden = fs::read_to_string(golden).expect("read");
    assert_eq!(sums["columns"].as_str().expect("a text"), golden, "the columns are frozen");
    // One changed byte, and the same again after a run that was cut short.
    let file = first_file(&rows);
    let whole = fs::read(&file).expect("read");
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    fs::write(&file, flipped).expect("written");
    let caught = guerdon(folder.path(), &["verify", "export", &text(&rows)]);
    fails(&caught, 3, ".parquet: its SHA-256 is ");
    succeeds(guerdon(folder.path(), &parquet));
    assert!(fs::read(&file).expect("read") == whole, "it was written otherwise");
}
