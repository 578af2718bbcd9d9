//! What the keys' books say: when keys were last used, and who is let in after a change elsewhere.

use command_api::{KeyBook, KeyError, NewKey};
use event_store::{EventStore, MemoryStore, NewLog};
use log_record::LogId;
use uuid::Uuid;
use wire::Role;

async fn book() -> (EventStore, KeyBook) {
    let new_log = NewLog { log_id: LogId(Uuid::from_u128(7)), partitions: 1 };
    let store = EventStore::Memory(MemoryStore::new(new_log));
    (store.clone(), KeyBook::open(store).await.expect("no keys yet"))
}

#[tokio::test]
async fn the_last_use_is_written_apart_from_the_request() {
    let (store, book) = book().await;
    let made = book.create(NewKey::of_role(Role::Auditor, "the audit"), "a test").await;
    let made = made.expect("made");
    let used = async || store.api_keys().await.expect("read")[0].last_used_at;
    book.write_uses(0).await.expect("written");
    assert_eq!(used().await, None, "nobody has called");

    let router = axum::Router::new()
        .route("/", axum::routing::get(wire::only(&[Role::Auditor], async || "read")))
        .with_state(book.ring().clone());
    let request = axum::http::Request::get("/")
        .header("authorization", format!("Bearer {}", made.text))
        .body(axum::body::Body::empty())
        .expect("a request");
    let response = tower::ServiceExt::oneshot(router, request).await.expect("answered");
    assert!(response.status().is_success());
    assert_eq!(used().await, None, "the request has written nothing");
    book.write_uses(0).await.expect("written");
    let at = used().await.expect("a time");
    assert!(at >= made.key.created_at.micros());
    book.write_uses(at).await.expect("nothing new");
    assert_eq!(used().await, Some(at));
}

#[tokio::test]
async fn a_rotated_key_keeps_all_but_its_text_and_ends_no_later_than_it_would_have() {
    let (_, book) = book().await;
    let new = NewKey {
        scopes: "read-only".parse().expect("a scope"),
        account_id: Some("ann".parse().expect("an id")),
        name: Some("Ann".into()),
        ..NewKey::of_role(Role::Shopper, "phone")
    };
    let old = book.create(new, "a test").await.expect("made");
    let day = std::time::Duration::from_secs(86_400);
    let made = book.rotate(&old.key.id, day, "a test").await.expect("rotated");
    assert_ne!((&made.text, &made.key.id), (&old.text, &old.key.id));
    assert_eq!(made.key.scopes, old.key.scopes);
    assert_eq!((&made.key.account_id, &made.key.name), (&old.key.account_id, &old.key.name));
    let ends = async || book.list().await.expect("read")[0].expires_at.expect("an end");
    let first = ends().await;
    let later = book.rotate(&old.key.id, 2 * day, "a test").await.expect("rotated");
    assert_eq!(ends().await, first, "an end is never put off");
    book.revoke(&later.key.id, "a test").await.expect("revoked");
    let ended = book.rotate(&later.key.id, day, "a test").await;
    assert!(matches!(ended, Err(KeyError::Ended(_))));
}
