//! `guerdon check --sums`: the read model's totals against the rows that they add up.

use std::path::Path;
use std::process::Output;

use crate::ledger::Ledger;
use crate::ledger::tool::guerdon;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_that_are_not_the_sum_of_the_accounts_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("mug", 300, None, None).await;
    ledger.client.earns("ann", 500, "B-1").await;
    ledger.client.earns("ben", 70, "B-2").await;
    let redeemed = ledger.client.redeems("ann", "x-1", "mug").await;
    let position = redeemed.position.expect("a write has a position");
    ledger.client.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    let checked = check(folder.path());
    assert!(checked.status.success(), "beside the running ledger: {checked:?}");
    assert!(text(&checked.stdout).contains(": 0 of its sums differ"), "{checked:?}");
    assert_eq!(ledger.stop(), Some(0));

    let tables = rusqlite::Connection::open(folder.path().join("read-model.sqlite"));
    let change = "update account_balance set available = available + 5 where account_id = 'ben'; \
                  update credit_part set available = available - 1 where account_id = 'ann'";
    tables.expect("it opens").execute_batch(change).expect("changed");
    let checked = check(folder.path());
    assert_eq!(checked.status.code(), Some(3), "{checked:?}");
    let named = text(&checked.stderr);
    let available = "the read model's sum of `available` is 270, and its rows add up to 275";
    assert!(named.contains(available), "{named}");
    let lots = "credit that expires in never is 270, and its rows add up to 269";
    assert!(named.contains(lots), "{named}");
    assert!(named.contains("2 things are wrong"), "{named}");
}

fn check(folder: &Path) -> Output {
    guerdon(folder, &["check", "--sums"])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
