//! Seals of balances: their sums are those of the read tables, a proof shows one balance and nobody
//! else, trees can be lost, and redemptions go on meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use event_store::{Access, Append, EventStore, NewLog, StoreUrl};
use log_record::{LogId, Partition, RecordedEvent, WriterId};
use serde_json::{Value, json};
use services::TestDatabase;
use transparency::{BalanceProof, LiabilityProof, VerifierKey};
use uuid::Uuid;

use crate::ledger::audit::{events, rebuild};
use crate::ledger::load::{Load, SHOPPERS};
use crate::ledger::log::NEW_LOG;
use crate::ledger::tool::guerdon;
use crate::ledger::{Answer, Api, Ledger, PATIENCE};
use crate::receipts::text;

const P0: Partition = Partition(0);

/// Available, held, pending and owed, and how many accounts.
type Sums = ([u64; 4], u64);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seal_commits_to_the_balances_of_the_read_tables_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("log.sqlite").display());
    a_seal_commits_to_the_balances_of_the_read_tables(&store, folder.path(), &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seal_commits_to_the_balances_of_the_read_tables_on_postgres() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = TestDatabase::create().expect("a database");
    let url = database.url();
    let migrated = guerdon(folder.path(), &["migrate", "--store", &url, "--read-model", &url]);
    assert!(migrated.status.success(), "{migrated:?}");
    let read_model = ["--read-model", &url];
    a_seal_commits_to_the_balances_of_the_read_tables(&url, folder.path(), &read_model).await;
}

async fn a_seal_commits_to_the_balances_of_the_read_tables(
    store: &str,
    folder: &Path,
    args: &[&str],
) {
    let ledger = Ledger::start_on(store, folder, args);
    let api = &ledger.client;
    let load = Load::prepare(api).await;
    a_few_that_have_something_of_each_kind(api).await;
    assert_eq!(api.get("auditor", "/v1/seals").await.is(200)["items"], json!([]));
    api.get("shopper", "/v1/accounts/dora/balance-proof").await.is_problem(404, "not-found");

    // Redemptions go on while the trees are made.
    let running = load.begin().await;
    running.answers(100).await;
    let sealed = seal(api, "s-1").await;
    running.answers(100).await;
    let told = running.end().await;
    println!("{told}");
    let body = sealed.is(201);
    assert_eq!(sums_of(&body), of_a_shorter_log(store, folder, &body).await);

    let repeated = api.put("operator", "/v1/seals/s-1", json!({})).await;
    assert_eq!(repeated.is(200), body, "a repeat seals nothing more");
    api.put("merchant", "/v1/seals/s-1", json!({})).await.is_problem(403, "forbidden");
    let position = sealed.position.clone().expect("a position");
    assert_eq!(api.get_after(&position, "auditor", "/v1/seals/s-1").await.is(200), body);

    // At rest, the sums are those that the live tables have.
    let sealed = seal(api, "s-2").await;
    let position = sealed.position.clone().expect("a position");
    let body = sealed.is(201);
    let listed = api.get_after(&position, "auditor", "/v1/seals?limit=1").await.is(200);
    assert_eq!(listed["items"], json!([body]), "the newest comes first");
    for (unit, (sums, _)) in sums_of(&body) {
        let totals = api.get("auditor", &format!("/v1/totals?unit={unit}")).await.is(200);
        let of = |name: &str| number(&totals[name]);
        let live = ["available", "held", "pending", "debt"].map(of);
        assert_eq!(sums, live, "{unit}");
        assert!(
            unit != "points" || live.iter().all(|sum| *sum > 0),
            "each kind is there: {live:?}"
        );
    }

    let key = key_of(api).await;
    every_balance_is_proved(api, &key).await;
    a_proof_is_verified_by_the_tool(api, folder, &key).await;
    a_lost_tree_is_made_again_and_a_lost_secret_is_missed(api, folder).await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_balances_are_sealed_once_a_day() {
    let folder = tempfile::tempdir().expect("a folder");
    let daily = ["--seal-balances-daily"];
    let (mut seals, mut positions) = (vec![], vec![]);
    for number in 0..2 {
        let ledger = Ledger::start_with(folder.path(), &daily, &[]);
        let api = &ledger.client;
        let begun = Instant::now();
        loop {
            seals = api.list("auditor", "/v1/seals").await;
            if !seals.is_empty() {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "the day's balances are sealed");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // Another day may begin between two starts.
        assert!(seals.len() <= number + 1, "{seals:?}");
        let by_hand = seal(api, &format!("by-hand-{number}")).await;
        positions.push(by_hand.position.clone().expect("a position"));
        by_hand.is(201);
        assert_eq!(ledger.stop(), Some(0));
    }
    let first = text(&seals[seals.len() - 1], "seal_id");
    assert!(first.starts_with("daily-20"), "{first}");
    assert_ne!(positions[0], positions[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seal_over_several_partitions_is_of_all_their_accounts() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_with(folder.path(), &["--partitions", "4"], &[]);
    let api = &ledger.client;
    drop(Load::prepare(api).await);
    a_few_that_have_something_of_each_kind(api).await;
    let sealed = seal(api, "s-1").await;
    let position = sealed.position.clone().expect("a position");
    let body = sealed.is(201);
    let again = api.put("operator", "/v1/seals/s-1", json!({})).await;
    assert_eq!(again.is(200), body, "a repeat seals nothing more");
    assert_eq!(api.get_after(&position, "auditor", "/v1/seals/s-1").await.is(200), body);
    assert_eq!(api.list("auditor", "/v1/seals").await, std::slice::from_ref(&body));

    let further = body["further"].as_array().expect("further partitions");
    assert_eq!(further.len(), 3);
    let mut all = sums_of(&body);
    for (number, trees) in (1..).zip(further) {
        assert!(text(trees, "up_to").starts_with(&format!("{number}:")), "{trees}");
        for (unit, (sums, accounts)) in sums_of(trees) {
            let of_all = all.entry(unit).or_default();
            of_all.0 = std::array::from_fn(|part| of_all.0[part] + sums[part]);
            of_all.1 += accounts;
        }
    }
    assert_eq!(all["points"].1, SHOPPERS + 4, "every account is in one tree");
    assert_eq!(all["miles"], ([82, 0, 0, 0], 2));
    let totals = api.get("auditor", "/v1/totals").await.is(200);
    let live = ["available", "held", "pending", "debt"].map(|name| number(&totals[name]));
    assert_eq!(all["points"].0, live);

    let key = key_of(api).await;
    every_balance_is_proved(api, &key).await;
    let proof = api.get("auditor", "/v1/seals/s-1/proof").await.is(200);
    let proof: LiabilityProof = serde_json::from_value(proof).expect("a proof");
    let verified = proof.verify(&key).expect("verified");
    let proved = std::iter::once(&verified.home).chain(&verified.further);
    let available: u128 = proved.map(|trees| trees.units[0].sums.available).sum();
    assert_eq!(available, u128::from(live[0]));

    // Trees of each partition can be lost.
    for tree in trees(folder.path()) {
        fs::remove_file(tree).expect("removed");
    }
    every_balance_is_proved(api, &key).await;
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test]
async fn a_ledger_in_memory_has_no_seals() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start_on("memory:", folder.path(), &[]);
    let api = &ledger.client;
    api.put("operator", "/v1/seals/s-1", json!({})).await.is_problem(404, "not-found");
    assert_eq!(ledger.stop(), Some(0));
}

/// Seals, however long the trees take.
async fn seal(api: &Api, seal: &str) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = api.put("operator", &format!("/v1/seals/{seal}"), json!({})).await;
        if answer.status != 503 {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Accounts of which one has pending credit, one a hold, one a debt, and one something of another
/// unit alone.
async fn a_few_that_have_something_of_each_kind(api: &Api) {
    let credit = async |account: &str, body: Value| {
        let path = format!("/v1/accounts/{account}/credits");
        api.post("merchant", &path, body).await.is(201);
    };
    let cause = |id: &str| json!({"kind": "purchase", "id": id});
    let miles = json!({"spendable": true});
    let request = api.request("PUT", "/v1/units/miles", "operator");
    api.send(request.header("if-none-match", "*").json(&miles)).await.expect("answered").is(201);
    credit("milo", json!({"points": 77, "unit": "miles", "cause": cause("B-m")})).await;
    credit("shopper-1", json!({"points": 5, "unit": "miles", "cause": cause("B-m")})).await;
    let later =
        json!({"points": 40, "cause": cause("B-p"), "available_at": "2099-01-01T00:00:00Z"});
    credit("paul", later).await;
    api.earns("hanna", 500, "B-h").await;
    api.holds("hanna", "h-1", 120).await;
    let policy = json!({"spent_credit": "debt", "refund_grace_days": 30});
    api.put("operator", "/v1/policy", policy).await.is(200);
    api.earns("dora", 3, "B-d").await;
    api.redeems("dora", "x-1", "mug").await.is(201);
    let back = json!({"cause": cause("B-d"), "points": 3});
    api.put("merchant", "/v1/accounts/dora/withdrawals/w-1", back).await.is(201);
}

/// What a seal says, by unit.
fn sums_of(seal: &Value) -> BTreeMap<String, Sums> {
    let units = seal["units"].as_array().expect("units").iter();
    let sums = |unit: &Value| {
        let of = |name: &str| number(&unit[name]);
        let accounts = unit["accounts"].as_u64().expect("a count");
        (["available", "held", "pending", "owed"].map(of), accounts)
    };
    units.map(|unit| (text(unit, "unit").to_owned(), sums(unit))).collect()
}

/// The sums of the read tables that are made of nothing but the events up to a seal's position.
async fn of_a_shorter_log(store: &str, folder: &Path, seal: &Value) -> BTreeMap<String, Sums> {
    let (_, up_to) = text(seal, "up_to").split_once(':').expect("a position");
    let up_to: u64 = up_to.parse().expect("a number");
    let mut rows = events(&store.parse().expect("a store")).await;
    assert!(rows.len() as u64 > up_to + 1, "redemptions went on while the trees were made");
    let log_id = log_of(&rows);
    rows.truncate(usize::try_from(up_to).expect("small"));
    let shorter = folder.join("shorter.sqlite");
    let url = StoreUrl::Sqlite(shorter.clone());
    let new = NewLog { log_id, ..NEW_LOG };
    let copy = EventStore::open(&url, Access::Write(new)).await.expect("made");
    let head = copy.take_over(P0, WriterId(Uuid::now_v7())).await.expect("taken over");
    copy.append_recorded(Append::after(P0, &head, rows)).await.expect("appended");
    drop(copy);
    let tables = folder.join("shorter-read-model.sqlite");
    rebuild(folder, &url.to_string(), Some(&tables));
    let tables = rusqlite::Connection::open(tables).expect("it opens");
    let sums = "sum(available), sum(held), sum(pending), sum(owed), count(*)";
    let query = format!(
        "select 'points', {sums} from account_balance union all \
         select unit, {sums} from unit_balance group by unit"
    );
    let mut query = tables.prepare(&query).expect("a query");
    let row = |row: &rusqlite::Row<'_>| {
        let of = |column: usize| row.get::<_, i64>(column).map(i64::cast_unsigned);
        Ok((row.get(0)?, ([of(1)?, of(2)?, of(3)?, of(4)?], of(5)?)))
    };
    let rows = query.query_map([], row).expect("read");
    rows.collect::<Result<_, _>>().expect("read")
}

fn log_of(rows: &[RecordedEvent]) -> LogId {
    let (_, event) = event_schema::decode(&rows[0]).expect("decoded");
    let domain::Event::LogOpened(opened) = event else { panic!("the log begins with {event:?}") };
    let log_id = Uuid::parse_str(&opened.log_id).expect("an id");
    LogId(log_id)
}

/// Every account's proof in the newest seal says what the account has.
async fn every_balance_is_proved(api: &Api, key: &VerifierKey) {
    let shoppers = (0..SHOPPERS).map(|number| format!("shopper-{number}"));
    let others = ["dora", "hanna", "milo", "paul"].map(str::to_owned);
    let accounts: Vec<String> = shoppers.chain(others).collect();
    for account in &accounts {
        let has = api.get("shopper", &format!("/v1/accounts/{account}")).await.is(200);
        for (unit, has) in has["units"].as_object().expect("units") {
            let path = format!("/v1/accounts/{account}/balance-proof?unit={unit}");
            let body = api.get("shopper", &path).await.is(200);
            let proof: BalanceProof = serde_json::from_value(body.clone()).expect("a proof");
            let proved = proof.verify(key).expect("verified");
            assert_eq!(&proved.account_id, account);
            for part in ["available", "held", "pending", "owed"] {
                assert_eq!(body[part], has[part], "{account} {unit} {part}");
            }
            let shown = body.to_string();
            let names_another =
                |other: &&String| *other != account && shown.contains(&format!("\"{other}\""));
            assert_eq!(accounts.iter().find(names_another), None, "it shows nobody else");
        }
    }
    let none = "/v1/accounts/paul/balance-proof?unit=miles";
    let detail = api.get("shopper", none).await.is_problem(404, "not-found")["detail"].clone();
    assert!(detail.as_str().is_some_and(|detail| detail.contains("isn't in the seal")), "{detail}");
    let other = "/v1/accounts/paul/balance-proof?seal=s-9";
    api.get("shopper", other).await.is_problem(404, "not-found");
}

async fn a_proof_is_verified_by_the_tool(api: &Api, folder: &Path, key: &VerifierKey) {
    let file = folder.join("proof.json");
    let (shown, key) = (file.display().to_string(), key.to_string());
    let verify = |what: &str, proof: &Value| {
        fs::write(&file, proof.to_string()).expect("written");
        guerdon(folder, &["verify", what, &shown, "--key", &key])
    };
    let proof = api.get("shopper", "/v1/accounts/dora/balance-proof?seal=s-2").await.is(200);
    let verified = verify("balance", &proof);
    assert!(verified.status.success(), "{verified:?}");
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    let expected = "dora had of points: 0 available, 0 held, 0 pending, 3 owed; leaf ";
    assert!(said.starts_with(expected), "{said}");
    let mut richer = proof.clone();
    richer["owed"] = 0.into();
    let refused = verify("balance", &richer);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("the balances of dora aren't in the seal s-2"), "{said}");

    let proof = api.get("auditor", "/v1/seals/s-2/proof").await.is(200);
    api.get("shopper", "/v1/seals/s-2/proof").await.is_problem(403, "forbidden");
    let verified = verify("liability", &proof);
    assert!(verified.status.success(), "{verified:?}");
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        said.contains("\nmiles: 2 accounts with 82 available, 0 held, 0 pending, 0 owed"),
        "{said}"
    );
    let refused = verify("liability", &json!({}));
    assert!(!refused.status.success(), "{refused:?}");
}

async fn a_lost_tree_is_made_again_and_a_lost_secret_is_missed(api: &Api, folder: &Path) {
    let path = "/v1/accounts/hanna/balance-proof?seal=s-1";
    let path_of = |proof: &Value| (proof["salt"].clone(), proof["path"].clone());
    let before = path_of(&api.get("shopper", path).await.is(200));
    let trees = trees(folder);
    assert_eq!(trees.len(), 4, "two seals of two units: {trees:?}");
    for (number, tree) in (0..).zip(&trees) {
        // One is gone, one was cut off, and in one a bit is another.
        let mut bytes = fs::read(tree).expect("read");
        match number % 3 {
            0 => fs::remove_file(tree).expect("removed"),
            1 => fs::write(tree, &bytes[..bytes.len() - 1]).expect("written"),
            _ => {
                bytes[90] ^= 1;
                fs::write(tree, bytes).expect("written");
            }
        }
    }
    let again = api.get_after("0:1", "shopper", path).await.is(200);
    assert_eq!(path_of(&again), before, "the tree is the same");

    let secret = folder.join("transparency/balance-salts.json");
    let aside = folder.join("aside.json");
    fs::rename(&secret, &aside).expect("moved");
    let detail = api.get("shopper", path).await.is_problem(404, "not-found")["detail"].clone();
    assert!(
        detail.as_str().is_some_and(|detail| detail.contains("balance-salts.json")),
        "{detail}"
    );
    // No other secret takes its place while there are trees.
    api.put("operator", "/v1/seals/s-3", json!({})).await.is_problem(500, "internal");
    fs::rename(&aside, &secret).expect("moved");
    api.get("shopper", path).await.is(200);
    api.put("operator", "/v1/seals/s-3", json!({})).await.is(201);
}

/// The files of the trees, in order.
fn trees(folder: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(folder.join("transparency")).expect("listed");
    let folders = folders.map(|entry| entry.expect("listed").path());
    let mut trees: Vec<PathBuf> = folders
        .filter(|path| path.display().to_string().ends_with("-balances"))
        .flat_map(|path| fs::read_dir(path).expect("listed"))
        .map(|entry| entry.expect("listed").path())
        .collect();
    trees.sort();
    trees
}

async fn key_of(api: &Api) -> VerifierKey {
    let keys = api.get("auditor", "/log/keys").await.is(200);
    text(&keys["keys"][0], "key").parse().expect("a key")
}

/// A sum over accounts.
fn number(sum: &Value) -> u64 {
    sum.as_str().and_then(|sum| sum.parse().ok()).unwrap_or_else(|| panic!("{sum} is no sum"))
}
