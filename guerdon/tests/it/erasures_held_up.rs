//! An erasure that can't go on holds up no other, says so, and goes on when it can.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use crate::erasure::{metric, until_done};
use crate::ledger::{Api, Ledger, PATIENCE, said};

/// Of one erasure nobody can say which codes the account got; here because its id is none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_whose_codes_cannot_be_read_holds_up_no_other_and_goes_on_later() {
    const PLANTED: &str = "insert into erasure (place, account_id, until, asked_at) \
                           values (1, '!', 1, 1), (2, '!!', 2, 1)";
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let position = api.earns("ann", 5, "B-1").await;
    api.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    let execute = |sql: &str| {
        let log = Connection::open(folder.path().join("log.sqlite")).expect("it opens");
        log.execute(sql, ()).expect("executed");
    };
    execute(PLANTED);
    until_metric(api, "guerdon_erasures{status=\"codes-unread\"}", "2").await;
    let asked = json!({"reason": "asked for by letter"});
    api.put("operator", "/v1/accounts/ann/erasures/e-1", asked).await.is(201);
    until_done(api, "ann").await;
    let held_up = said(folder.path()).matches("an erasure is held up").count();
    assert_eq!(held_up, 2, "it is said once of each");
    until_metric(api, "guerdon_erasures{status=\"asked\"}", "0").await;

    execute("update erasure set account_id = 'bob' where account_id = '!'");
    until_metric(api, "guerdon_erasures{status=\"codes-unread\"}", "1").await;
    until_done(api, "bob").await;
    assert_eq!(ledger.stop(), Some(0));
}

async fn until_metric(api: &Api, series: &str, value: &str) {
    let begun = Instant::now();
    while metric(api, series).await != value {
        assert!(begun.elapsed() < PATIENCE, "{series} doesn't come to be {value}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
