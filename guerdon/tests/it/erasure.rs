//! What is private of an account is erased everywhere, down to the bytes of the files, and all that
//! was proven before still is.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use services::TestDatabase;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, query};

use crate::ledger::tool::guerdon;
use crate::ledger::{Api, Ledger, PATIENCE, ends, faults_or, until};

/// What is private of ann, by where it is: an address, a reason of an operator's, who asked for
/// that and why, a shopper's name, a call that recorded nothing, a warehouse's reason, a call about
/// a shipping request that recorded nothing, and a code that an exchange got.
const WORDS: [&str; 9] = [
    "Zyxwolf Lane 77",
    "Quibblenaut complaint",
    "Deskworth Umberly",
    "Ninxtable caller",
    "Zebulontine Person",
    "Vexford refusal",
    "Yawnbury warehouse",
    "Kestrelwick parcel",
    "Gibbleworth-code-1",
];

const BOBS_CODE: &str = "Gobblestone-code-2";

/// Positions of a range of the log.
const RANGE: u64 = 40;

/// A ledger, and where all of its bytes are.
struct Place {
    folder: PathBuf,
    store: String,
    read_model: String,
    database: Option<TestDatabase>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_has_what_was_erased_and_every_proof_stays_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::on_sqlite(folder.path());
    no_file_has_what_was_erased_and_every_proof_stays(&place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_has_what_was_erased_and_every_proof_stays_on_postgres() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = TestDatabase::create().expect("a database");
    let url = database.url();
    let migrated = guerdon(folder.path(), &["migrate", "--store", &url, "--read-model", &url]);
    assert!(migrated.status.success(), "{migrated:?}");
    let size =
        format!("alter table guerdon_log.log alter column range_positions set default {RANGE}");
    database.sql(&size).expect("altered");
    let place = Place {
        folder: folder.path().to_owned(),
        store: url.clone(),
        read_model: url,
        database: Some(database),
    };
    no_file_has_what_was_erased_and_every_proof_stays(&place).await;
}

async fn no_file_has_what_was_erased_and_every_proof_stays(place: &Place) {
    let ledger = place.start();
    place.has_small_ranges().await;
    let api = &ledger.client;
    let request = lives(api).await;
    let kept = place.folder.join("kept");
    let key = first_key(api).await;
    verify(&ledger, &place.folder, &key, &kept).await;
    let receipt = place.folder.join("receipt.json");
    fs::write(&receipt, receipt_of_ann(api).await.to_string()).expect("written");

    // Bob has goods that haven't left, and is left alone; so are ann's until they have.
    let asked = json!({"reason": "asked for by letter"});
    let path = "/v1/accounts/ann/erasures/e-1";
    let refused = api.put("operator", path, asked.clone()).await;
    assert_eq!(refused.is_problem(409, "goods-unshipped")["requests"], 1);
    api.get("operator", "/v1/accounts/ann/erasure").await.is_problem(404, "not-found");
    api.put("operator", path, json!({})).await.is_problem(400, "invalid-field");
    api.put("shopper", path, asked.clone()).await.is_problem(403, "forbidden");
    let dispatch = format!("/v1/shipping-requests/{request}/dispatch");
    api.put("operator", &dispatch, json!({"carrier": "post", "express_no": "1Z"})).await.is(201);
    // What was so far goes to files of the archive, and something comes that doesn't.
    fills(api, "first", 2 * RANGE).await;
    place.tool(&["archive", "--older-than", "0d"]);
    assert!(!place.archives().is_empty());
    adjusts(api, "a-3").await;
    fills(api, "second", 2 * RANGE).await;
    // A call that recorded nothing is noted within a second.
    let begun = Instant::now();
    while let Some(word) = WORDS.iter().find(|word| place.have(word).is_empty()) {
        assert!(begun.elapsed() < PATIENCE, "{word} is nowhere before");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let erased = tool(&ledger, &["erase", "account", "ann", "--reason", "asked for by letter"]);
    assert!(erased.contains("of ann is recorded at 0:"), "{erased}");
    let status = until_done(api, "ann").await;
    for at in ["asked_at", "log_erased_at", "archives_erased_at", "read_model_erased_at"] {
        assert!(status[at].is_string(), "{at}: {status}");
    }
    let shown = tool(&ledger, &["erase", "status", "ann"]);
    assert!(shown.contains("done"), "{shown}");
    nothing_is_left(place);
    verify_receipts(place, api, &receipt, &key).await;

    // Bob keeps what is his, and ann's new address is hers.
    assert!(!place.have("Bobsworth Court 3").is_empty());
    assert_eq!(api.redeems("bob", "x-code", "gift").await.is(200)["code"], BOBS_CODE);
    let repeated = api.redeems("ann", "x-code", "gift").await.is(200);
    let read = api.get("shopper", "/v1/accounts/ann/exchanges/x-code").await.is(200);
    for answer in [repeated, read] {
        assert_eq!((&answer["code"], &answer["erased"]), (&Value::Null, &json!(true)), "{answer}");
        assert!(answer.as_object().expect("an object").contains_key("code"), "{answer}");
    }
    let known =
        api.put("merchant", "/v1/offers/gift/code-uploads/u-2", json!({"codes": [WORDS[8]]}));
    known.await.is_problem(409, "code-known");
    api.put("shopper", "/v1/accounts/ann/exchanges/x-1", redemption("7 Other Street"))
        .await
        .is(200);
    let again = redemption("Newhaven Quay 12");
    let position = api.put("shopper", "/v1/accounts/ann/exchanges/x-2", again).await;
    let position = position.position.expect("a position");
    let requests = "/v1/shipping-requests?account_id=ann";
    let requests = api.get_after(&position, "operator", requests).await.is(200);
    let addresses: Vec<&Value> =
        requests["items"].as_array().expect("items").iter().map(|it| &it["deliver_to"]).collect();
    assert!(addresses.contains(&&json!("Newhaven Quay 12")), "{requests}");
    assert!(addresses.contains(&&Value::Null), "{requests}");
    let operations = api.list("auditor", "/v1/operations?account_id=ann").await;
    let told = json!(operations).to_string();
    assert!(told.contains("account-erased") && told.contains("asked for by letter"), "{told}");
    verify(&ledger, &place.folder, &key, &kept).await;
    assert_eq!(ledger.stop(), Some(0));

    // Tables that are made anew bring nothing back.
    place.tool(&["check"]);
    place.tool(&["rebuild"]);
    nothing_is_left(place);
    let ledger = place.start();
    verify(&ledger, &place.folder, &key, &kept).await;
    assert_eq!(ledger.stop(), Some(0));
}

/// While its archive is away an erasure waits, and what is done isn't done every two seconds again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_waits_for_an_archive_that_is_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::on_sqlite(folder.path());
    let ledger = place.start();
    place.has_small_ranges().await;
    let api = &ledger.client;
    adjusts(api, "a-1").await;
    fills(api, "first", 2 * RANGE).await;
    place.tool(&["archive", "--older-than", "0d"]);
    assert!(!place.archives().is_empty());
    adjusts(api, "a-2").await;
    let (there, away) = (folder.path().join("archive"), folder.path().join("away"));
    fs::rename(&there, &away).expect("it is away");
    let asked = json!({"reason": "asked for by letter"});
    let erasure = "/v1/accounts/ann/erasures/e-1";
    api.put("operator", erasure, asked.clone()).await.is(201);
    let done_so_far = until_step(api, "ann", "log_erased_at").await;
    assert_eq!(done_so_far["status"], "asked");
    assert_eq!(done_so_far["archives_erased_at"], Value::Null);
    assert_eq!(metric(api, "guerdon_erasures{status=\"asked\"}").await, "1");
    let age = metric(api, "guerdon_erasure_age_seconds{status=\"asked\"}").await;
    assert!(age.parse::<f64>().is_ok_and(|age| age > 0.0), "{age}");
    // What stands there now would go, if the log's texts were erased again.
    let planted =
        "update event set private = 'Planted' where private is null and account_id = 'ann'";
    assert!(place.changes(planted).await > 0);
    api.earns("bob", 5, "B-1").await;
    api.put("operator", "/v1/accounts/bob/erasures/e-1", asked).await.is(201);
    until_step(api, "bob", "log_erased_at").await;
    assert!(!place.have("Planted").is_empty());
    place.changes("update event set private = null where private = 'Planted'").await;
    fs::rename(&away, &there).expect("it is back");
    for account in ["ann", "bob"] {
        until_done(api, account).await;
    }
    assert_eq!(metric(api, "guerdon_erasures{status=\"asked\"}").await, "0");
    for word in ["Quibblenaut", "Deskworth"] {
        assert_eq!(place.have(word), "", "{word} is still there");
    }
    assert_eq!(ledger.stop(), Some(0));
}

/// Wherever it is killed, the next start goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_that_is_killed_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::on_sqlite(folder.path());
    let mut ledger = place.start();
    place.has_small_ranges().await;
    let kills = u64::try_from(faults_or(6)).expect("a few");
    for number in 0..kills {
        let credit = json!({"direction": "add", "points": 5, "reference": "T-1",
            "by": WORDS[2], "reason": WORDS[1]});
        let path = format!("/v1/accounts/shopper-{number}/adjustments/a-1");
        ledger.client.put("operator", &path, credit).await.is(201);
    }
    fills(&ledger.client, "first", 2 * RANGE).await;
    place.tool(&["archive", "--older-than", "0d"]);
    for number in 0..kills {
        let path = format!("/v1/accounts/shopper-{number}/erasures/e-1");
        let asked = json!({"reason": "asked for by letter"});
        ledger.client.put("operator", &path, asked).await.is(201);
        tokio::time::sleep(Duration::from_millis(number * 29 % 160)).await;
        ledger.kill();
        ledger = place.start();
    }
    for number in 0..kills {
        until_done(&ledger.client, &format!("shopper-{number}")).await;
    }
    for word in ["Quibblenaut", "Deskworth"] {
        assert_eq!(place.have(word), "", "{word} is still there");
    }
    assert_eq!(ledger.stop(), Some(0));
    place.tool(&["check", "--archives"]);
}

/// An event there never changes.
#[cfg(feature = "kurrent")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_erased_on_kurrent_and_that_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = services::KurrentServer::start().expect("a server");
    let ledger = Ledger::start_on(&server.url("main"), folder.path(), &[]);
    ledger.client.earns("ann", 1, "B-1").await;
    let asked = json!({"reason": "asked for by letter"});
    let refused = ledger.client.put("operator", "/v1/accounts/ann/erasures/e-1", asked).await;
    refused.is_problem(409, "erasure-unavailable");
    assert_eq!(ledger.stop(), Some(0));
}

impl Place {
    fn on_sqlite(folder: &Path) -> Self {
        let of = |name: &str| format!("sqlite:{}", folder.join(name).display());
        let (store, read_model) = (of("log.sqlite"), of("read-model.sqlite"));
        Self { folder: folder.to_owned(), store, read_model, database: None }
    }

    fn start(&self) -> Ledger {
        Ledger::start_on(&self.store, &self.folder, &["--read-model", &self.read_model])
    }

    async fn has_small_ranges(&self) {
        if self.database.is_some() {
            return;
        }
        self.changes(&format!("update log set range_positions = {RANGE}")).await;
    }

    /// Changes the log's file, behind the ledger; gives how many rows.
    async fn changes(&self, sql: &str) -> u64 {
        let log = SqliteConnectOptions::new().filename(self.folder.join("log.sqlite"));
        let mut log = log.connect().await.expect("it opens");
        query(AssertSqlSafe(sql.to_owned()))
            .execute(&mut log)
            .await
            .expect("changed")
            .rows_affected()
    }

    fn tool(&self, args: &[&str]) {
        let places = ["--store", &*self.store, "--read-model", &*self.read_model];
        let takes_tables = ["rebuild"].contains(&args[0]);
        let places = if takes_tables { &places[..] } else { &places[..2] };
        let done = guerdon(&self.folder, &[args, places].concat());
        assert!(done.status.success(), "{args:?}: {done:?}");
    }

    /// The data folder, and that of the database's tables.
    fn folders(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.folder.clone()];
        if let Some(database) = &self.database {
            database.sql("checkpoint").expect("done");
            let path = "select setting || '/base/' || (select oid from pg_database \
                        where datname = current_database()) \
                        from pg_settings where name = 'data_directory'";
            folders.push(database.sql(path).expect("a folder").into());
        }
        folders
    }

    fn archives(&self) -> Vec<PathBuf> {
        let Ok(files) = fs::read_dir(self.folder.join("archive")) else { return vec![] };
        let files = files.map(|file| file.expect("listed").path());
        files.filter(|file| file.extension().is_some_and(|it| it == "gz")).collect()
    }

    /// The files in which `grep` finds these words; archives are unpacked first.
    fn have(&self, words: &str) -> String {
        let unpacked = tempfile::tempdir().expect("a folder");
        for (number, archive) in self.archives().iter().enumerate() {
            // One that is gone by now has nothing.
            let Ok(packed) = fs::read(archive) else { continue };
            let mut bytes = vec![];
            MultiGzDecoder::new(&*packed).read_to_end(&mut bytes).expect("unpacked");
            fs::write(unpacked.path().join(number.to_string()), bytes).expect("written");
        }
        let mut grep = Command::new("grep");
        grep.args(["-rlaFs", "--", words]).args(self.folders()).arg(unpacked.path());
        String::from_utf8_lossy(&ends(grep).stdout).into_owned()
    }
}

#[track_caller]
fn nothing_is_left(place: &Place) {
    for word in WORDS {
        assert_eq!(place.have(word), "", "{word} is still there");
    }
}

fn redemption(to: &str) -> Value {
    json!({"offer_id": "mug", "quantity": 1, "deliver_to": to})
}

/// Ann and bob redeem, and ann has a complaint; gives ann's shipping request.
async fn lives(api: &Api) -> String {
    api.opens("mug", 300, Some(1_000), None).await;
    for account in ["ann", "bob"] {
        api.earns(account, 5_000, "B-1").await;
    }
    let path = "/v1/accounts/ann/exchanges/x-1";
    api.put("shopper", path, redemption(WORDS[0])).await.is(201);
    let path = "/v1/accounts/bob/exchanges/x-1";
    api.put("shopper", path, redemption("Bobsworth Court 3")).await.is(201);
    let codes = json!({"product_id": "gift", "price": 10, "codes": true});
    api.put("operator", "/v1/offers/gift", codes).await.is(201);
    let codes = json!({"codes": [WORDS[8], BOBS_CODE]});
    api.put("merchant", "/v1/offers/gift/code-uploads/u-1", codes).await.is(201);
    for (account, code) in [("ann", WORDS[8]), ("bob", BOBS_CODE)] {
        assert_eq!(api.redeems(account, "x-code", "gift").await.is(201)["code"], code);
    }
    adjusts(api, "a-1").await;
    // A key of ann's own, and a call of an operator's that records nothing.
    let key = json!({"role": "shopper", "label": "App", "account_id": "ann", "name": WORDS[4]});
    api.post("operator", "/v1/keys", key).await.is(201);
    let credit = json!({"direction": "take", "points": 1_000_000});
    let refused = api.request("PUT", "/v1/accounts/ann/adjustments/a-2", "operator");
    let refused = refused.header("Guerdon-Reason", WORDS[5]).json(&credit);
    assert_eq!(api.send(refused).await.expect("answered").status / 100, 4);
    let position = api.earns("ann", 1, "B-2").await;
    let requests = "/v1/shipping-requests?account_id=ann";
    let requests = api.get_after(&position, "operator", requests).await.is(200);
    let request = requests["items"][0]["shipping_request_id"].as_str().expect("an id").to_owned();
    let back_order = format!("/v1/shipping-requests/{request}/back-order");
    api.put("operator", &back_order, json!({"reason": WORDS[6]})).await.is(201);
    let refused = api.request("PUT", &back_order, "operator").header("Guerdon-Reason", WORDS[7]);
    let refused = api.send(refused.json(&json!({"reason": 7}))).await.expect("answered");
    refused.is_problem(400, "invalid-field");
    request
}

/// An operator gives ann credit, and says why.
async fn adjusts(api: &Api, adjustment: &str) {
    let path = format!("/v1/accounts/ann/adjustments/{adjustment}");
    let credit = json!({"direction": "add", "points": 5, "reference": "T-1", "by": WORDS[2],
        "reason": WORDS[1]});
    let adjusted = api.request("PUT", &path, "operator").header("Guerdon-Reason", WORDS[3]);
    api.send(adjusted.json(&credit)).await.expect("answered").is(201);
}

/// So many events of others, in appends that are smaller than a range.
async fn fills(api: &Api, which: &str, events: u64) {
    let credit = |number: u64| {
        let cause = json!({"kind": "review", "id": format!("{which}-{number}")});
        json!({"account_id": "other", "points": 1, "cause": cause})
    };
    let credits: Vec<Value> = (0..events).map(credit).collect();
    for credits in credits.chunks(20) {
        let begun = Instant::now();
        let body = json!({"credits": credits});
        // On PostgreSQL, ranges this small are made later than they are needed now and then.
        while api.post("merchant", "/v1/credits", body.clone()).await.status != 200 {
            assert!(begun.elapsed() < PATIENCE, "nothing is recorded any more");
        }
    }
}

pub(crate) async fn until_done(api: &Api, account: &str) -> Value {
    until_step(api, account, "done_at").await
}

/// Waits until a step of an account's erasure is done.
async fn until_step(api: &Api, account: &str, step: &str) -> Value {
    let path = format!("/v1/accounts/{account}/erasure");
    until(api, &path, |status| status[step].is_string()).await
}

pub(crate) async fn metric(api: &Api, series: &str) -> String {
    let metrics = api.request("GET", "/metrics", "auditor").send().await.expect("answered");
    let metrics = metrics.text().await.expect("a text");
    let value = metrics.lines().find_map(|line| Some(line.strip_prefix(series)?.trim().to_owned()));
    value.unwrap_or_else(|| panic!("no {series} in {metrics}"))
}

/// The log's verifier key, which is there once something is sealed.
async fn first_key(api: &Api) -> String {
    let keys = until(api, "/log/keys", |keys| keys["keys"][0]["key"].is_string()).await;
    keys["keys"][0]["key"].as_str().expect("a key").to_owned()
}

/// Verifies the whole transparency log, entries and all, and that it goes on from what was kept.
async fn verify(ledger: &Ledger, folder: &Path, key: &str, kept: &Path) {
    let (url, kept) = (format!("{}/log/0", ledger.client.url), kept.display().to_string());
    let api_keys = folder.join("api-keys.json").display().to_string();
    let args = ["verify", "log", &url, "--key", key, "--kept", &kept, "--api-keys", &api_keys];
    let begun = Instant::now();
    loop {
        let verified = guerdon(folder, &args);
        if verified.status.success() {
            return;
        }
        // What was just recorded is sealed within a second.
        assert!(begun.elapsed() < PATIENCE, "{verified:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn receipt_of_ann(api: &Api) -> Value {
    let begun = Instant::now();
    loop {
        let answer = api.get("shopper", "/v1/accounts/ann/exchanges/x-1/receipt").await;
        // What was just recorded is sealed within a second.
        if answer.status == 200 || begun.elapsed() > PATIENCE {
            return answer.is(200);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Ann's receipt of before the erasure is still good, and today's has the same events.
async fn verify_receipts(place: &Place, api: &Api, before: &Path, key: &str) {
    let after = place.folder.join("receipt-after.json");
    let today = receipt_of_ann(api).await;
    fs::write(&after, today.to_string()).expect("written");
    let earlier: Value = serde_json::from_slice(&fs::read(before).expect("read")).expect("JSON");
    let earlier = earlier["events"].as_array().expect("events");
    for event in earlier {
        let same = today["events"].as_array().expect("events").iter().any(|it| {
            ["position", "public", "entry"].iter().all(|field| it[field] == event[field])
        });
        assert!(same, "{event} isn't in {today}");
    }
    for receipt in [before, &after] {
        let args = ["verify", "receipt", &receipt.display().to_string(), "--key", key];
        let verified = guerdon(&place.folder, &args);
        assert!(verified.status.success(), "{verified:?}");
    }
}

fn tool(ledger: &Ledger, args: &[&str]) -> String {
    let done = ends(crate::ledger::tool_of(ledger, args));
    assert!(done.status.success(), "{done:?}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}
