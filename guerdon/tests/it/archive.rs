//! Old events go to files, and nobody who asks the ledger notices.

use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, query, query_scalar};

use crate::ledger::Ledger;
use crate::ledger::tool::{guerdon, said, succeeds};

#[tokio::test]
async fn what_was_archived_is_still_repeated_cancelled_and_rebuilt() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 300, Some(1_000), None).await;
    ledger.client.earns("ann", 100_000, "B-1").await;
    for number in 0..60 {
        ledger.client.redeems("ann", &format!("x-{number}"), "mug").await.is(201);
    }
    let log = SqliteConnectOptions::new().filename(folder.path().join("log.sqlite"));
    let mut log = log.connect().await.expect("it opens");
    query("update log set range_positions = 50").execute(&mut log).await.expect("updated");

    // Beside the running ledger.
    let said = said(&guerdon(folder.path(), &["archive", "--older-than", "0d"]));
    assert!(said.contains("2 ranges of 50 positions"), "{said}");
    let first: i64 =
        query_scalar("select min(position) from event").fetch_one(&mut log).await.expect("asked");
    assert_eq!(first, 101);

    let repeat = ledger.client.redeems("ann", "x-1", "mug").await;
    assert_eq!(repeat.is(200)["points"], 300);
    let (archive, elsewhere) = (folder.path().join("archive"), folder.path().join("elsewhere"));
    std::fs::rename(&archive, &elsewhere).expect("moved away");
    let unread = ledger.client.redeems("ann", "x-1", "mug").await;
    unread.is_problem(503, "outcome-unknown");
    std::fs::rename(&elsewhere, &archive).expect("moved back");
    ledger.client.redeems("ann", "x-1", "mug").await.is(200);
    let changed = json!({"offer_id": "mug", "quantity": 2, "deliver_to": "1 Elm Street"});
    ledger
        .client
        .put("shopper", "/v1/accounts/ann/exchanges/x-2", changed)
        .await
        .is_problem(422, "id-reused");
    let path = "/v1/accounts/ann/exchanges/x-3/cancellations/c-1";
    ledger.client.put("shopper", path, json!({})).await.is(201);
    assert_eq!(ledger.stop(), Some(0));

    let ledger = Ledger::start(folder.path());
    ledger.client.redeems("ann", "x-4", "mug").await.is(200);
    succeeds(guerdon(folder.path(), &["rebuild"]));
    let balance = ledger.client.get("shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(balance["available"], 100_000 - 59 * 300);
    assert_eq!(ledger.stop(), Some(0));
}
