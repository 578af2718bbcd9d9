//! Switches over the command API's routes: they count at once, whatever the log does, and their
//! events follow.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use command_api::{CommandApi, SwitchBook, WriterConfig, Writers};
use domain::{Event, SwitchName};
use event_schema::{decode, decode_actor, decode_metadata};
use event_store::{EventStore, MemoryStore, NewLog, SwitchChange, SwitchTurnRow};
use log_record::{LogId, Position, Principal, RecordedEvent};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;
use uuid::Uuid;
use wire::{ApiKey, KeyHash, KeyRing, Role, Switches};

use crate::ledger::P0;

/// A command API on a log in memory, which records the events of switches.
struct Served {
    router: Router,
    store: MemoryStore,
    recording: JoinHandle<()>,
    looking: JoinHandle<()>,
}

struct Answered {
    status: u16,
    body: Value,
    etag: Option<String>,
}

impl Answered {
    #[track_caller]
    fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    #[track_caller]
    fn is_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, &self.body["code"]), (status, &json!(code)), "{}", self.body);
        self.body.clone()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.recording.abort();
        self.looking.abort();
    }
}

fn memory() -> MemoryStore {
    MemoryStore::new(NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 1 })
}

fn key(role: Role) -> (KeyHash, ApiKey) {
    let principal = Principal {
        key: Some("k-1".into()),
        name: Some("Paula Prior".into()),
        ..Principal::of_role(role.as_str())
    };
    let key = ApiKey::new(role, wire::Scopes::default(), None, None, principal);
    (KeyHash::of(role.as_str()), key)
}

impl Served {
    async fn on(store: MemoryStore) -> Self {
        let log = EventStore::Memory(store.clone());
        let switches = Switches::default();
        let config = WriterConfig::new(log.clone(), Duration::from_secs(5));
        let config = WriterConfig { switches: switches.clone(), ..config };
        let (writers, _) = Writers::start(config).await.expect("it starts");
        let keys = KeyRing::from_iter([Role::Operator, Role::Shopper, Role::Merchant].map(key));
        let book = SwitchBook::new(log.clone(), switches);
        book.look_first().await;
        let looking = tokio::spawn(book.clone().keep_up());
        let api = CommandApi::new(writers, log, keys).with_switches(book);
        let recording = tokio::spawn(api.record_switches());
        Self { router: command_api::router(api), store, recording, looking }
    }

    /// One with a mug that ann can have.
    async fn with_ann() -> Self {
        let served = Self::on(memory()).await;
        let offer = json!({"product_id": "mug", "price": 1, "stock": 100});
        served.put(Role::Operator, "/v1/offers/mug", offer).await.is(201);
        let credit = json!({"points": 100, "cause": {"kind": "purchase", "id": "B-1"}});
        served.call("POST", Role::Merchant, "/v1/accounts/ann/credits", &[], credit).await.is(201);
        served
    }

    async fn call(
        &self,
        method: &str,
        role: Role,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", role.as_str()));
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.body(Body::from(body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("answered");
        let status = response.status().as_u16();
        let etag = response.headers().get("etag").map(|it| it.to_str().expect("text").to_owned());
        let bytes = to_bytes(response.into_body(), 1 << 20).await.expect("read");
        Answered { status, body: serde_json::from_slice(&bytes).unwrap_or_default(), etag }
    }

    async fn put(&self, role: Role, path: &str, body: Value) -> Answered {
        self.call("PUT", role, path, &[], body).await
    }

    async fn turn(&self, switch: &str, body: Value) -> Answered {
        self.put(Role::Operator, &format!("/v1/switches/{switch}"), body).await
    }

    async fn redeem(&self, exchange: &str) -> Answered {
        let path = format!("/v1/accounts/ann/exchanges/{exchange}");
        let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
        self.put(Role::Shopper, &path, body).await
    }

    /// Waits until the event of a switch's last turn is recorded.
    async fn until_recorded(&self, switch: &str) {
        let path = format!("/v1/switches/{switch}");
        for _ in 0..1_000 {
            let found = self.call("GET", Role::Operator, &path, &[], Value::Null).await.is(200);
            if found["recorded"] == true {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("the event of {switch} doesn't follow");
    }

    /// The events of switches, with the switch and the version of each.
    async fn turns(&self) -> Vec<(SwitchName, u64, RecordedEvent)> {
        let log = EventStore::Memory(self.store.clone());
        let rows = log.read(P0, Position::START, usize::MAX).await.expect("read");
        let turned = rows.into_iter().filter_map(|row| match decode(&row).expect("decoded").1 {
            Event::SwitchTurned(fact) => Some((fact.switch, fact.version, row)),
            _ => None,
        });
        turned.collect()
    }
}

#[tokio::test]
async fn paused_redemptions_are_refused_and_repeats_and_refusals_answered_as_ever() {
    let served = Served::with_ann().await;
    let first = served.redeem("x-1").await.is(201);
    served.turn("pause-redemptions", json!({"on": true})).await.is(200);
    assert_eq!(served.redeem("x-1").await.is(200), first, "it was recorded before");
    let refused = served.redeem("x-2").await.is_problem(503, "not-decided");
    assert_eq!(refused["switch"], "pause-redemptions", "{refused}");
    let path = "/v1/accounts/ann/exchanges/x-2?dry_run=true";
    let body = json!({"offer_id": "mug", "quantity": 1, "deliver_to": "1 Elm Street"});
    served.put(Role::Shopper, path, body).await.is_problem(503, "not-decided");
    let none = json!({"offer_id": "hat", "quantity": 1, "deliver_to": "1 Elm Street"});
    let path = "/v1/accounts/ann/exchanges/x-3";
    served.put(Role::Shopper, path, none).await.is_problem(409, "offer-unknown");
    let hold = json!({"points": 1, "deadline": "2099-01-01T00:00:00Z"});
    served
        .put(Role::Shopper, "/v1/accounts/ann/holds/h-1", hold)
        .await
        .is_problem(409, "deadline-out-of-range");
    let soon = domain::Timestamp::from_micros(trace::unix_micros() + 60_000_000).expect("a time");
    let reserve = json!({"offer_id": "mug", "quantity": 1, "deadline": soon.to_string()});
    let reserve = served.put(Role::Shopper, "/v1/accounts/ann/holds/h-2", reserve).await;
    assert_eq!(reserve.is_problem(503, "not-decided")["switch"], "pause-redemptions");
    served.put(Role::Operator, "/v1/accounts/bob", json!({})).await.is(201);
    served.turn("pause-redemptions", json!({"on": false})).await.is(200);
    served.redeem("x-2").await.is(201);
}

#[tokio::test]
async fn read_only_keeps_everything_out_but_switches_and_the_clocks_confirmation() {
    let served = Served::with_ann().await;
    let first = served.redeem("x-1").await.is(201);
    served.turn("read-only", json!({"on": true})).await.is(200);
    let credit = json!({"points": 1, "cause": {"kind": "purchase", "id": "B-2"}});
    let earn =
        || served.call("POST", Role::Merchant, "/v1/accounts/ann/credits", &[], credit.clone());
    assert_eq!(earn().await.is_problem(503, "not-decided")["switch"], "read-only");
    served.redeem("x-2").await.is_problem(503, "not-decided");
    let offer = json!({"product_id": "hat", "price": 1, "stock": null});
    served.put(Role::Operator, "/v1/offers/hat", offer).await.is_problem(503, "not-decided");
    assert_eq!(served.redeem("x-1").await.is(200), first, "a repeat records nothing");
    let now = domain::Timestamp::from_micros(trace::unix_micros()).expect("a time");
    let confirmed = json!({"wall": now.to_string()});
    served.put(Role::Operator, "/v1/clock/confirmation", confirmed).await.is(201);
    served.until_recorded("read-only").await;
    served.turn("pause-publishing", json!({"on": true})).await.is(200);
    served.until_recorded("pause-publishing").await;
    served.turn("read-only", json!({"on": false})).await.is(200);
    earn().await.is(201);
    served.redeem("x-2").await.is(201);
}

#[tokio::test]
async fn a_switch_is_turned_while_the_log_takes_nothing_and_its_event_follows() {
    let served = Served::with_ann().await;
    served.store.hold_appends();
    let turned = served.turn("pause-redemptions", json!({"on": true})).await.is(200);
    assert_eq!((&turned["version"], &turned["recorded"]), (&json!(1), &json!(false)));
    let again = served.turn("pause-redemptions", json!({"on": false})).await.is(200);
    assert_eq!(again["version"], 2);
    served.store.release_appends();
    served.until_recorded("pause-redemptions").await;
    let turns = served.turns().await;
    let versions: Vec<(SwitchName, u64)> = turns.iter().map(|(it, at, _)| (*it, *at)).collect();
    assert_eq!(versions, [1, 2].map(|at| (SwitchName::PauseRedemptions, at)));
}

#[tokio::test]
async fn an_event_says_who_turned_the_switch_and_why_in_private_and_once() {
    let served = Served::on(memory()).await;
    let why = [("guerdon-reason", "the shop shows a wrong price")];
    let path = "/v1/switches/scale-limits";
    let body = json!({"on": true, "percent": 50});
    served.call("PUT", Role::Operator, path, &why, body).await.is(200);
    served.until_recorded("scale-limits").await;
    let store = served.store.clone();
    let log = EventStore::Memory(store.clone());
    let row = log.switch_turns().await.expect("read").remove(0);
    assert_eq!(row.caller, None, "the event has it");
    drop(served);
    // Killed after the event and before that was noted, and between a row and its event.
    let caller = |key: &str| Some(format!("{{\"role\":\"operator\",\"key\":\"{key}\"}}"));
    let unnoted = SwitchTurnRow { version: 2, caller: caller("k-3"), ..row.clone() };
    let untold = SwitchTurnRow { switch: "read-only".into(), caller: caller("k-2"), ..row };
    for turn in [unnoted, untold] {
        assert!(log.change_switch(SwitchChange::Turn(turn)).await.expect("changed"));
    }
    for _ in 0..2 {
        let served = Served::on(store.clone()).await;
        served.until_recorded("read-only").await;
        served.until_recorded("scale-limits").await;
        let turns = served.turns().await;
        let names: Vec<&str> = turns.iter().map(|(switch, ..)| switch.as_str()).collect();
        assert_eq!(names, ["scale-limits", "read-only"]);
        let scaled = &turns[0].2;
        let actor = decode_actor(scaled).expect("decoded");
        assert_eq!(actor.name.as_deref(), Some("Paula Prior"));
        assert_eq!(actor.reason.as_deref(), Some("the shop shows a wrong price"));
        assert!(!scaled.public.contains("price") && !scaled.public.contains("Paula"));
        let metadata = decode_metadata(scaled).expect("decoded");
        assert_eq!((&*metadata.command, metadata.key.as_deref()), ("turn-switch", Some("k-1")));
        assert_eq!(decode_metadata(&turns[1].2).expect("decoded").key.as_deref(), Some("k-2"));
    }
}

/// Another process turned it, and was killed before its event.
#[tokio::test]
async fn a_look_finds_what_is_to_be_recorded_still() {
    let served = Served::on(memory()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let turn = SwitchTurnRow {
        switch: "read-only".into(),
        version: 1,
        setting: r#"{"on":true}"#.into(),
        caller: Some(r#"{"role":"operator","key":"k-9"}"#.into()),
        turned_at: 1,
    };
    let log = EventStore::Memory(served.store.clone());
    assert!(log.change_switch(SwitchChange::Turn(turn)).await.expect("changed"));
    served.until_recorded("read-only").await;
    let credit = json!({"points": 1, "cause": {"kind": "purchase", "id": "B-1"}});
    let path = "/v1/accounts/ann/credits";
    let refused = served.call("POST", Role::Merchant, path, &[], credit).await;
    assert_eq!(refused.is_problem(503, "not-decided")["switch"], "read-only");
}

#[tokio::test]
async fn a_switch_is_turned_as_it_was_read_and_a_turn_to_what_it_is_changes_nothing() {
    let served = Served::on(memory()).await;
    let path = "/v1/switches/pause-redemptions";
    let read = served.call("GET", Role::Operator, path, &[], Value::Null).await;
    let etag = read.etag.clone().expect("an ETag");
    assert_eq!(read.is(200)["version"], 0);
    let on = json!({"on": true});
    let turn = async |etag: &str, body: &Value| {
        let headers = [("if-match", etag)];
        served.call("PUT", Role::Operator, path, &headers, body.clone()).await
    };
    let first = turn(&etag, &on).await;
    assert_eq!(first.etag.as_deref(), Some("\"1\""));
    first.is(200);
    assert_eq!(turn(&etag, &on).await.is(200)["version"], 1, "sent again");
    let off = json!({"on": false});
    let stale = turn(&etag, &off).await.is_problem(412, "switch-changed");
    assert_eq!(stale["version"], 1);
    assert_eq!(turn("\"1\"", &off).await.is(200)["version"], 2);
    assert_eq!(served.turn("pause-redemptions", on).await.is(200)["version"], 3);
}

#[tokio::test]
async fn bad_input_is_refused_by_name_and_nobody_but_operators_turns_anything() {
    let served = Served::on(memory()).await;
    for (switch, body, field, words) in [
        ("turbo", json!({"on": true}), "switch", "pause-publishing"),
        ("read-only", json!({}), "on", "missing"),
        ("read-only", json!({"on": "yes"}), "on", ""),
        ("read-only", json!({"on": true, "percent": 50}), "percent", "scale-limits"),
        ("scale-limits", json!({"on": true}), "percent", "missing"),
        ("scale-limits", json!({"on": true, "percent": 0}), "percent", "from 1 to 1000"),
        ("scale-limits", json!({"on": true, "percent": 1_001}), "percent", "from 1 to 1000"),
        ("scale-limits", json!({"on": false, "percent": 50}), "percent", "leave it out"),
        (
            "read-only",
            json!({"on": true, "until": "2020-01-01T00:00:00Z"}),
            "until",
            "in the future",
        ),
        ("read-only", json!({"on": true, "until": "soon"}), "until", ""),
        ("read-only", json!({"on": false, "until": "2099-01-01T00:00:00Z"}), "until", "turned on"),
        ("read-only", json!({"on": true, "why": "so"}), "why", ""),
    ] {
        let refused = served.turn(switch, body.clone()).await.is(400);
        assert_eq!(refused["field"], field, "{body}: {refused}");
        let detail = refused["detail"].as_str().expect("a sentence");
        assert!(detail.contains(words), "{body}: {detail}");
    }
    let path = "/v1/switches/read-only";
    let new = [("if-none-match", "*")];
    let refused = served.call("PUT", Role::Operator, path, &new, json!({"on": true})).await;
    refused.is_problem(400, "invalid-header");
    for role in [Role::Shopper, Role::Merchant] {
        served.put(role, path, json!({"on": true})).await.is_problem(403, "forbidden");
        served.call("GET", role, path, &[], Value::Null).await.is_problem(403, "forbidden");
    }
    let all = served.call("GET", Role::Operator, "/v1/switches", &[], Value::Null).await.is(200);
    let items = all["items"].as_array().expect("a list");
    assert!(items.iter().all(|it| it["version"] == 0 && it["on"] == false), "{all}");
    assert!(served.turns().await.is_empty());
}
