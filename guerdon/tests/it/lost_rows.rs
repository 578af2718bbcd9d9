//! Read tables that go back while the log and the publisher's state go on: a PostgreSQL was killed,
//! and took the last batches with it that nobody had waited for; or the power went, and a SQLite
//! file had its last commits in the system's memory only. Nobody redeems twice, reads wait for what
//! they were told, every warehouse hears of every request once and under one id, and the tables are
//! those that the log makes.
//!
//! Two losses on either database; `GUERDON_KILLS` says another number, `cargo xtask faults` 20.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use read_model::{ReadModel, ReadModelUrl, dump};
use services::{Stop, shared_kafka};

use crate::ledger::server::{DATABASE, Server};
use crate::ledger::tool::{guerdon, succeeds};
use crate::ledger::{Ledger, PATIENCE, until};
use crate::topic::shop::{all_are_there_once, kafka, own_topic, prepare, redeem, start};
use crate::topic::until_published;

/// How many redemptions there are between two losses, and how many are lost of the tables.
const KEPT: usize = 10;
const LOST: usize = 20;

const TABLES: &str = "read-model.sqlite";

fn kills() -> usize {
    #[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
    let kills = std::env::var("GUERDON_KILLS").ok().and_then(|kills| kills.parse().ok());
    kills.unwrap_or(2)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_twice_or_left_out_after_a_postgres_lost_the_last_rows() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(&["wal_buffers=64MB", "autovacuum=off"]);
    let url = server.url(DATABASE);
    let tables: ReadModelUrl = url.parse().expect("a URL");
    let migrate = ["migrate", "--read-model", &url, "--publisher-state", &url];
    succeeds(guerdon(folder.path(), &migrate));
    let mut args = kafka(&brokers, &topic);
    args.extend(["--read-model".to_owned(), url.clone()]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut ledger = Ledger::start_with(folder.path(), &args, &[]);
    prepare(&ledger.client).await;
    let mut asked = BTreeSet::new();
    for kill in 0..kills() {
        let from = kill * (KEPT + LOST);
        asked.extend(redeem(&ledger.client, "mug", from, KEPT).await);
        until_published(&brokers, &topic, asked.len()).await;
        server.sql(DATABASE, "checkpoint").expect("written");
        server.hold_back_commits().expect("held");
        asked.extend(redeem(&ledger.client, "mug", from + KEPT, LOST).await);
        until_published(&brokers, &topic, asked.len()).await;
        let last = ledger.client.earns("shopper-0", 1, &format!("after-{kill}")).await;
        ledger.client.get_after(&last, "auditor", "/v1/accounts/shopper-0").await.is(200);
        if kill % 2 == 0 {
            kill_and_restart(&mut server);
        } else {
            // Then nobody remembers how far the tables were but the publisher's state.
            ledger.kill();
            kill_and_restart(&mut server);
            ledger = Ledger::start_with(folder.path(), &args, &[]);
        }
        ledger.client.get_after(&last, "auditor", "/v1/accounts/shopper-0").await.is(200);
        // That may come from memory; this is of the tables.
        ledger.client.get_after(&last, "auditor", "/v1/totals").await.is(200);
        publishes(&ledger).await;
    }
    all_are_there_once(&brokers, &topic, &asked).await;
    assert_eq!(ledger.stop(), Some(0));
    is_as_rebuilt(folder.path(), &tables, &["--read-model", &url]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_twice_or_left_out_after_a_file_lost_its_last_commits() {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = start(folder.path(), &brokers, &topic, &[]);
    prepare(&ledger.client).await;
    let mut asked = BTreeSet::new();
    for kill in 0..kills() {
        let from = kill * (KEPT + LOST);
        asked.extend(redeem(&ledger.client, "mug", from, KEPT).await);
        until_published(&brokers, &topic, asked.len()).await;
        ledger.kill();
        let kept = tempfile::tempdir().expect("a folder");
        copy_tables(folder.path(), kept.path());
        ledger = start(folder.path(), &brokers, &topic, &[]);
        asked.extend(redeem(&ledger.client, "mug", from + KEPT, LOST).await);
        until_published(&brokers, &topic, asked.len()).await;
        let last = ledger.client.earns("shopper-0", 1, &format!("after-{kill}")).await;
        ledger.client.get_after(&last, "auditor", "/v1/accounts/shopper-0").await.is(200);
        ledger.kill();
        copy_tables(kept.path(), folder.path());
        ledger = start(folder.path(), &brokers, &topic, &[]);
        ledger.client.get_after(&last, "auditor", "/v1/accounts/shopper-0").await.is(200);
        publishes(&ledger).await;
    }
    all_are_there_once(&brokers, &topic, &asked).await;
    assert_eq!(ledger.stop(), Some(0));
    let tables = ReadModelUrl::Sqlite(folder.path().join(TABLES));
    is_as_rebuilt(folder.path(), &tables, &[]).await;
}

fn kill_and_restart(server: &mut Server) {
    server.stop(Stop::Kill).expect("killed");
    server.restart().expect("it starts again");
}

/// The file with what belongs to it, as it is now, in the place of what is there.
fn copy_tables(from: &Path, to: &Path) {
    for name in ["", "-wal", "-shm"].map(|end| format!("{TABLES}{end}")) {
        drop(fs::remove_file(to.join(&name)));
        if from.join(&name).exists() {
            fs::copy(from.join(&name), to.join(&name)).expect("copied");
        }
    }
}

/// Waits until nothing is held up, and no warehouse waits for an operator.
async fn publishes(ledger: &Ledger) {
    // Its state was on the server that was killed, so it may have to connect anew.
    let begun = Instant::now();
    while ledger.client.get("operator", "/v1/publisher").await.status == 503 {
        assert!(begun.elapsed() < PATIENCE, "the publisher stays away");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let is_well = |report: &serde_json::Value| {
        let warehouses = report["warehouses"].as_array().map(Vec::as_slice).unwrap_or_default();
        report["status"] == "publishing"
            && warehouses.iter().all(|warehouse| warehouse["status"] == "publishing")
    };
    until(&ledger.client, "/v1/publisher", is_well).await;
}

/// The tables are those that the log makes anew.
async fn is_as_rebuilt(folder: &Path, tables: &ReadModelUrl, args: &[&str]) {
    let rows = async || {
        let model = ReadModel::open(tables, None).await.expect("it opens");
        let rows = dump(&model).await.expect("read");
        model.close().await;
        rows
    };
    let live = rows().await;
    succeeds(guerdon(folder, &[&["rebuild"], args].concat()));
    assert_eq!(live, rows().await);
}
