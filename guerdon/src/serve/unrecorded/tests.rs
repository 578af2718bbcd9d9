//! Calls about a shipping request, whose account the log knows.

use event_store::{Access, Append, StoreUrl};
use log_record::{
    NewEvent, Partition, Place, Position, ShippingRequestId, UnrecordedCalls, WriterId,
};

use super::*;

fn caller(role: &'static str) -> Option<Principal> {
    (!role.is_empty()).then(|| Principal::of_role(role))
}

#[test]
fn shoppers_calls_are_never_kept_and_others_where_they_are_about_keys() {
    let kept = |role, path| is_kept(caller(role).as_ref(), path);
    for role in ["operator", "auditor"] {
        assert!(kept(role, "/v1/accounts/ann"), "{role}");
    }
    for role in ["merchant", "warehouse", ""] {
        assert!(!kept(role, "/v1/accounts/ann") && !kept(role, "/v1/keyssss"), "{role}");
        assert!(kept(role, "/v1/keys") && kept(role, "/v1/keys/k-1/revocation"), "{role}");
    }
    assert!(!kept("shopper", "/v1/keys"));
}

#[test]
fn a_call_is_unrecorded_if_it_failed_or_did_what_is_no_event() {
    let answered = |method: Method, status: u16, position: bool| {
        let mut response = Response::builder().status(status);
        if position {
            response = response.header(GUERDON_POSITION, "0:7");
        }
        is_unrecorded(&method, &response.body(()).expect("an answer"))
    };
    assert!(answered(Method::PUT, 409, false) && answered(Method::GET, 503, false));
    assert!(answered(Method::POST, 201, false), "a key was made");
    assert!(!answered(Method::PUT, 201, true), "an event was recorded");
    assert!(!answered(Method::GET, 200, false) && !answered(Method::GET, 304, false));
}

#[test]
fn few_calls_of_strangers_and_of_each_key_are_kept_in_a_minute() {
    let begin = Instant::now();
    let mut limits = Limits { minute: begin, calls: HashMap::new() };
    let mut let_in = |key, most, seconds| {
        let now = begin + Duration::from_secs(seconds);
        (0..100).filter(|_| limits.is_let_in(key, most, now)).count()
    };
    assert_eq!([let_in(None, 10, 0), let_in(None, 10, 59)], [10, 0]);
    assert_eq!([let_in(Some("k-1"), 60, 59), let_in(Some("k-2"), 60, 59)], [60, 60]);
    assert_eq!([let_in(None, 10, 61), let_in(Some("k-1"), 60, 61)], [10, 60]);
    for key in 0..KEYS_MAX {
        limits.is_let_in(Some(&key.to_string()), 60, begin + Duration::from_secs(61));
    }
    assert_eq!(limits.calls.len(), KEYS_MAX);
}

#[test]
fn the_account_in_a_path_is_known() {
    assert_eq!(account_in("/v1/accounts/ann/holds/h-1").as_deref(), Some("ann"));
    assert_eq!(account_in("/v1/accounts/ann").as_deref(), Some("ann"));
    assert_eq!(account_in("/v1/accounts/a%3an/holds").as_deref(), Some("a:n"));
    assert_eq!(account_in("/v1/accounts/%00/holds"), None);
    assert_eq!(account_in("/v1/accounts/%ff/holds"), None);
    assert_eq!(account_in("/v1/offers/mug"), None);
}

#[tokio::test]
async fn what_finds_no_room_is_counted_and_the_rest_is_written() {
    use std::collections::BTreeMap;

    let new_log = crate::serve::new_log(1);
    let store = EventStore::open(&StoreUrl::Memory, Access::Write(new_log)).await;
    let store = store.expect("it opens");
    let (calls, taken) = calls();
    let ids = wire::RequestIds::new(1);
    let mut request = axum::http::Request::post("/v1/keys").body(()).expect("a request");
    let client = std::net::IpAddr::from([127, 0, 0, 1]);
    let asked = Asked::begin(&mut request, client, &ids, Instant::now());
    let operator = Principal::of_role("operator");
    let response = Response::builder().status(403).body(()).expect("an answer");
    for _ in 0..=QUEUE_CALLS_MAX {
        let sent = calls.0.queue.try_send(call(&asked, Some(&operator), &response));
        calls.0.lost.fetch_add(u64::from(sent.is_err()), Ordering::Relaxed);
    }
    assert_eq!(taken.lost.load(Ordering::Relaxed), 1);
    drop(calls);
    let stop = CancellationToken::new();
    stop.cancel();
    taken.write(store.clone(), true, stop).await;
    let written = store.unrecorded_calls(all()).await.expect("read");
    assert_eq!(written.len(), QUEUE_CALLS_MAX);
    let kinds: BTreeMap<_, _> = written.iter().map(|call| (&*call.path, call.status)).collect();
    assert_eq!(kinds, BTreeMap::from([("/v1/keys", 403)]));
}

fn all() -> UnrecordedCalls {
    UnrecordedCalls {
        before: (i64::MAX, Uuid::max()),
        from: i64::MIN,
        key: None,
        account_id: None,
        status: (0, u16::MAX),
        limit: u32::MAX,
    }
}

#[tokio::test]
async fn a_call_about_a_shipping_request_gets_its_account_once_the_log_can_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("log.sqlite");
    let store = StoreUrl::Sqlite(file.clone());
    let store = EventStore::open(&store, Access::Write(crate::serve::new_log(1))).await;
    let store = store.expect("it opens");
    let writer = WriterId(Uuid::now_v7());
    let head = store.take_over(Partition(0), writer).await.expect("taken over");
    let event = NewEvent {
        event_type: "exchange-created",
        version: 1,
        recorded_at: 1,
        account_id: Some("ann".into()),
        public: "{}".into(),
        private: r#"{"salt":"00"}"#.into(),
    };
    let append = Append::after(Partition(0), &head, vec![event]);
    store.append(append).await.expect("appended");
    let place = Place { partition: Partition(0), position: Position(1) };
    let (log_id, generation) = (store.log_id(), head.generation);
    let id = ShippingRequestId { log_id, generation, place };

    let alter = |change| {
        let log = rusqlite::Connection::open(&file).expect("opened");
        log.execute_batch(change).expect("altered");
    };
    alter("alter table event rename to away");
    let ids = wire::RequestIds::new(1);
    let path = format!("/v1/shipping-requests/{id}/rejection");
    let mut request = axum::http::Request::put(&path).body(()).expect("a request");
    let client = std::net::IpAddr::from([127, 0, 0, 1]);
    let asked = Asked::begin(&mut request, client, &ids, Instant::now());
    let response = Response::builder().status(409).body(()).expect("an answer");
    let mut batch = [call(&asked, Some(&Principal::of_role("operator")), &response)];
    assert!(name_accounts(&store, &mut batch).await.is_err(), "it can't be read");
    let (calls, taken) = calls();
    calls.0.queue.try_send(batch[0].clone()).expect("there is room");
    let stop = CancellationToken::new();
    let writing = tokio::spawn(taken.write(store.clone(), false, stop.clone()));
    while calls.0.queue.capacity() < QUEUE_CALLS_MAX {
        tokio::task::yield_now().await;
    }
    alter("alter table away rename to event");
    let written = loop {
        let written = store.unrecorded_calls(all()).await.expect("read");
        if !written.is_empty() {
            break written;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(written[0].account_id.as_deref(), Some("ann"));
    stop.cancel();
    writing.await.expect("it ends");
}
