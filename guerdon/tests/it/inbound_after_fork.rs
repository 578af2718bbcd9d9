//! A backup of the log is restored and the log forked: what came in since the backup is lost in the
//! log, and still in Kafka.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use services::shared_kafka;
use tempfile::TempDir;

use crate::ledger::tool::{guerdon, succeeds};
use crate::ledger::{Ledger, PATIENCE, said};
use crate::topic::shop::{own_topic, prepare, redeem, start};
use crate::topic::{Record, say, until_published};

/// How many earnings come before the backup, and as many after it.
const EARNINGS: usize = 100;

fn say_earned(brokers: &str, topic: &str, purchases: std::ops::Range<usize>) {
    let earned = purchases.map(|number| {
        let account = format!("zoe-{}", number % 10);
        let cause = json!({"kind": "purchase", "id": format!("b-{number}")});
        let body = json!({"account_id": account, "points": 1, "cause": cause}).to_string();
        (account, body)
    });
    let earned: Vec<(String, String)> = earned.collect();
    let said: Vec<(&str, &str)> =
        earned.iter().map(|(account, body)| (account.as_str(), body.as_str())).collect();
    say(brokers, topic, &said);
}

/// How much was earned, and how many requests are accepted.
async fn taken_in(ledger: &Ledger) -> (u64, usize) {
    let mut earned = 0;
    for number in 0..10 {
        let zoe = ledger.client.get("operator", &format!("/v1/accounts/zoe-{number}")).await;
        earned += zoe.body["available"].as_u64().unwrap_or_default();
    }
    let accepted = ledger.client.list("operator", "/v1/shipping-requests?status=accepted").await;
    (earned, accepted.len())
}

async fn until_taken_in(ledger: &Ledger, wanted: (usize, usize)) {
    let (begun, points) = (Instant::now(), u64::try_from(wanted.0).expect("it fits"));
    loop {
        let found = taken_in(ledger).await;
        if found == (points, wanted.1) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{found:?} of {wanted:?} are taken in");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The files of the log, with their bytes.
fn log_files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let names = ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm"];
    let files = names.map(|name| folder.join(name)).into_iter().filter(|file| file.exists());
    files.map(|file| (file.clone(), fs::read(&file).expect("read"))).collect()
}

/// The present time, as an operator writes it.
fn now() -> String {
    let now = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.%3NZ"]).output().expect("date");
    String::from_utf8(now.stdout).expect("UTF-8").trim().to_owned()
}

/// A ledger whose backup was restored, and whose fork was declared.
struct Restored {
    folder: TempDir,
    brokers: String,
    topic: String,
    /// When the backup was taken.
    taken_at: String,
}

impl Restored {
    /// Takes a backup, lets more come in, and restores the backup.
    async fn new() -> Self {
        let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = start(folder.path(), &brokers, &topic, &[]);
        prepare(&ledger.client).await;
        redeem(&ledger.client, "mug", 0, 3).await;
        let requests = until_published(&brokers, &topic, 3).await;
        let earnings = format!("{topic}-earnings");
        say_earned(&brokers, &earnings, 0..EARNINGS);
        until_taken_in(&ledger, (EARNINGS, 0)).await;
        assert_eq!(ledger.stop(), Some(0));
        let backup = log_files(folder.path());
        let taken_at = now();

        let ledger = start(folder.path(), &brokers, &topic, &[]);
        say_earned(&brokers, &earnings, EARNINGS..2 * EARNINGS);
        let accepted = |request: &Record| {
            json!({"shipping_request_id": request.id(), "event": "accepted"}).to_string()
        };
        let accepted: Vec<String> = requests.iter().map(accepted).collect();
        let ids = requests.iter().map(Record::id);
        let accepted: Vec<(&str, &str)> = ids.zip(accepted.iter().map(String::as_str)).collect();
        say(&brokers, &format!("{topic}-events"), &accepted);
        until_taken_in(&ledger, (2 * EARNINGS, 3)).await;
        assert_eq!(ledger.stop(), Some(0));

        let files = log_files(folder.path());
        files.iter().for_each(|(file, _)| fs::remove_file(file).expect("removed"));
        backup.iter().for_each(|(file, bytes)| fs::write(file, bytes).expect("restored"));
        succeeds(guerdon(folder.path(), &["fork-log", "--reason", "the disk died"]));
        succeeds(guerdon(folder.path(), &["rebuild"]));
        Self { folder, brokers, topic, taken_at }
    }

    fn start(&self, more: &[&str]) -> Ledger {
        start(self.folder.path(), &self.brokers, &self.topic, more)
    }

    /// Starts, and gives how many messages of the earnings and of the warehouses are read again
    /// until all that came in is there; then nothing more is.
    async fn reads_again(&self, more: &[&str]) -> [u64; 2] {
        let begun = Instant::now();
        let ledger = self.start(more);
        until_taken_in(&ledger, (2 * EARNINGS, 3)).await;
        println!("what came in since the backup is there {:.1?} after the start", begun.elapsed());
        let told = ledger.client.get("operator", "/health/ready").await.body["publisher"].clone();
        let again = |topic: &str| -> u64 {
            let of_topic = |found: &&Value| found["topic"] == topic;
            let found = told["read_again"].as_array().into_iter().flatten().find(of_topic);
            let found = found.unwrap_or_else(|| panic!("nothing of {topic} in {told}"));
            assert_eq!(found["left"], 0, "{told}");
            found["messages"].as_u64().expect("a number")
        };
        let (earnings, events) = (format!("{}-earnings", self.topic), self.topic.clone());
        let found = [again(&earnings), again(&format!("{events}-events"))];
        assert!(said(self.folder.path()).contains("messages are read again"));
        assert_eq!(ledger.stop(), Some(0));
        self.goes_on(more).await;
        found
    }

    /// Another start reads only what is new.
    async fn goes_on(&self, more: &[&str]) {
        let ledger = self.start(more);
        let earnings = format!("{}-earnings", self.topic);
        say_earned(&self.brokers, &earnings, 2 * EARNINGS..2 * EARNINGS + 10);
        until_taken_in(&ledger, (2 * EARNINGS + 10, 3)).await;
        let health = ledger.client.get("operator", "/health/ready").await.body;
        assert!(health["publisher"]["read_again"].is_null(), "{health}");
        let parked = ledger.client.list("operator", "/v1/parked-messages").await;
        assert!(parked.is_empty(), "{parked:?}");
        assert_eq!(ledger.stop(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_in_since_a_backup_is_read_again_after_it_is_restored() {
    assert_eq!(Restored::new().await.reads_again(&[]).await, [200, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_again_begins_at_the_time_that_an_operator_says() {
    let restored = Restored::new().await;
    let since = ["--reread-from", restored.taken_at.as_str()];
    assert_eq!(restored.reads_again(&since).await, [100, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_lost_its_state_with_the_disk_reads_again_too() {
    let restored = Restored::new().await;
    for name in ["publisher.sqlite", "publisher.sqlite-wal", "publisher.sqlite-shm"] {
        let file = restored.folder.path().join(name);
        assert!(!file.exists() || fs::remove_file(file).is_ok());
    }
    assert_eq!(restored.reads_again(&[]).await, [200, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_is_killed_while_it_reads_again_loses_nothing() {
    let restored = Restored::new().await;
    let ledger = restored.start(&[]);
    let begun = Instant::now();
    while !said(restored.folder.path()).contains("messages are read again") {
        assert!(begun.elapsed() < PATIENCE, "nothing is read again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ledger.kill();
    let ledger = restored.start(&[]);
    until_taken_in(&ledger, (2 * EARNINGS, 3)).await;
    assert_eq!(ledger.stop(), Some(0));
    restored.goes_on(&[]).await;
}
