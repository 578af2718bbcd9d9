//! A log that moves from one store into another is the same, byte for byte, and so is what is made
//! of it. The log is the slice of the Complete Journey, or the year that `GUERDON_COMPLETE_JOURNEY`
//! names.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use event_store::{Access, EventStore, StoreUrl};
use serde_json::{Value, json};
use services::TestDatabase;

use crate::ledger::{Ledger, audit, ends, journey};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_copied_to_postgres_and_back_is_the_same_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    journey::import(&ledger, folder.path());
    assert_eq!(ledger.stop(), Some(0));
    let original = sqlite(&folder.path().join("log.sqlite"));
    let database = TestDatabase::create().expect("a database");
    let on_postgres = database.url();
    let back = sqlite(&folder.path().join("back.sqlite"));

    copied(&original, &on_postgres);
    copied(&on_postgres, &back);
    let events = audit::events(&url(&original)).await;
    assert!(events.len() > 3_000, "{} events are no year", events.len());
    let (mut made, mut keys, mut code_keys) = (vec![], vec![], vec![]);
    for (number, store) in [&original, &on_postgres, &back].into_iter().enumerate() {
        assert!(audit::events(&url(store)).await == events, "{store} holds other rows");
        let file = folder.path().join(format!("made-{number}.sqlite"));
        audit::rebuild(folder.path(), store, Some(&file));
        made.push(audit::dump(&file).await);
        let opened = EventStore::open(&url(store), Access::Read).await.expect("it opens");
        let mut known = opened.api_keys().await.expect("read");
        known.sort_by(|one, other| one.role.cmp(&other.role));
        keys.push(known);
        code_keys.push(opened.code_key().await.expect("read").expect("a key"));
    }
    assert!(made[0] == made[1] && made[1] == made[2], "the read models differ");
    assert!(!keys[0].is_empty() && keys[0] == keys[1] && keys[1] == keys[2]);
    assert!(code_keys[0] == code_keys[1] && code_keys[1] == code_keys[2]);

    // It serves, by the same keys, where it is now.
    let ledger = Ledger::start_on(&on_postgres, folder.path(), &[]);
    ledger.client.earns("probe", 1, "probe").await;
    assert_eq!(ledger.stop(), Some(0));
    refused(&on_postgres, &on_postgres, "can't be copied to itself");
    refused(&original, &on_postgres, "is not the original's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_killed_half_way_is_gone_on_with() {
    // Several times what is copied at once.
    const CALLS: u64 = 30;
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    for call in 0..CALLS {
        let credit = |number| {
            let cause = json!({"kind": "promotion", "id": format!("{call}-{number}")});
            json!({"account_id": format!("shopper-{number}"), "points": 1, "cause": cause})
        };
        let credits: Vec<Value> = (0..1_000).map(credit).collect();
        let body = json!({"credits": credits});
        ledger.client.post("merchant", "/v1/credits", body).await.is(200);
    }
    assert_eq!(ledger.stop(), Some(0));
    let original = sqlite(&folder.path().join("log.sqlite"));
    let database = TestDatabase::create().expect("a database");
    let mut copying = copy(&original, &database.url())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    // From its first portion on.
    let landed = "select coalesce((select max(position) from guerdon_log.partition_head), 0)";
    while !database.sql(landed).is_ok_and(|head| head != "0") {
        assert!(copying.try_wait().expect("asked").is_none(), "it had ended by then");
    }
    copying.kill().expect("killed");
    copying.wait().expect("gone");
    // The server ends what it was doing for it.
    let others = "select count(*) from pg_stat_activity \
                  where datname = current_database() and backend_type = 'client backend' \
                  and pid <> pg_backend_pid()";
    while database.sql(others).expect("asked") != "0" {
        std::thread::sleep(Duration::from_millis(20));
    }
    let opened = EventStore::open(&url(&database.url()), Access::Read).await;
    let refused = opened.expect_err("it may lack events").to_string();
    assert!(refused.contains("isn't whole: an import or a copy"), "{refused}");
    let half_way: usize = database.sql(landed).expect("asked").parse().expect("a position");
    let rest = String::from_utf8_lossy(&copied(&original, &database.url()).stdout).into_owned();
    let events = audit::events(&url(&original)).await;
    assert!(audit::events(&url(&database.url())).await == events, "it holds other rows");
    let came = format!("copied: {} events came", events.len() - half_way);
    assert!(rest.contains(&came), "killed at {half_way}: {rest}");
    println!("killed at {half_way} of {}: {rest}", events.len());
    let again = String::from_utf8_lossy(&copied(&original, &database.url()).stdout).into_owned();
    assert!(again.contains("0 events came"), "{again}");
}

/// As a log in KurrentDB has none, or one that was imported.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_log_without_a_key_of_codes_gets_one_unless_codes_are_in_it() {
    for (has_codes, told) in [(false, "the copy has a new key"), (true, "the copy has no key")] {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::start(folder.path());
        let offer = json!({"product_id": "gift", "price": 1, "codes": true});
        ledger.client.put("operator", "/v1/offers/gift", offer).await.is(201);
        let upload = async |ledger: &Ledger, upload: &str, code: &str| {
            let path = format!("/v1/offers/gift/code-uploads/{upload}");
            ledger.client.put("merchant", &path, json!({"codes": [code]})).await
        };
        if has_codes {
            upload(&ledger, "u-1", "GIFT-1").await.is(201);
        }
        assert_eq!(ledger.stop(), Some(0));
        let file = folder.path().join("log.sqlite");
        let log = rusqlite::Connection::open(&file).expect("it opens");
        log.execute("delete from code_key", ()).expect("deleted");
        drop(log);
        let copy = sqlite(&folder.path().join("copy.sqlite"));
        for _ in 0..2 {
            let said = copied(&sqlite(&file), &copy);
            let said = String::from_utf8_lossy(&said.stdout).into_owned();
            assert!(said.contains(told), "{said}");
        }
        let ledger = Ledger::start_on(&copy, folder.path(), &[]);
        let answer = upload(&ledger, "u-2", "GIFT-2").await;
        if has_codes {
            answer.is_problem(409, "code-key-missing");
        } else {
            answer.is(201);
        }
        assert_eq!(ledger.stop(), Some(0));
    }
}

#[test]
fn a_copy_onto_another_log_is_refused() {
    let (one, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("other"));
    for folder in [&one, &other] {
        assert_eq!(Ledger::start(folder.path()).stop(), Some(0));
    }
    let file = |folder: &tempfile::TempDir| sqlite(&folder.path().join("log.sqlite"));
    refused(&file(&one), &file(&other), "copy into an empty store");
    let database = TestDatabase::create().expect("a database");
    copied(&file(&one), &database.url());
    refused(&file(&other), &database.url(), "copy into an empty store");
}

#[test]
fn a_copy_beside_a_running_server_says_what_will_be_missing() {
    let (folder, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("other"));
    let ledger = Ledger::start(folder.path());
    let original = sqlite(&folder.path().join("log.sqlite"));
    let copied = |ledger_runs: bool| {
        let output = copied(&original, &sqlite(&other.path().join("log.sqlite")));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.contains("is not in the copy"), ledger_runs, "{said}");
    };
    copied(true);
    assert_eq!(ledger.stop(), Some(0));
    copied(false);
}

#[tokio::test]
async fn a_copy_that_has_gone_on_is_refused_and_serves_as_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.earns("ann", 500, "B-1").await;
    assert_eq!(ledger.stop(), Some(0));
    let original = sqlite(&folder.path().join("log.sqlite"));
    let database = TestDatabase::create().expect("a database");
    copied(&original, &database.url());
    let ledger = Ledger::start_on(&database.url(), folder.path(), &[]);
    copied(&original, &database.url());
    ledger.client.earns("ann", 500, "B-2").await;
    refused(&original, &database.url(), "is not the original's");
    ledger.client.earns("ann", 500, "B-3").await;
    assert_eq!(ledger.stop(), Some(0), "{}", crate::ledger::said(folder.path()));
}

fn copy(from: &str, to: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["copy-log", from, to]);
    command
}

fn copied(from: &str, to: &str) -> Output {
    let output = ends(copy(from, to));
    assert!(output.status.success(), "{output:?}");
    output
}

fn refused(from: &str, to: &str, why: &str) {
    let output = ends(copy(from, to));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(why), "{said}");
}

fn sqlite(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

fn url(store: &str) -> StoreUrl {
    store.parse().expect("a URL")
}
