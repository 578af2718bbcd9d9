//! `guerdon adopt`: another system's balances, tiers and open exchanges, adopted once however often
//! it runs, and compared.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ledger::{Ledger, PATIENCE, ends};

const LATER: &str = "2100-01-01T00:00:00Z";

/// Ann has two lots of points and one of miles, bob one that matures later, and cleo nothing.
const LOTS: &str = "row_id,account_id,unit,points,available_at,expires_at,earned_at
77,ann,,500,,2100-01-01T00:00:00Z,2024-05-01T10:00:00Z
78,ann,points,40,,,
79,ann,miles,7,,,
80,bob,,30,2099-01-01T00:00:00Z,,
";

const EXCHANGES: &str = "exchange_id,account_id,offer_id,quantity,prices,deliver_to,expires_at
old-1,ann,mug,2,points:600;miles:6,1 Elm Street,
old-2,dan,book,1,100,2 Oak Street,2100-01-01T00:00:00Z
";

/// As the old system shows them; what is in an open exchange has been spent.
const BALANCES: &str = "account_id,unit,available,pending
ann,,540,0
ann,miles,7,
bob,points,0,30
cleo,,0,
dan,,0,
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn balances_tiers_and_open_exchanges_are_adopted_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = programme(folder.path()).await;
    let api = &ledger.client;
    write(folder.path(), "lots.csv", LOTS);
    write(folder.path(), "exchanges.csv", EXCHANGES);
    write(folder.path(), "balances.csv", BALANCES);
    let until = in_a_year();
    let tiers = format!("row_id,account_id,ladder,tier,until\n5,cleo,status,gold,{until}\n");
    write(folder.path(), "tiers.csv", &tiers);
    let all = ["tiers", "exchanges", "lots", "compare"];

    let first = adopt(&ledger, folder.path(), &all);
    assert_eq!(first.status.code(), Some(0), "{first:?}");
    let first = report(&first);
    for (kind, count) in [("tiers", 1), ("exchanges", 2), ("lots", 4)] {
        assert_eq!(first[kind], json!({"adopted": count, "repeated": 0, "refused": 0}), "{kind}");
    }
    assert_eq!(first["points"], json!({"miles": 7, "points": 570}));
    let compared = json!({"accounts": 4, "amounts": 7, "differences": [], "elsewhere": {}});
    assert_eq!(first["compared"], compared);

    let lots = api.list("auditor", "/v1/accounts/ann/lots").await;
    let lots: Vec<Value> = lots
        .iter()
        .filter(|lot| lot["available"] != json!(0))
        .map(|lot| json!([lot["cause"]["id"], lot["available"], lot["expires_at"]]))
        .collect();
    assert!(lots.contains(&json!(["adopted-77", 500, LATER])), "{lots:?}");
    assert!(lots.contains(&json!(["adopted-78", 40, null])), "{lots:?}");
    let exchange = api.get("shopper", "/v1/accounts/ann/exchanges/old-1").await.is(200);
    let prices = json!([{"unit": "points", "points": 600}, {"unit": "miles", "points": 6}]);
    assert_eq!((&exchange["prices"], &exchange["status"]), (&prices, &json!("created")));
    let requests = api.list("warehouse", "/v1/shipping-requests").await;
    assert_eq!(requests.len(), 2, "the goods are asked for");
    let cleo = api.get("auditor", "/v1/accounts/cleo").await.is(200);
    assert_eq!(cleo["tiers"]["status"]["tier"], "gold");
    let ann = api.get("auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ann["tiers"]["status"]["counted"], 0, "nobody earned it here");

    let totals = api.get("auditor", "/v1/totals").await.is(200);
    let second = report(&adopt(&ledger, folder.path(), &all));
    for (kind, count) in [("tiers", 1), ("exchanges", 2), ("lots", 4)] {
        assert_eq!(second[kind], json!({"adopted": 0, "repeated": count, "refused": 0}), "{kind}");
    }
    assert_eq!(api.get("auditor", "/v1/totals").await.is(200), totals, "nothing was recorded");

    // What is cancelled comes back to its own lot.
    let cancel = "/v1/accounts/dan/exchanges/old-2/cancellations/c-1";
    let cancelled = api.put("operator", cancel, json!({})).await;
    let position = cancelled.position.clone().expect("a position");
    let dan = api.get_after(&position, "auditor", "/v1/accounts/dan/lots").await.is(200);
    assert_eq!(dan["items"][0]["expires_at"], LATER);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_two_systems_say_differently_is_named_by_account_and_unit() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = programme(folder.path()).await;
    write(folder.path(), "lots.csv", LOTS);
    write(folder.path(), "balances.csv", BALANCES);
    let same = adopt(&ledger, folder.path(), &["lots", "compare"]);
    assert_eq!(same.status.code(), Some(0), "{same:?}");
    // The old system goes on, and the ledger, too.
    let earned = ledger.client.earns("bob", 5, "B-1").await;
    let elsewhere = ledger.client.earns("eve", 11, "B-2").await;
    ledger.client.get_after(&elsewhere, "auditor", "/v1/accounts/eve").await.is(200);
    let changed = BALANCES.replace("ann,,540,0", "ann,,541,0").replace("ann,miles,7,\n", "");
    write(folder.path(), "balances.csv", &changed);
    let differs = adopt(&ledger, folder.path(), &["compare"]);
    assert_eq!(differs.status.code(), Some(3), "{differs:?}");
    let compared = &report(&differs)["compared"];
    let difference = |account: &str, unit: &str, old: u64, ledger: u64| {
        json!({
            "account_id": account, "unit": unit, "what": "available", "old_system": old,
            "ledger": ledger,
        })
    };
    let expected = [
        difference("ann", "miles", 0, 7),
        difference("ann", "points", 541, 540),
        difference("bob", "points", 0, 5),
    ];
    assert_eq!(compared["differences"], json!(expected));
    assert_eq!(compared["elsewhere"], json!({"points": 11}), "of eve");
    let told = String::from_utf8_lossy(&differs.stderr).into_owned();
    assert!(told.contains("the two systems differ"), "{told}");
    // The file of before agrees with what there was before.
    let place: log_record::Place = earned.parse().expect("a place");
    let before = format!("0:{}", place.position.0 - 1);
    write(folder.path(), "balances.csv", BALANCES);
    let mut as_of = command(&ledger, folder.path(), &["compare"]);
    as_of.args(["--at", &before]);
    let as_of = ends(as_of);
    assert_eq!(as_of.status.code(), Some(0), "{as_of:?}");
    assert_eq!(report(&as_of)["compared"]["at"], before);
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_named_by_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = programme(folder.path()).await;
    let api = &ledger.client;
    // Nothing is sent while a file can't be read.
    write(folder.path(), "lots.csv", "row_id,account_id,points\n1,ann,5\n2,ann,x\n1,bob,5\n");
    write(folder.path(), "balances.csv", "account_id,available\nann,5\nann,6\n");
    let malformed = adopt(&ledger, folder.path(), &["lots", "compare"]);
    assert_eq!(malformed.status.code(), Some(1), "{malformed:?}");
    let told = String::from_utf8_lossy(&malformed.stderr).into_owned();
    for part in [
        "lots.csv, line 3: points is \"x\", and can't be read",
        "lots.csv, line 4: 1 already stands in line 2",
        "balances.csv, line 3: ann points already stands in line 2",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    api.get("auditor", "/v1/accounts/ann").await.is_problem(404, "not-found");

    // What the ledger refuses is named, and the rest is adopted.
    let lots = "row_id,account_id,points,unit,expires_at\n1,ann,5,,\n2,ann,5,gems,\n\
                3,bob,5,,2020-01-01T00:00:00Z\n4,bob,6,,\n";
    write(folder.path(), "lots.csv", lots);
    let exchanges = "exchange_id,account_id,offer_id,quantity,prices,deliver_to\n\
                     x-1,ann,mug,1,300,1 Elm Street\nx-2,ann,nothing,1,300,1 Elm Street\n\
                     x-3,ann,book,1,100,\nx-4,ann,book,1,100,1 Elm Street\n";
    write(folder.path(), "exchanges.csv", exchanges);
    let tiers = format!("row_id,account_id,ladder,tier,until\n9,ann,status,tin,{LATER}\n");
    write(folder.path(), "tiers.csv", &tiers);
    let refused = adopt(&ledger, folder.path(), &["tiers", "exchanges", "lots"]);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let refused = report(&refused);
    let found: Vec<Value> = refused["refused"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| json!([row["line"], row["id"], row["code"]]))
        .collect();
    for row in [
        json!([2, "9", "tier-unknown"]),
        json!([2, "x-1", "price-changed"]),
        json!([3, "x-2", "offer-unknown"]),
        json!([4, "x-3", "deliver-to-missing"]),
        json!([3, "2", "unit-unknown"]),
        json!([4, "3", "expiry-passed"]),
    ] {
        assert!(found.contains(&row), "{row}: {found:?}");
    }
    assert_eq!(found.len(), 6, "{found:?}");
    let position = api.earns("zoe", 1, "Z").await;
    let ann = api.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    assert_eq!(ann["available"], 5, "points of a refused exchange are given to nobody");
    // A row that says something else than it did is no repeat.
    write(folder.path(), "lots.csv", "row_id,account_id,points\n1,ann,6\n");
    let reused = report(&adopt(&ledger, folder.path(), &["lots"]));
    assert_eq!(reused["refused"][0]["code"], "id-reused");
    assert!(reused["refused"][0]["detail"].as_str().expect("a text").contains("points"));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_it_is_killed() {
    const ROWS: u64 = 600;
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = programme(folder.path()).await;
    let api = &ledger.client;
    let mut lots = "row_id,account_id,points\n".to_owned();
    let mut exchanges = "exchange_id,account_id,offer_id,quantity,prices,deliver_to\n".to_owned();
    let mut balances = "account_id,available\n".to_owned();
    for row in 0..ROWS {
        writeln!(lots, "{row},a-{},{}", row % 50, row + 1).expect("a text grows");
        if row % 4 == 0 {
            writeln!(exchanges, "x-{row},a-{},book,1,100,Elm Street", row % 50).expect("it grows");
        }
    }
    for account in 0..50 {
        let available: u64 = (account..ROWS).step_by(50).map(|row| row + 1).sum();
        writeln!(balances, "a-{account},{available}").expect("a text grows");
    }
    write(folder.path(), "lots.csv", &lots);
    write(folder.path(), "exchanges.csv", &exchanges);
    write(folder.path(), "balances.csv", &balances);
    // Killed among the exchanges, and among the lots.
    for (total, least) in [("exchanges", 40), ("available", 9_000)] {
        let mut command = command(&ledger, folder.path(), &["exchanges", "lots"]);
        command.args(["--connections", "2"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let begun = Instant::now();
        while number(&api.get("auditor", "/v1/totals").await.is(200)[total]) < least {
            assert!(begun.elapsed() < PATIENCE, "{least} {total} are adopted");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let running = child.try_wait().expect("it can be asked").is_none();
        child.kill().expect("killed");
        child.wait().expect("it has ended");
        assert!(running, "it was killed among the {total}");
    }
    let last = adopt(&ledger, folder.path(), &["exchanges", "lots", "compare"]);
    assert_eq!(last.status.code(), Some(0), "{last:?}");
    let last = report(&last);
    assert_eq!(last["compared"]["differences"], json!([]));
    assert_eq!(last["compared"]["elsewhere"], json!({}));
    let totals = api.get("auditor", "/v1/totals").await.is(200);
    assert_eq!(number(&totals["exchanges"]), ROWS / 4);
    assert_eq!(number(&totals["redeemed"]), ROWS / 4 * 100);
    assert_eq!(number(&totals["available"]), ROWS * (ROWS + 1) / 2);
    assert_eq!(ledger.stop(), Some(0));
}

/// A ledger with miles, a ladder and two offers.
async fn programme(folder: &Path) -> Ledger {
    let ledger = Ledger::start(folder);
    let api = &ledger.client;
    let put = async |path: &str, body: Value| {
        api.put("operator", path, body).await.is(201);
    };
    put("/v1/units/miles", json!({"name": "Miles"})).await;
    let ladder = json!({
        "levels": [{"tier": "silver", "from": 1000}, {"tier": "gold", "from": 5000}],
        "window": {"year_from": "01-01"}, "keeps": {"years": 1, "months": 2},
        "downgrade": "one-level",
    });
    put("/v1/ladders/status", ladder).await;
    let prices = json!([{"unit": "points", "points": 300}, {"unit": "miles", "points": 3}]);
    put("/v1/offers/mug", json!({"product_id": "mug", "prices": prices, "stock": null})).await;
    put("/v1/offers/book", json!({"product_id": "book", "price": 100, "stock": null})).await;
    ledger
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("written");
}

/// A time to which a tier may be granted.
#[expect(clippy::disallowed_methods, reason = "a grant ends at most five years on")]
fn in_a_year() -> String {
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    let then = now + chrono::TimeDelta::days(365);
    then.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// The tool with these files of the folder.
fn command(ledger: &Ledger, folder: &Path, files: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["adopt", "--url", &ledger.client.url, "--output", "json"]);
    command.arg("--api-keys").arg(folder.join("api-keys.json"));
    for file in files {
        let name = if *file == "compare" { "balances" } else { file };
        command.arg(format!("--{file}")).arg(folder.join(format!("{name}.csv")));
    }
    command
}

fn adopt(ledger: &Ledger, folder: &Path, files: &[&str]) -> Output {
    ends(command(ledger, folder, files))
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A sum of the totals.
fn number(sum: &Value) -> u64 {
    sum.as_str().and_then(|sum| sum.parse().ok()).expect("a sum")
}
