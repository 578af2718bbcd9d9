//! Keys of a running ledger: made, narrowed, rotated and ended, over HTTP and by `guerdon keys`;
//! and what of their holders is recorded. On a log in SQLite and in PostgreSQL.

use std::path::Path;
use std::time::{Duration, Instant};

use event_store::{Access, EventStore};
use log_record::{Private, RecordedEvent};
use serde_json::{Value, json};
use services::TestDatabase;

use crate::ledger::tool::{guerdon, said, succeeds};
use crate::ledger::{Api, Ledger};

/// How long a key that was ended may still be let in.
const KEYS_KNOWN_WITHIN: Duration = Duration::from_secs(5);

/// A ledger on a log of either kind.
struct Setting {
    ledger: Ledger,
    folder: tempfile::TempDir,
    store: String,
    _database: Option<TestDatabase>,
}

impl Setting {
    fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = Ledger::start(folder.path());
        let store = format!("sqlite:{}", folder.path().join("log.sqlite").display());
        Self { ledger, folder, store, _database: None }
    }

    fn on_postgres() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = TestDatabase::create().expect("a database");
        let store = database.url();
        succeeds(guerdon(folder.path(), &["migrate", "--store", &store]));
        let ledger = Ledger::start_on(&store, folder.path(), &[]);
        Self { ledger, folder, store, _database: Some(database) }
    }

    fn api(&self) -> &Api {
        &self.ledger.client
    }

    /// Creates a key over HTTP; gives its id, and a caller who has it.
    async fn creates(&self, body: Value) -> (String, Api) {
        let made = self.api().post("operator", "/v1/keys", body.clone()).await.is(201);
        let text = made["key"].as_str().expect("a key");
        let role = body["role"].as_str().expect("a role");
        (made["key_id"].as_str().expect("an id").to_owned(), self.api().with_key(role, text))
    }

    /// What `guerdon keys` prints.
    fn keys(&self, args: &[&str]) -> String {
        let words = [&["keys"], args, &["--store", &self.store]].concat();
        said(&succeeds(guerdon(self.folder.path(), &words)))
    }

    async fn list(&self) -> Vec<Value> {
        self.api().get("operator", "/v1/keys").await.is(200)["items"]
            .as_array()
            .expect("items")
            .clone()
    }

    async fn listed(&self, key_id: &str) -> Value {
        let keys = self.list().await;
        keys.into_iter().find(|key| key["key_id"] == key_id).expect("listed")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_over_http_on_sqlite() {
    keys_over_http(Setting::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_over_http_on_postgres() {
    keys_over_http(Setting::on_postgres()).await;
}

async fn keys_over_http(setting: Setting) {
    let api = setting.api();
    assert_eq!(setting.list().await.len(), 5, "one for each role");

    // Created: its text is told once.
    let body = json!({"role": "merchant", "label": "Till 3", "name": "Ann Smith"});
    let (id, till) = setting.creates(body).await;
    assert!(id.starts_with("k-") && id.len() == 10, "{id}");
    till.earns("ann", 900, "B-1").await;
    let listed = setting.listed(&id).await;
    assert_eq!((&listed["label"], &listed["status"]), (&json!("Till 3"), &json!("valid")));
    assert!(!listed.to_string().contains("gk_"), "{listed}");

    // Rotated: both are let in until the grace is over.
    let path = format!("/v1/keys/{id}/rotations");
    let made = api.post("operator", &path, json!({"grace_seconds": 2})).await.is(201);
    assert_eq!((&made["label"], &made["role"]), (&json!("Till 3"), &json!("merchant")));
    let rotated = api.with_key("merchant", made["key"].as_str().expect("a key"));
    till.earns("ann", 1, "B-2").await;
    rotated.earns("ann", 1, "B-3").await;
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    till.get("merchant", "/v1/policy").await.is_problem(401, "unauthorized");
    rotated.get("merchant", "/v1/policy").await.is(200);
    assert_eq!(setting.listed(&id).await["status"], "expired");
    api.post("operator", &path, json!({})).await.is_problem(409, "key-ended");

    // Revoked: at once in the process that was asked; a repeat is answered alike.
    let id = made["key_id"].as_str().expect("an id");
    let path = format!("/v1/keys/{id}/revocation");
    let revoked = api.put("operator", &path, json!({})).await.is(201);
    rotated.get("merchant", "/v1/policy").await.is_problem(401, "unauthorized");
    assert_eq!(api.put("operator", &path, json!({})).await.is(200), revoked);
    let unknown = "/v1/keys/k-unknown9/revocation";
    api.put("operator", unknown, json!({})).await.is_problem(404, "not-found");

    // What is wrong is named.
    for (body, field) in [
        (json!({"role": "king", "label": "x"}), "role"),
        (json!({"role": "shopper", "label": " "}), "label"),
        (json!({"role": "shopper", "label": "x", "name": "a\nb"}), "name"),
        (json!({"role": "shopper", "label": "x", "scopes": ["all"]}), "scopes"),
        (json!({"role": "shopper", "label": "x", "scopes": ["offers"]}), "scopes"),
        (json!({"role": "operator", "label": "x", "account_id": "ann"}), "account_id"),
        (
            json!({"role": "shopper", "label": "x", "expires_at": "2020-01-01T00:00:00Z"}),
            "expires_at",
        ),
    ] {
        let refused = api.post("operator", "/v1/keys", body.clone()).await;
        assert_eq!(refused.is_problem(400, "invalid-field")["field"], field, "{body}");
    }
    assert_eq!(setting.ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_one_account_sees_no_other_on_sqlite() {
    a_key_for_one_account_sees_no_other(Setting::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_one_account_sees_no_other_on_postgres() {
    a_key_for_one_account_sees_no_other(Setting::on_postgres()).await;
}

async fn a_key_for_one_account_sees_no_other(setting: Setting) {
    let api = setting.api();
    api.opens("mug", 300, None, None).await;
    api.earns("ann", 900, "B-1").await;
    let position = api.earns("bob", 900, "B-1").await;
    api.get_after(&position, "shopper", "/v1/accounts/bob").await.is(200);
    let body =
        json!({"role": "shopper", "label": "phone", "account_id": "ann", "name": "Ann Smith"});
    let (id, ann) = setting.creates(body).await;

    // Whether bob is there or not, the answer is the same.
    let of_bob = ann.get("shopper", "/v1/accounts/bob").await;
    of_bob.is_problem(404, "not-found");
    assert_eq!(of_bob, ann.get("shopper", "/v1/accounts/nobody").await);
    assert_eq!(ann.redeems("bob", "x-1", "mug").await.body, of_bob.body);
    ann.get("shopper", "/v1/accounts/ann").await.is(200);
    ann.get("shopper", "/v1/offers/mug").await.is(200);
    let first = ann.redeems("ann", "x-1", "mug").await;
    first.is(201);

    // Another caller's repeat is the same request, and the first caller stays.
    let again = api.redeems("ann", "x-1", "mug").await;
    assert_eq!(again.is(200), first.body);
    assert_eq!(setting.ledger.stop(), Some(0));
    let events = events(&setting.store).await;
    let mine: Vec<_> = events.iter().filter(|event| event.public.contains(&id)).collect();
    let types: Vec<&str> = mine.iter().map(|event| &*event.event_type).collect();
    assert_eq!(types, ["credit-deducted", "exchange-created"], "of one command, and no repeat");
    for event in &mine {
        let public: Value = serde_json::from_str(&event.public).expect("JSON");
        assert_eq!(public["meta"]["command"], "redeem");
        assert_eq!(public["meta"]["key"], id);
        assert_eq!(public["meta"]["role"], "shopper");
    }
    // Personal is in the private text alone, of the one event that bears the exchange's id.
    for event in &events {
        assert!(!event.public.contains("Ann Smith"), "{}", event.public);
        let Private::Text(private) = &event.private else { panic!("no private text: {event:?}") };
        let private: Value = serde_json::from_str(private).expect("JSON");
        let is_bearer = &*event.event_type == "exchange-created";
        let expected =
            if is_bearer { (json!("ann"), json!("Ann Smith")) } else { Default::default() };
        assert_eq!((private["subject"].clone(), private["name"].clone()), expected, "{event:?}");
    }
}

/// All events, from the store itself.
async fn events(store: &str) -> Vec<RecordedEvent> {
    let url = store.parse().expect("a URL");
    let store = EventStore::open(&url, Access::Read).await.expect("it opens");
    let partition = log_record::Partition(0);
    store.read(partition, log_record::Position::START, 1_000).await.expect("read")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_some_warehouses_ships_for_no_other_on_sqlite() {
    a_key_for_some_warehouses_ships_for_no_other(Setting::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_for_some_warehouses_ships_for_no_other_on_postgres() {
    a_key_for_some_warehouses_ships_for_no_other(Setting::on_postgres()).await;
}

async fn a_key_for_some_warehouses_ships_for_no_other(setting: Setting) {
    let api = setting.api();
    let mut position = String::new();
    for (warehouse, number) in [("main", 1), ("berlin", 2), ("east", 3)] {
        let body = json!({"product_id": "p", "price": 1, "stock": null, "warehouse": warehouse});
        api.put("operator", &format!("/v1/offers/of-{warehouse}"), body).await.is(201);
        api.earns("ann", 10, &format!("B-{number}")).await;
        let redeemed = api.redeems("ann", &format!("x-{number}"), &format!("of-{warehouse}")).await;
        position = redeemed.position.clone().expect("a position");
    }
    let list = "/v1/shipping-requests";
    let all = api.get_after(&position, "warehouse", list).await.is(200);
    let request = |warehouse: &str| {
        let mut items = all["items"].as_array().expect("items").iter();
        let found = items.find(|item| item["warehouse"] == warehouse).expect("requested");
        found["shipping_request_id"].as_str().expect("an id").to_owned()
    };
    let scopes = json!(["warehouses:main,berlin"]);
    let body = json!({"role": "warehouse", "label": "two", "scopes": scopes});
    let (_, two) = setting.creates(body).await;
    let seen: Vec<Value> = two.list("warehouse", list).await;
    let seen: Vec<&str> = seen.iter().filter_map(|item| item["warehouse"].as_str()).collect();
    assert_eq!(seen, ["main", "berlin"]);
    let of = |warehouse: &str| format!("{list}?warehouse={warehouse}");
    assert_eq!(two.list("warehouse", &of("berlin")).await.len(), 1);
    let stream = |warehouse: &str| format!("/v1/shipping-stream?warehouse={warehouse}");
    two.get("warehouse", &stream("berlin")).await.is(200);
    let accept = |warehouse: &str| format!("{list}/{}/acceptance", request(warehouse));
    two.put("warehouse", &accept("berlin"), json!({})).await.is(201);
    let one = |warehouse: &str| format!("{list}/{}", request(warehouse));
    let own = two.get("warehouse", &one("berlin")).await.is(200);
    assert_eq!((&own["warehouse"], &own["deliver_to"]), (&json!("berlin"), &json!("1 Elm Street")));
    let mut all_refused = vec![
        two.get("warehouse", &of("east")).await,
        two.get("warehouse", &stream("east")).await,
        two.get("warehouse", &one("east")).await,
    ];
    let parcel = json!({"carrier": "post", "express_no": "1Z"});
    for (what, body) in [
        ("acceptance", json!({})),
        ("back-order", json!({})),
        ("dispatch", parcel.clone()),
        ("dispatches/box-1", parcel),
        ("dispatches/box-1/delivery", json!({})),
        ("delivery", json!({})),
        ("rejection", json!({"reason": "damaged"})),
    ] {
        let path = format!("{}/{what}", one("east"));
        all_refused.push(two.put("warehouse", &path, body).await);
    }
    for refused in all_refused {
        let refused = refused.is_problem(403, "warehouse-forbidden");
        assert_eq!(refused["scope"], "warehouses:berlin,main");
    }
    api.put("warehouse", &accept("east"), json!({})).await.is(201);
    assert_eq!(setting.ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_changes_keys_beside_a_server_on_sqlite() {
    the_command_line_changes_keys_beside_a_server(Setting::on_sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_changes_keys_beside_a_server_on_postgres() {
    the_command_line_changes_keys_beside_a_server(Setting::on_postgres()).await;
}

async fn the_command_line_changes_keys_beside_a_server(setting: Setting) {
    let create = ["create", "--role", "auditor", "--label", "the audit", "--scope", "read-only"];
    let text = setting.keys(&create);
    let auditor = setting.api().with_key("auditor", text.trim());
    becomes(&auditor, 200).await;
    let created = setting.list().await.into_iter().find(|key| key["label"] == "the audit");
    let created = created.expect("listed");
    assert_eq!(created["scopes"], json!(["read-only"]));
    let id = created["key_id"].as_str().expect("an id");
    assert!(setting.keys(&["list"]).lines().any(|line| line.starts_with(id)));

    let text = setting.keys(&["rotate", id, "--grace", "0s"]);
    becomes(&auditor, 401).await;
    becomes(&setting.api().with_key("auditor", text.trim()), 200).await;

    // A key of the file is replaced there.
    let file = || std::fs::read_to_string(setting.folder.path().join("api-keys.json")).expect("it");
    let (before, keys) = (file(), setting.list().await);
    let of_file = keys.iter().find(|key| key["role"] == "operator").expect("one");
    let of_file = of_file["key_id"].as_str().expect("an id").to_owned();
    let text = setting.keys(&["rotate", &of_file]);
    assert!(file().contains(text.trim()) && file() != before);
    setting.keys(&["revoke", &of_file]);
    assert!(setting.keys(&["list"]).contains("revoked"));
    becomes(&setting.api().with_keys_of(setting.folder.path()), 200).await;

    setting.keys(&["replace-all"]);
    becomes(setting.api(), 401).await;
    let api = setting.api().with_keys_of(setting.folder.path());
    becomes(&api, 200).await;
    // Who audits the ledger sees what a tool did, which has no key.
    let done = api.get("auditor", "/v1/operations?outcome=done").await.is(200);
    let done = done["items"].as_array().expect("items");
    let acts: Vec<_> = done.iter().map(|done| done["call"]["path"].as_str()).collect();
    let rotated = format!("keys rotate {of_file}");
    let revoked = format!("keys revoke {of_file}");
    assert_eq!(acts[..3], [Some("keys replace-all"), Some(&*revoked), Some(&*rotated)]);
    assert_eq!(acts[4], Some(&*format!("keys create {id}")));
    assert_eq!((&done[0]["call"]["method"], done[0].get("caller")), (&json!("guerdon"), None));
    assert_eq!(setting.ledger.stop(), Some(0));
    let again = Ledger::start_on(&setting.store, setting.folder.path(), &[]);
    assert_eq!(again.stop(), Some(0), "the file's keys are the log's");
}

/// Waits until a key is let in, or is not any more.
async fn becomes(api: &Api, status: u16) {
    let begun = Instant::now();
    while api.get("auditor", "/v1/policy").await.status != status {
        assert!(begun.elapsed() < KEYS_KNOWN_WITHIN, "{status} is late");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn keys_of_a_log_that_is_not_there_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = list_in(&folder.path().join("nowhere"));
    assert!(refused.contains("there is no log at"), "{refused}");
}

fn list_in(folder: &Path) -> String {
    let done = guerdon(folder, &["keys", "list"]);
    assert!(!done.status.success(), "{done:?}");
    String::from_utf8(done.stderr).expect("UTF-8")
}
