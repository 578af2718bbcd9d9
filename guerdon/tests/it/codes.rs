//! Offers of codes, over HTTP, on a real ledger: each code is handed out once, whenever the ledger
//! is killed, and is shown to nobody but its shopper and merchants.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ledger::tool::{guerdon, succeeds};
use crate::ledger::{Answer, Api, Ledger, PATIENCE};

const GIFT: &str = "/v1/offers/gift";

/// In every code, and nowhere else.
const WORD: &str = "Flimmerwick";

fn codes(numbers: impl IntoIterator<Item = u32>) -> Value {
    let codes = numbers.into_iter().map(|number| format!("{WORD}-{number}"));
    json!({"codes": codes.collect::<Vec<_>>()})
}

async fn opens(api: &Api) {
    let offer = json!({"product_id": "gift-10", "price": 10, "codes": true});
    let opened = api.put("operator", GIFT, offer).await.is(201);
    let found = ["codes", "ships", "stock", "remaining", "status"].map(|name| opened[name].clone());
    assert_eq!(found, [json!(true), json!(false), json!(0), json!(0), json!("sold-out")]);
}

async fn uploads(api: &Api, upload: &str, body: Value) -> Answer {
    api.put("merchant", &format!("{GIFT}/code-uploads/{upload}"), body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_an_upload_or_an_offer_of_codes_is_said_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    let with = |name: &str, value: Value| {
        let mut offer = json!({"product_id": "gift-10", "price": 10, "codes": true});
        offer[name] = value;
        offer
    };
    let shipped = api.put("operator", GIFT, with("ships", json!(true))).await;
    assert_eq!(shipped.is_problem(400, "invalid-field")["field"], "ships");
    for stock in [json!(5), Value::Null] {
        let stocked = api.put("operator", GIFT, with("stock", stock)).await;
        stocked.is_problem(409, "stock-of-codes");
    }
    uploads(api, "u-1", codes([1])).await.is_problem(404, "not-found");
    opens(api).await;
    api.opens("mug", 10, Some(5), None).await;
    let elsewhere = api.put("merchant", "/v1/offers/mug/code-uploads/u-1", codes([1])).await;
    elsewhere.is_problem(409, "offer-without-codes");
    let shopper = api.put("shopper", &format!("{GIFT}/code-uploads/u-1"), codes([1])).await;
    shopper.is_problem(403, "forbidden");

    let too_long = "x".repeat(257);
    for (body, field) in [
        (json!({"codes": []}), "codes"),
        (codes(0..1_001), "codes"),
        (json!({}), "codes"),
        (json!({"codes": ["A", ""]}), "codes[1]"),
        (json!({"codes": ["A ", "B"]}), "codes[0]"),
        (json!({"codes": ["A", too_long]}), "codes[1]"),
        (json!({"codes": ["A", "B\nC"]}), "codes[1]"),
    ] {
        let refused = uploads(api, "u-1", body).await;
        assert_eq!(refused.is_problem(400, "invalid-field")["field"], field);
    }
    let twice = uploads(api, "u-1", codes([1, 2, 1])).await;
    assert_eq!(twice.is_problem(409, "code-known")["index"], 2);
    uploads(api, "u-1", codes([1, 2])).await.is(201);
    let known = uploads(api, "u-2", codes([3, 2])).await;
    assert_eq!(known.is_problem(409, "code-known")["index"], 1);
    assert!(!known.body.to_string().contains(WORD), "{known:?}");
    let other = uploads(api, "u-1", codes([1, 3])).await;
    assert_eq!(other.is_problem(422, "id-reused")["field"], "codes");

    let one = json!({"units": 1});
    let added = api.put("operator", &format!("{GIFT}/stock-additions/s-1"), one.clone()).await;
    added.is_problem(409, "stock-of-codes");
    let removed = api.put_over(&format!("{GIFT}/stock-removals/d-1"), "*", one).await;
    removed.is_problem(409, "stock-of-codes");
    for (patched, code) in [
        (json!({"stock": 7}), "stock-of-codes"),
        (json!({"codes": false}), "codes-fixed"),
        (json!({"codes": null, "ships": true}), "codes-fixed"),
    ] {
        api.patch(GIFT, "*", patched).await.is_problem(409, code);
    }
    let amended = api.patch(GIFT, "*", json!({"price": 20})).await.is(200);
    assert_eq!((&amended["codes"], &amended["stock"]), (&json!(true), &json!(2)));
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_is_handed_out_in_the_answer_and_shown_to_its_shopper_and_merchants_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    let api = &ledger.client;
    opens(api).await;
    let uploaded = uploads(api, "u-1", codes(1..4)).await.is(201);
    assert_eq!(uploaded["codes"], 3);
    assert_eq!(uploads(api, "u-1", codes(1..4)).await.is(200), uploaded);
    for account in ["ann", "bob"] {
        api.earns(account, 100, "B-1").await;
    }
    let dry = "/v1/accounts/ann/exchanges/x-1?dry_run=true";
    let body = json!({"offer_id": "gift", "quantity": 1});
    let dry = api.put("shopper", dry, body.clone()).await.is(200);
    assert!(!dry.to_string().contains(WORD), "{dry}");
    let two = json!({"offer_id": "gift", "quantity": 2});
    let two = api.put("shopper", "/v1/accounts/ann/exchanges/x-1", two).await;
    two.is_problem(409, "one-code-at-a-time");

    let ann = "/v1/accounts/ann/exchanges/x-1";
    let created = api.put("shopper", ann, body.clone()).await;
    assert_eq!(created.is(201)["code"], format!("{WORD}-1"));
    assert_eq!(api.put("shopper", ann, body.clone()).await.is(200), created.body);
    // A hold pays the second, and the caller of the third doesn't wait.
    api.holds("bob", "h-1", 10).await;
    let capture = json!({"exchange": {"exchange_id": "x-1", "offer_id": "gift", "quantity": 1}});
    let captured = api.put("shopper", "/v1/accounts/bob/holds/h-1/capture", capture.clone()).await;
    assert_eq!(captured.is(201)["code"], format!("{WORD}-2"));
    let again = api.put("shopper", "/v1/accounts/bob/holds/h-1/capture", capture).await;
    assert_eq!(again.is(200), captured.body);
    let later = "/v1/accounts/bob/exchanges/x-2";
    let later_request = api.request("PUT", later, "shopper").header("prefer", "respond-async");
    let begun = api.send(later_request.json(&body)).await.expect("answered");
    assert!([201, 202].contains(&begun.status), "{begun:?}");
    if begun.status == 202 {
        let attempt = |role: &'static str| {
            let path = format!("{later}/attempt");
            api.send(api.request("GET", &path, role).header("prefer", "wait=20"))
        };
        let shown = attempt("shopper").await.expect("answered").is(200);
        assert_eq!(shown["exchange"]["code"], format!("{WORD}-3"));
        let shown = attempt("auditor").await.expect("answered").is(200);
        assert!(!shown.to_string().contains(WORD), "{shown}");
    }
    let sold_out = api.put("shopper", "/v1/accounts/ann/exchanges/x-2", body.clone()).await;
    sold_out.is_problem(409, "sold-out");

    // Who has shown it can't take it back: the points come back, and no code does.
    let position = captured.position.clone().expect("a position");
    let cancel = json!({});
    let path = format!("{ann}/cancellations/c-1");
    api.put("shopper", &path, cancel.clone()).await.is_problem(409, "handed-over");
    let cancelled = api.put("operator", &path, cancel).await;
    assert_eq!(cancelled.is(201)["points"], 10);
    let sold_out = api.put("shopper", "/v1/accounts/ann/exchanges/x-2", body).await;
    sold_out.is_problem(409, "sold-out");
    let after = cancelled.position.expect("a position");
    let offer = api.get_after(&after, "operator", GIFT).await.is(200);
    let found = ["stock", "remaining", "status"].map(|name| offer[name].clone());
    assert_eq!(found, [json!(3), json!(0), json!("sold-out")]);

    for (role, is_shown) in
        [("shopper", true), ("merchant", true), ("operator", false), ("auditor", false)]
    {
        let read = api.get_after(&after, role, ann).await.is(200);
        let shown = read.get("code").map(|code| code == &json!(format!("{WORD}-1")));
        assert_eq!(shown, is_shown.then_some(true), "{role}: {read}");
        assert_eq!(read["status"], "cancelled");
    }
    api.get_after(&position, "shopper", "/v1/accounts/bob").await.is(200);
    for path in [
        "/v1/accounts/ann/exchanges",
        "/v1/accounts/ann/exchanges/x-1/cancellations/c-1",
        "/v1/accounts/bob/holds/h-1/capture",
        "/v1/offers/gift/code-uploads/u-1",
        "/v1/events?partition=0&limit=500",
        "/v1/operations",
    ] {
        let role = if path.contains("/v1/accounts") { "merchant" } else { "operator" };
        let read = api.get(role, path).await.is(200);
        assert!(!read.to_string().contains(WORD), "{path}: {read}");
    }
    assert_eq!(ledger.stop(), Some(0));
    succeeds(guerdon(folder.path(), &["snapshot"]));
    let mut has = BTreeSet::new();
    has_word(folder.path(), folder.path(), &mut has);
    has.retain(|file| !file.starts_with("log.sqlite"));
    assert!(has.is_empty(), "codes are in {has:?}");
}

/// The files below a folder in which a code is.
fn has_word(root: &Path, folder: &Path, has: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("listed") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            has_word(root, &path, has);
            continue;
        }
        let bytes = fs::read(&path).unwrap_or_default();
        if bytes.windows(WORD.len()).any(|window| window == WORD.as_bytes()) {
            let name = path.strip_prefix(root).expect("below").display().to_string();
            has.insert(name);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_code_is_handed_out_once_whenever_the_ledger_is_killed() {
    each_code_is_handed_out_once(&[]).await;
}

/// Codes stay in the home of their offer, and come to exchanges elsewhere one by one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_code_is_handed_out_once_over_four_partitions() {
    each_code_is_handed_out_once(&["--partitions", "4"]).await;
}

async fn each_code_is_handed_out_once(args: &[&str]) {
    const CODES: u32 = 120;
    const SHOPPERS: u32 = 24;
    let folder = tempfile::tempdir().expect("a folder");
    let mut ledger = Ledger::start_with(folder.path(), args, &[]);
    opens(&ledger.client).await;
    uploads(&ledger.client, "u-1", codes(0..CODES / 2)).await.is(201);
    for shopper in 0..SHOPPERS {
        ledger.client.earns(&format!("shopper-{shopper}"), 10_000, "B-1").await;
    }
    // The code that each exchange was shown.
    let shown = Arc::new(Mutex::new(BTreeMap::<(u32, u32), Option<String>>::new()));
    for kill in 0..2_u32 {
        let redeeming: Vec<_> = (0..SHOPPERS)
            .map(|shopper| {
                let (api, shown) = (ledger.client.clone(), Arc::clone(&shown));
                tokio::spawn(async move {
                    for number in 0..CODES {
                        let id = (shopper, kill * CODES + number);
                        shown.lock().expect("not poisoned").entry(id).or_default();
                        let Some(code) = redeems(&api, id).await else { return };
                        let is_over = code.is_none();
                        shown.lock().expect("not poisoned").insert(id, code);
                        if is_over {
                            return;
                        }
                    }
                })
            })
            .collect();
        // While codes are left.
        tokio::time::sleep(Duration::from_millis(25 + u64::from(kill) * 15)).await;
        ledger.kill();
        for redeeming in redeeming {
            redeeming.await.expect("it ends when the ledger is gone");
        }
        ledger = Ledger::start_with(folder.path(), args, &[]);
        // Under the same id, also where the first had no answer.
        let second = codes(CODES / 2..CODES);
        let uploaded = uploads(&ledger.client, "u-2", second).await;
        assert!([200, 201].contains(&uploaded.status), "{uploaded:?}");
        let asked = shown.lock().expect("not poisoned").clone();
        for (id, before) in asked {
            let now = redeems(&ledger.client, id).await.expect("answered");
            assert!(before.is_none() || before == now, "{id:?}: {before:?}, then {now:?}");
            shown.lock().expect("not poisoned").insert(id, now);
        }
    }
    // Whatever is left goes to whoever asks, also what was on its way to somebody who is gone.
    let mut shown = shown.lock().expect("not poisoned").clone();
    let begun = Instant::now();
    for number in 10 * CODES.. {
        if shown.values().flatten().count() == CODES as usize {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "not all were handed out: {shown:?}");
        let id = (number % SHOPPERS, number);
        let code = redeems(&ledger.client, id).await.expect("answered");
        if code.is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        shown.insert(id, code);
    }
    let last = redeems(&ledger.client, (0, 99_999)).await.expect("answered");
    assert_eq!(last, None, "more were handed out than there are");
    let codes: Vec<&String> = shown.values().flatten().collect();
    let distinct: BTreeSet<&&String> = codes.iter().collect();
    assert_eq!(distinct.len(), codes.len(), "a code was handed out twice");
    assert_eq!(ledger.stop(), Some(0));
    let checked = guerdon(folder.path(), &["audit", "reconcile"]);
    assert!(checked.status.success(), "{checked:?}");
}

/// The code that an exchange is shown, or nothing where none is left; nothing at all where the
/// ledger is gone.
async fn redeems(api: &Api, (shopper, number): (u32, u32)) -> Option<Option<String>> {
    let (account, exchange) = (format!("shopper-{shopper}"), format!("x-{number}"));
    for _ in 0..100 {
        let request = api.redemption(&account, &exchange, "gift");
        let answer = api.send(request).await.ok()?;
        match answer.status {
            200 | 201 => {
                let code = answer.body["code"].as_str().expect("a code");
                return Some(Some(code.to_owned()));
            }
            409 => {
                answer.is_problem(409, "sold-out");
                return Some(None);
            }
            // Nobody can say yet; it asks again.
            503 => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => panic!("{answer:?}"),
        }
    }
    panic!("{account} is never answered")
}
