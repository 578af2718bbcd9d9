//! The parts of one ledger in processes of their own, on one log in PostgreSQL.

use std::time::{Duration, Instant};

use services::TestDatabase;

use crate::ledger::tool::{guerdon, succeeds};
use crate::ledger::{Api, Ledger};

/// How long a key that was replaced may still be let in.
const KEYS_KNOWN_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_records_another_projects_and_a_third_reads_from_postgres() {
    reads_what_others_record(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_process_records_another_projects_and_a_third_reads_from_a_shared_file() {
    reads_what_others_record(false).await;
}

async fn reads_what_others_record(from_postgres: bool) {
    let database = TestDatabase::create().expect("a database");
    let folder = tempfile::tempdir().expect("a folder");
    let store = database.url();
    let read_model = if from_postgres { &["--read-model", &store][..] } else { &[] };
    let at = [&["--store", &store], read_model].concat();
    succeeds(guerdon(folder.path(), &[&["migrate"], &at[..]].concat()));
    let part = |role: &str| {
        let args = [&["--role", role], read_model].concat();
        Ledger::start_on(&store, folder.path(), &args)
    };
    let commands = part("command-api");
    let projector = part("projector");
    let queries = part("query-api");

    commands.client.opens("mug", 300, Some(10), None).await;
    for number in 0..20 {
        let account = format!("ann-{number}");
        let earned = commands.client.earns(&account, 500, "start").await;
        let redeemed = commands.client.redeems(&account, "x-1", "mug").await;
        // What was refused recorded nothing.
        let position = redeemed.position.clone().unwrap_or(earned);
        let path = format!("/v1/accounts/{account}");
        let balance = queries.client.get_after(&position, "auditor", &path).await.is(200);
        let is_sold = number < 10;
        assert_eq!(redeemed.status, if is_sold { 201 } else { 409 }, "{redeemed:?}");
        assert_eq!(balance["available"], if is_sold { 200 } else { 500 });
    }
    assert_eq!(queries.client.redeems("ann-0", "x-2", "mug").await.status, 405, "it only reads");
    let path = "/v1/accounts/ann-0";
    assert_eq!(commands.client.get("auditor", path).await.status, 405, "it only records");

    // The keys stand beside the log: whoever serves it lets the new ones in, and no longer the old.
    let old = [&commands, &queries].map(|part| part.client.clone());
    succeeds(guerdon(folder.path(), &[&["keys", "replace-all"], &at[..]].concat()));
    let replaced = Instant::now();
    for old in old {
        let new = old.with_keys_of(folder.path());
        while !is_let_in(&new).await || is_let_in(&old).await {
            assert!(replaced.elapsed() < KEYS_KNOWN_WITHIN, "the old keys are still let in");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    println!("the new keys are known after {:.1?}", replaced.elapsed());
    for part in [queries, projector, commands] {
        assert_eq!(part.stop(), Some(0));
    }
}

/// A key is looked at before anything else.
async fn is_let_in(api: &Api) -> bool {
    let known = api.get("auditor", "/v1/accounts/ann-0").await.status;
    let commanded = api.redeems("ann-0", "x-1", "mug").await.status;
    // Each part knows one of the two.
    ![known, commanded].contains(&401)
}
