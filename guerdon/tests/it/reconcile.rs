//! `guerdon audit reconcile` beside running ledgers, and what the server has reconciled by itself:
//! each planted difference is named, and a clean run under load has none.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use services::{TestDatabase, shared_kafka};

use crate::ledger::load::Load;
use crate::ledger::{Api, Ledger, PATIENCE, ends, until};
use crate::topic::shop::{kafka, own_topic, prepare, redeem};
use crate::topic::{say, until_published};

/// Where everything of a ledger is: in a folder, or in a database with a folder beside it.
struct Home {
    folder: tempfile::TempDir,
    database: Option<TestDatabase>,
}

/// What a reconciliation printed.
#[derive(Debug)]
struct Found {
    code: Option<i32>,
    differences: Vec<Value>,
    digests: Vec<Value>,
    outcome: Value,
}

impl Home {
    fn on_sqlite() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), database: None }
    }

    fn on_postgres() -> Self {
        let database = Some(TestDatabase::create().expect("a database"));
        let home = Self { folder: tempfile::tempdir().expect("a folder"), database };
        assert!(ends(home.tool(&["migrate"])).status.success());
        home
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn args(&self) -> Vec<String> {
        let Some(database) = &self.database else { return vec![] };
        let url = database.url();
        ["--store", &url, "--read-model", &url].map(str::to_owned).to_vec()
    }

    fn start(&self, more: &[String]) -> Ledger {
        let args = [self.args(), more.to_vec()].concat();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Ledger::start_with(self.path(), &args, &[])
    }

    fn tool(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
        command.args(args).args(self.args()).arg("--data-dir").arg(self.path());
        command
    }

    /// Runs the tool on a thread that may wait, beside whoever serves.
    async fn reconciled(&self, more: &[&str]) -> Found {
        let mut command = self.tool(&["audit", "reconcile", "--output", "json", "--quiet"]);
        command.args(more);
        let output = tokio::task::spawn_blocking(move || ends(command)).await.expect("it ends");
        Found::of(&output)
    }

    /// Changes something in the read tables or in the publisher's state.
    fn plants(&self, schema: &str, file: &str, change: &str) {
        match &self.database {
            Some(database) => {
                let change = format!("set search_path to {schema}; {change}");
                database.sql(&change).expect("planted");
            }
            None => {
                let database = rusqlite::Connection::open(self.path().join(file));
                let database = database.expect("it opens");
                database.busy_timeout(Duration::from_secs(5)).expect("patient");
                database.execute_batch(change).expect("planted");
            }
        }
    }

    fn plants_rows(&self, change: &str) {
        self.plants("guerdon_read_model", "read-model.sqlite", change);
    }

    fn plants_messages(&self, change: &str) {
        self.plants("guerdon_publisher", "publisher.sqlite", change);
    }
}

impl Found {
    fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let with = |field: &str| -> Vec<Value> {
            lines.iter().filter(|line| line.get(field).is_some()).cloned().collect()
        };
        Self {
            code: output.status.code(),
            differences: with("difference"),
            digests: with("sha256"),
            outcome: lines.last().cloned().unwrap_or_else(|| panic!("{output:?}")),
        }
    }

    #[track_caller]
    fn has_nothing(&self) {
        assert_eq!((self.code, &self.differences), (Some(0), &vec![]), "{}", self.outcome);
        for digest in &self.digests {
            assert_eq!(digest["sha256"], digest["sha256_of_log"], "{digest}");
        }
    }

    /// The one difference of a kind.
    #[track_caller]
    fn only(&self, kind: &str) -> &Value {
        let mut of_kind = self.differences.iter().filter(|it| it["difference"] == kind);
        match (of_kind.next(), of_kind.next()) {
            (Some(only), None) => only,
            _ => panic!("not one {kind}: {self:?}"),
        }
    }
}

async fn a_clean_run_under_load_and_planted_rows(home: Home) {
    let ledger = home.start(&[]);
    let load = Load::prepare(&ledger.client).await;
    let running = load.begin().await;
    let mut reached = vec![];
    for _ in 0..2 {
        let found = home.reconciled(&[]).await;
        found.has_nothing();
        reached.push(found.outcome["at"][0].as_str().expect("a position").to_owned());
    }
    let told = running.end().await;
    println!("{told}; reconciled at {}", reached.join(", "));
    assert!(told.answered > 0 && reached[0] != reached[1], "it went on meanwhile: {reached:?}");
    let found = home.reconciled(&["--with-state"]).await;
    found.has_nothing();
    assert_eq!(found.outcome["differences"], json!({"state": 0, "sums": 0, "tables": 0}));

    // A row changed, one missing, and one of an exchange that nobody made.
    let probe = ledger.client.earns("probe", 1, "probe").await;
    ledger.client.get_after(&probe, "auditor", "/v1/accounts/probe").await.is(200);
    home.plants_rows(
        "update account_balance set available = available + 5 where account_id = 'shopper-3'; \
         delete from credit_lot where account_id = 'probe'; \
         insert into exchange (place, account_id, exchange_id, offer_id, product_id, quantity, unit, \
         points, cancelled_quantity, refunded_points, recorded_at) \
         select 281474976710000, account_id, 'x-planted', offer_id, product_id, quantity, unit, \
         points, cancelled_quantity, refunded_points, recorded_at from exchange order by place \
         limit 1",
    );
    let found = home.reconciled(&[]).await;
    assert_eq!(found.code, Some(3));
    let changed = found.only("row-changed");
    assert_eq!(
        (&changed["place"], &changed["column"]),
        (&json!("account_balance"), &json!("available"))
    );
    assert_eq!(changed["row"], "account_id=shopper-3");
    let number =
        |field: &str| -> i64 { changed[field].as_str().expect("text").parse().expect("number") };
    assert_eq!(number("there"), number("log") + 5);
    let missing = found.only("row-missing");
    assert_eq!(missing["place"], "credit_lot");
    assert!(
        missing["log"].as_str().is_some_and(|row| row.contains("account_id=probe")),
        "{missing}"
    );
    let unexpected = found.only("row-unexpected");
    assert_eq!(unexpected["row"], "place=0:281474976710000");
    assert_eq!(found.outcome["differences"], json!({"sums": 0, "tables": 3}));
    assert_eq!(ledger.stop(), Some(0));
    assert!(ends(home.tool(&["rebuild"])).status.success());
    home.reconciled(&[]).await.has_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_planted_are_named_and_a_clean_run_under_load_has_none() {
    a_clean_run_under_load_and_planted_rows(Home::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_planted_are_named_and_a_clean_run_under_load_has_none_on_postgres() {
    a_clean_run_under_load_and_planted_rows(Home::on_postgres()).await;
}

async fn messages_on_a_broker(home: Home) {
    let (brokers, topic) = (shared_kafka().expect("a broker"), own_topic());
    let ledger = home.start(&kafka(&brokers, &topic));
    let api = &ledger.client;
    prepare(api).await;
    // While messages go out, those that are on their way are no difference.
    redeem(api, "mug", 0, 20).await;
    home.reconciled(&[]).await.has_nothing();
    redeem(api, "mug", 20, 20).await;
    let sent = until_published(&brokers, &topic, 40).await;
    let found = until_acknowledged(&home, 40).await;
    found.has_nothing();
    assert_eq!(
        found.outcome["messages"],
        json!({"messages": 40, "acknowledged": 40, "waiting": 0})
    );

    // A parcel that nobody asked for: the warehouse tells of it, and it is parked.
    let unasked = sent[0].id().replace(&sent[0].id()[..8], "00000000");
    let dispatched = json!({
        "shipping_request_id": unasked, "event": "dispatched", "carrier": "post",
        "express_no": "1Z",
    });
    let events = format!("{topic}-events");
    say(&brokers, &events, &[(unasked.as_str(), dispatched.to_string().as_str())]);
    until(api, "/v1/parked-messages", |page| {
        page["items"].as_array().is_some_and(|items| items.len() == 1)
    })
    .await;
    let parked = home.reconciled(&[]).await;
    let named = parked.only("message-parked");
    assert_eq!((parked.code, &named["place"]), (Some(3), &json!(events)));
    assert_eq!(parked.outcome["differences"]["messages"], 1);
    assert_eq!(ledger.stop(), Some(0));

    // A message that the state says was acknowledged and the log doesn't have; and one that the
    // feed passed over: its lane is acknowledged up to the message before it.
    let lane = |sequence: i64| {
        let of = sent.iter().find(|it| it.sequence() == sequence);
        of.expect("sixteen lanes have forty messages").header("lane").to_owned()
    };
    let (passed_over, replaced) = (lane(2), sent.iter().map(|it| it.header("lane").to_owned()));
    let replaced = replaced.into_iter().find(|lane| *lane != passed_over).expect("another lane");
    home.plants_messages(&format!(
        "update lane set sequence = sequence - 1, place = place - 1, message_id = '' \
         where lane = '{passed_over}'; \
         update lane set message_id = 'another', digest = 'another' where lane = '{replaced}'"
    ));
    let found = home.reconciled(&[]).await;
    let unsent = found.only("message-unsent");
    assert_eq!(unsent["place"], passed_over);
    let last = sent.iter().filter(|it| it.header("lane") == passed_over);
    let last = last.max_by_key(|it| it.sequence()).expect("some");
    assert_eq!(unsent["row"], last.id());
    let unasked = found.only("message-unasked");
    assert_eq!((&unasked["place"], &unasked["row"]), (&json!(replaced), &json!("another")));
    assert_eq!(found.outcome["differences"]["messages"], 3);
    assert_eq!(found.outcome["differences"]["tables"], 0);

    // One that isn't sent and not late is on its way; once it is late, it is named.
    let ledger = home.start(&[]);
    redeem(&ledger.client, "mug", 40, 1).await;
    let probe = ledger.client.earns("probe", 1, "probe").await;
    ledger.client.get_after(&probe, "auditor", "/v1/accounts/probe").await.is(200);
    let found = home.reconciled(&[]).await;
    assert_eq!(found.outcome["messages"]["waiting"], 1, "{found:?}");
    let found = home.reconciled(&["--sent-within", "0s"]).await;
    assert_eq!(found.outcome["messages"]["waiting"], 0, "{found:?}");
    assert_eq!(found.outcome["differences"]["messages"], 4);
    assert_eq!(ledger.stop(), Some(0));
}

/// The publisher stores some times a second what is acknowledged.
async fn until_acknowledged(home: &Home, count: u64) -> Found {
    let begun = Instant::now();
    loop {
        let found = home.reconciled(&[]).await;
        if found.outcome["messages"]["acknowledged"] == count {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{found:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_kafka_lacks_or_that_nobody_asked_for_are_named() {
    messages_on_a_broker(Home::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_kafka_lacks_or_that_nobody_asked_for_are_named_on_postgres() {
    messages_on_a_broker(Home::on_postgres()).await;
}

async fn bought(api: &Api, purchase: &str, amount: u64, points: u64) -> String {
    let body = json!({
        "lines": [{"product_id": "tv", "quantity": 1, "amount": amount}], "points": points,
    });
    let path = format!("/v1/accounts/ann/purchases/{purchase}");
    let answer = api.put("merchant", &path, body).await;
    answer.is(201);
    answer.position.expect("a position")
}

async fn files_of_others(home: Home) {
    let ledger = home.start(&[]);
    let api = &ledger.client;
    for (purchase, amount) in [("B-1", 100), ("B-2", 200), ("B-3", 300), ("B-4", 400)] {
        bought(api, purchase, amount, amount / 10).await;
    }
    let file = home.path().join("purchases.csv");
    let purchases = file.to_str().expect("a path");
    let write = |lines: &[&str]| std::fs::write(&file, lines.join("\n")).expect("written");
    let all = [
        "purchase_id,account_id,amount,points",
        "B-1,ann,100,10",
        "B-2,ann,200,20",
        "B-3,ann,300,30",
        "B-4,ann,400,",
    ];
    // Reads by other processes come after the projection.
    let probe = api.earns("ann", 1, "probe").await;
    api.get_after(&probe, "auditor", "/v1/accounts/ann").await.is(200);
    write(&all);
    let found = home.reconciled(&["--purchases", purchases]).await;
    found.has_nothing();
    assert_eq!(found.outcome["purchases"]["in_file"], 4);
    let planted = ["B-2,ann,250,20", "B-3,ann,300,31", "B-3,ann,300,30", "B-9,ann,1,0"];
    write(&[&all[..2], &planted[..]].concat());
    let found = home.reconciled(&["--purchases", purchases]).await;
    assert_eq!(found.code, Some(3));
    let named: Vec<Value> = found
        .differences
        .iter()
        .map(|it| json!([it["difference"], it["row"], it["line"], it["column"], it["log"]]))
        .collect();
    assert_eq!(
        json!(named),
        json!([
            ["purchase-doubled", "ann/B-3", 5, null, null],
            ["purchase-differs", "ann/B-2", 3, "amount", "200"],
            ["purchase-differs", "ann/B-3", 4, "points", "30"],
            ["purchase-not-in-file", "ann/B-4", null, null, "amount 400, 40 points"],
            ["purchase-not-in-ledger", "ann/B-9", 6, null, null],
        ])
    );
    let of_no_time = ["--purchases", purchases, "--purchases-until", "2020-01-01T00:00:00Z"];
    let found = home.reconciled(&of_no_time).await;
    assert_eq!(found.outcome["differences"]["purchases"], 4, "B-4 was bought later");
    write(&["purchase_id,account_id,amount", "B-1,ann,ten"]);
    let mut command = home.tool(&["audit", "reconcile", "--purchases", purchases]);
    command.arg("--quiet");
    let refused = ends(command);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("purchases.csv:2: amount is \"ten\""), "{said}");

    // Parcels.
    let offer = json!({"product_id": "mug", "price": 1, "stock": null, "warehouse": "main"});
    api.put("operator", "/v1/offers/mug", offer).await.is(201);
    let order = json!({"offer_id": "mug", "quantity": 3, "deliver_to": "1 Elm Street"});
    let mut requests = vec![];
    for exchange in ["x-1", "x-2"] {
        let path = format!("/v1/accounts/ann/exchanges/{exchange}");
        let redeemed = api.put("shopper", &path, order.clone()).await;
        redeemed.is(201);
        let place = redeemed.position.expect("a position").replace(':', "-");
        requests.push(format!("{}-1-{place}", found.outcome["log_id"].as_str().expect("an id")));
    }
    for (request, box_id, quantity) in
        [(&requests[0], "box-1", 1), (&requests[0], "box-2", 2), (&requests[1], "box-1", 3)]
    {
        let body = json!({
            "lines": [{"product_id": "mug", "quantity": quantity}], "carrier": "post",
            "express_no": "1Z",
        });
        let path = format!("/v1/shipping-requests/{request}/dispatches/{box_id}");
        api.put("warehouse", &path, body).await.is(201);
    }
    let probe = api.earns("ann", 1, "probe-2").await;
    api.get_after(&probe, "auditor", "/v1/accounts/ann").await.is(200);
    let [first, second] = &requests[..] else { panic!("two: {requests:?}") };
    let file = home.path().join("parcels.csv");
    let parcels = file.to_str().expect("a path");
    let header = "shipping_request_id,dispatch_id,product_id,quantity";
    let write = |lines: &[String]| {
        std::fs::write(&file, format!("{header}\n{}\n", lines.join("\n"))).expect("written");
    };
    let line = |request: &str, rest: &str| format!("{request},{rest}");
    write(&[
        line(first, "box-1,mug,1"),
        line(first, "box-2,mug,1"),
        line(first, "box-2,mug,1"),
        line(second, "box-1,mug,3"),
    ]);
    let found = home.reconciled(&["--parcels", parcels]).await;
    found.has_nothing();
    assert_eq!(found.outcome["parcels"]["in_file"], 3);
    let unasked = first.replace(&first[..8], "00000000");
    write(&[
        line(first, "box-1,mug,2"),
        line(first, "box-7,mug,1"),
        line(second, "box-1,mug,3"),
        line(&unasked, "box-1,mug,1"),
    ]);
    let found = home.reconciled(&["--parcels", parcels, "--warehouse", "main"]).await;
    let named: Vec<Value> = found
        .differences
        .iter()
        .map(|it| json!([it["difference"], it["row"], it["line"], it["log"], it["there"]]))
        .collect();
    assert_eq!(
        json!(named),
        json!([
            ["parcel-differs", format!("{first}/box-1"), 2, "1 mug", "2 mug"],
            ["parcel-not-in-file", format!("{first}/box-2"), null, "2 mug", null],
            ["parcel-not-in-ledger", format!("{first}/box-7"), 3, null, "1 mug"],
            ["parcel-unasked", format!("{unasked}/box-1"), 5, "nobody asked for it", null],
        ])
    );
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchants_and_a_warehouses_file_are_compared_line_by_line() {
    files_of_others(Home::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchants_and_a_warehouses_file_are_compared_line_by_line_on_postgres() {
    files_of_others(Home::on_postgres()).await;
}

async fn in_the_background(home: Home) {
    let every = ["--reconcile-every", "1s", "--reconcile-share", "50"].map(str::to_owned);
    let ledger = home.start(&every);
    let api = &ledger.client;
    api.earns("ann", 500, "B-1").await;
    let found = |health: &Value, status: &str| health["reconciliation"]["status"] == status;
    let health = until(api, "/health/ready", |health| found(health, "equal")).await;
    assert_eq!((&health["status"], &health["degraded"]), (&json!("ready"), &json!([])));
    assert_eq!(health["reconciliation"]["differences"], 0);
    home.plants_rows("update account_balance set available = 7 where account_id = 'ann'");
    let health = until(api, "/health/ready", |health| found(health, "differs")).await;
    assert_eq!(health["reconciliation"]["differences"], 1);
    assert_eq!((&health["status"], &health["degraded"]), (&json!("ready"), &json!([])));
    let metrics = api.request("GET", "/metrics", "auditor").send().await.expect("answered");
    let metrics = metrics.text().await.expect("text");
    let series = "guerdon_reconciliation_differences{part=\"tables\"} 1\n";
    assert!(metrics.contains(series), "{metrics}");
    assert!(metrics.contains("guerdon_reconciliation_interval_seconds 1.0\n"), "{metrics}");
    assert!(metrics.contains("guerdon_reconciliation_failures_total 0\n"), "{metrics}");
    // Who may know no causes learns that it differs, and from the log no account.
    assert!(!crate::ledger::said(home.path()).contains("account_id"));
    assert!(crate::ledger::said(home.path()).contains("isn't what the log gives"));
    assert_eq!(ledger.stop(), Some(0), "also while one is under way");
    // The next start knows what was found.
    let ledger = home.start(&["--reconcile-every".to_owned(), "24h".to_owned()]);
    let health = ledger.client.get("operator", "/health/ready").await.is(200);
    assert!(found(&health, "differs"), "{health}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_reconciles_by_itself_and_shows_what_it_found() {
    in_the_background(Home::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_reconciles_by_itself_and_shows_what_it_found_on_postgres() {
    in_the_background(Home::on_postgres()).await;
}

#[test]
fn people_get_tables_with_a_header_and_a_sentence() {
    let home = Home::on_sqlite();
    let ledger = home.start(&[]);
    assert_eq!(ledger.stop(), Some(0));
    let output = ends(home.tool(&["audit", "reconcile"]));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(text.starts_with("table "), "{text}");
    assert!(text.contains("\ndifferences: sums 0, tables 0"), "{text}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("folded afresh beside it; nothing is changed"), "{said}");
}
